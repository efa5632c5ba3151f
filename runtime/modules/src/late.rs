//! Parts of a module's fields that cost much and are seldom asked for: worked out when they are.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::value::Node;

/// A node within something that is built when the first of its nodes is asked for.
#[derive(Clone)]
pub struct Late<'a> {
    whole: Arc<Whole<'a>>,
    /// Places from the outside in.
    path: Vec<usize>,
}

struct Whole<'a> {
    data: &'a [u8],
    /// What it builds borrows nothing: nodes with a shorter life stand beside nodes with a longer one.
    build: fn(&[u8]) -> Node<'static>,
    node: OnceLock<Node<'static>>,
}

impl<'a> Late<'a> {
    /// What `build` will make of the data. It must not contain late nodes.
    pub(crate) fn new(data: &'a [u8], build: fn(&[u8]) -> Node<'static>) -> Self {
        Late { whole: Arc::new(Whole { data, build, node: OnceLock::new() }), path: Vec::new() }
    }

    /// The node at these places of it.
    pub(crate) fn at(&self, path: &[usize]) -> Node<'a> {
        Node::Late(Late { whole: Arc::clone(&self.whole), path: [self.path.as_slice(), path].concat() })
    }

    /// The node itself.
    pub(crate) fn node(&self) -> &Node<'a> {
        let whole = self.whole.node.get_or_init(|| (self.whole.build)(self.whole.data));
        self.path.iter().fold(whole, |node, &place| match node {
            Node::Struct(nodes) | Node::Array(nodes) => nodes.get(place).unwrap_or(&Node::Undefined),
            _ => &Node::Undefined,
        })
    }
}

impl fmt::Debug for Late<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Late").field(&self.path).finish()
    }
}

impl PartialEq for Late<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.node() == other.node()
    }
}
