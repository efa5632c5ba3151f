//! The `dotnet` module: the metadata of a .NET assembly, as ECMA-335 lays it out in a PE file.
//!
//! `metadata` finds the streams, `tables` cuts the table stream into rows, `types` writes signatures as text, `classes`
//! joins the tables into classes and methods, and `fields` lays everything out as the schema says. Tables before the
//! first one that is cut or makes no sense are read, those from there on are empty.

mod classes;
mod fields;
mod metadata;
mod tables;
mod types;

pub(crate) use fields::root;
