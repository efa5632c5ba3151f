//! The `math` module: arithmetic helpers and byte statistics of `(offset, size)` or of a string.

use super::{Field, Function, Module, Type};

/// The schema of `math`.
pub const MODULE: Module = Module {
    name: "math",
    // A field, because constants are integers.
    fields: &[Field { name: "MEAN_BYTES", ty: Type::Float }],
    constants: &[],
    functions: FUNCTIONS,
};

/// Functions that compute with their arguments alone; the others look at bytes.
pub const ARITHMETIC: &[&str] = &["min", "max", "abs", "in_range", "to_string", "to_number"];

const INT: Type = Type::Int;
const FLOAT: Type = Type::Float;
const STR: Type = Type::Str;

const FUNCTIONS: &[Function] = &[
    Function { name: "min", args: &[INT, INT], result: INT },
    Function { name: "max", args: &[INT, INT], result: INT },
    Function { name: "abs", args: &[INT], result: INT },
    Function { name: "in_range", args: &[FLOAT, FLOAT, FLOAT], result: Type::Bool },
    Function { name: "in_range", args: &[INT, INT, INT], result: Type::Bool },
    Function { name: "to_string", args: &[INT], result: STR },
    Function { name: "to_string", args: &[INT, INT], result: STR },
    Function { name: "to_number", args: &[Type::Bool], result: INT },
    Function { name: "count", args: &[INT], result: INT },
    Function { name: "count", args: &[INT, INT, INT], result: INT },
    Function { name: "percentage", args: &[INT], result: FLOAT },
    Function { name: "percentage", args: &[INT, INT, INT], result: FLOAT },
    Function { name: "mode", args: &[], result: INT },
    Function { name: "mode", args: &[INT, INT], result: INT },
    Function { name: "entropy", args: &[INT, INT], result: FLOAT },
    Function { name: "entropy", args: &[STR], result: FLOAT },
    Function { name: "deviation", args: &[INT, INT, FLOAT], result: FLOAT },
    Function { name: "deviation", args: &[STR, FLOAT], result: FLOAT },
    Function { name: "mean", args: &[INT, INT], result: FLOAT },
    Function { name: "mean", args: &[STR], result: FLOAT },
    Function { name: "serial_correlation", args: &[INT, INT], result: FLOAT },
    Function { name: "serial_correlation", args: &[STR], result: FLOAT },
    Function { name: "monte_carlo_pi", args: &[INT, INT], result: FLOAT },
    Function { name: "monte_carlo_pi", args: &[STR], result: FLOAT },
];
