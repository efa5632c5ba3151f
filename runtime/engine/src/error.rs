//! What a caller of the engine can do wrong.

use thiserror::Error;

/// What a caller of the engine can do wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The database declares no such external variable.
    #[error(
        "external variable `{name}` is not declared in this database; declare it when building, or leave it out"
    )]
    UnknownExternal {
        /// The name given.
        name: String,
    },
    /// The variable is declared with another type.
    #[error("external variable `{name}` is {declared} in this database, but the value given is {given}")]
    ExternalType {
        /// The variable.
        name: String,
        /// Type in the database.
        declared: &'static str,
        /// Type of the value given.
        given: &'static str,
    },
}
