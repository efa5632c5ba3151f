//! A database that nobody has tried yet is parsed, and tested, in a process of its own: this program again, which gives up
//! every right and most resources before it reads a byte. Whatever happens there, the process that installs says what it
//! was and goes on.

mod confine;
mod supervise;
mod trial;

pub use confine::{Confinement, Limits, confine};
pub use trial::{COMMAND, Tried, Verdict, try_image};
