//! Keys, signing and release building.
