//! Declarations: which rules exist, where, and who may see them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Included, Unbounded};

use crate::ast::Rule;
use crate::codes;
use crate::diagnostic::{Diagnostic, SourceId};
use crate::input::Options;
use crate::ir::{DeclId, Type};
use crate::limits::MAX_NAMESPACES;
use crate::suggest::{around, nearest};

/// A declared rule.
#[derive(Debug, Clone, Copy)]
pub struct Declaration<'a> {
    /// The rule.
    pub rule: &'a Rule<'a>,
    /// The source its text stands in.
    pub source: SourceId,
    /// The source given to the compiler that led to it, itself or by includes.
    pub root: SourceId,
    /// Its namespace.
    pub namespace: &'a str,
}

/// What is imported.
#[derive(Debug, Default)]
pub struct Imports {
    /// By the source given to the compiler: the modules that it, and what it includes, import.
    pub modules: BTreeMap<SourceId, BTreeSet<String>>,
    /// By source: where its last import ends.
    pub ends: BTreeMap<SourceId, u32>,
}

/// All declared rules and what their conditions can name.
pub struct Declarations<'a> {
    /// The rules, by root and order within it.
    pub rules: Vec<Declaration<'a>>,
    /// By namespace and name.
    by_name: BTreeMap<&'a str, BTreeMap<&'a str, DeclId>>,
    imports: Imports,
    externals: BTreeMap<&'a str, (u32, Type)>,
}

impl<'a> Declarations<'a> {
    /// Gathers declarations; the second of two rules with one name in one namespace is refused.
    pub fn new(
        all: Vec<Declaration<'a>>,
        imports: Imports,
        options: &'a Options,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut externals: Vec<_> = options.externals.iter().collect();
        externals.sort_by(|a, b| a.0.cmp(&b.0));
        let externals = externals
            .iter()
            .enumerate()
            .map(|(i, (name, value))| (name.as_str(), (i as u32, value.ty())))
            .collect();
        let mut this = Declarations {
            rules: Vec::with_capacity(all.len()),
            by_name: BTreeMap::new(),
            imports,
            externals,
        };
        for declaration in all {
            let name = declaration.rule.name;
            if this.by_name.len() == MAX_NAMESPACES && !this.by_name.contains_key(declaration.namespace) {
                diagnostics.push(
                    Diagnostic::error(
                        codes::TOO_MANY_NAMESPACES,
                        declaration.source,
                        name.span,
                        format!("no room for namespace `{}`", declaration.namespace),
                        format!("a database may have {MAX_NAMESPACES} namespaces"),
                    )
                    .with_help("give several files one namespace, or build them as several databases"),
                );
                continue;
            }
            let names = this.by_name.entry(declaration.namespace).or_default();
            if let Some(&first) = names.get(name.name) {
                let first = this.rules[first.0 as usize];
                let mut finding = Diagnostic::error(
                    codes::DUPLICATE_RULE,
                    declaration.source,
                    name.span,
                    format!("rule `{}` is defined twice", name.name),
                    "defined again here",
                )
                .with_help("rename one of them, or put the files into different namespaces");
                if first.source == declaration.source {
                    finding = finding.with_label(first.rule.name.span, "first defined here");
                }
                diagnostics.push(finding);
                continue;
            }
            names.insert(name.name, DeclId(this.rules.len() as u32));
            this.rules.push(declaration);
        }
        this
    }

    /// The declaration with this id.
    pub fn get(&self, id: DeclId) -> &Declaration<'a> {
        &self.rules[id.0 as usize]
    }

    /// Whether the rule `from` may refer to `to`: not to itself, and within one root only upwards.
    fn visible(&self, from: DeclId, to: DeclId) -> bool {
        from != to && (self.get(from).root != self.get(to).root || to < from)
    }

    /// The rule that `name` means in the condition of `from`.
    pub fn find(&self, from: DeclId, name: &str) -> Option<DeclId> {
        let id = *self.names_beside(from)?.get(name)?;
        self.visible(from, id).then_some(id)
    }

    /// The rules that `prefix*` means in the condition of `from`, by name.
    pub fn with_prefix(&self, from: DeclId, prefix: &str) -> Vec<DeclId> {
        let named = self
            .names_beside(from)
            .into_iter()
            .flat_map(|names| names.range::<str, _>((Included(prefix), Unbounded)));
        let named = named.take_while(|(name, _)| name.starts_with(prefix));
        named.map(|(_, &id)| id).filter(|&id| self.visible(from, id)).collect()
    }

    /// A rule below `from` in its file that `prefix*` would mean as well, had it been defined above.
    pub fn defined_below(&self, from: DeclId, prefix: &str) -> Option<&'a str> {
        let own = self.get(from);
        let below = self.rules.iter().skip(from.0 as usize + 1).take_while(|d| d.root == own.root);
        let mut named =
            below.filter(|d| d.namespace == own.namespace && d.rule.name.name.starts_with(prefix));
        named.next().map(|d| d.rule.name.name)
    }

    /// Whether `from`'s file imports the module called `name`.
    pub fn imported(&self, from: DeclId, name: &str) -> bool {
        self.imports.modules.get(&self.get(from).root).is_some_and(|names| names.contains(name))
    }

    /// Where the last import of a source ends.
    pub fn last_import(&self, source: SourceId) -> Option<u32> {
        self.imports.ends.get(&source).copied()
    }

    /// Index and type of an external variable.
    pub fn external(&self, name: &str) -> Option<(u32, Type)> {
        self.externals.get(name).copied()
    }

    /// The name nearest to `word` of those that a condition of `from` could mean.
    pub fn nearest(&self, from: DeclId, word: &str) -> Option<&'a str> {
        let rules = self.names_beside(from).into_iter().flat_map(|names| around(word, names));
        nearest(word, rules.chain(around(word, &self.externals)))
    }

    /// The rules of the namespace of `from`.
    fn names_beside(&self, from: DeclId) -> Option<&BTreeMap<&'a str, DeclId>> {
        self.by_name.get(self.get(from).namespace)
    }
}
