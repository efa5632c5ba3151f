//! `hallmark dump`: what a database holds.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use hallmark_image::lanes::AtomPage;
use hallmark_image::record::{Gate, Pattern, pattern_flags, rule_flags};
use hallmark_image::selftest::SelfTest;
use hallmark_image::{FileClass, Image, RuleId, Unit};
use hallmark_store::{LoadPolicy, LoadedDatabase, load};
use serde_json::{Value, json};

use crate::disassemble;
use crate::escape;
use crate::meta;
use crate::outcome::{Outcome, complain};
use crate::output::{self, Format};

/// Show what a database holds. Signatures are not judged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark dump rules.hmk
  hallmark dump rules.hmk --rule EICAR_Test_File
  hallmark dump /var/lib/hallmark --format json")]
pub struct Args {
    /// Store directory, release directory, .hmk file or raw image
    db: PathBuf,

    /// Show this rule only, with its condition; NAME or NAMESPACE:NAME
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,

    /// Say what loading took, on standard error
    #[arg(long)]
    timing: bool,

    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let loaded = load(&args.db, &LoadPolicy::unsigned(), |_| Ok(()))?;
    let read = started.elapsed();
    let started = Instant::now();
    let image = Image::parse(&loaded.image).with_context(|| escape::path(&args.db))?;
    let proved = started.elapsed();
    match (&args.rule, args.format) {
        (Some(name), format) => print_rules(&image, name, format)?,
        (None, Format::Text) => output::print(&text(&image, &loaded))?,
        (None, Format::Json) => output::print_json(&document(&image, &loaded))?,
    }
    if args.timing {
        for (what, time) in [("read", read), ("prove", proved)] {
            complain(&format!("{what:<12}{:>10.1} ms", time.as_secs_f64() * 1e3));
        }
    }
    Ok(Outcome::Good)
}

fn print_rules(image: &Image<'_>, wanted: &str, format: Format) -> anyhow::Result<()> {
    let found: Vec<_> = image
        .rules()
        .filter(|(_, unit)| {
            let name = lossy(unit.name());
            name == wanted || format!("{}:{name}", namespace(image, unit)) == wanted
        })
        .collect();
    if found.is_empty() {
        bail!("the database has no rule `{wanted}`");
    }
    match format {
        Format::Text => {
            output::print(&found.iter().map(|(id, unit)| rule_text(image, *id, unit)).collect::<String>())
        }
        Format::Json => output::print_json(
            &found.iter().map(|(id, unit)| rule_json(image, *id, unit, true)).collect::<Vec<_>>(),
        ),
    }
}

/// Everything, one rule a line.
fn text(image: &Image<'_>, loaded: &LoadedDatabase) -> String {
    let header = image.header();
    let mut out = format!(
        "image {} bytes {} format {}.{}\n",
        loaded.info.digest,
        image.bytes().len(),
        header.major.get(),
        header.minor.get()
    );
    if let Some(note) = &loaded.info.note {
        let names: Vec<_> = note.signed().signatures().iter().map(|line| line.name.as_str()).collect();
        let release = note.release();
        out += &format!("db {} serial {}\n", release.db, release.serial);
        out += &format!(
            "signatures, not judged: {}\n",
            if names.is_empty() { "none".into() } else { names.join(", ") }
        );
    }
    out += "\nsection        offset        bytes   elements\n";
    for (kind, record) in image.sections() {
        out += &format!(
            "{:<10} {:>10} {:>12} {:>10}\n",
            kind.name(),
            record.offset.get(),
            record.len.get(),
            record.elem_count.get()
        );
    }
    out.push('\n');
    for (name, count) in counts(image) {
        out += &format!("{name:<16}{count:>10}\n");
    }
    for (index, test) in image.self_tests().iter().enumerate() {
        out += &format!("self-test {}: {}\n", index + 1, self_test_words(image, &test));
    }
    out.push('\n');
    for (id, unit) in image.rules() {
        out += &rule_line(image, id, &unit);
    }
    out
}

/// As much of an input as fits a line.
fn self_test_words(image: &Image<'_>, test: &SelfTest<'_>) -> String {
    const SHOWN: usize = 32;
    let shown = escape::bytes(test.input.get(..SHOWN).unwrap_or(test.input));
    let more = if test.input.len() > SHOWN { "…" } else { "" };
    let rules: Vec<_> = test.rules().map(|id| rule_name(image, id)).collect();
    let rules =
        if rules.is_empty() { "matches nothing".to_owned() } else { format!("matches {}", rules.join(" ")) };
    format!("{} \"{shown}{more}\" {rules}", escape::size(test.input.len() as u64))
}

fn self_test_json(image: &Image<'_>, test: &SelfTest<'_>) -> Value {
    let rules: Vec<_> = test.rules().map(|id| rule_name(image, id)).collect();
    json!({"bytes": test.input.len(), "input": escape::bytes(test.input), "rules": rules})
}

fn rule_name(image: &Image<'_>, id: RuleId) -> String {
    image
        .unit(id)
        .map_or_else(String::new, |unit| format!("{}:{}", namespace(image, &unit), lossy(unit.name())))
}

fn document(image: &Image<'_>, loaded: &LoadedDatabase) -> Value {
    let header = image.header();
    let sections = image.sections().map(|(kind, record)| {
        json!({
            "kind": record.kind.get(), "name": kind.name(), "offset": record.offset.get(),
            "bytes": record.len.get(), "elements": record.elem_count.get(),
            "sha256": escape::hex(&record.sha256),
        })
    });
    let note = loaded.info.note.as_ref().map(|note| {
        let names: Vec<_> = note.signed().signatures().iter().map(|line| line.name.as_str()).collect();
        json!({"db": note.release().db, "serial": note.release().serial, "signatures": names})
    });
    json!({
        "image": {
            "digest": loaded.info.digest.to_string(),
            "bytes": image.bytes().len(),
            "format": format!("{}.{}", header.major.get(), header.minor.get()),
            "source": format!("sha256:{}", escape::hex(&header.source_digest)),
            "options": format!("sha256:{}", escape::hex(&header.options_digest)),
        },
        "note": note,
        "sections": sections.collect::<Vec<_>>(),
        "counts": counts(image).into_iter().map(|(name, n)| (name.to_owned(), n.into())).collect::<serde_json::Map<_, _>>(),
        "self_tests": image.self_tests().iter().map(|test| self_test_json(image, &test)).collect::<Vec<_>>(),
        "rules": image.rules().map(|(id, unit)| rule_json(image, id, &unit, false)).collect::<Vec<_>>(),
    })
}

fn counts(image: &Image<'_>) -> Vec<(&'static str, u64)> {
    let entries = |pages: &[AtomPage]| pages.iter().map(|page| u64::from(page.count.get())).sum();
    let globals = image.globals();
    let triggers = image.rules().map(|(_, unit)| triggers(&unit).count() as u64).sum();
    let flagged =
        |flag: u16| image.rules().filter(|(_, unit)| unit.header.flags.get() & flag != 0).count() as u64;
    vec![
        ("rules", globals.header.rules.get().into()),
        ("namespaces", globals.namespaces.iter().filter(|name| name.len.get() > 0).count() as u64),
        ("externals", globals.externals.len() as u64),
        ("patterns", globals.header.patterns.get().into()),
        ("triggers", triggers),
        ("variants", image.rules().map(|(_, unit)| unit.variants.len() as u64).sum()),
        ("atoms", entries(image.filter().atoms)),
        ("short_atoms", entries(image.filter().shorts)),
        ("always_rules", image.always().len() as u64),
        ("whole_file_rules", flagged(rule_flags::WHOLE_FILE)),
        ("long_match_rules", flagged(rule_flags::LONG_MATCHES)),
        ("sized_rules", flagged(rule_flags::SIZED)),
        ("self_tests", image.self_tests().len() as u64),
    ]
}

fn rule_line(image: &Image<'_>, id: RuleId, unit: &Unit<'_>) -> String {
    let mut line = format!(
        "{}:{} patterns {} triggers {}",
        namespace(image, unit),
        lossy(unit.name()),
        unit.patterns.len(),
        triggers(unit).count()
    );
    for (on, word) in words(image, id, unit) {
        if on {
            line.push(' ');
            line.push_str(word);
        }
    }
    line.push('\n');
    line
}

fn triggers<'a>(unit: &Unit<'a>) -> impl Iterator<Item = &'a Pattern> + use<'a> {
    unit.patterns.iter().filter(|p| FileClass::ALL.iter().any(|class| p.is_searched(*class)))
}

fn words(image: &Image<'_>, id: RuleId, unit: &Unit<'_>) -> [(bool, &'static str); 6] {
    let flags = unit.header.flags.get();
    [
        (flags & rule_flags::GLOBAL != 0, "global"),
        (flags & rule_flags::PRIVATE != 0, "private"),
        (is_always(image, id), "always"),
        (flags & rule_flags::WHOLE_FILE != 0, "whole-file"),
        (flags & rule_flags::LONG_MATCHES != 0, "long-matches"),
        (flags & rule_flags::SIZED != 0, "sized"),
    ]
}

fn is_always(image: &Image<'_>, id: RuleId) -> bool {
    image.always().iter().any(|always| always.rule.get() == id.get())
}

fn rule_text(image: &Image<'_>, id: RuleId, unit: &Unit<'_>) -> String {
    let mut out = rule_line(image, id, unit);
    let tags: Vec<_> = unit.tags.iter().map(|tag| lossy(tag.of(unit.blob))).collect();
    if !tags.is_empty() {
        out += &format!("tags {}\n", tags.join(" "));
    }
    for (name, value) in meta::of(unit) {
        out += &format!("meta {name} = {value}\n");
    }
    out += &format!("gate {}\n", gate_words(&unit.header.gate));
    if let Some(entry) = image.always().iter().find(|entry| entry.rule.get() == id.get()) {
        out += &format!("always {}\n", class_names(entry.gate.classes));
    }
    for pattern in unit.patterns {
        out += &format!("pattern {} {}\n", lossy(pattern.id.of(unit.blob)), pattern_words(pattern).join(" "));
        let runs = disassemble::runs(unit, pattern, unit.header.gate.classes);
        for line in disassemble::variants(unit, pattern).into_iter().chain(runs) {
            out += &format!("  {line}\n");
        }
    }
    out += "condition\n";
    for line in disassemble::condition(image, unit) {
        out += &format!("  {line}\n");
    }
    out.push('\n');
    out
}

fn pattern_words(pattern: &Pattern) -> Vec<String> {
    let known = [
        (pattern_flags::PRIVATE, "private"),
        (pattern_flags::EXISTENCE, "existence"),
        (pattern_flags::ANCHORED, "anchored"),
    ];
    let classes = FileClass::ALL.iter().filter(|class| pattern.is_searched(**class));
    let classes = classes.fold(0, |set, class| set | class.bit());
    let flags = known.into_iter().filter(|(flag, _)| pattern.flags.get() & flag != 0);
    let trigger = (classes != 0).then(|| format!("trigger({})", class_names(classes)));
    flags.map(|(_, word)| word.to_owned()).chain(trigger).collect()
}

fn class_names(classes: u8) -> String {
    let classes = FileClass::ALL.iter().filter(|class| classes & class.bit() != 0);
    classes.map(|class| class.name()).collect::<Vec<_>>().join(",")
}

fn gate_words(gate: &Gate) -> String {
    let size = match (gate.min_size.get(), gate.max_size.get()) {
        (0, u32::MAX) => String::new(),
        (min, u32::MAX) => format!(" size {min}.."),
        (min, max) => format!(" size {min}..={max}"),
    };
    format!("{}{size}", class_names(gate.classes))
}

fn rule_json(image: &Image<'_>, id: RuleId, unit: &Unit<'_>, whole: bool) -> Value {
    let patterns = unit.patterns.iter().map(|pattern| {
        let mut out = json!({
            "id": lossy(pattern.id.of(unit.blob)),
            "flags": pattern_words(pattern),
            "variants": pattern.variants.get(),
        });
        if let (true, Some(map)) = (whole, out.as_object_mut()) {
            map.insert("bodies".to_owned(), disassemble::variants(unit, pattern).into());
            let classes = unit.header.gate.classes;
            map.insert("runs".to_owned(), disassemble::runs(unit, pattern, classes).into());
        }
        out
    });
    let flags = words(image, id, unit).into_iter().filter(|(on, _)| *on).map(|(_, word)| word);
    let mut out = json!({
        "name": lossy(unit.name()),
        "namespace": namespace(image, unit),
        "id": id.get(),
        "rank": unit.header.rank.get(),
        "flags": flags.collect::<Vec<_>>(),
        "gate": gate_words(&unit.header.gate),
        "tags": unit.tags.iter().map(|tag| lossy(tag.of(unit.blob))).collect::<Vec<_>>(),
        "meta": meta::of(unit),
        "patterns": patterns.collect::<Vec<_>>(),
        "instructions": unit.insns.len(),
        "bytes": image.unit_bytes(id).map_or(0, <[u8]>::len),
    });
    if let (true, Some(map)) = (whole, out.as_object_mut()) {
        map.insert("condition".to_owned(), disassemble::condition(image, unit).into());
    }
    out
}

fn namespace(image: &Image<'_>, unit: &Unit<'_>) -> String {
    lossy(image.namespace(unit.header.namespace.get()))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
