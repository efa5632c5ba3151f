//! The pipeline: every stage once, in order.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_image::limits::MAX_STACK;
use hallmark_image::record::{AlwaysEntry, Gate};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zerocopy::little_endian::U32;

use crate::ast::Ast;
use crate::check::{Declarations, check_rule};
use crate::diagnostic::{Diagnostic, SourceId, Span};
use crate::includes::{self, Includes};
use crate::input::{Loader, Options, Source};
use crate::ir::{DeclId, LoweredRule, RuleIr, Value};
use crate::limits::{CHECKED_AT_ONCE, MAX_EXCESS_MEMBERS};
use crate::lines::Lines;
use crate::link::{Blob, Layout};
use crate::output::{Compilation, RuleInfo, Stats};
use crate::plan::{self, Plan};
use crate::{codes, conditions, findings, fix, link, lower, parser, slow, tables, write};

/// The stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the names of the stages' modules")]
pub enum Stage {
    Parse,
    Check,
    Lower,
    Plan,
    Atoms,
    Tables,
    Conditions,
    Link,
    Write,
    Prove,
}

impl Stage {
    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Parse => "parse",
            Stage::Check => "check",
            Stage::Lower => "lower",
            Stage::Plan => "plan",
            Stage::Atoms => "atoms",
            Stage::Tables => "tables",
            Stage::Conditions => "conditions",
            Stage::Link => "link",
            Stage::Write => "write",
            Stage::Prove => "prove",
        }
    }
}

/// Compiles sources into an image. `observe` is called at the start of each stage; work within a stage is spread over
/// rayon's current pool, and neither that nor the order of the sources changes a byte of the result.
pub fn compile(
    mut sources: Vec<Source>,
    options: &Options,
    loader: &dyn Loader,
    observe: &mut dyn FnMut(Stage),
) -> Compilation {
    observe(Stage::Parse);
    sources.sort_by(|a, b| (&a.namespace, &a.name, &a.text).cmp(&(&b.namespace, &b.name, &b.text)));
    let roots = sources.len();
    let mut diagnostics = Vec::new();
    let includes = includes::load(&mut sources, loader, &mut diagnostics);
    let parsed: Vec<(Ast<'_>, Vec<Diagnostic>)> = sources
        .par_iter()
        .enumerate()
        .map(|(i, source)| {
            let mut found = Vec::new();
            (parser::parse(SourceId(i as u32), &source.text, &mut found), found)
        })
        .collect();
    let (asts, found): (Vec<_>, Vec<_>) = parsed.into_iter().unzip();
    diagnostics.extend(found.into_iter().flatten());

    observe(Stage::Check);
    let (rules, names) = check(&sources, roots, &asts, &includes, options, &mut diagnostics);

    observe(Stage::Lower);
    let lowered = lower::lower_rules(rules, |ir| plan::classes(&ir.condition), options.relaxed_regex);
    let mut rules = Vec::with_capacity(lowered.len());
    for result in lowered {
        match result {
            Ok(rule) if conditions::fits(&rule) => rules.push(rule),
            Ok(rule) => diagnostics.push(too_many_values(&rule)),
            Err(found) => diagnostics.extend(found),
        }
    }
    let slow: Vec<Vec<Diagnostic>> =
        rules.par_iter().map(|rule| slow::warnings(rule, plan::classes(&rule.ir.condition))).collect();
    diagnostics.extend(slow.into_iter().flatten());
    refuse_broken_references(&mut rules, &names, &mut diagnostics);
    diagnostics.sort_by(|a, b| (a.source, a.primary.span, a.code).cmp(&(b.source, b.primary.span, b.code)));
    diagnostics.dedup();
    for diagnostic in &mut diagnostics {
        if let Some(source) = sources.get(diagnostic.source.0 as usize) {
            fix::settle(&source.text, diagnostic);
        }
    }
    let rejected = findings::rejections(&asts, &diagnostics);
    let failed = !rejected.is_empty() && !options.ignore_invalid_rules;
    findings::limit(&mut diagnostics);

    let mut stats = Stats { rejected: rejected.len() as u32, ..Stats::default() };
    let mut infos = Vec::new();
    let mut image = None;
    if !failed {
        let source_digest = source_digest(&sources);
        let (bytes, found) = assemble(&sources, &rules, options, source_digest, &mut stats, observe);
        infos = found;
        observe(Stage::Prove);
        match hallmark_image::Image::parse(&bytes) {
            Ok(_) => image = Some(bytes),
            Err(error) => diagnostics.push(Diagnostic::error(
                codes::INTERNAL,
                SourceId(0),
                Span::default(),
                format!("the compiler's own image is refused: {error}"),
                "",
            )),
        }
    }
    drop(rules);
    drop(asts);
    Compilation { image, diagnostics, sources, rejected, rules: infos, stats }
}

/// Declares all rules, then checks each. Answers the rules without errors and the names of all.
fn check<'a>(
    sources: &'a [Source],
    roots: usize,
    asts: &'a [Ast<'a>],
    includes: &Includes,
    options: &'a Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<RuleIr<'a>>, BTreeMap<DeclId, &'a str>) {
    let (all, imports) = includes::expand(sources, roots, asts, includes, diagnostics);
    let declarations = Declarations::new(all, imports, options, diagnostics);
    let ids: Vec<DeclId> = (0..declarations.rules.len() as u32).map(DeclId).collect();
    let mut rules = Vec::with_capacity(ids.len());
    let mut excess = 0usize;
    for some in ids.chunks(CHECKED_AT_ONCE) {
        let exhausted = excess > MAX_EXCESS_MEMBERS;
        let checked: Vec<(Option<RuleIr<'a>>, Vec<Diagnostic>)> = some
            .par_iter()
            .map(|&id| {
                let mut found = Vec::new();
                (check_rule(&declarations, id, options.relaxed_regex, exhausted, &mut found), found)
            })
            .collect();
        for (rule, found) in checked {
            excess += rule.as_ref().map_or(0, |rule| rule.excess);
            rules.extend(rule);
            diagnostics.extend(found);
        }
    }
    let names =
        declarations.rules.iter().enumerate().map(|(i, d)| (DeclId(i as u32), d.rule.name.name)).collect();
    (rules, names)
}

fn too_many_values(rule: &LoweredRule<'_>) -> Diagnostic {
    let label = format!("it needs more than {MAX_STACK} at once");
    let message = format!("the condition of rule `{}` computes too many values", rule.ir.name);
    Diagnostic::error(codes::TOO_MANY_VALUES, rule.ir.source, rule.ir.name_span, message, label)
        .with_help("split its longest list, and join the loops with `or` or `and`")
}

/// Takes out rules that refer to rules that were refused, to rules that refer back to them, or, being global, to
/// rules that are not.
fn refuse_broken_references(
    rules: &mut Vec<LoweredRule<'_>>,
    names: &BTreeMap<DeclId, &str>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    // What can be evaluated: rules all of whose references can be. What is left over is broken or in a cycle.
    let places: BTreeMap<DeclId, usize> = rules.iter().enumerate().map(|(at, r)| (r.ir.decl, at)).collect();
    let mut waiting = vec![0usize; rules.len()];
    let mut waited_for: Vec<Vec<usize>> = vec![Vec::new(); rules.len()];
    for (at, rule) in rules.iter().enumerate() {
        for reference in &rule.ir.references {
            waiting[at] += 1;
            // What is missing, or not global where it has to be, is waited for without end.
            let usable = places.get(reference).filter(|&&place| !rule.ir.global || rules[place].ir.global);
            if let Some(&place) = usable {
                waited_for[place].push(at);
            }
        }
    }
    let mut ready: Vec<usize> = (0..rules.len()).filter(|&at| waiting[at] == 0).collect();
    let mut sound: BTreeSet<DeclId> = BTreeSet::new();
    while let Some(at) = ready.pop() {
        sound.insert(rules[at].ir.decl);
        for &next in &waited_for[at] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(next);
            }
        }
    }
    rules.retain(|rule| {
        if sound.contains(&rule.ir.decl) {
            return true;
        }
        let broken = rule.ir.references.iter().find(|r| !sound.contains(r));
        let (code, message, label) = match broken {
            Some(other) => {
                let name = names.get(other).copied().unwrap_or("?");
                let label = format!("`{name}` has errors, or refers back to this rule");
                (codes::BROKEN_REFERENCE, format!("rule `{}` needs rule `{name}`", rule.ir.name), label)
            }
            None => (
                codes::GLOBAL_REFERENCE,
                format!("global rule `{}` refers to a rule that is not global", rule.ir.name),
                "global rules are decided before all others".to_owned(),
            ),
        };
        diagnostics.push(Diagnostic::error(code, rule.ir.source, rule.ir.name_span, message, label));
        false
    });
}

/// From lowered rules to bytes.
fn assemble(
    sources: &[Source],
    rules: &[LoweredRule<'_>],
    options: &Options,
    source_digest: [u8; 32],
    stats: &mut Stats,
    observe: &mut dyn FnMut(Stage),
) -> (Vec<u8>, Vec<RuleInfo>) {
    observe(Stage::Plan);
    let plans: Vec<Plan> = rules.par_iter().map(plan::plan).collect();
    let layout = Layout::new(rules);
    let id = |rule: &LoweredRule<'_>| layout.ids.get(&rule.ir.decl).copied().unwrap_or_default();

    observe(Stage::Atoms);
    let atoms: Vec<_> = rules
        .par_iter()
        .zip(&plans)
        .flat_map_iter(|(rule, plan)| tables::atoms(rule, plan, id(rule)))
        .collect();

    observe(Stage::Tables);
    let tables = tables::build(atoms);

    observe(Stage::Conditions);
    let codes: Vec<_> = rules
        .par_iter()
        .zip(&plans)
        .map(|(rule, plan)| {
            let mut blob = Blob::default();
            let code = conditions::emit(rule, &plan.condition, &mut |bytes| blob.intern(bytes));
            (code, blob)
        })
        .collect();

    observe(Stage::Link);
    let units: Vec<(u32, Vec<u8>)> = rules
        .par_iter()
        .zip(codes)
        .zip(&plans)
        .map(|((rule, (code, blob)), plan)| (id(rule), link::unit(rule, &code, blob, plan, &layout)))
        .collect();
    let always: Vec<AlwaysEntry> = rules
        .iter()
        .zip(&plans)
        .filter(|(_, plan)| plan.always != 0)
        .map(|(rule, plan)| AlwaysEntry {
            rule: U32::new(id(rule)),
            gate: Gate { classes: plan.always, ..plan.gate },
        })
        .collect();
    let lowered = || rules.iter().flat_map(|r| &r.patterns);
    *stats = Stats {
        rules: rules.len() as u32,
        patterns: lowered().count() as u32,
        variants: lowered().map(|p| p.variants.len() as u32).sum(),
        atoms: tables.atom_count,
        shorts: tables.short_count,
        slow_patterns: lowered().filter(|p| p.slow).count() as u32,
        always_rules: always.len() as u32,
        ..*stats
    };
    let infos = rule_infos(sources, rules, &units);

    observe(Stage::Write);
    let mut externals = options.externals.clone();
    externals.sort_by(|a, b| a.0.cmp(&b.0));
    let options_digest = options_digest(&externals, options);
    let patterns = stats.patterns;
    let parts = write::Parts {
        layout: &layout,
        units,
        always,
        tables,
        externals,
        patterns,
        source_digest,
        options_digest,
    };
    (write::image(parts), infos)
}

fn rule_infos(sources: &[Source], rules: &[LoweredRule<'_>], units: &[(u32, Vec<u8>)]) -> Vec<RuleInfo> {
    let lines: Vec<_> = sources.par_iter().map(|source| Lines::new(&source.text)).collect();
    let mut infos: Vec<RuleInfo> = rules
        .par_iter()
        .zip(units)
        .map(|(rule, (_, unit))| {
            let lines = lines.get(rule.ir.source.0 as usize);
            RuleInfo {
                namespace: rule.ir.namespace.clone(),
                name: rule.ir.name.clone(),
                source: rule.ir.source,
                line: lines.map_or(1, |lines| lines.number(rule.ir.name_span.start)),
                sha256: Sha256::digest(unit).into(),
            }
        })
        .collect();
    infos.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    infos
}

/// Digest of what was compiled: namespaces and contents, but not names, so that it is the same wherever files lie.
fn source_digest(sources: &[Source]) -> [u8; 32] {
    let mut lines: Vec<(&str, [u8; 32])> =
        sources.par_iter().map(|s| (s.namespace.as_str(), Sha256::digest(&s.text).into())).collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    for (namespace, digest) in lines {
        hash.update((namespace.len() as u64).to_le_bytes());
        hash.update(namespace.as_bytes());
        hash.update(digest);
    }
    hash.finalize().into()
}

/// Digest of a canonical text of the options, the externals being sorted.
fn options_digest(externals: &[(String, Value)], options: &Options) -> [u8; 32] {
    let Options { externals: _, ignore_invalid_rules, relaxed_regex } = options;
    Sha256::digest(format!("{externals:?} {ignore_invalid_rules} {relaxed_regex}")).into()
}
