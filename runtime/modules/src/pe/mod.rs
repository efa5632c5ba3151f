//! The `pe` module: a reader of Windows executables that takes whatever the file holds.
//!
//! Input: the bytes of any file. Output: [`Pe`], if the headers are there; its parts are read when asked for. Every
//! table is read as far as it is sound, and what is missing is undefined. Addresses are checked wherever they are
//! followed, and everything has the caps of [`crate::limits`].

mod debug;
mod exports;
mod fields;
mod functions;
mod headers;
mod imports;
mod ordinals;
mod resources;
mod rich;
mod signatures;
#[cfg(test)]
mod tests;
mod verify;
mod version_info;

use std::cell::OnceCell;

use self::exports::Exports;
use self::headers::{Directory, Headers};
use self::imports::Library;
use self::resources::Resources;
use self::rich::Rich;
use crate::limits::MAX_LIBRARY_NAME;
use crate::reader::Allowance;

/// A PE file.
pub(crate) struct Pe<'a> {
    data: &'a [u8],
    headers: Headers<'a>,
    allowance: Allowance,
    imports: OnceCell<Vec<Library<'a>>>,
    delayed_imports: OnceCell<Vec<Library<'a>>>,
    exports: OnceCell<Option<Exports<'a>>>,
    resources: OnceCell<Option<Resources<'a>>>,
    rich: OnceCell<Option<Rich<'a>>>,
}

impl<'a> Pe<'a> {
    /// `None` if `data` is no PE file.
    pub(crate) fn parse(data: &'a [u8]) -> Option<Self> {
        Some(Pe {
            data,
            headers: Headers::parse(data)?,
            allowance: Allowance::new(data.len()),
            imports: OnceCell::new(),
            delayed_imports: OnceCell::new(),
            exports: OnceCell::new(),
            resources: OnceCell::new(),
            rich: OnceCell::new(),
        })
    }

    /// The whole file.
    pub(crate) fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The file offset of a relative virtual address; it may be past the end of the file.
    pub(crate) fn rva_to_offset(&self, rva: u32) -> Option<u32> {
        self.headers.rva_to_offset(rva)
    }

    /// `size` bytes at a relative virtual address, as far as they are in the file.
    pub(crate) fn range_at_rva(&self, virtual_address: u32, size: u32) -> Option<&'a [u8]> {
        self.at_directory(Directory { virtual_address, size })
    }

    /// From where an entry of the data directory points to, to the end of the file.
    pub(crate) fn after_directory_entry(&self, index: usize) -> Option<&'a [u8]> {
        self.at_rva(self.headers.directory(index)?.virtual_address)
    }

    fn imports(&self) -> &[Library<'a>] {
        self.imports.get_or_init(|| imports::standard(self))
    }

    fn delayed_imports(&self) -> &[Library<'a>] {
        self.delayed_imports.get_or_init(|| imports::delayed(self))
    }

    fn exports(&self) -> Option<&Exports<'a>> {
        self.exports.get_or_init(|| exports::exports(self)).as_ref()
    }

    fn resources(&self) -> Option<&Resources<'a>> {
        self.resources.get_or_init(|| resources::resources(self)).as_ref()
    }

    fn rich(&self) -> Option<&Rich<'a>> {
        self.rich.get_or_init(|| rich::rich(self.headers.dos_stub)).as_ref()
    }

    /// From a file offset to the end of the file.
    fn at_offset(&self, offset: u32) -> Option<&'a [u8]> {
        self.data.get(usize::try_from(offset).ok()?..)
    }

    /// From a relative virtual address to the end of the file.
    fn at_rva(&self, rva: u32) -> Option<&'a [u8]> {
        // It is looked for in all sections.
        self.allowance.spend(self.headers.sections.len().saturating_mul(2))?;
        self.at_offset(self.headers.rva_to_offset(rva)?)
    }

    /// What a directory points to, as far as it is in the file.
    fn at_directory(&self, directory: Directory) -> Option<&'a [u8]> {
        let data = self.at_rva(directory.virtual_address)?;
        Some(data.get(..usize::try_from(directory.size).ok()?).unwrap_or(data))
    }

    /// A string that ends with a zero, cut after `max` bytes; `None` if it is no UTF-8.
    fn text_at_rva(&self, rva: u32, max: usize) -> Option<&'a str> {
        let data = self.at_rva(rva)?;
        let (text, _) = self.allowance.until_zero(data.get(..max).unwrap_or(data))?;
        std::str::from_utf8(text).ok()
    }

    /// The name of a library; `None` if it has characters that names of files can't have.
    fn library_name(&self, rva: u32) -> Option<&'a str> {
        let name = self.text_at_rva(rva, MAX_LIBRARY_NAME)?;
        let forbidden = |c: char| c.is_ascii_control() || " \"*<>?|".contains(c);
        (!name.contains(forbidden)).then_some(name)
    }
}
