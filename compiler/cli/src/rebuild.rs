//! Rebuilding and comparing. Input: a release directory whose note was judged, and sources. Output: a line for each
//! difference, the rules by name.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hallmark_container::{
    Container, Demand, Digest, ReleaseNote, SizedDigest, VerifiedNote, layout, limits, verify_note,
};
use hallmark_image::Image;
use hallmark_store::{Links, MAX_CONTAINER, read_file_capped};

use crate::compile::CompileArgs;
use crate::escape;
use crate::fingerprint::{RuleDiff, RuleName, differing_sections};
use crate::rulemap::RuleMap;
use crate::tree::SourceTree;

/// What a release directory holds, each part compared with the note.
pub struct Released<'a> {
    note: &'a ReleaseNote,
    /// Absent if no payload is the promised one.
    image: Option<Vec<u8>>,
    /// Absent if it is not the promised one.
    manifest: Option<String>,
    /// Absent if it is not the promised one.
    rulemap: Option<RuleMap>,
    /// What is not as promised.
    broken: Vec<String>,
}

impl<'a> Released<'a> {
    /// Reads the files beside the note and compares them with it.
    ///
    /// # Errors
    /// A directory that can't be listed.
    pub fn read(dir: &Path, note: &'a VerifiedNote) -> anyhow::Result<Self> {
        let release = note.release();
        let mut this = Self { note: release, image: None, manifest: None, rulemap: None, broken: Vec::new() };
        if let Some(payload) = this.file(&dir.join(layout::IMAGE_PAYLOAD), limits::MAX_PAYLOAD) {
            this.image = this.decode(layout::IMAGE_PAYLOAD, note, &payload);
        }
        for path in files(dir)? {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(layout::CONTAINER_EXTENSION) => this.container(&path, note),
                Some("zst") if !path.ends_with(layout::IMAGE_PAYLOAD) => this.patch(&path, note),
                _ => {}
            }
        }
        let promised = |digest| move |bytes: &[u8]| Digest::of(bytes) == digest;
        let manifest = this.companion(dir, layout::SOURCE_MANIFEST, promised(release.source.digest));
        this.manifest = manifest.and_then(|text| String::from_utf8(text).ok());
        if let Some(content) = release.rulemap {
            let rulemap = this.companion(dir, layout::RULE_MAP, promised(content.digest));
            match rulemap.map(|bytes| RuleMap::parse(&bytes)).transpose() {
                Ok(map) => this.rulemap = map,
                Err(error) => this.broken.push(format!("{}: {error:#}", layout::RULE_MAP)),
            }
        } else if dir.join(layout::RULE_MAP).symlink_metadata().is_ok() {
            this.broken.push(format!("{}: the release note promises none", layout::RULE_MAP));
        }
        if release.prev.is_some_and(|prev| prev.serial >= release.serial) {
            this.broken
                .push("release note: the serial is not higher than that of the release before".to_owned());
        }
        Ok(this)
    }

    /// The image of a payload; what is wrong with it is noted.
    fn decode(&mut self, name: &str, note: &VerifiedNote, payload: &[u8]) -> Option<Vec<u8>> {
        match note.clone().payload(payload).and_then(|verified| verified.decode()) {
            Ok(image) => Some(image.into_parts().1),
            Err(error) => {
                self.broken.push(format!("{name}: {error}"));
                None
            }
        }
    }

    /// What is not as the note promises, a line each.
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    /// A file of the release; why it can't be read is noted.
    fn file(&mut self, path: &Path, cap: u64) -> Option<Vec<u8>> {
        let read = read_file_capped(path, cap, Links::Refuse);
        read.map_err(|error| self.broken.push(escape::path(error.to_string()))).ok()
    }

    /// A file that is as promised.
    fn companion(&mut self, dir: &Path, name: &str, promised: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let bytes = self.file(&dir.join(name), MAX_COMPANION)?;
        if !promised(&bytes) {
            self.broken.push(format!("{name}: not the one the release note promises"));
            return None;
        }
        Some(bytes)
    }

    /// A container carries the same text and the same payload.
    fn container(&mut self, path: &Path, note: &VerifiedNote) {
        let Some(bytes) = self.file(path, MAX_CONTAINER) else { return };
        let name = escape::path(path.file_name().unwrap_or_default());
        let inner = Container::parse(&bytes).and_then(|container| {
            Ok((verify_note(container.note(), Demand::Tolerant(None))?, container.payload()))
        });
        match inner {
            Err(error) => self.broken.push(format!("{name}: {error}")),
            Ok((inner, _)) if inner.signed().text() != note.signed().text() => {
                self.broken.push(format!("{name}: its release note differs from the one beside it"));
            }
            Ok((_, payload)) if SizedDigest::of(payload) != self.note.payload.content => {
                self.broken.push(format!("{name}: its payload is not the one the release note promises"));
            }
            Ok(_) => {}
        }
    }

    /// A patch is one that the note lists.
    fn patch(&mut self, path: &Path, note: &VerifiedNote) {
        let Some(bytes) = self.file(path, limits::MAX_PAYLOAD) else { return };
        if let Err(error) = note.known_patch(&bytes) {
            let name = escape::path(path.file_name().unwrap_or_default());
            self.broken.push(format!("{name}: {error}"));
        }
    }
}

/// What lies in a directory, sorted.
fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| escape::path(dir))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().with_context(|| escape::path(dir))?;
    paths.sort();
    Ok(paths)
}

/// Source manifest and rule map: some hundred bytes a file or rule.
const MAX_COMPANION: u64 = 256 << 20;

/// Rebuilds the release from `source` and tells how the two differ.
///
/// # Errors
/// Sources that can't be read or compiled.
pub fn compare(
    released: &Released<'_>,
    source: &Path,
    flags: &CompileArgs,
    threads: Option<NonZeroUsize>,
) -> anyhow::Result<Vec<String>> {
    let tree = SourceTree::read(source)?;
    let compiled = tree.compile(None, flags, threads)?;
    let compilation = &compiled.compilation;
    let Some(bytes) = &compilation.image else {
        compiled.print_diagnostics();
        bail!("cannot rebuild: the sources give no image");
    };
    let image = Image::parse(bytes).context("the image just built")?;
    let rulemap = RuleMap::new(compilation, &image);
    let note = released.note;
    let mut lines = released.broken.clone();

    let manifest = tree.manifest(compilation)?;
    if manifest.source() != note.source {
        lines.push(format!(
            "source: {}, the release note says {}",
            manifest.source().digest,
            note.source.digest
        ));
        if let Some(theirs) = &released.manifest {
            lines.extend(differing_files(theirs, manifest.text()));
        }
    }
    let options = Digest::from_bytes(image.header().options_digest);
    if options != note.options {
        lines.push(format!(
            "options: {options}, the release note says {}; options that build was given beside options.toml, audit needs too",
            note.options
        ));
    }
    if tree.lists_rejected() {
        lines.extend(tree.unaccepted(compilation));
    }
    lines.extend(differing_rules(released, &rulemap, &image));
    if SizedDigest::of(bytes) != note.image {
        lines.push(format!(
            "image: rebuilt as {}, the release note says {}",
            Digest::of(bytes),
            note.image.digest
        ));
    }
    let sections: Vec<_> = image
        .sections()
        .filter(|&(kind, record)| {
            let ours = SizedDigest::of(image.section(kind));
            !note.sections.iter().any(|s| s.kind == record.kind.get() && s.content == ours)
        })
        .map(|(kind, _)| kind.name())
        .collect();
    if !sections.is_empty() || note.sections.len() != image.sections().count() {
        lines.push(format!("sections that differ: {}", sections.join(", ")));
    }
    let counts = (note.counts.rules, note.counts.patterns, note.counts.rejected);
    let stats = &compilation.stats;
    if counts != (stats.rules.into(), stats.patterns.into(), stats.rejected.into()) {
        lines.push("counts: not those of the release note".to_owned());
    }
    if note.rulemap != Some(SizedDigest::of(&rulemap.to_text()?)) {
        lines.push(format!("{}: rebuilt differently", layout::RULE_MAP));
    }
    Ok(lines)
}

/// The rules in which the released image and the rebuilt one differ.
fn differing_rules(released: &Released<'_>, ours: &RuleMap, rebuilt: &Image<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let here = places(ours);
    let there = released.rulemap.as_ref().map(places).unwrap_or_default();
    let place = |name: &RuleName| here.get(name).or_else(|| there.get(name)).cloned().unwrap_or_default();
    let image = released.image.as_deref().map(Image::parse).transpose();
    if let Err(error) = &image {
        lines.push(format!("image of the release: {error}"));
    }
    if let Ok(Some(image)) = image {
        let diff = RuleDiff::new(&image, rebuilt);
        let mut named = |names: &[RuleName], what: &str| {
            lines.extend(names.iter().map(|name| format!("rule {name}{} {what}", place(name))));
        };
        named(&diff.changed, "compiled differently");
        named(&diff.removed, "only in the release");
        named(&diff.added, "only in the source");
        let sections = differing_sections(&image, rebuilt);
        if diff.is_empty() && !sections.is_empty() {
            lines.push(format!(
                "no rule differs, but these sections of the image do: {}",
                sections.join(", ")
            ));
        }
    }
    if let Some(theirs) = &released.rulemap {
        let only = |a: &RuleMap, b: &RuleMap| {
            let not_there = a.rejected.iter().filter(|r| !b.rejected.contains(r));
            not_there.map(crate::rulemap::MappedRejection::shown).collect::<Vec<_>>()
        };
        lines.extend(only(theirs, ours).iter().map(|r| format!("{r}: rejected only in the release")));
        lines.extend(only(ours, theirs).iter().map(|r| format!("{r}: rejected only in the rebuild")));
    }
    lines
}

/// ` (file:line)` of each rule.
fn places(map: &RuleMap) -> BTreeMap<RuleName, String> {
    let place = |rule: &crate::rulemap::MappedRule| {
        let name = RuleName { namespace: rule.namespace.clone(), name: rule.name.clone() };
        (name, format!(" ({}:{})", escape::path(&rule.file), rule.line))
    };
    map.rules.iter().map(place).collect()
}

/// Files in which two manifests differ.
fn differing_files(theirs: &str, ours: &str) -> Vec<String> {
    fn files(text: &str) -> BTreeMap<&str, &str> {
        text.lines().filter_map(|line| line.split_once("  ")).map(|(digest, name)| (name, digest)).collect()
    }
    let (theirs, ours) = (files(theirs), files(ours));
    let names: std::collections::BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let told = names.into_iter().filter_map(|name| {
        let what = match (theirs.get(name), ours.get(name)) {
            (Some(a), Some(b)) if a == b => return None,
            (Some(_), Some(_)) => "differs from that of the release",
            (Some(_), None) => "is missing",
            _ => "is not a source of the release",
        };
        Some(format!("file {} {what}", escape::path(name)))
    });
    told.collect()
}
