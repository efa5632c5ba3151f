//! Kinds of files that filters are made for.

/// A kind of file, told by its first bytes. The search has a filter for each, with the atoms of those rules only that
/// can match such files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum FileClass {
    /// None of the others.
    Other = 0,
    /// `MZ`: Windows and DOS executables.
    Pe = 1,
    /// `7F 45 4C 46`
    Elf = 2,
}

impl FileClass {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// All of them, by number.
    pub const ALL: [FileClass; Self::COUNT] = [FileClass::Other, FileClass::Pe, FileClass::Elf];
    /// The bits of all classes.
    pub const EVERY: u8 = (1 << Self::COUNT) - 1;

    /// The class of a file.
    pub fn of(data: &[u8]) -> Self {
        let found = Self::ALL.into_iter().find(|c| !c.magic().is_empty() && data.starts_with(c.magic()));
        found.unwrap_or(FileClass::Other)
    }

    /// What its files begin with; empty for [`FileClass::Other`].
    pub const fn magic(self) -> &'static [u8] {
        match self {
            FileClass::Other => &[],
            FileClass::Pe => b"MZ",
            FileClass::Elf => b"\x7FELF",
        }
    }

    /// Its bit in a set of classes.
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Its name in dumps.
    pub const fn name(self) -> &'static str {
        match self {
            FileClass::Other => "other",
            FileClass::Pe => "pe",
            FileClass::Elf => "elf",
        }
    }
}
