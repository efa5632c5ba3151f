//! `hallmark build`: rules to a database.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use hallmark_container::{Digest, limits};
use hallmark_publish::{Base, DEFAULT_LEVEL, Release, SecretKey};
use hallmark_runtime::Database;
use serde_json::{Value, json};

use crate::compile::{CompileArgs, Compiled};
use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::packed::Packed;
use crate::release::{self, Facts, Identity};
use crate::rulemap::RuleMap;
use crate::settings::ReleaseSettings;
use crate::sources::SourceArg;
use crate::tree::SourceTree;

/// Compression level of a container that is not signed, and so stays where it was built: a thirtieth of the time for a
/// quarter more bytes.
const QUICK_LEVEL: i32 = 9;

/// Compile rules to a database.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark build rules/ -o rules.hmk
  hallmark build apt:rules/apt web.yar -o rules.hmk --key keys/build.secret --db example.org/core --serial 7
  hallmark build rules/ --image rules.img --ignore-invalid-rules --stats
  hallmark build rules/ --release release-8/ --serial 8 --key keys/build.secret --prev release-7/

The new release has a patch from each release named with --prev, and calls the latest of these the
one before it.

--release takes one directory of sources. Its release.toml (db, serial, source-date, days),
options.toml (externals, namespaces, include-dirs, path-as-namespace, relaxed-re-syntax),
rejected.toml (what is known not to compile) and selftest.toml (inputs, and the rules each must
match) are read; options given here go before them. Self-tests travel with the database: they
are run here, and again before it is installed.

Exit code: 0 built, 1 rules have errors, 2 usage, unreadable files or a file that cannot be written.")]
pub struct Args {
    /// Rule file, or directory to search for *.yar and *.yara, with the namespace of its rules
    #[arg(value_name = "[NS:]PATH", required = true)]
    paths: Vec<SourceArg>,

    /// Container to write
    #[arg(short, long, value_name = "OUT.hmk", required_unless_present_any = ["image", "release"])]
    output: Option<PathBuf>,

    /// Raw image to write
    #[arg(long, value_name = "OUT.img")]
    image: Option<PathBuf>,

    /// Release directory to write: note, container, payload, rule map and source manifest
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "image"])]
    release: Option<PathBuf>,

    /// The release before this one, which the note names and from which a patch is made; with several, there is a
    /// patch from each
    #[arg(long, value_name = "OLDRELEASE", requires = "release")]
    prev: Vec<PathBuf>,

    /// Sign the container with this secret key, and pack it as small as can be
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    #[command(flatten)]
    identity: Identity,

    #[command(flatten)]
    compile: CompileArgs,

    /// Leave out rules with errors, and list each as rejected
    #[arg(long)]
    ignore_invalid_rules: bool,

    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Say what each stage took, on standard error
    #[arg(long)]
    timing: bool,

    /// Print what the database holds
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    stats: Option<StatsFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StatsFormat {
    Text,
    Json,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    // A key that cannot be used is better known before the work than after it.
    let key = args.key.as_deref().map(SecretKey::load).transpose().context("--key")?;
    if let Some(dir) = &args.release {
        return build_release(args, dir, key.as_ref());
    }
    if key.is_some() && args.output.is_none() {
        bail!("--key signs a container: give --output or --release too");
    }
    let compiled = args.compile.run(&args.paths, args.ignore_invalid_rules, args.threads)?;
    compiled.print_diagnostics();
    let Some(image) = &compiled.compilation.image else {
        complain(
            "error: nothing was written, because rules have errors; --ignore-invalid-rules leaves them out",
        );
        return Ok(Outcome::Refused);
    };
    compiled.print_rejected();
    let mut facts = Built::new(&compiled, image);
    if let Some(path) = &args.image {
        output::write_file(path, image)?;
    }
    if let Some(path) = &args.output {
        let started = Instant::now();
        let level = if key.is_some() { DEFAULT_LEVEL } else { QUICK_LEVEL };
        let source = release::manifest(&compiled.compilation.sources, &args.paths)?.source();
        let named = Facts::new(&args.identity, &ReleaseSettings::default())?;
        let mut release = release::pack(&compiled, image, source, named, None, level)?;
        facts.timing.push(("pack", started.elapsed()));
        if let Some(key) = &key {
            release.sign(key)?;
        }
        let container = release.container()?;
        facts.packed(&release, container.len());
        output::write_file(path, &container)?;
    }
    let written = args.output.iter().chain(&args.image).map(escape::path).collect::<Vec<_>>().join(", ");
    facts.tell(&written, args)
}

/// Writes a release directory.
fn build_release(args: &Args, dir: &Path, key: Option<&SecretKey>) -> anyhow::Result<Outcome> {
    let [SourceArg { namespace, path }] = args.paths.as_slice() else {
        bail!("--release takes exactly one source directory");
    };
    let tree = SourceTree::read(path)?;
    let mut named = Facts::new(&args.identity, &tree.settings().release)?;
    named.bases = bases(&args.prev, &named)?;
    let compiled = tree.compile(namespace.as_deref(), &args.compile, args.threads)?;
    compiled.print_diagnostics();
    let Some(image) = &compiled.compilation.image else {
        complain("error: nothing was written, because the sources give no image");
        return Ok(Outcome::Refused);
    };
    compiled.print_rejected();
    let unaccepted = tree.unaccepted(&compiled.compilation);
    if !unaccepted.is_empty() && (tree.lists_rejected() || !args.ignore_invalid_rules) {
        for line in unaccepted {
            complain(&format!("error: {line}"));
        }
        complain("error: nothing was written, because what does not compile is not what rejected.toml lists");
        return Ok(Outcome::Refused);
    }
    let started = Instant::now();
    let database = Database::from_image_bytes(image).context("the image just built")?;
    if let Err(failure) = tree.self_tests().run(&database) {
        complain(&format!("error: {failure}"));
        complain("error: nothing was written, because a self-test does not hold");
        return Ok(Outcome::Refused);
    }
    let mut facts = Built::new(&compiled, image);
    facts.timing.push(("self-test", started.elapsed()));
    let started = Instant::now();
    let manifest = tree.manifest(&compiled.compilation)?;
    let rulemap = RuleMap::new(&compiled.compilation, database.image()).to_text()?;
    let source = manifest.source();
    let mut release = release::pack(&compiled, image, source, named, Some(&rulemap), DEFAULT_LEVEL)?;
    facts.timing.push(("pack", started.elapsed()));
    if let Some(key) = key {
        release.sign(key)?;
    }
    facts.packed(&release, release.container()?.len());
    release.write_directory(dir, &manifest, Some(&rulemap))?;
    facts.tell(&escape::path(dir), args)
}

/// The releases that patches are made from.
fn bases(prev: &[PathBuf], named: &Facts) -> anyhow::Result<Vec<Base>> {
    ensure!(prev.len() <= limits::MAX_PATCHES, "--prev: at most {} releases", limits::MAX_PATCHES);
    let base = |path: &PathBuf| {
        let old = Packed::read_before(path, &named.db, named.serial)?;
        Ok(Base { serial: old.note.release().serial, image: old.image })
    };
    prev.iter().map(base).collect()
}

/// What was built.
struct Built<'a> {
    compiled: &'a Compiled,
    timing: Vec<(&'static str, Duration)>,
    digest: Digest,
    image_bytes: usize,
    container_bytes: Option<usize>,
    /// Serials and lengths.
    patches: Vec<(u64, usize)>,
    signers: Vec<String>,
}

impl<'a> Built<'a> {
    fn new(compiled: &'a Compiled, image: &[u8]) -> Self {
        Built {
            compiled,
            timing: compiled.timing.clone(),
            digest: Digest::of(image),
            image_bytes: image.len(),
            container_bytes: None,
            patches: Vec::new(),
            signers: Vec::new(),
        }
    }

    fn packed(&mut self, release: &Release, container_bytes: usize) {
        self.container_bytes = Some(container_bytes);
        self.patches = release.patches().iter().map(|patch| (patch.serial, patch.bytes.len())).collect();
        self.signers = release.note().signatures().iter().map(|line| line.name.clone()).collect();
    }

    /// Says what was built, as the flags ask.
    fn tell(&self, written: &str, args: &Args) -> anyhow::Result<Outcome> {
        complain(&format!("{written}: {}", self.summary()));
        if args.timing {
            self.print_timing();
        }
        match args.stats {
            Some(StatsFormat::Text) => output::print(&self.text())?,
            Some(StatsFormat::Json) => output::print_json(&self.json())?,
            None => {}
        }
        Ok(Outcome::Good)
    }

    fn summary(&self) -> String {
        let stats = &self.compiled.compilation.stats;
        let packed = match self.container_bytes {
            Some(bytes) => format!(", packed {}", escape::size(bytes as u64)),
            None => String::new(),
        };
        let patch =
            |&(serial, bytes): &(u64, usize)| format!(", patch from {serial} {}", escape::size(bytes as u64));
        let patches: String = self.patches.iter().map(patch).collect();
        let signed = match (self.container_bytes, self.signers.as_slice()) {
            (None, _) => String::new(),
            (Some(_), []) => ", not signed".to_owned(),
            (Some(_), names) => format!(", signed by {}", names.join(", ")),
        };
        let rejected = match stats.rejected {
            0 => String::new(),
            n => format!(" ({n} rejected)"),
        };
        format!(
            "{}{rejected}, {}, {}{packed}{patches}{signed}, {}",
            escape::count(stats.rules, "rule"),
            escape::count(stats.patterns, "pattern"),
            escape::size(self.image_bytes as u64),
            self.digest
        )
    }

    /// What each stage took, on standard error.
    fn print_timing(&self) {
        let total: Duration = self.timing.iter().map(|(_, time)| *time).sum();
        for (name, time) in self.timing.iter().copied().chain([("total", total)]) {
            complain(&format!("{name:<12}{:>10.1} ms", time.as_secs_f64() * 1e3));
        }
    }

    fn rows(&self) -> Vec<(&'static str, Value)> {
        let stats = &self.compiled.compilation.stats;
        vec![
            ("files", self.compiled.compilation.sources.len().into()),
            ("source_bytes", self.compiled.source_bytes.into()),
            ("rules", stats.rules.into()),
            ("rejected", stats.rejected.into()),
            ("patterns", stats.patterns.into()),
            ("slow_patterns", stats.slow_patterns.into()),
            ("variants", stats.variants.into()),
            ("atoms", stats.atoms.into()),
            ("short_atoms", stats.shorts.into()),
            ("always_rules", stats.always_rules.into()),
            ("image_bytes", self.image_bytes.into()),
            ("container_bytes", self.container_bytes.into()),
        ]
    }

    fn text(&self) -> String {
        let rows = self.rows().into_iter().filter(|(_, value)| !value.is_null());
        rows.map(|(name, value)| format!("{name:<16}{value:>12}\n")).collect()
    }

    fn json(&self) -> Value {
        let mut out: serde_json::Map<_, _> =
            self.rows().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        out.insert("image".to_owned(), self.digest.to_string().into());
        let patch = |&(serial, bytes): &(u64, usize)| json!({ "from": serial, "bytes": bytes });
        out.insert("patches".to_owned(), self.patches.iter().map(patch).collect());
        out.insert("signers".to_owned(), json!(self.signers));
        let timing = self.timing.iter();
        let timing = timing.map(|(name, time)| ((*name).to_owned(), json!(time.as_micros() as f64 / 1e3)));
        out.insert("timing_ms".to_owned(), Value::Object(timing.collect()));
        out.into()
    }
}
