//! The `cuckoo` module: how many entries of a sandbox's report match a regular expression.

use super::{Function, Module, Type};

/// The schema of `cuckoo`.
pub const MODULE: Module = Module { name: "cuckoo", fields: &[], constants: &[], functions: FUNCTIONS };

const REGEX: &[Type] = &[Type::Regex];
/// An address and a port.
const TARGET: &[Type] = &[Type::Regex, Type::Int];

const FUNCTIONS: &[Function] = &[
    count("network.http_request", REGEX),
    count("network.http_get", REGEX),
    count("network.http_post", REGEX),
    count("network.http_user_agent", REGEX),
    count("network.dns_lookup", REGEX),
    count("network.host", REGEX),
    count("network.tcp", TARGET),
    count("network.udp", TARGET),
    count("registry.key_access", REGEX),
    count("filesystem.file_access", REGEX),
    count("sync.mutex", REGEX),
];

const fn count(name: &'static str, args: &'static [Type]) -> Function {
    Function { name, args, result: Type::Int }
}
