//! The `dex` module: Dalvik executables, as Android's documentation lays them out.
//!
//! `tables` reads the header and the tables it points to, `text` the strings, `fields` lays them out as the schema
//! says and answers the functions. An entry that points to nothing is left out, so what follows it moves up.

mod fields;
mod tables;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use fields::{call, root};
