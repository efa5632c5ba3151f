//! The functions of `elf`: hashes of names of symbols.

use md5::{Digest, Md5};

use super::{Elf, SHT_DYNSYM, SHT_SYMTAB, Symbol, name, tlsh};
use crate::reader::Allowance;
use crate::value::{Answer, Scalar, hex};

const UNDEFINED_SECTION: u64 = 0;
const STT_FUNC: u64 = 2;
const STB_GLOBAL: u64 = 1;
const STV_DEFAULT: u64 = 0;
/// What sorting a name among many is counted as, in units of the allowance.
const SORTING: usize = 256;

/// Functions that telfhash leaves out, since they depend on how and where a program was built.
const LEFT_OUT: [&str; 8] =
    ["__libc_start_main", "main", "abort", "cachectl", "cacheflush", "puts", "atol", "malloc_trim"];
const LEFT_OUT_PREFIXES: [&str; 4] = [".", "_", "mem", "str"];
const LEFT_OUT_SUFFIX: &str = "64";

impl<'a> Elf<'a> {
    /// Calls `elf.<name>`. A file that is no ELF (`None`) has no symbols.
    pub(crate) fn call(elf: Option<&Self>, name: &str) -> Answer<'a> {
        let names =
            |wanted: fn(&Symbol, &str) -> bool| elf.map_or(Some(String::new()), |elf| elf.names(wanted));
        match name {
            "import_md5" => {
                let names = names(|symbol, name| symbol.section == UNDEFINED_SECTION && !name.is_empty());
                Some(Scalar::Str(hex(&Md5::digest(names?)).into()))
            }
            "telfhash" => {
                let names = names(is_in_telfhash)?;
                Some(Scalar::Str(tlsh::tlsh(names.as_bytes())?.into_bytes().into()))
            }
            _ => None,
        }
    }

    /// The names of wanted symbols, dynamic ones if there are any: in lower case, sorted, with commas between. `None` if
    /// there are too many: a hash of some of them would be that of another file.
    fn names(&self, wanted: fn(&Symbol, &str) -> bool) -> Option<String> {
        let (mut symbols, mut table) = self.symbols(SHT_DYNSYM);
        if symbols.is_empty() {
            (symbols, table) = self.symbols(SHT_SYMTAB);
        }
        let allowance = &Allowance::new(self.data.len());
        let mut names = Vec::new();
        for symbol in &symbols {
            let Some(bytes) = name(table, symbol.name, allowance) else { continue };
            let text = String::from_utf8_lossy(bytes);
            if wanted(symbol, &text) {
                allowance.spend(SORTING)?;
                names.push(text.to_lowercase());
            }
        }
        // Nothing is left if names were left out.
        allowance.spend(1)?;
        names.sort_unstable();
        Some(names.join(","))
    }
}

fn is_in_telfhash(symbol: &Symbol, name: &str) -> bool {
    symbol.kind() == STT_FUNC
        && symbol.binding() == STB_GLOBAL
        && symbol.visibility() == STV_DEFAULT
        && !LEFT_OUT.contains(&name)
        && !LEFT_OUT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !name.ends_with(LEFT_OUT_SUFFIX)
}
