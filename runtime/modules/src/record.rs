//! Structures that are filled in by field name.

use hallmark_image::schema::{Field, Type};

use crate::value::Node;

/// The fields of a structure under way; those that are not set are undefined, or empty lists.
pub(crate) struct Record<'a> {
    schema: &'static [Field],
    nodes: Vec<Node<'a>>,
}

impl<'a> Record<'a> {
    /// Nothing is set yet.
    pub(crate) fn new(schema: &'static [Field]) -> Self {
        Record { schema, nodes: schema.iter().map(|f| empty(&f.ty)).collect() }
    }

    /// Sets a field of the schema.
    pub(crate) fn set(&mut self, name: &str, node: Node<'a>) {
        let position = self.schema.iter().position(|f| f.name == name);
        debug_assert!(position.is_some(), "`{name}` is not in the schema");
        if let Some(slot) = position.and_then(|i| self.nodes.get_mut(i)) {
            *slot = node;
        }
    }

    /// Sets fields that numbers are read for in this order.
    pub(crate) fn set_all(&mut self, names: &[&str], values: &[u64]) {
        for (name, value) in names.iter().zip(values) {
            self.set(name, Node::word(*value));
        }
    }

    /// The structure.
    pub(crate) fn done(self) -> Node<'a> {
        Node::Struct(self.nodes)
    }
}

/// A value of type `ty` that has nothing in it.
fn empty<'a>(ty: &Type) -> Node<'a> {
    match ty {
        Type::Struct(fields) => Node::Struct(fields.iter().map(|f| empty(&f.ty)).collect()),
        Type::Array(_) => Node::Array(Vec::new()),
        Type::Map(_) => Node::Map(Vec::new()),
        Type::Int | Type::Float | Type::Bool | Type::Str | Type::Regex => Node::Undefined,
    }
}
