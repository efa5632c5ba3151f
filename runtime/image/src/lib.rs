//! The memory-mapped image: what its bytes mean, and the proof that they are well-formed.

#![forbid(unsafe_code)]

pub mod schema;
