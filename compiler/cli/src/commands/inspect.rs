//! `hallmark inspect`: a file as the modules see it.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use hallmark_image::schema::{Field, MODULES, Module, Type, module_id};
use hallmark_modules::{ModuleData, Modules, Node};
use serde_json::{Map, Value};

use crate::escape;
use crate::module_data::ModuleDataArgs;
use crate::outcome::Outcome;
use crate::output;
use crate::trust::now;

/// Show what the modules see in a file, with the names that rules use.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark inspect --module pe program.exe --format json
  hallmark inspect --module macho --module lnk file
  hallmark inspect --module cuckoo -x cuckoo=report.json program.exe

Modules with a report show what their functions are answered from. Fields the file doesn't have are left out. Bytes that are not UTF-8 are shown as \\xHH.")]
pub struct Args {
    /// Show this module only; repeat for several
    #[arg(long, value_name = "NAME")]
    module: Vec<String>,

    #[command(flatten)]
    module_data: ModuleDataArgs,

    /// File to look at
    file: PathBuf,

    /// How it is printed
    #[arg(long, value_enum, default_value = "yaml")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    if let Some(name) = args.module.iter().find(|name| module_id(name).is_none()) {
        let known: Vec<_> = MODULES.iter().map(|module| module.name).collect();
        bail!("no module is called `{name}`; there are {}", known.join(", "));
    }
    let data =
        std::fs::read(&args.file).with_context(|| format!("cannot read {}", escape::path(&args.file)))?;
    let given = args.module_data.read()?;
    let modules = Modules::new(&data, i64::try_from(now()).unwrap_or(i64::MAX)).with(&given);
    let mut out = Map::new();
    for (id, module) in (0..).zip(MODULES) {
        let wanted = match args.module.as_slice() {
            [] if ModuleData::TAKERS.contains(&module.name) => given.has(module.name),
            [] => !module.fields.is_empty(),
            names => names.iter().any(|name| name == module.name),
        };
        if let Some(root) = modules.root(id).filter(|_| wanted) {
            let mut shown = structure(root, module.fields);
            show_texts(&given, module, &mut shown);
            out.insert(module.name.to_owned(), shown);
        }
    }
    match args.format {
        Format::Json => output::print_json(&out)?,
        Format::Yaml => output::print(&to_yaml(&Value::Object(out)))?,
    }
    Ok(Outcome::Good)
}

fn structure(node: &Node<'_>, fields: &[Field]) -> Value {
    let Node::Struct(nodes) = node else { return Value::Null };
    let known = fields.iter().zip(nodes).map(|(field, node)| (field.name.to_owned(), value(node, &field.ty)));
    Value::Object(known.filter(|(_, value)| !value.is_null()).collect())
}

/// Adds what the functions of a module with a report are answered from, where a rule would write their names.
fn show_texts(given: &ModuleData, module: &Module, shown: &mut Value) {
    for function in module.functions {
        let Some(texts) = given.texts(module.name, function.name).filter(|texts| !texts.is_empty()) else {
            continue;
        };
        let place = function.name.split('.').fold(&mut *shown, |place, name| &mut place[name]);
        *place = texts.into();
    }
}

fn value(node: &Node<'_>, ty: &Type) -> Value {
    match (node.settled(), ty) {
        (Node::Int(value), _) => (*value).into(),
        (Node::Float(value), _) => (*value).into(),
        (Node::Bool(value), _) => (*value).into(),
        (Node::Str(bytes), _) => text(bytes).into(),
        (Node::Struct(_), Type::Struct(fields)) => structure(node, fields),
        (Node::Array(items), Type::Array(ty)) => items.iter().map(|item| value(item, ty)).collect(),
        (Node::Map(entries), Type::Map(ty)) => {
            Value::Object(entries.iter().map(|(key, node)| (text(key), value(node, ty))).collect())
        }
        _ => Value::Null,
    }
}

fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| escape::bytes(bytes), str::to_owned)
}

/// YAML in block style. Texts are written as JSON writes them, which YAML reads the same way.
fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    write_yaml(value, 0, &mut out);
    out
}

fn write_yaml(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                out.push_str(&format!("{indent}{}:", plain_or_quoted(key)));
                write_entry(value, depth + 1, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                out.push_str(&format!("{indent}-"));
                write_entry(item, depth + 1, out);
            }
        }
        scalar => out.push_str(&format!("{indent}{scalar}\n")),
    }
}

/// A value after `key:` or `-`: on the same line if it fits there.
fn write_entry(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Value::Array(items) if items.is_empty() => out.push_str(" []\n"),
        Value::Object(_) | Value::Array(_) => {
            out.push('\n');
            write_yaml(value, depth, out);
        }
        scalar => out.push_str(&format!(" {scalar}\n")),
    }
}

fn plain_or_quoted(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&key.to_lowercase().as_str());
    if plain { key.to_owned() } else { Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_block_style_with_json_texts() {
        let value = json!({"a": 1, "b": [{"c": "x\n"}, []], "No": {}, "d e": null});
        let expected = "a: 1\nb:\n  -\n    c: \"x\\n\"\n  - []\n\"No\": {}\n\"d e\": null\n";
        assert_eq!(to_yaml(&value), expected);
    }

    #[test]
    fn undefined_fields_are_left_out_but_keep_their_place_in_arrays() {
        const FIELDS: &[Field] = &[
            Field { name: "a", ty: Type::Int },
            Field { name: "b", ty: Type::Array(&Type::Str) },
            Field { name: "c", ty: Type::Map(&Type::Bool) },
        ];
        let node = Node::Struct(vec![
            Node::Undefined,
            Node::Array(vec![Node::Undefined, Node::Str(b"\xFF".into())]),
            Node::Map(vec![(b"k".into(), Node::Bool(true))]),
        ]);
        assert_eq!(structure(&node, FIELDS), json!({"b": [null, "\\xFF"], "c": {"k": true}}));
    }
}
