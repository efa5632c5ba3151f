//! Structures that are filled in by name.

use hallmark_image::schema::{Field, Type};

use crate::value::Node;

/// The fields under way, by name.
pub(crate) struct Root<'a> {
    schema: &'static [Field],
    nodes: Vec<Node<'a>>,
}

impl<'a> Root<'a> {
    /// Nothing is set yet.
    pub(crate) fn new(schema: &'static [Field]) -> Self {
        Root { schema, nodes: schema.iter().map(|f| empty(&f.ty)).collect() }
    }

    /// Sets a field.
    pub(crate) fn set(&mut self, name: &str, node: Node<'a>) {
        let position = self.schema.iter().position(|f| f.name == name);
        debug_assert!(position.is_some(), "`{name}` is not in the schema");
        if let Some(slot) = position.and_then(|i| self.nodes.get_mut(i)) {
            *slot = node;
        }
    }

    /// The structure.
    pub(crate) fn finish(self) -> Node<'a> {
        Node::Struct(self.nodes)
    }
}

/// A value of type `ty` that has nothing in it.
pub(crate) fn empty<'a>(ty: &Type) -> Node<'a> {
    match ty {
        Type::Struct(fields) => Node::Struct(fields.iter().map(|f| empty(&f.ty)).collect()),
        Type::Array(_) => Node::Array(Vec::new()),
        Type::Map(_) => Node::Map(Vec::new()),
        Type::Int | Type::Float | Type::Bool | Type::Str | Type::Regex => Node::Undefined,
    }
}
