//! Processes that give up every right and most resources before they read a byte that is not trusted: this program again.
//! One parses and tests a database that nobody has tried yet, when it is installed; others scan files. Whatever happens
//! there, the process that started them says what it was and goes on.

mod channel;
mod confine;
mod supervise;
#[cfg(target_os = "linux")]
mod syscalls;
mod trial;
mod worker;

pub use channel::Parent;
pub use confine::{Confinement, Limits, confine, confine_worker};
pub use trial::{COMMAND, Tried, Verdict, try_image};
pub use worker::{Failure, WORKER_COMMAND, WorkerProcess};
