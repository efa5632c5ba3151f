//! The `macho` module: executables, libraries and objects of Apple's systems, for one processor or several.
//!
//! `file` reads the header and the load commands, `fields` lays them out as the schema says. What can be long is worked
//! out when it is asked for: `symbols`, `names` (of what is exported and imported) and `signature`. `functions` answers
//! from the fields. A command that is cut short is as if it were not there; the ones after it are read.

mod fields;
mod file;
mod functions;
mod names;
mod signature;
mod subject;
mod symbols;
#[cfg(test)]
mod tests;

pub(crate) use fields::root;
pub(crate) use functions::call;
