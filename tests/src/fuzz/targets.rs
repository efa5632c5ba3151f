//! The targets. Each takes any bytes, and panics if something is wrong.

use hallmark_compiler::diagnostic::Severity;
use hallmark_compiler::{Options, Source, compile};
use hallmark_container::limits::{MAX_WINDOW_LOG, MIN_WINDOW_LOG};
use hallmark_container::{
    Compiler, Counts, Demand, Digest, EngineVersion, Error, FormatVersion, FullPayload, PatchPayload,
    ReleaseNote, SignedNote, SizedDigest, Verified, verify_note,
};
use hallmark_runtime::Database;

use super::{archives, capi, container_open, image_parse, image_scan, modules, note_parse};
use crate::generate::{self, Draw};
use crate::run::NoIncludes;
use crate::trial::{INTERNAL, Trial};

/// A function of any bytes, with its name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As files and arguments call it.
    pub name: &'static str,
    /// Panics if something is wrong.
    pub run: fn(&[u8]),
    /// Words that inputs are made of.
    pub tokens: &'static [&'static str],
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "source_compile", run: source_compile, tokens: RULE_TOKENS },
    Target { name: "regex_vs_reference", run: regex_vs_reference, tokens: REGEX_TOKENS },
    Target { name: "condition_vs_reference", run: condition_vs_reference, tokens: RULE_TOKENS },
    Target { name: "payload_decode", run: payload_decode, tokens: FRAME_TOKENS },
    Target { name: "modules", run: modules, tokens: FILE_TOKENS },
    Target { name: "archives", run: archives, tokens: ARCHIVE_TOKENS },
    Target { name: "image_parse", run: image_parse, tokens: &[] },
    Target { name: "image_scan", run: image_scan, tokens: &[] },
    Target { name: "container_open", run: container_open, tokens: NOTE_TOKENS },
    Target { name: "note_parse", run: note_parse, tokens: NOTE_TOKENS },
    Target { name: "capi", run: capi, tokens: &[] },
];

/// Longest source that is compiled: more is not another case, only slower.
const MAX_SOURCE: usize = 64 << 10;

/// Longest input of the others; the reference tries every offset.
const MAX_TRIAL: usize = 4 << 10;

/// Steps of scanning a source with its own rules.
const SCAN_STEPS: u64 = 1 << 22;

/// Compiles any bytes, strictly and leniently: the same bytes give the same image, errors point into the source, the
/// image is one that can be loaded, and scanning the source with it ends.
///
/// # Panics
/// Something of this is not so.
pub fn source_compile(data: &[u8]) {
    let data = &data[..data.len().min(MAX_SOURCE)];
    for lenient in [false, true] {
        let built = || {
            let source =
                Source { name: "rules.yar".to_owned(), namespace: "default".to_owned(), text: data.to_vec() };
            let options =
                Options { ignore_invalid_rules: lenient, relaxed_regex: lenient, ..Options::default() };
            compile(vec![source], &options, &NoIncludes, &mut |_| {})
        };
        let compilation = built();
        for diagnostic in &compilation.diagnostics {
            assert_ne!(diagnostic.code, INTERNAL, "{}", diagnostic.message);
            let span = diagnostic.primary.span;
            assert!(span.start <= span.end && span.end as usize <= data.len(), "{diagnostic:?}");
        }
        let errors = compilation.diagnostics.iter().any(|d| d.severity == Severity::Error);
        assert!(errors || compilation.image.is_some(), "no image and no error");
        assert!(lenient || !errors || compilation.image.is_none(), "an image in spite of errors");
        let Some(image) = compilation.image else { continue };
        assert_eq!(built().image.as_ref(), Some(&image), "compiling twice gives different images");
        let database = Database::from_image_bytes(&image).expect("an image that was just written");
        let mut scanner = database.scanner();
        scanner.max_steps(SCAN_STEPS).strings(lenient);
        scanner.scan(data).expect("a report");
    }
}

/// Compares a pattern with the reference: from text, a first line such as `/ab+/i wide`, `"text" xor` or `{ 4D ?? }` and
/// data after it, or made up from any other bytes.
///
/// # Panics
/// There is a difference.
pub fn regex_vs_reference(data: &[u8]) {
    let data = &data[..data.len().min(MAX_TRIAL)];
    let (written, data) = match data.first() {
        Some(b'/' | b'"' | b'{') => {
            let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
            let Ok(written) = std::str::from_utf8(&data[..end]) else { return };
            (written.to_owned(), data.get(end + 1..).unwrap_or_default().to_vec())
        }
        _ => {
            let draw = &mut Draw::new(data);
            let written = match draw.number(0, 3) {
                0..=2 => generate::regex(draw),
                _ => generate::word(draw),
            };
            let data = generate::data(draw, std::slice::from_ref(&written));
            (written.text, data)
        }
    };
    judge(&Trial::of_pattern(&written, data));
}

/// Compares rules with the reference: from text, sources of namespaces and data, with a line `---` after each source, or
/// made up from any other bytes.
///
/// # Panics
/// There is a difference.
pub fn condition_vs_reference(data: &[u8]) {
    let data = &data[..data.len().min(MAX_TRIAL)];
    judge(&Trial::from_text(data).unwrap_or_else(|| generate::case(&mut Draw::new(data))));
}

/// Decodes bytes as a payload and as a patch, under the limits that a note states for them: the binary logarithm of the
/// window in the first byte, the length of the image in the next two.
///
/// # Panics
/// An image has another length or digest than the note says, or the patch that was applied is not the one of the note.
pub fn payload_decode(data: &[u8]) {
    let Some((&[window_log, low, high], frames)) = data.split_first_chunk() else { return };
    let base = patch_base();
    let (content, from) = (SizedDigest::of(frames), Digest::of(&base));
    let window_log = window_log.clamp(MIN_WINDOW_LOG, MAX_WINDOW_LOG);
    let digest = Digest::of(b"");
    let mut release = ReleaseNote {
        db: "fuzz".into(),
        serial: 1,
        image_format: FormatVersion { major: 1, minor: 0 },
        engine_min: EngineVersion { major: 0, minor: 0, patch: 0 },
        source_date: 0,
        expires: None,
        source: hallmark_container::Source { digest, files: 0, bytes: 0 },
        compiler: Compiler { name: "none".into(), version: "0".into(), digest },
        options: digest,
        image: SizedDigest { digest, bytes: u64::from(u16::from_le_bytes([low, high])) },
        sections: Vec::new(),
        rulemap: None,
        counts: Counts { rules: 0, patterns: 0, rejected: 0 },
        prev: None,
        payload: FullPayload { content, window_log },
        patches: vec![PatchPayload { from, content, window_log }],
    };
    // The digest of an image is known only when there is one, so each way is gone twice.
    for _ in 0..2 {
        let note = SignedNote::unsigned(&release).expect("a valid note").to_bytes();
        let note = || verify_note(&note, Demand::Tolerant(None)).expect("a valid note");
        let full = note().payload(frames).and_then(Verified::decode);
        let patched = note().patch(from, frames).and_then(|patch| patch.apply(&base));
        for decoded in [full, patched] {
            match decoded {
                Ok(image) => assert_eq!(SizedDigest::of(image.bytes()), release.image),
                Err(Error::ImageDigest { have, .. }) => release.image.digest = have,
                Err(_) => {}
            }
        }
    }
}

/// What patches of [`payload_decode`] start from: bytes of which each four occur once.
fn patch_base() -> Vec<u8> {
    (0..1024u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn judge(trial: &Trial) {
    if let Err(cause) = trial.run() {
        panic!("{cause}\n{trial}");
    }
}

/// Magic of a frame, of a skippable one, and headers.
const FRAME_TOKENS: &[&str] = &["(\u{b5}/", "\0\u{10}", "\u{1}\0\0", "\0", "\u{7f}", "    "];

/// Words of notes and policies.
const NOTE_TOKENS: &[&str] = &[
    "\n---\n",
    "\n",
    "\n\n",
    "\u{2014} ",
    " ",
    "hallmark-release/v1\n",
    "db ",
    "example.org/core",
    "serial ",
    "payload full zstd sha256:",
    "payload patch ",
    "window ",
    "bytes ",
    "section 1 ",
    "sha256:",
    "expires ",
    "prev ",
    "0",
    "1",
    "18446744073709551615",
    "signer ",
    "group ",
    "quorum ",
    "all ",
    "any ",
    "2 ",
    "build",
    "audit",
    "# ",
    "+",
    "==",
];

/// What marks archives and their parts.
const ARCHIVE_TOKENS: &[&str] = &[
    "PK\x03\x04",
    "PK\x01\x02",
    "PK\x05\x06",
    "PK\x07\x08",
    "ustar\0",
    "MSCF",
    "CK",
    "7z",
    "\x1f",
    "\0\0\0\0",
    "\x01\0\0\0",
    "\x7f\x7f\x7f\x7f",
    "\0",
];

/// What marks formats and their tables.
const FILE_TOKENS: &[&str] = &[
    "MZ",
    "PE\0\0",
    "\x7fELF",
    "dex\n035\0",
    "BSJB",
    "#~\0\0",
    "#Strings\0",
    "Rich",
    "RSDS",
    "\0\0\0\0",
    "\x01\0\0\0",
    "\x7f\x7f\x7f\x7f",
    "0\0",
    "a\0",
];

const REGEX_TOKENS: &[&str] = &[
    "(",
    ")",
    "|",
    "*",
    "+",
    "?",
    "*?",
    "+?",
    "??",
    "{2}",
    "{0,3}",
    "{2,}",
    "{1,40}",
    "{,2}",
    "[^",
    "[",
    "]",
    "-",
    "^",
    "$",
    ".",
    "\\b",
    "\\B",
    "\\d",
    "\\w",
    "\\s",
    "\\W",
    "\\D",
    "\\S",
    "\\x00",
    "\\xff",
    "\\n",
    "\\.",
    "\\/",
    "\\\\",
    "\\A",
    "\\z",
    "(?i)",
    "(?s)",
    "(?m)",
    "(?:",
    "(?-i:",
    "(?x)",
    "[[:alpha:]]",
    "[a-z]",
    "[^a]",
    "&&",
    "\\b{start}",
    "/",
    "/i",
    "/s",
    "/is",
    " wide",
    " ascii",
    " nocase",
    " fullword",
    " private",
    "\n",
    "a",
    "b",
    "ab",
    "A",
    "1",
    "_",
    "\0",
    "a\0b\0",
    "é",
    " ",
    "{ 61 ",
    " }",
    " [1-3] ",
    " [-] ",
    " ( ",
    " | ",
    "??",
    "~61",
    "6?",
    "\"ab\"",
    " xor",
    " xor(1-3)",
    " base64",
    "YWI",
];

const RULE_TOKENS: &[&str] = &[
    "rule r {",
    "}",
    "strings:",
    "condition:",
    "meta:",
    "private ",
    "global ",
    "import \"pe\"",
    "include \"a\"",
    "$a",
    "$b = ",
    "#a",
    "@a",
    "!a",
    "@a[1]",
    "!a[2]",
    "$",
    "#",
    "\"ab\"",
    "\"\\x00\"",
    "\"\"\"",
    "{ 61 ?? [2-4] ( 62 | 63 ) ~64 }",
    "/a.*b/is",
    " wide",
    " ascii",
    " nocase",
    " fullword",
    " xor(1-255)",
    " base64",
    " base64wide",
    " private",
    "any of them",
    "all of ",
    "none of ",
    "2 of ",
    "50% of ",
    "0 of ",
    "(p*)",
    "($a, $b)",
    "($*)",
    " at ",
    " in ",
    "(0..10)",
    "(1..#a)",
    "for any i in (0..3) : (",
    "for all of them : (",
    "for 2 s in (\"a\", \"b\") : (",
    "with x = 1, y = 2 : (",
    ")",
    "(",
    " and ",
    " or ",
    "not ",
    "defined ",
    "filesize",
    "entrypoint",
    "uint8(",
    "uint16be(",
    "int32(",
    " contains ",
    " icontains ",
    " startswith ",
    " iendswith ",
    " iequals ",
    " matches ",
    " == ",
    " != ",
    " < ",
    " >= ",
    " + ",
    " - ",
    " * ",
    " \\ ",
    " % ",
    " << ",
    " >> ",
    " & ",
    " | ",
    " ^ ",
    "~",
    "-",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "3",
    "0x7fffffffffffffff",
    "9223372036854775808",
    "1.5",
    "10KB",
    "1MB",
    "number",
    "share",
    "flag",
    "word",
    "pe.is_pe",
    "pe.sections[0].name",
    "math.entropy(0, filesize)",
    "// x\n",
    "/* x */",
    "\n---\n",
    "i",
    "x",
    ", ",
    "..",
    ":",
    "=",
    "\0",
    "\u{e9}",
    "_a",
];
