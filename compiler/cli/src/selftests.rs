//! `selftest.toml` of a source directory: inputs that travel with the database, and the rules each must match. Input:
//! the file and what it names. Output: tests for the compiler, with the lines they were written in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use hallmark_compiler::{Compilation, SelfTest, add_self_tests};
use hallmark_image::limits::MAX_SELF_TEST_BYTES;
use hallmark_runtime::{Database, Error};
use hallmark_store::{Links, read_file_capped};
use serde::Deserialize;
use toml::Spanned;

use crate::escape;

/// Name of the file.
pub const NAME: &str = "selftest.toml";

/// Longest file: every input in hexadecimal, spaced out, and the names of rules.
const MAX_FILE: usize = 8 * MAX_SELF_TEST_BYTES;

/// What all self-tests of a database may take together: a thousand times what they need.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The self-tests of a source directory.
#[derive(Debug, Clone, Default)]
pub struct SelfTests {
    tests: Vec<SelfTest>,
    /// Where each was written.
    lines: Vec<usize>,
    /// The files that inputs were read from, by name.
    files: BTreeMap<String, Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    input: Vec<Spanned<Input>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    text: Option<String>,
    hex: Option<String>,
    file: Option<String>,
    /// Required, so that nobody says "must match nothing" by leaving it out.
    rules: Vec<String>,
}

impl SelfTests {
    /// Reads what `bytes`, the file of the directory `root`, say. `root` is canonical.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn read(root: &Path, bytes: &[u8]) -> anyhow::Result<Self> {
        ensure!(bytes.len() <= MAX_FILE, "{NAME}: more than {}", escape::size(MAX_FILE as u64));
        let text = std::str::from_utf8(bytes).with_context(|| format!("{NAME}: not UTF-8"))?;
        let file: File = toml::from_str(text).context(NAME)?;
        let mut this = Self::default();
        for input in file.input {
            let line = line_of(text, input.span().start);
            let input = input.into_inner();
            let bytes = this.bytes(root, &input).with_context(|| at(line))?;
            this.tests.push(SelfTest { input: bytes, rules: input.rules });
            this.lines.push(line);
        }
        Ok(this)
    }

    fn bytes(&mut self, root: &Path, input: &Input) -> anyhow::Result<Vec<u8>> {
        match (&input.text, &input.hex, &input.file) {
            (Some(text), None, None) => Ok(text.as_bytes().to_vec()),
            (None, Some(hex), None) => unhex(hex),
            (None, None, Some(name)) => self.file(root, name),
            _ => bail!("give one of text, hex and file"),
        }
    }

    fn file(&mut self, root: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
        let shown = escape::path(name);
        let real = fs::canonicalize(root.join(name)).with_context(|| format!("file {shown}"))?;
        let below = real.strip_prefix(root);
        let below = below.map_err(|_| anyhow!("file {shown}: leads out of the source directory"))?;
        let below = below.to_str().with_context(|| format!("file {shown}: the name is not UTF-8"))?;
        let bytes = read_file_capped(&real, MAX_SELF_TEST_BYTES as u64, Links::Refuse)?;
        self.files.insert(below.to_owned(), bytes.clone());
        Ok(bytes)
    }

    /// The files that inputs were read from: names relative to the source directory, and contents.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// Puts the tests into the image of a compilation, if there is one.
    ///
    /// # Errors
    /// Rules that are not in the image, with the line that names them.
    pub fn add_to(&self, compilation: &mut Compilation) -> anyhow::Result<()> {
        let Some(image) = compilation.image.take() else { return Ok(()) };
        let image = add_self_tests(image, &self.tests).map_err(|error| {
            let place = error.test.map_or_else(|| NAME.to_owned(), |test| self.place(test));
            let hint = match compilation.rejected.is_empty() {
                true => "",
                false => " (rules were left out because of errors)",
            };
            anyhow!("{place}: {}{hint}", error.message)
        })?;
        compilation.image = Some(image);
        Ok(())
    }

    /// Runs the tests that `database` carries, which are these. `Err` names the one that does not hold, and its line.
    pub fn run(&self, database: &Database) -> Result<usize, String> {
        database.self_test(TIME_LIMIT).map_err(|error| match &error {
            Error::SelfTest(failure) => match failure.test {
                Some(test) => format!("{}: {error}", self.place(test)),
                None => error.to_string(),
            },
            error => error.to_string(),
        })
    }

    fn place(&self, test: usize) -> String {
        self.lines.get(test).map_or_else(|| NAME.to_owned(), |&line| at(line))
    }
}

fn at(line: usize) -> String {
    format!("{NAME}:{line}")
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1
}

/// Bytes in hexadecimal, with white space anywhere between them.
fn unhex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let bytes = digits.chunks(2).map(|pair| match *pair {
        [high, low] => Some(value(high)? << 4 | value(low)?),
        _ => None,
    });
    bytes.collect::<Option<_>>().context("hex: write two hexadecimal digits for each byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_texts_bytes_and_files() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(root.join("samples")).unwrap();
        fs::write(root.join("samples/a.bin"), [0, 255]).unwrap();
        let text = "# inputs\n[[input]]\ntext = \"a\\n\"\nrules = [\"a\", \"ns:b\"]\n\n[[input]]\nhex = \"\"\"4D 5a\n90\"\"\"\nrules = []\n\
                    [[input]]\nfile = \"samples/../samples/a.bin\"\nrules = []\n";
        let read = SelfTests::read(&root, text.as_bytes()).unwrap();
        let inputs: Vec<_> =
            read.tests.iter().map(|test| (test.input.as_slice(), test.rules.len())).collect();
        assert_eq!(inputs, [(&b"a\n"[..], 2), (b"MZ\x90", 0), (&[0, 255], 0)]);
        assert_eq!(read.lines, [2, 6, 10]);
        assert_eq!(read.files.keys().collect::<Vec<_>>(), ["samples/a.bin"]);
    }

    #[test]
    fn what_means_nothing_is_refused_by_line() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("x"), b"x").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::write(root.join("big"), vec![0; MAX_SELF_TEST_BYTES + 1]).unwrap();
        std::os::unix::fs::symlink(outside.path().join("x"), root.join("link")).unwrap();
        for (text, message) in [
            ("\n[[input]]\ntext = \"a\"\n", "missing field `rules`"),
            ("\n[[input]]\nrules = []\n", "selftest.toml:2: give one of"),
            ("\n[[input]]\nrules = []\ntext = \"\"\nhex = \"\"\n", "selftest.toml:2: give one of"),
            ("\n[[input]]\nrules = []\nhex = \"4D5\"\n", "selftest.toml:2: hex"),
            ("\n[[input]]\nrules = []\nhex = \"4G\"\n", "selftest.toml:2: hex"),
            ("\n[[input]]\nrules = []\nfile = \"none\"\n", "selftest.toml:2: file none"),
            ("\n[[input]]\nrules = []\nfile = \"link\"\n", "leads out of the source directory"),
            ("\n[[input]]\nrules = []\nfile = \"../../../../etc/passwd\"\n", "selftest.toml:2: file"),
            ("\n[[input]]\nrules = []\nfile = \".\"\n", "not a regular file"),
            ("\n[[input]]\nrules = []\nfile = \"big\"\n", "larger than 1048576 bytes"),
            ("\n[[input]]\nrules = []\ntxt = \"\"\n", "unknown field `txt`"),
            ("[[inputs]]\n", "unknown field `inputs`"),
            ("input = 3\n", "line 1"),
        ] {
            let error = SelfTests::read(&root, text.as_bytes()).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.starts_with(NAME) && error.contains(message), "{text}: {error}");
        }
        assert!(SelfTests::read(&root, b"\xFF").is_err());
        assert!(SelfTests::read(&root, &vec![b'\n'; MAX_FILE + 1]).is_err());
        assert!(SelfTests::read(&root, b"").unwrap().tests.is_empty());
    }
}
