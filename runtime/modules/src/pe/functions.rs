//! The functions of `pe`.

use md5::{Digest, Md5};

use super::Pe;
use super::headers::{CHARACTERISTIC_DLL, MAGIC_32, MAGIC_64};
use super::imports::Library;
use super::rich::Tool;
use crate::value::{Answer, Arg, Scalar, hex};

const IMPORT_STANDARD: i64 = 1;
const IMPORT_DELAYED: i64 = 2;

/// What a rule names a function, a library or an export by.
#[derive(Clone, Copy)]
enum Wanted<'r> {
    Any,
    /// Without regard to ASCII case.
    Name(&'r [u8]),
    Ordinal(i64),
    Matching(&'r dyn Fn(&[u8]) -> bool),
}

impl<'a> Pe<'a> {
    /// Calls `pe.<name>`. On files that are no PE (`None`), searches find nothing and everything else is undefined.
    pub(crate) fn call(pe: Option<&Self>, name: &str, args: &[Arg<'_>]) -> Answer<'a> {
        match (name, args) {
            ("imports", _) => Some(imports(pe, args)?),
            ("exports", [wanted]) => {
                Some(Scalar::Bool(export_index(pe, Wanted::from_arg(wanted)?).is_some()))
            }
            ("exports_index", [wanted]) => int(export_index(pe, Wanted::from_arg(wanted)?)?),
            ("import_rva", [Arg::Str(library), function]) => {
                import_rva(pe?.imports(), library, Wanted::from_arg(function)?)
            }
            ("delayed_import_rva", [Arg::Str(library), function]) => {
                import_rva(pe?.delayed_imports(), library, Wanted::from_arg(function)?)
            }
            ("rich_signature.toolid", [Arg::Int(id)]) => Some(tools(pe, |t| i64::from(t.id) == *id)),
            ("rich_signature.version", [Arg::Int(version)]) => {
                Some(tools(pe, |t| i64::from(t.version) == *version))
            }
            ("rich_signature.toolid", [Arg::Int(id), Arg::Int(version)])
            | ("rich_signature.version", [Arg::Int(version), Arg::Int(id)]) => {
                Some(tools(pe, |t| i64::from(t.id) == *id && i64::from(t.version) == *version))
            }
            ("locale", [Arg::Int(locale)]) => Some(Scalar::Bool(has_language(pe, 0xffff, *locale))),
            ("language", [Arg::Int(language)]) => Some(Scalar::Bool(has_language(pe, 0xff, *language))),
            _ => pe?.property(name, args),
        }
    }

    fn property(&self, name: &str, args: &[Arg<'_>]) -> Answer<'a> {
        let headers = &self.headers;
        match (name, args) {
            ("is_32bit", []) => Some(Scalar::Bool(headers.optional.magic == MAGIC_32)),
            ("is_64bit", []) => Some(Scalar::Bool(headers.optional.magic == MAGIC_64)),
            ("is_dll", []) => Some(Scalar::Bool(headers.coff.characteristics & CHARACTERISTIC_DLL != 0)),
            ("rva_to_offset", [Arg::Int(rva)]) => {
                let offset = headers.rva_to_offset(u32::try_from(*rva).ok()?)?;
                let in_file = usize::try_from(offset).ok()? < self.data.len();
                in_file.then(|| Scalar::Int(offset.into()))
            }
            ("section_index", [Arg::Str(name)]) => {
                int(headers.sections.iter().position(|s| s.name == *name)?)
            }
            ("section_index", [Arg::Int(offset)]) => {
                let offset = u32::try_from(*offset).ok()?;
                int(headers.sections.iter().position(|s| {
                    (s.raw_data_offset..s.raw_data_offset.saturating_add(s.raw_data_size)).contains(&offset)
                })?)
            }
            ("calculate_checksum", []) => Some(Scalar::Int(self.checksum().into())),
            ("imphash", []) => Some(Scalar::Str(self.imphash().into())),
            _ => None,
        }
    }

    /// The checksum that belongs into the optional header: the sum of all 16-bit words but the checksum itself, with
    /// carries added back in, plus the file's size. 32-bit words are summed, which gives the same; the checksum in the
    /// header is summed with the rest and then subtracted.
    fn checksum(&self) -> u32 {
        let (words, tail) = (self.data.chunks_exact(4), self.data.chunks_exact(4).remainder());
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(tail) {
            *to = *from;
        }
        let words = words.filter_map(|w| w.try_into().ok()).chain([last]);
        // 64 bits hold the carries of files below 16 GiB, those of larger ones are added back below.
        let sum = words.fold(0u64, |sum, word| sum.wrapping_add(u32::from_le_bytes(word).into()));
        let folded = fold(fold(sum, 32), 32);
        let header = u64::from(self.headers.optional.checksum);
        // Ones' complement: minus is plus the complement.
        let without = fold(folded.wrapping_add(u64::from(u32::MAX).wrapping_sub(header)), 32);
        let short = fold(fold(without, 16), 16);
        (short as u32).wrapping_add(self.data.len() as u32)
    }

    /// MD5 over `library.function` of all standard imports, in lower case, with commas between; common endings of
    /// library names are left out.
    fn imphash(&self) -> Vec<u8> {
        let mut digest = Md5::new();
        let mut separator = "";
        for library in self.imports() {
            let library_name = without_extension(library.name).to_lowercase();
            for function in &library.functions {
                digest.update(separator);
                digest.update(&library_name);
                digest.update(".");
                digest.update(function.name.to_ascii_lowercase());
                separator = ",";
            }
        }
        hex(&digest.finalize())
    }
}

/// Adds what is above the lower `bits` to them.
fn fold(sum: u64, bits: u32) -> u64 {
    let high = sum.checked_shr(bits).unwrap_or(0);
    let low = sum ^ high.checked_shl(bits).unwrap_or(0);
    low.wrapping_add(high)
}

fn without_extension(library: &str) -> &str {
    let split = library.len().checked_sub(4).and_then(|at| library.split_at_checked(at));
    match split {
        Some((stem, end)) if [".dll", ".sys", ".ocx"].iter().any(|e| end.eq_ignore_ascii_case(e)) => stem,
        _ => library,
    }
}

/// `[flags,] library [, function]`. A count, or whether there is one, as the overload says.
fn imports<'a>(pe: Option<&Pe<'a>>, args: &[Arg<'_>]) -> Answer<'a> {
    let (flags, with_flags, args) = match args {
        [Arg::Int(flags), rest @ ..] => (*flags, true, rest),
        _ => (IMPORT_STANDARD, false, args),
    };
    let (library, function, as_bool) = match args {
        [library @ Arg::Str(_)] => (library, Wanted::Any, false),
        [library @ Arg::Str(_), Arg::Str(name)] => (library, Wanted::Name(name), true),
        [library @ Arg::Str(_), Arg::Int(ordinal)] => (library, Wanted::Ordinal(*ordinal), with_flags),
        [library @ Arg::Regex(_), Arg::Regex(name)] => (library, Wanted::Matching(*name), false),
        _ => return None,
    };
    let library = Wanted::from_arg(library)?;
    let count = |libraries: &[Library<'_>]| -> usize {
        let libraries = libraries.iter().filter(|l| library.is(l.name, None));
        libraries
            .flat_map(|l| &l.functions)
            .filter(|f| function.is(&f.name, f.ordinal.map(i64::from)))
            .count()
    };
    let standard = pe.filter(|_| flags & IMPORT_STANDARD != 0).map_or(0, |pe| count(pe.imports()));
    let delayed = pe.filter(|_| flags & IMPORT_DELAYED != 0).map_or(0, |pe| count(pe.delayed_imports()));
    let found = standard.saturating_add(delayed);
    if as_bool { Some(Scalar::Bool(found > 0)) } else { int(found) }
}

fn import_rva<'a>(libraries: &[Library<'a>], library: &[u8], function: Wanted<'_>) -> Answer<'a> {
    let libraries = libraries.iter().filter(|l| Wanted::Name(library).is(l.name, None));
    let mut functions = libraries.flat_map(|l| &l.functions);
    let found = functions.find(|f| function.is(&f.name, f.ordinal.map(i64::from)))?;
    Some(Scalar::Int(found.rva.into()))
}

fn export_index(pe: Option<&Pe<'_>>, wanted: Wanted<'_>) -> Option<usize> {
    let functions = &pe?.exports()?.functions;
    functions.iter().position(|f| match (wanted, f.name) {
        (Wanted::Ordinal(ordinal), _) => i64::from(f.ordinal) == ordinal,
        (_, Some(name)) => wanted.is(name, None),
        (_, None) => false,
    })
}

/// How many objects the tools made that `wanted` holds for; 0 without a rich header.
fn tools(pe: Option<&Pe<'_>>, wanted: impl Fn(&Tool) -> bool) -> Scalar<'static> {
    let tools = pe.and_then(Pe::rich).map_or(&[][..], |rich| &rich.tools);
    // At most 8,192 records of 32 bits.
    Scalar::Int(tools.iter().filter(|t| wanted(t)).fold(0, |n, t| n.saturating_add(t.times.into())))
}

fn has_language(pe: Option<&Pe<'_>>, mask: u32, wanted: i64) -> bool {
    let resources = pe.and_then(Pe::resources).map_or(&[][..], |r| &r.list);
    resources.iter().filter_map(|r| r.language()).any(|language| i64::from(language & mask) == wanted)
}

fn int<'a>(n: usize) -> Answer<'a> {
    i64::try_from(n).ok().map(Scalar::Int)
}

impl<'r> Wanted<'r> {
    fn from_arg(arg: &Arg<'r>) -> Option<Self> {
        match arg {
            Arg::Str(name) => Some(Wanted::Name(name)),
            Arg::Int(ordinal) => Some(Wanted::Ordinal(*ordinal)),
            Arg::Regex(regex) => Some(Wanted::Matching(*regex)),
            Arg::Float(_) | Arg::Bool(_) => None,
        }
    }

    fn is(&self, name: &str, ordinal: Option<i64>) -> bool {
        match self {
            Wanted::Any => true,
            Wanted::Name(wanted) => wanted.eq_ignore_ascii_case(name.as_bytes()),
            Wanted::Ordinal(wanted) => ordinal == Some(*wanted),
            Wanted::Matching(matches) => matches(name.as_bytes()),
        }
    }
}
