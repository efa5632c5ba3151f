//! What the modules make of a file.

use hallmark_image::schema::{Field, MODULES, Type};
use hallmark_modules::{Arg, Modules, Node, Scalar};

/// Longest file that is looked at: the bounds below are for it.
const MAX_FILE: usize = 16 << 10;

/// Bytes that one module may keep for such a file. Four times what it may spend: a unit of its allowance is about a byte.
const MAX_BYTES: usize = 32 << 20;

/// Reads the fields of every module and calls its functions: each value has the type that the schema says, the same file
/// gives the same values, and what is kept of a file is bounded, whatever it holds.
///
/// # Panics
/// Something of this is not so.
pub fn modules(data: &[u8]) {
    let data = &data[..data.len().min(MAX_FILE)];
    let (first, second) = (Modules::new(data, 0), Modules::new(data, 0));
    for (id, module) in (0..).zip(MODULES) {
        let root = first.root(id).expect("every module has fields");
        let bytes = weight(root, &Type::Struct(module.fields), module.name);
        assert!(bytes <= MAX_BYTES, "{}: {bytes} bytes are kept of a file of {}", module.name, data.len());
        assert_eq!(Some(root), second.root(id), "{}: reading twice gives different values", module.name);
        for (number, function) in (0..).zip(module.functions) {
            for choice in 0..ARGUMENTS {
                let args: Vec<_> = function.args.iter().map(|ty| argument(ty, choice, data)).collect();
                let answer = first.call(id, number, &args);
                let fits = matches!(
                    (&answer, function.result),
                    (None, _)
                        | (Some(Scalar::Int(_)), Type::Int)
                        | (Some(Scalar::Float(_)), Type::Float)
                        | (Some(Scalar::Bool(_)), Type::Bool)
                        | (Some(Scalar::Str(_)), Type::Str)
                );
                assert!(fits, "{}.{}: {answer:?}", module.name, function.name);
            }
        }
    }
}

/// Bytes of a value and all in it. Text that is part of the file is not kept.
fn weight(node: &Node<'_>, ty: &Type, at: &str) -> usize {
    let own = size_of::<Node<'_>>();
    let within = match (node.settled(), ty) {
        (Node::Undefined, Type::Int | Type::Float | Type::Bool | Type::Str) => 0,
        (Node::Int(_), Type::Int) | (Node::Float(_), Type::Float) | (Node::Bool(_), Type::Bool) => 0,
        (Node::Str(std::borrow::Cow::Borrowed(_)), Type::Str) => 0,
        (Node::Str(std::borrow::Cow::Owned(text)), Type::Str) => text.len(),
        (Node::Struct(nodes), Type::Struct(fields)) => {
            assert_eq!(nodes.len(), fields.len(), "{at}");
            let field = |(node, field): (_, &Field)| weight(node, &field.ty, field.name);
            nodes.iter().zip(*fields).map(field).sum()
        }
        (Node::Array(nodes), Type::Array(ty)) => nodes.iter().map(|node| weight(node, ty, at)).sum(),
        (Node::Map(entries), Type::Map(ty)) => {
            entries.iter().map(|(key, node)| key.len() + weight(node, ty, at)).sum()
        }
        // What a file doesn't have may be left out of a list of structures.
        (node, ty) => panic!("{at}: {node:?} is no {ty:?}"),
    };
    own + within
}

/// How many arguments of each type are tried.
const ARGUMENTS: usize = 3;

fn argument<'a>(ty: &Type, choice: usize, data: &'a [u8]) -> Arg<'a> {
    match ty {
        Type::Int => Arg::Int([0, 1, data.len() as i64][choice]),
        Type::Float => Arg::Float([0.0, 1.5, -1.0][choice]),
        Type::Bool => Arg::Bool(choice == 1),
        Type::Str => Arg::Str([&b""[..], b".text", &data[..data.len().min(8)]][choice]),
        Type::Regex => Arg::Regex(if choice == 0 { &|_| true } else { &|text| text.len() > 3 }),
        other => panic!("no argument is {other:?}"),
    }
}
