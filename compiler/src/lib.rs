//! Compiles YARA rules into a Hallmark image.
