//! Files, mappings and installed databases.
