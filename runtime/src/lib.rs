//! The runtime an agent embeds: open, verify, map and scan.
