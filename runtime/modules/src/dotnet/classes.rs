//! Classes and methods, joined from the tables.

use std::borrow::Cow;
use std::collections::HashMap;

use super::metadata::Metadata;
use super::tables::{
    GENERIC_PARAM, INTERFACE_IMPL, Index, METHOD_DEF, NESTED_CLASS, PARAM, TYPE_DEF, TYPE_REF, TYPE_SPEC,
    Table, Tables,
};
use super::types::{Writer, unsigned};
use crate::limits::{MAX_DOTNET_DEPTH, MAX_DOTNET_ROWS};
use crate::reader::Reader;

/// The work a class or method, and a parameter, counts for, beside its text: about the bytes it takes.
const MEMBER_WORK: usize = 512;
const PARAMETER_WORK: usize = 128;

const PRIVATE: &str = "private";
const INTERNAL: &str = "internal";
const PROTECTED: &str = "protected";
const PUBLIC: &str = "public";
const PRIVATE_PROTECTED: &str = "private protected";
const PROTECTED_INTERNAL: &str = "protected internal";

/// Visibilities by the lowest bits of the flags of a class, and of a method.
const CLASS_VISIBILITY: [&str; 8] =
    [INTERNAL, PUBLIC, PUBLIC, PRIVATE, PROTECTED, INTERNAL, PRIVATE_PROTECTED, PROTECTED_INTERNAL];
const METHOD_VISIBILITY: [&str; 8] =
    [PRIVATE, PRIVATE, PRIVATE_PROTECTED, INTERNAL, PROTECTED, PROTECTED_INTERNAL, PUBLIC, PRIVATE];

/// An assembly.
pub(super) struct Assembly<'a> {
    pub(super) metadata: Metadata<'a>,
    pub(super) tables: Tables<'a>,
    /// Names of generic parameters by what they belong to.
    generic: HashMap<(Table, usize), Vec<&'a str>>,
    /// Interfaces by the class that implements them.
    interfaces: HashMap<usize, Vec<Index>>,
    /// The class around a nested one.
    enclosing: HashMap<usize, usize>,
}

/// A class or an interface.
pub(super) struct Class<'a> {
    pub(super) full_name: Option<String>,
    pub(super) visibility: &'static str,
    pub(super) is_interface: bool,
    pub(super) is_abstract: bool,
    pub(super) is_sealed: bool,
    pub(super) base_types: Vec<String>,
    pub(super) generic: Vec<&'a str>,
    pub(super) methods: Vec<Method<'a>>,
}

/// A method.
pub(super) struct Method<'a> {
    pub(super) name: &'a str,
    pub(super) visibility: &'static str,
    pub(super) flags: u32,
    /// Constructors have none.
    pub(super) return_type: Option<String>,
    pub(super) generic: Vec<&'a str>,
    pub(super) parameters: Vec<(Cow<'a, str>, String)>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(metadata: Metadata<'a>) -> Self {
        let tables = Tables::parse(metadata.tables);
        let mut assembly = Assembly {
            metadata,
            tables,
            generic: HashMap::new(),
            interfaces: HashMap::new(),
            enclosing: HashMap::new(),
        };
        for row in assembly.rows(GENERIC_PARAM) {
            let owner = assembly.tables.index(GENERIC_PARAM, row, 2);
            if let (Some(owner), Some(name)) = (owner, assembly.text(GENERIC_PARAM, row, 3)) {
                assembly.generic.entry((owner.table, owner.row)).or_default().push(name);
            }
        }
        for row in assembly.rows(INTERFACE_IMPL) {
            let class = assembly.tables.row(INTERFACE_IMPL, row, 0);
            if let (Some(class), Some(interface)) = (class, assembly.tables.index(INTERFACE_IMPL, row, 1)) {
                assembly.interfaces.entry(class).or_default().push(interface);
            }
        }
        for row in assembly.rows(NESTED_CLASS) {
            let nested = assembly.tables.row(NESTED_CLASS, row, 0);
            if let (Some(nested), Some(around)) = (nested, assembly.tables.row(NESTED_CLASS, row, 1)) {
                if nested != around {
                    assembly.enclosing.entry(nested).or_insert(around);
                }
            }
        }
        assembly
    }

    /// The rows of a table that are looked at.
    pub(super) fn rows(&self, table: Table) -> std::ops::Range<usize> {
        0..self.tables.count(table).min(MAX_DOTNET_ROWS)
    }

    /// A cell that is a string.
    pub(super) fn text(&self, table: Table, row: usize, column: usize) -> Option<&'a str> {
        self.metadata.string(self.tables.cell(table, row, column)?)
    }

    /// A cell that is a blob.
    pub(super) fn blob(&self, table: Table, row: usize, column: usize) -> Option<&'a [u8]> {
        self.metadata.blob(self.tables.cell(table, row, column)?)
    }

    /// The name of a class that is referred to, after its namespace.
    pub(super) fn type_ref(&self, row: usize) -> Option<(Option<&'a str>, &'a str)> {
        Some((self.text(TYPE_REF, row, 2), plain(self.text(TYPE_REF, row, 1)?)))
    }

    /// The signature of a type that is specified.
    pub(super) fn type_spec(&self, row: usize) -> Option<&'a [u8]> {
        self.blob(TYPE_SPEC, row, 0)
    }

    /// The name of a class, after those of its namespace and of the classes around it.
    pub(super) fn full_name(&self, row: usize) -> Option<String> {
        let mut parts = Vec::new();
        let mut next = Some(row);
        while let Some(row) = next {
            // Classes that are in each other have no name.
            if parts.len() >= MAX_DOTNET_DEPTH {
                return None;
            }
            let flags = self.tables.cell(TYPE_DEF, row, 0)?;
            parts.push(plain(self.text(TYPE_DEF, row, 1).filter(|name| !name.is_empty())?));
            parts.extend(self.text(TYPE_DEF, row, 2).filter(|namespace| !namespace.is_empty()));
            next = if flags & 7 >= 2 { self.enclosing.get(&row).copied() } else { None };
        }
        parts.reverse();
        Some(parts.join("."))
    }

    /// The classes that have a name, except that of the module itself, as far as the work allows.
    pub(super) fn classes(&self) -> Vec<Class<'a>> {
        let mut classes = Vec::new();
        for row in self.rows(TYPE_DEF) {
            if self.metadata.spend(MEMBER_WORK).is_none() {
                break;
            }
            classes.extend(self.class(row));
        }
        classes
    }

    fn class(&self, row: usize) -> Option<Class<'a>> {
        self.text(TYPE_DEF, row, 1).filter(|name| !name.is_empty() && *name != "<Module>")?;
        let flags = self.tables.cell(TYPE_DEF, row, 0)?;
        let generic = self.generic_of(TYPE_DEF, row)?;
        let writer = Writer { assembly: self, of_class: &generic, of_method: &[] };
        let extends = self.tables.index(TYPE_DEF, row, 3);
        let interfaces = self.interfaces.get(&row).into_iter().flatten().copied();
        let base_types = extends.into_iter().chain(interfaces).filter_map(|base| writer.name(base)).collect();
        let full_name = self.full_name(row);
        self.metadata.spend(full_name.as_ref().map_or(0, String::len))?;
        Some(Class {
            full_name,
            visibility: CLASS_VISIBILITY.get(usize::try_from(flags & 7).ok()?)?,
            is_interface: flags & 0x20 != 0,
            is_abstract: flags & 0x80 != 0,
            is_sealed: flags & 0x100 != 0,
            base_types,
            methods: self.methods(row, &generic),
            generic,
        })
    }

    /// The names of the generic parameters of a class or method; `None` if the work doesn't allow for them.
    fn generic_of(&self, table: Table, row: usize) -> Option<Vec<&'a str>> {
        let Some(names) = self.generic.get(&(table, row)) else { return Some(Vec::new()) };
        self.metadata.spend(names.len().saturating_mul(PARAMETER_WORK))?;
        Some(names.clone())
    }

    /// The methods of a class: from its first to the next class's first.
    fn methods(&self, class: usize, of_class: &[&'a str]) -> Vec<Method<'a>> {
        let Some(start) = self.tables.row(TYPE_DEF, class, 5) else { return Vec::new() };
        let all = self.tables.count(METHOD_DEF);
        let next = class.checked_add(1).and_then(|next| self.tables.row(TYPE_DEF, next, 5));
        let end = next.unwrap_or(all);
        if end > all {
            return Vec::new();
        }
        let mut methods = Vec::new();
        for row in start..end {
            if self.metadata.spend(MEMBER_WORK).is_none() {
                break;
            }
            methods.extend(self.method(row, of_class));
        }
        methods
    }

    /// A method; `None` if it has no name or its signature makes no sense.
    fn method(&self, row: usize, of_class: &[&'a str]) -> Option<Method<'a>> {
        const HAS_GENERIC: u8 = 0x10;
        let name = self.text(METHOD_DEF, row, 3)?;
        let mut signature = Reader::new(self.blob(METHOD_DEF, row, 4)?);
        if signature.u8()? & HAS_GENERIC != 0 {
            unsigned(&mut signature)?;
        }
        let count = unsigned(&mut signature)?;
        let generic = self.generic_of(METHOD_DEF, row)?;
        let writer = Writer { assembly: self, of_class, of_method: &generic };
        let return_type = writer.next(&mut signature)?;
        self.metadata.spend(return_type.len())?;
        let first = self.tables.row(METHOD_DEF, row, 5)?;
        let mut parameters = Vec::new();
        for i in 0..count {
            self.metadata.spend(PARAMETER_WORK)?;
            let at = first.checked_add(usize::try_from(i).ok()?);
            let name = at.and_then(|at| self.text(PARAM, at, 2));
            let name = name.map_or_else(|| format!("P_{i}").into(), Cow::Borrowed);
            let ty = writer.next(&mut signature)?;
            self.metadata.spend(ty.len())?;
            parameters.push((name, ty));
        }
        let flags = self.tables.cell(METHOD_DEF, row, 2)?;
        Some(Method {
            name,
            visibility: METHOD_VISIBILITY.get(usize::try_from(flags & 7).ok()?)?,
            flags,
            return_type: if matches!(name, ".ctor" | ".cctor") { None } else { Some(return_type) },
            generic,
            parameters,
        })
    }
}

/// A name without the number of generic parameters after it.
fn plain(name: &str) -> &str {
    name.rsplit_once('`').map_or(name, |(name, _)| name)
}
