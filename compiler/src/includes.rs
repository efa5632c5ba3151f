//! Includes: loads what sources include, then puts rules and imports in the order in which they are meant.

use std::collections::BTreeMap;

use crate::ast::{Ast, Item, Literal};
use crate::check::{Declaration, Imports};
use crate::codes;
use crate::diagnostic::{Diagnostic, Edit, SourceId, Span};
use crate::input::{Loader, Source};
use crate::limits::{MAX_INCLUDE_DEPTH, MAX_INCLUDES};
use crate::parser;
use hallmark_image::schema::{MODULES, module_id};

/// Modules that there will not be, and what to write instead.
const INSTEAD: &[(&str, &str)] = &[(
    "magic",
    "its answers depend on the libmagic that is installed; test the first bytes, as in `uint32be(0) == 0x504B0304`, or \
     ask a module that reads the format, as in `pe.is_pe`",
)];

/// What each include statement, by source and place, leads to.
pub type Includes = BTreeMap<(SourceId, u32), SourceId>;

/// Loads included files, and those they include, behind the given sources. Each file is loaded once.
pub fn load(sources: &mut Vec<Source>, loader: &dyn Loader, diagnostics: &mut Vec<Diagnostic>) -> Includes {
    let mut includes = Includes::new();
    let mut loaded: BTreeMap<String, SourceId> = BTreeMap::new();
    let mut at = 0;
    while let Some(source) = sources.get(at) {
        let id = SourceId(at as u32);
        at += 1;
        // Nearly no file has includes: those that can't are not parsed a second time.
        if memchr::memmem::find(&source.text, b"include").is_none() {
            continue;
        }
        let (name, text) = (source.name.clone(), source.text.clone());
        let ast = parser::parse(id, &text, &mut Vec::new());
        for item in &ast.items {
            let Item::Include(path) = item else { continue };
            let wanted = String::from_utf8_lossy(&path.value).into_owned();
            let found = if loaded.len() >= MAX_INCLUDES {
                Err(format!("more than {MAX_INCLUDES} included files"))
            } else {
                loader.load(&name, &wanted)
            };
            match found {
                Ok((name, text)) => {
                    let target = *loaded.entry(name.clone()).or_insert_with(|| {
                        sources.push(Source { name, namespace: String::new(), text });
                        SourceId(sources.len() as u32 - 1)
                    });
                    includes.insert((id, path.span.start), target);
                }
                Err(why) => diagnostics.push(
                    Diagnostic::error(
                        codes::INCLUDE_FAILED,
                        id,
                        path.span,
                        format!("can't include `{wanted}`"),
                        why,
                    )
                    .with_help("paths are looked up beside the including file, then in the folders of `--include-dir`"),
                ),
            }
        }
    }
    includes
}

/// All rules in the order of their roots, included ones where they are included; and what each root imports.
pub fn expand<'a>(
    sources: &'a [Source],
    roots: usize,
    asts: &'a [Ast<'a>],
    includes: &Includes,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Declaration<'a>>, Imports) {
    let mut expansion = Expansion {
        asts,
        includes,
        diagnostics,
        sources,
        imported: BTreeMap::new(),
        rules: Vec::new(),
        imports: Imports::default(),
    };
    for (i, root) in sources.iter().take(roots).enumerate() {
        let id = SourceId(i as u32);
        expansion.source(id, id, &root.namespace, &mut Vec::new());
    }
    (expansion.rules, expansion.imports)
}

struct Expansion<'a, 'd> {
    asts: &'a [Ast<'a>],
    includes: &'d Includes,
    diagnostics: &'d mut Vec<Diagnostic>,
    sources: &'a [Source],
    /// The first import of each module in each source.
    imported: BTreeMap<(SourceId, String), Span>,
    rules: Vec<Declaration<'a>>,
    imports: Imports,
}

impl<'a> Expansion<'a, '_> {
    fn source(&mut self, id: SourceId, root: SourceId, namespace: &'a str, open: &mut Vec<SourceId>) {
        let Some(ast) = self.asts.get(id.0 as usize) else { return };
        open.push(id);
        for item in &ast.items {
            match item {
                Item::Rule(rule) => self.rules.push(Declaration { rule, source: id, root, namespace }),
                Item::Import(module) => self.import(module, id, root),
                Item::Include(path) => {
                    let Some(&target) = self.includes.get(&(id, path.span.start)) else { continue };
                    if open.contains(&target) {
                        self.diagnostics.push(Diagnostic::error(
                            codes::INCLUDE_CYCLE,
                            id,
                            path.span,
                            "a file includes itself",
                            "this leads back to a file that is being read",
                        ));
                    } else if open.len() >= MAX_INCLUDE_DEPTH {
                        self.diagnostics.push(Diagnostic::error(
                            codes::INCLUDE_CYCLE,
                            id,
                            path.span,
                            "includes nest too deep",
                            format!("more than {MAX_INCLUDE_DEPTH} levels"),
                        ));
                    } else {
                        self.source(target, root, namespace, open);
                    }
                }
            }
        }
        open.pop();
    }

    fn duplicate_import(&mut self, name: &str, span: Span, first: Span, source: SourceId) {
        const KEYWORD: &[u8] = b"import";
        let message = format!("module `{name}` is imported twice");
        let finding = Diagnostic::warning(codes::DUPLICATE_IMPORT, source, span, message, "again here")
            .with_label(first, "imported here");
        let text = self.sources.get(source.0 as usize).map_or(&[][..], |source| &source.text);
        let before = text.get(..span.start as usize).unwrap_or_default().trim_ascii_end();
        self.diagnostics.push(match before.strip_suffix(KEYWORD) {
            Some(before) => {
                let statement = Span { start: before.len() as u32, end: span.end };
                finding.with_fix("remove one of them", vec![Edit::remove(statement)])
            }
            None => finding.with_help("remove one of them"),
        });
    }

    fn import(&mut self, module: &Literal<'_>, source: SourceId, root: SourceId) {
        self.imports.ends.insert(source, module.span.end);
        let name = String::from_utf8_lossy(&module.value);
        // A source that is included twice has each of its imports once all the same.
        let first = *self.imported.entry((source, name.clone().into_owned())).or_insert(module.span);
        if first != module.span {
            self.duplicate_import(&name, module.span, first, source);
        }
        if module_id(&name).is_none() {
            let known: Vec<String> = MODULES.iter().map(|m| format!("`{}`", m.name)).collect();
            self.diagnostics.push(
                Diagnostic::error(
                    codes::UNKNOWN_MODULE,
                    source,
                    module.span,
                    format!("unknown module `{name}`"),
                    "this version does not have it",
                )
                .with_help(match INSTEAD.iter().find(|(other, _)| *other == name) {
                    Some((_, help)) => (*help).to_owned(),
                    None => format!("the modules of this version are {}", known.join(", ")),
                }),
            );
            return;
        }
        self.imports.modules.entry(root).or_default().insert(name.into_owned());
    }
}
