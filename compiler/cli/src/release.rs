//! From a compilation to a release: the facts of the note. Input: what the compiler gave and where its sources were.
//! Output: a packed release, unsigned.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hallmark_compiler::Source;
use hallmark_container::{Compiler, Counts, Digest, EngineVersion, FormatVersion, valid_db_name};
use hallmark_image::{Image, header};
use hallmark_publish::{Base, Release, ReleaseInfo, SectionInfo, SourceManifest};

use crate::compile::Compiled;
use crate::escape;
use crate::settings::ReleaseSettings;
use crate::sources::SourceArg;

/// Digest of the compiler's own sources, see `build.rs`.
const COMPILER_DIGEST: &str = env!("HALLMARK_COMPILER_DIGEST");

/// Name and serial of a release.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Identity {
    #[arg(long, value_name = "NAME", value_parser = db_name, help = DB_HELP)]
    pub db: Option<String>,

    /// Serial of the release; it only grows [default: that of release.toml with --release, else 1]
    #[arg(long, value_name = "N")]
    pub serial: Option<u64>,
}

const DB_HELP: &str = "Name of the database, such as example.org/core [default: that of release.toml with --release, else local]";

/// What a note says that neither the image nor its sources tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Name of the database.
    pub db: String,
    /// Serial.
    pub serial: u64,
    /// Unix seconds.
    pub source_date: u64,
    /// Unix seconds.
    pub expires: Option<u64>,
    /// Releases to make patches from, the one before this among them.
    pub bases: Vec<Base>,
}

impl Facts {
    /// Those that flags give, over those that `release.toml` gives.
    ///
    /// # Errors
    /// Dates that are out of range.
    pub fn new(identity: &Identity, settings: &ReleaseSettings) -> anyhow::Result<Self> {
        let source_date = settings.source_date.unwrap_or(0);
        let after = |days: u64| source_date.checked_add(days.checked_mul(SECONDS_PER_DAY)?);
        Ok(Self {
            db: identity.db.clone().or_else(|| settings.db.clone()).unwrap_or_else(|| "local".to_owned()),
            serial: identity.serial.or(settings.serial).unwrap_or(1),
            source_date,
            expires: settings.days.map(|days| after(days).context("days: too many")).transpose()?,
            bases: Vec::new(),
        })
    }
}

/// Days of `release.toml`.
const SECONDS_PER_DAY: u64 = 86_400;

fn db_name(text: &str) -> Result<String, String> {
    match valid_db_name(text) {
        true => Ok(text.to_owned()),
        false => Err("use words of letters, digits, `.`, `_`, `-` joined by `/`".to_owned()),
    }
}

/// Packs `image`, which `compiled` gave for the sources of `source`, at a compression level.
///
/// # Errors
/// Facts that make no valid note.
pub fn pack(
    compiled: &Compiled,
    image: &[u8],
    source: hallmark_container::Source,
    facts: Facts,
    rulemap: Option<&[u8]>,
    level: i32,
) -> anyhow::Result<Release> {
    let parsed = Image::parse(image).context("the image just built")?;
    let version = env!("CARGO_PKG_VERSION");
    let stats = &compiled.compilation.stats;
    let info = ReleaseInfo {
        db: facts.db,
        serial: facts.serial,
        image_format: FormatVersion { major: header::FORMAT_MAJOR, minor: header::FORMAT_MINOR },
        engine_min: EngineVersion::parse(version).context("the version of this program")?,
        source_date: facts.source_date,
        expires: facts.expires,
        source,
        compiler: Compiler {
            name: "hallmark".to_owned(),
            version: version.to_owned(),
            digest: compiler_digest()?,
        },
        options: Digest::from_bytes(parsed.header().options_digest),
        sections: parsed
            .sections()
            .map(|(kind, record)| SectionInfo {
                kind: record.kind.get(),
                name: kind.name().to_owned(),
                offset: record.offset.get(),
                bytes: record.len.get(),
            })
            .collect(),
        counts: Counts {
            rules: stats.rules.into(),
            patterns: stats.patterns.into(),
            rejected: stats.rejected.into(),
        },
        bases: facts.bases,
    };
    Ok(Release::pack(info, image, rulemap, level)?)
}

/// The digest of this program's own sources.
///
/// # Errors
/// None, unless the program was built wrongly.
pub fn compiler_digest() -> anyhow::Result<Digest> {
    Digest::parse(COMPILER_DIGEST).context("the digest of this program's sources")
}

/// The manifest of all sources, included ones too. Names are relative to the directory that holds them all, so that
/// they are the same wherever that directory lies.
///
/// # Errors
/// Sources that have moved meanwhile, or whose names cannot be listed.
pub fn manifest(sources: &[Source], args: &[SourceArg]) -> anyhow::Result<SourceManifest> {
    let mut base: Option<PathBuf> = None;
    for arg in args {
        let real = real(&arg.path)?;
        let dir = if real.is_dir() { real.as_path() } else { real.parent().unwrap_or(&real) };
        widen(&mut base, dir);
    }
    let mut files = BTreeMap::new();
    for source in sources {
        let path = real(Path::new(&source.name))?;
        widen(&mut base, path.parent().unwrap_or(&path));
        files.insert(path, source.text.as_slice());
    }
    let base = base.unwrap_or_default();
    let named = files.into_iter().map(|(path, text)| {
        let name = path.strip_prefix(&base).unwrap_or(&path);
        let name =
            name.to_str().with_context(|| format!("{}: the name is not UTF-8", escape::path(&path)))?;
        Ok((name.to_owned(), text))
    });
    let named = named.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(SourceManifest::new(named.iter().map(|(name, text)| (name.as_str(), *text)))?)
}

fn real(path: &Path) -> anyhow::Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("cannot find {} again", escape::path(path)))
}

/// Makes `base` the deepest directory that holds both itself and `dir`.
fn widen(base: &mut Option<PathBuf>, dir: &Path) {
    let common = base.take().map_or_else(
        || dir.to_owned(),
        |base| base.components().zip(dir.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect(),
    );
    *base = Some(common);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_what_holds_them_all() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["rules/a/x.yar", "rules/y.yar", "other/z.yar"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let source = |name: &str| Source {
            name: dir.path().join(name).to_str().unwrap().to_owned(),
            namespace: "default".into(),
            text: name.into(),
        };
        let names = |args: &[&str], sources: &[&str]| {
            let args = args.iter().map(|a| SourceArg { namespace: None, path: dir.path().join(a) });
            let sources: Vec<_> = sources.iter().map(|s| source(s)).collect();
            let text = manifest(&sources, &args.collect::<Vec<_>>()).unwrap().text().to_owned();
            text.lines().map(|line| line[66..].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&["rules"], &["rules/a/x.yar"]), ["a/x.yar"]);
        assert_eq!(names(&["rules/a/x.yar"], &["rules/a/x.yar"]), ["x.yar"]);
        assert_eq!(names(&["rules/y.yar"], &["rules/y.yar", "rules/a/../a/x.yar"]), ["a/x.yar", "y.yar"]);
        assert_eq!(
            names(&["rules", "other"], &["rules/y.yar", "other/z.yar"]),
            ["other/z.yar", "rules/y.yar"]
        );
    }

    #[test]
    fn the_compiler_has_a_digest() {
        assert!(Digest::parse(COMPILER_DIGEST).is_some());
    }
}
