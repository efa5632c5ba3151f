//! Hyperscan beside the literal lane: the same files searched for the literals of the rules, and nothing else.
//!
//! It is no rule engine, so its matches are literals and are not compared with the others'. What it shows is how fast
//! the best-known library for sets of literals is where a rule engine spends most of its time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hallmark_compiler::ast::{HexToken, Item, ModifierKind, Pattern, PatternBody};
use hallmark_compiler::diagnostic::SourceId;
use hallmark_compiler::parser;

use super::process::{Runner, on_path};
use super::rules::RuleFile;
use super::sets::{Set, hex};
use super::turns::{Answer, Job, Sample};
use crate::words;

/// Name of its row in the tables.
pub const NAME: &str = "hyperscan";
/// The program that calls the library.
const SOURCE: &str = include_str!("../hyperscan.c");
/// Shorter literals match nearly everywhere; rule engines don't search for these alone either.
const SHORTEST: usize = 4;

/// The compiled literals, ready to scan.
#[derive(Debug)]
pub struct Hyperscan {
    program: PathBuf,
    database: PathBuf,
    /// How many literals there are.
    pub literals: usize,
    /// Time that compiling them took.
    pub compiling: Duration,
    /// Size of the compiled form in bytes.
    pub bytes: u64,
}

/// A literal, and whether letters of either case are meant.
type Literal = (Vec<u8>, bool);

impl Hyperscan {
    /// Builds the program and compiles the literals of `files` in `scratch`.
    ///
    /// # Errors
    /// There is no C compiler or no library, or the rules have no literal.
    pub fn prepare<'a>(
        files: impl Iterator<Item = &'a RuleFile>,
        scratch: &Path,
        runner: &Runner,
    ) -> anyhow::Result<Self> {
        let Some(cc) = on_path("cc") else { bail!("there is no C compiler (`cc`) on PATH") };
        let (source, program) = (scratch.join("hyperscan.c"), scratch.join("hyperscan"));
        std::fs::write(&source, SOURCE).context("cannot write hyperscan.c")?;
        runner
            .must(&words![cc, "-O2", "-o", &program, &source, "-lhs"], &[0])
            .context("libhs can't be used; `apt-get install libhyperscan-dev` has it")?;
        let literals: BTreeSet<Literal> = files.flat_map(|file| literals_of(&file.text)).collect();
        if literals.is_empty() {
            bail!("the rules have no literal of {SHORTEST} bytes");
        }
        let (list, database) = (scratch.join("literals"), scratch.join("hyperscan.db"));
        let mut text = String::new();
        for (bytes, nocase) in &literals {
            // Writing to a string never fails.
            let _ = writeln!(text, "{} {}", if *nocase { 'i' } else { 'c' }, hex(bytes));
        }
        std::fs::write(&list, text).context("cannot write the literals")?;
        let done = runner.must(&words![&program, "compile", list, &database], &[0])?;
        let bytes =
            String::from_utf8_lossy(&done.stdout).trim().parse().context("the size of the database")?;
        let compiling = Duration::from_secs_f64(done.seconds);
        Ok(Hyperscan { program, database, literals: literals.len(), compiling, bytes })
    }

    /// Scans a set, in one thread. The time is that of the scans alone: files were read before.
    ///
    /// # Errors
    /// The list of files can't be written.
    pub fn job<'a>(&'a self, set: &Set, scratch: &Path, runner: &'a Runner) -> anyhow::Result<Job<'a>> {
        let list = scratch.join(format!("{}.list", set.name));
        let mut text = Vec::new();
        for file in &set.files {
            text.extend_from_slice(file.as_os_str().as_encoded_bytes());
            text.push(b'\n');
        }
        std::fs::write(&list, text).context("cannot write the list of files")?;
        let expected = set.bytes;
        let run = move || {
            let done = runner.must(&words![&self.program, "scan", &self.database, &list], &[0])?;
            let (bytes, seconds, found) = parse(&done.stdout).context("an unexpected answer")?;
            if bytes != expected {
                bail!("{bytes} bytes were scanned, and there are {expected}");
            }
            Ok(Sample { seconds, peak_kib: done.peak_kib, answer: Answer::Literals(found) })
        };
        Ok(Job { name: NAME.to_owned(), run: Box::new(run) })
    }
}

fn parse(stdout: &[u8]) -> Option<(u64, f64, u64)> {
    let text = std::str::from_utf8(stdout).ok()?;
    let mut fields = text.split_whitespace();
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The literals of the text patterns and of the hex patterns without wildcards in a rule file. Patterns that stand for
/// many literals (`xor`, `base64`) are left out; what else a match needs (`fullword`, offsets) is not asked for.
fn literals_of(text: &[u8]) -> BTreeSet<Literal> {
    let ast = parser::parse(SourceId(0), text, &mut Vec::new());
    let rules = ast.items.iter().filter_map(|item| match item {
        Item::Rule(rule) => Some(rule),
        _ => None,
    });
    let mut literals = BTreeSet::new();
    for pattern in rules.flat_map(|rule| &rule.patterns) {
        literals.extend(literals_of_pattern(pattern));
    }
    literals
}

fn literals_of_pattern(pattern: &Pattern<'_>) -> Vec<Literal> {
    let has = |wanted: fn(&ModifierKind<'_>) -> bool| pattern.modifiers.iter().any(|m| wanted(&m.kind));
    if has(|kind| {
        matches!(kind, ModifierKind::Xor { .. } | ModifierKind::Base64(_) | ModifierKind::Base64Wide(_))
    }) {
        return Vec::new();
    }
    let nocase = has(|kind| *kind == ModifierKind::Nocase);
    match &pattern.body {
        PatternBody::Text(literal) if literal.value.len() >= SHORTEST => {
            let wide = has(|kind| *kind == ModifierKind::Wide);
            let ascii = !wide || has(|kind| *kind == ModifierKind::Ascii);
            let bytes = literal.value.to_vec();
            let widened = bytes.iter().flat_map(|&byte| [byte, 0]).collect();
            let forms = [(ascii, bytes), (wide, widened)];
            forms.into_iter().filter(|(wanted, _)| *wanted).map(|(_, bytes)| (bytes, nocase)).collect()
        }
        PatternBody::Hex(tokens) => {
            let fixed: Option<Vec<u8>> = tokens
                .iter()
                .map(|token| match token {
                    HexToken::Byte { value, mask: 0xFF, negated: false, .. } => Some(*value),
                    _ => None,
                })
                .collect();
            fixed.filter(|bytes| bytes.len() >= SHORTEST).map(|bytes| (bytes, false)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_those_of_text_and_fixed_hex_patterns() {
        let text =
            br#"rule r { strings: $a="root" $b="wide" wide $c="both" ascii wide nocase $d="abc" $e="xxxx" xor
            $f={01 02 03 04} $g={01 02 ?? 04 05} $h=/regex/ $i="b64b" base64 condition: any of them }"#;
        let expected = [
            (b"root".to_vec(), false),
            (b"w\0i\0d\0e\0".to_vec(), false),
            (b"both".to_vec(), true),
            (b"b\0o\0t\0h\0".to_vec(), true),
            (vec![1, 2, 3, 4], false),
        ];
        assert_eq!(literals_of(text), BTreeSet::from(expected));
    }

    #[test]
    fn an_answer_has_three_numbers() {
        assert_eq!(parse(b"10 0.5 3\n"), Some((10, 0.5, 3)));
        assert_eq!(parse(b"10 0.5"), None);
    }
}
