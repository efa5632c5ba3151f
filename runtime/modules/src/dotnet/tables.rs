//! The table stream: how wide the rows of each table are, and the cells in them (ECMA-335 II.22 and II.24.2.6).

use crate::reader::Reader;

/// The number of a table.
pub(super) type Table = usize;

pub(super) const MODULE: Table = 0x00;
pub(super) const TYPE_REF: Table = 0x01;
pub(super) const TYPE_DEF: Table = 0x02;
const FIELD: Table = 0x04;
pub(super) const METHOD_DEF: Table = 0x06;
pub(super) const PARAM: Table = 0x08;
pub(super) const INTERFACE_IMPL: Table = 0x09;
pub(super) const MEMBER_REF: Table = 0x0a;
pub(super) const CONSTANT: Table = 0x0b;
pub(super) const CUSTOM_ATTRIBUTE: Table = 0x0c;
const STAND_ALONE_SIG: Table = 0x11;
const EVENT: Table = 0x14;
const PROPERTY: Table = 0x17;
pub(super) const MODULE_REF: Table = 0x1a;
pub(super) const TYPE_SPEC: Table = 0x1b;
pub(super) const FIELD_RVA: Table = 0x1d;
pub(super) const ASSEMBLY: Table = 0x20;
pub(super) const ASSEMBLY_REF: Table = 0x23;
pub(super) const FILE: Table = 0x26;
const EXPORTED_TYPE: Table = 0x27;
pub(super) const MANIFEST_RESOURCE: Table = 0x28;
pub(super) const NESTED_CLASS: Table = 0x29;
pub(super) const GENERIC_PARAM: Table = 0x2a;
const METHOD_SPEC: Table = 0x2b;
const GENERIC_PARAM_CONSTRAINT: Table = 0x2c;
/// A tag that stands for no table.
const NO_TABLE: Table = 0xff;

/// What a column holds.
#[derive(Clone, Copy)]
enum Column {
    /// A number of so many bytes.
    Number(u8),
    /// The type of a constant: one byte.
    ElementType,
    /// An index into the string heap.
    Text,
    /// An index into the GUID heap.
    Guid,
    /// An index into the blob heap.
    Blob,
    /// A row of a table.
    Row(Table),
    /// A row of one of several tables; the lowest bits tell which.
    Coded(&'static [Table]),
}

use Column::{Blob, Coded, ElementType, Guid, Number, Row, Text};

pub(super) const TYPE_DEF_OR_REF: &[Table] = &[TYPE_DEF, TYPE_REF, TYPE_SPEC];
const HAS_CONSTANT: &[Table] = &[FIELD, PARAM, PROPERTY];
const HAS_CUSTOM_ATTRIBUTE: &[Table] = &[
    METHOD_DEF,
    FIELD,
    TYPE_REF,
    TYPE_DEF,
    PARAM,
    INTERFACE_IMPL,
    MEMBER_REF,
    MODULE,
    NO_TABLE,
    PROPERTY,
    EVENT,
    STAND_ALONE_SIG,
    MODULE_REF,
    TYPE_SPEC,
    ASSEMBLY,
    ASSEMBLY_REF,
    FILE,
    EXPORTED_TYPE,
    MANIFEST_RESOURCE,
    GENERIC_PARAM,
    GENERIC_PARAM_CONSTRAINT,
    METHOD_SPEC,
];
const CUSTOM_ATTRIBUTE_TYPE: &[Table] = &[NO_TABLE, NO_TABLE, METHOD_DEF, MEMBER_REF, NO_TABLE];
const HAS_FIELD_MARSHAL: &[Table] = &[FIELD, PARAM];
const HAS_DECL_SECURITY: &[Table] = &[TYPE_DEF, METHOD_DEF, ASSEMBLY];
const MEMBER_REF_PARENT: &[Table] = &[TYPE_DEF, TYPE_REF, MODULE_REF, METHOD_DEF, TYPE_SPEC];
const HAS_SEMANTICS: &[Table] = &[EVENT, PROPERTY];
const METHOD_DEF_OR_REF: &[Table] = &[METHOD_DEF, MEMBER_REF];
const MEMBER_FORWARDED: &[Table] = &[FIELD, METHOD_DEF];
const IMPLEMENTATION: &[Table] = &[FILE, ASSEMBLY_REF, NO_TABLE];
const EXPORTED_IMPLEMENTATION: &[Table] = &[FILE, ASSEMBLY_REF, EXPORTED_TYPE];
const RESOLUTION_SCOPE: &[Table] = &[MODULE, MODULE_REF, ASSEMBLY_REF, TYPE_REF];
const TYPE_OR_METHOD_DEF: &[Table] = &[TYPE_DEF, METHOD_DEF];

/// The columns of each table, by its number.
#[rustfmt::skip]
const COLUMNS: &[&[Column]] = &[
    /* Module */ &[Number(2), Text, Guid, Guid, Guid],
    /* TypeRef */ &[Coded(RESOLUTION_SCOPE), Text, Text],
    /* TypeDef */ &[Number(4), Text, Text, Coded(TYPE_DEF_OR_REF), Row(FIELD), Row(METHOD_DEF)],
    /* FieldPtr */ &[Row(FIELD)],
    /* Field */ &[Number(2), Text, Blob],
    /* MethodPtr */ &[Row(METHOD_DEF)],
    /* MethodDef */ &[Number(4), Number(2), Number(2), Text, Blob, Row(PARAM)],
    /* ParamPtr */ &[Row(PARAM)],
    /* Param */ &[Number(2), Number(2), Text],
    /* InterfaceImpl */ &[Row(TYPE_DEF), Coded(TYPE_DEF_OR_REF)],
    /* MemberRef */ &[Coded(MEMBER_REF_PARENT), Text, Blob],
    /* Constant */ &[ElementType, Number(1), Coded(HAS_CONSTANT), Blob],
    /* CustomAttribute */ &[Coded(HAS_CUSTOM_ATTRIBUTE), Coded(CUSTOM_ATTRIBUTE_TYPE), Blob],
    /* FieldMarshal */ &[Coded(HAS_FIELD_MARSHAL), Blob],
    /* DeclSecurity */ &[Number(2), Coded(HAS_DECL_SECURITY), Blob],
    /* ClassLayout */ &[Number(2), Number(4), Row(TYPE_DEF)],
    /* FieldLayout */ &[Number(4), Row(FIELD)],
    /* StandAloneSig */ &[Blob],
    /* EventMap */ &[Row(TYPE_DEF), Row(EVENT)],
    /* EventPtr */ &[Row(EVENT)],
    /* Event */ &[Number(2), Text, Coded(TYPE_DEF_OR_REF)],
    /* PropertyMap */ &[Row(TYPE_DEF), Row(PROPERTY)],
    /* PropertyPtr */ &[Row(PROPERTY)],
    /* Property */ &[Number(2), Text, Blob],
    /* MethodSemantics */ &[Number(2), Row(METHOD_DEF), Coded(HAS_SEMANTICS)],
    /* MethodImpl */ &[Row(TYPE_DEF), Coded(METHOD_DEF_OR_REF), Coded(METHOD_DEF_OR_REF)],
    /* ModuleRef */ &[Text],
    /* TypeSpec */ &[Blob],
    /* ImplMap */ &[Number(2), Coded(MEMBER_FORWARDED), Text, Row(MODULE_REF)],
    /* FieldRva */ &[Number(4), Row(FIELD)],
    /* EncLog */ &[Number(4), Number(4)],
    /* EncMap */ &[Number(4)],
    /* Assembly */
    &[Number(4), Number(2), Number(2), Number(2), Number(2), Number(4), Blob, Text, Text],
    /* AssemblyProcessor */ &[Number(4)],
    /* AssemblyOs */ &[Number(4), Number(4), Number(4)],
    /* AssemblyRef */
    &[Number(2), Number(2), Number(2), Number(2), Number(4), Blob, Text, Text, Blob],
    /* AssemblyRefProcessor */ &[Number(4), Row(ASSEMBLY_REF)],
    /* AssemblyRefOs */ &[Number(4), Number(4), Number(4), Row(ASSEMBLY_REF)],
    /* File */ &[Number(4), Text, Blob],
    /* ExportedType */ &[Number(4), Number(4), Text, Text, Coded(EXPORTED_IMPLEMENTATION)],
    /* ManifestResource */ &[Number(4), Number(4), Text, Coded(IMPLEMENTATION)],
    /* NestedClass */ &[Row(TYPE_DEF), Row(TYPE_DEF)],
    /* GenericParam */ &[Number(2), Number(2), Coded(TYPE_OR_METHOD_DEF), Text],
    /* MethodSpec */ &[Coded(METHOD_DEF_OR_REF), Blob],
    /* GenericParamConstraint */ &[Row(GENERIC_PARAM), Coded(TYPE_DEF_OR_REF)],
];

/// The tables of an assembly.
#[derive(Default)]
pub(super) struct Tables<'a> {
    tables: Vec<Rows<'a>>,
}

/// The rows of one table.
struct Rows<'a> {
    /// Of each column: its place in a row, and its width.
    cells: Vec<(usize, usize)>,
    width: usize,
    bytes: &'a [u8],
}

/// A row of some table, from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Index {
    pub(super) table: Table,
    pub(super) row: usize,
}

/// The widths of indexes.
struct Widths {
    heaps: u8,
    rows: [u32; 64],
}

impl<'a> Tables<'a> {
    /// The tables up to the first that is cut or has a cell that makes no sense.
    pub(super) fn parse(stream: &'a [u8]) -> Self {
        let mut tables = Tables::default();
        // The end of what can be read is no error: the rest is empty.
        let _ = tables.fill(stream);
        tables
    }

    fn fill(&mut self, stream: &'a [u8]) -> Option<()> {
        let mut reader = Reader::new(stream);
        reader.skip(6)?;
        let heaps = reader.u8()?;
        reader.skip(1)?;
        let present = reader.u64()?;
        reader.skip(8)?;
        let mut widths = Widths { heaps, rows: [0; 64] };
        for (bit, rows) in widths.rows.iter_mut().enumerate() {
            if present >> bit & 1 != 0 {
                *rows = reader.u32()?;
            }
        }
        for (columns, &count) in COLUMNS.iter().zip(&widths.rows) {
            let mut width = 0usize;
            let mut cells = Vec::with_capacity(columns.len());
            for column in *columns {
                let size = widths.of(column);
                cells.push((width, size));
                width = width.checked_add(size)?;
            }
            let bytes = reader.take(width.checked_mul(usize::try_from(count).ok()?)?)?;
            let rows = Rows { cells, width, bytes };
            if !rows.make_sense(columns) {
                return None;
            }
            self.tables.push(rows);
        }
        Some(())
    }

    /// The number of rows of a table.
    pub(super) fn count(&self, table: Table) -> usize {
        self.tables.get(table).map_or(0, Rows::count)
    }

    /// The cell of a row, as it stands.
    pub(super) fn cell(&self, table: Table, row: usize, column: usize) -> Option<u32> {
        self.tables.get(table)?.cell(row, column)
    }

    /// A cell that is a row of some table; row 0, which stands for none, reads as the first, as in the peers.
    pub(super) fn row(&self, table: Table, row: usize, column: usize) -> Option<usize> {
        usize::try_from(self.cell(table, row, column)?.saturating_sub(1)).ok()
    }

    /// A cell that is a row of one of several tables.
    pub(super) fn index(&self, table: Table, row: usize, column: usize) -> Option<Index> {
        let Coded(tables) = COLUMNS.get(table)?.get(column)? else { return None };
        Index::decode(tables, self.cell(table, row, column)?)
    }
}

impl Rows<'_> {
    fn count(&self) -> usize {
        self.bytes.len().checked_div(self.width).unwrap_or(0)
    }

    fn cell(&self, row: usize, column: usize) -> Option<u32> {
        let (start, size) = *self.cells.get(column)?;
        let start = row.checked_mul(self.width)?.checked_add(start)?;
        let bytes = self.bytes.get(start..start.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0, |n, &b| n << 8 | u32::from(b)))
    }

    /// Whether every tag names a table, and every constant has a type.
    fn make_sense(&self, columns: &[Column]) -> bool {
        columns.iter().enumerate().all(|(at, column)| {
            let holds = |sense: &dyn Fn(u32) -> bool| {
                (0..self.count()).all(|row| self.cell(row, at).is_some_and(sense))
            };
            match column {
                Coded(tables) => holds(&|cell| Index::decode(tables, cell).is_some()),
                ElementType => {
                    holds(&|cell| matches!(cell, 0..=0x16 | 0x18 | 0x19 | 0x1b..=0x21 | 0x40 | 0x41 | 0x45))
                }
                _ => true,
            }
        })
    }
}

impl Index {
    /// From a cell or a number in a signature.
    pub(super) fn decode(tables: &[Table], coded: u32) -> Option<Self> {
        let bits = tag_bits(tables);
        let tag = coded & (1u32.checked_shl(bits)?.checked_sub(1)?);
        let table = *tables.get(usize::try_from(tag).ok()?)?;
        let row = usize::try_from(coded.checked_shr(bits)?.saturating_sub(1)).ok()?;
        Some(Index { table, row })
    }
}

impl Widths {
    fn of(&self, column: &Column) -> usize {
        let wide = match column {
            Number(size) => return usize::from(*size),
            ElementType => return 1,
            Text => self.heaps & 1 != 0,
            Guid => self.heaps & 2 != 0,
            Blob => self.heaps & 4 != 0,
            Row(table) => self.rows(*table) > 0xffff,
            Coded(tables) => {
                let most = tables.iter().map(|&table| self.rows(table)).max().unwrap_or(0);
                most > 0xffff_u32.checked_shr(tag_bits(tables)).unwrap_or(0)
            }
        };
        if wide { 4 } else { 2 }
    }

    fn rows(&self, table: Table) -> u32 {
        self.rows.get(table).copied().unwrap_or(0)
    }
}

/// How many bits tell the tables apart.
fn tag_bits(tables: &[Table]) -> u32 {
    tables.len().checked_next_power_of_two().map_or(0, usize::trailing_zeros)
}
