//! Streams and blocks of memory: what is exact, and what is told not to be known.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hallmark_compiler::{Options, Source, compile};
use hallmark_image::record::rule_flags;
use hallmark_runtime::{Block, Database, Error, Report, Scanner, Why};
use hallmark_tests::NoIncludes;

const MIB: usize = 1 << 20;

fn database(rules: &str) -> Database {
    let source = Source { name: "a.yar".into(), namespace: "n".into(), text: rules.as_bytes().to_vec() };
    let compilation = compile(vec![source], &Options::default(), &NoIncludes, &mut |_| {});
    let image = compilation.image.unwrap_or_else(|| panic!("{:?}", compilation.diagnostics));
    Database::from_image_bytes(&image).unwrap()
}

/// Scanners with the smallest window.
fn scanner(database: &Database) -> Scanner<'static> {
    let mut scanner = database.scanner();
    scanner.window(0);
    scanner
}

fn names(report: &Report<'_>) -> Vec<String> {
    report.matches().map(|rule| rule.rule().to_owned()).collect()
}

fn incomplete(report: &Report<'_>) -> Vec<(String, Why)> {
    report.incomplete().iter().map(|i| (i.what.clone(), i.why)).collect()
}

/// So many bytes, with some text at some places.
fn file(len: usize, texts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut data: Vec<u8> = (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (at, text) in texts {
        data[*at..at + text.len()].copy_from_slice(text);
    }
    data
}

/// Gives at most so many bytes at a time.
struct Slow<'d>(&'d [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len());
        self.0.read(&mut into[..count])
    }
}

#[test]
fn matches_are_found_wherever_they_are() {
    let rules = r#"
        rule text { strings: $a = "needle in a stream" condition: #a == 4 and @a[4] > 3000000 }
        rule far { strings: $a = { 4E 45 45 [20000-30000] 44 4C 45 } condition: $a }
        rule word { strings: $a = /n[e-f]{2}dle/ fullword $b = "DLE" nocase condition: $a and #b == 5 }
        rule size { strings: $a = "needle" condition: $a and filesize == 3500000 }
        rule other_size { strings: $a = "needle" condition: $a and filesize < 3500000 }
        rule at_start { strings: $a = "needle" condition: $a at 0 and uint32be(0) == 0x6e656564 }
        rule at_end { strings: $a = "needle" condition: $a and uint8(filesize - 1) == 0x21 }
        rule anywhere { condition: filesize > 10 and for any i in (0..8) : (uint8(i) == 0x69) }
    "#;
    let needle = b"needle in a stream";
    let texts: [(usize, &[u8]); 7] = [
        (0, needle),
        (MIB - 7, needle),
        (2 * MIB - 65536, needle),
        (3_400_000, needle),
        (MIB - 10_000, b"NEE"),
        (MIB + 15_000, b"DLE"),
        (3_499_999, b"!"),
    ];
    let data = file(3_500_000, &texts);
    let database = database(rules);
    let whole = names(&database.scanner().scan(&data).unwrap());
    assert_eq!(whole, ["anywhere", "at_end", "at_start", "far", "size", "text", "word"]);
    for piece in [1 << 30, 65_537, 1000] {
        let mut scanner = scanner(&database);
        scanner.strings(true);
        let report = scanner.scan_stream(Slow(&data, piece)).unwrap();
        assert_eq!(incomplete(&report), []);
        assert_eq!(names(&report), whole, "pieces of {piece}");
        let text = report.matches().find(|rule| rule.rule() == "text").unwrap();
        let found: Vec<_> = text.patterns().next().unwrap().matches().map(|m| (m.offset, m.data)).collect();
        let at = |at: usize| (at as u64, &needle[..]);
        assert_eq!(found, [at(0), at(MIB - 7), at(2 * MIB - 65536), at(3_400_000)]);
        assert_eq!(report.stats().bytes, 3_500_000);
    }
}

#[test]
fn a_stream_that_fits_the_window_is_scanned_as_a_file() {
    let database = database("import \"hash\" rule r { condition: hash.crc32(0, filesize) == 0xCBF43926 }");
    let mut scanner = scanner(&database);
    let report = scanner.scan_stream(Slow(b"123456789", 4)).unwrap();
    assert_eq!((names(&report), report.data()), (vec!["r".to_owned()], &b"123456789"[..]));
    assert_eq!(scanner.scan_stream(&b""[..]).unwrap().matches().len(), 0);
}

#[test]
fn what_is_not_known_is_told() {
    let rules = r#"
        import "pe" import "hash" import "math" import "zip"
        rule module { strings: $a = "needle" condition: $a and pe.number_of_sections > 0 }
        rule untriggered { strings: $a = "nothing" condition: $a and pe.number_of_sections > 0 }
        rule digest { condition: hash.md5(0, filesize) == "0" }
        rule number { strings: $a = "needle" condition: uint16(@a + 2) == 0 }
        rule known_number { strings: $a = "needle" condition: $a and uint16(100) == uint16(100) }
        rule beyond { condition: uint8(filesize) == 0 or uint8(0x7fffffffffff) == 0 }
        rule entry { condition: entrypoint == 100 }
        rule depends { condition: digest }
        private rule quiet { condition: hash.md5(0, filesize) == "0" }
        rule depends_on_quiet { condition: not quiet }
        rule pure { condition: math.max(1, 2) == 2 and hash.md5("") == "d41d8cd98f00b204e9800998ecf8427e" }
        rule archive { condition: zip.is_zip }
        rule endless { strings: $a = { 6E 65 65 [-] 00 11 22 33 44 55 66 77 } condition: $a }
        rule endless_but_found { strings: $a = { 6E 65 65 [-] 6C } condition: $a }
    "#;
    let database = database(rules);
    let wanted = |pe: bool| {
        let mut wanted = vec![("n:endless:$a".to_owned(), Why::LongMatch)];
        let rules = ["archive", "depends", "depends_on_quiet", "digest", "number"];
        wanted.extend(rules.map(|rule| (format!("n:{rule}"), Why::NotKept)));
        if pe {
            wanted.extend(["entry", "module"].map(|rule| (format!("n:{rule}"), Why::NotKept)));
        }
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        wanted
    };
    for head in [&b"MZ"[..], b"xy"] {
        let data = file(4 * MIB, &[(0, head), (2 * MIB, b"needle")]);
        let mut scanner = scanner(&database);
        let report = scanner.scan_stream(&*data).unwrap();
        let mut told = incomplete(&report);
        told.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(told, wanted(head == b"MZ"));
        assert_eq!(names(&report), ["endless_but_found", "known_number", "pure"]);
    }
    // The compiler has marked exactly those that can be told so.
    let image = database.image();
    let marked = |flag| {
        let marked = image.rules().filter(|(_, unit)| unit.header.flags.get() & flag != 0);
        let mut names: Vec<_> =
            marked.map(|(_, unit)| String::from_utf8_lossy(unit.name()).into_owned()).collect();
        names.sort();
        names
    };
    let whole = ["archive", "beyond", "digest", "entry", "module", "number", "quiet", "untriggered"];
    assert_eq!(marked(rule_flags::WHOLE_FILE), whole);
    assert_eq!(marked(rule_flags::LONG_MATCHES), ["endless", "endless_but_found"]);
    assert!(marked(rule_flags::SIZED).is_empty());
}

#[test]
fn an_unknown_global_rule_leaves_its_namespace_out() {
    let rules = r#"
        import "hash"
        global rule g { condition: hash.md5(0, filesize) != "" }
        rule r { condition: true }
    "#;
    let data = file(2 * MIB, &[]);
    let database = database(rules);
    assert_eq!(names(&database.scanner().scan(&data).unwrap()), ["g", "r"]);
    let mut scanner = scanner(&database);
    let report = scanner.scan_stream(&*data).unwrap();
    assert_eq!(incomplete(&report), [("n:g".to_owned(), Why::NotKept)]);
    assert_eq!(names(&report), [""; 0]);
}

#[test]
fn blocks_of_memory_have_addresses_and_no_size() {
    let rules = r#"
        import "pe"
        rule text { strings: $a = "needle" condition: $a }
        rule twice { strings: $a = "needle" condition: #a == 2 and @a[1] == 0x400ffd and @a[2] == 0x7fff00000010 }
        rule at_address { strings: $a = "needle" condition: $a at 0x400ffd }
        rule sized { strings: $a = "needle" condition: $a and filesize < 10MB }
        rule unsized { strings: $a = "needle" condition: $a and not defined filesize }
        rule either { strings: $a = "needle" condition: filesize < 10MB or $a }
        rule split { strings: $a = "across" condition: $a }
        rule module { condition: not defined pe.number_of_sections and not defined entrypoint }
        rule number { condition: uint32be(0x401000) == 0x646c6521 }
        rule nowhere { condition: not defined uint8(0) }
        rule over { condition: not defined uint32(0x400ffe + 6) }
    "#;
    let database = database(rules);
    let blocks = [
        Block { base: 0x40_0000, data: file(0x1000, &[(0xffd, b"nee")]) },
        Block { base: 0x40_1000, data: b"dle!".to_vec() },
        Block { base: 0x50_0000, data: b"..acr".to_vec() },
        Block { base: 0x50_0006, data: b"oss..".to_vec() },
        Block { base: 0x60_0000, data: Vec::new() },
        Block { base: 0x7fff_0000_0000, data: file(0x1000, &[(16, b"needle")]) },
    ];
    let mut scanner = scanner(&database);
    let report = scanner.strings(true).scan_blocks(blocks.clone()).unwrap();
    assert_eq!(incomplete(&report), [("n:number".to_owned(), Why::NotKept)]);
    let wanted = ["at_address", "either", "module", "nowhere", "over", "text", "twice", "unsized"];
    assert_eq!(names(&report), wanted);
    let text = report.matches().find(|rule| rule.rule() == "text").unwrap();
    let found: Vec<_> = text.patterns().next().unwrap().matches().map(|m| (m.offset, m.data)).collect();
    assert_eq!(found, [(0x40_0ffd, &b"needle"[..]), (0x7fff_0000_0010, b"needle")]);
    assert_eq!(report.stats().bytes, 0x2000 + 4 + 10);
    // The last block is still there.
    let report = scanner.scan_blocks(blocks[..2].to_vec()).unwrap();
    assert!(names(&report).contains(&"number".to_owned()) && report.incomplete().is_empty());
    // What stands at address zero is like a file's beginning.
    let report = scanner.scan_blocks([Block { base: 0, data: b"needle" }]).unwrap();
    assert!(!names(&report).contains(&"nowhere".to_owned()));
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_process_is_scanned() {
    struct Killed(std::process::Child);
    impl Drop for Killed {
        fn drop(&mut self) {
            // It may be gone already.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let database = database("rule r { strings: $a = \"a needle in the environment\" condition: $a }");
    let mut scanner = database.scanner();
    let mut command = std::process::Command::new("sleep");
    let child = Killed(command.arg("100").env("HAY", "a needle in the environment").spawn().unwrap());
    // Until the child runs its own program it is a copy of this one.
    let found = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        names(&scanner.scan_process(child.0.id()).unwrap()) == ["r"]
    });
    assert!(found);
    let report = scanner.strings(true).scan_process(child.0.id()).unwrap();
    let rule = report.matches().next().unwrap();
    let found = rule.patterns().next().unwrap().matches().next().unwrap();
    assert!(found.offset > 1 << 32 && found.data == b"a needle in the environment");
    drop(child);
    let error = scanner.scan_process(0x7fff_fff0).unwrap_err();
    assert!(matches!(error, Error::Process { kind: io::ErrorKind::NotFound, .. }), "{error}");
    assert_eq!(error.to_string(), "cannot scan process 2147483632: there is no such process");
}

#[test]
fn limits_end_a_stream() {
    let database = database("rule r { strings: $a = \"needle\" condition: $a }");
    let mut limited = scanner(&database);
    limited.max_bytes(3_000_000);
    let report = limited.scan_stream(io::repeat(0)).unwrap();
    assert_eq!(incomplete(&report), [("data".to_owned(), Why::TooLong { len: 3_000_001, max: 3_000_000 })]);
    assert_eq!(incomplete(&limited.scan_stream(io::repeat(0).take(3_000_000)).unwrap()), []);

    let started = Instant::now();
    let mut timed = scanner(&database);
    let report = timed.deadline(Duration::from_millis(100)).scan_stream(io::repeat(0)).unwrap();
    assert_eq!(incomplete(&report), [("patterns".to_owned(), Why::Deadline)]);
    assert!(started.elapsed() < Duration::from_secs(5));

    let cancel = AtomicBool::new(false);
    let mut cancelled = database.scanner();
    struct Canceller<'c>(&'c AtomicBool, u32);
    impl Read for Canceller<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            assert!(self.1 <= 4, "read on");
            self.0.store(self.1 == 4, Ordering::Relaxed);
            Ok(into.len())
        }
    }
    let report = cancelled.cancel(&cancel).scan_stream(Canceller(&cancel, 0)).unwrap();
    assert_eq!(incomplete(&report), [("patterns".to_owned(), Why::Cancelled)]);
}

#[test]
fn what_was_scanned_before_makes_no_stream_incomplete() {
    let database = database("rule r { strings: $a = /need[a-z]{0,40}le/ condition: #a == 1 }");
    let data = file(3 * MIB, &[(2 * MIB + 500_000, b"needable ")]);
    let mut scanner = scanner(&database);
    for before in [&b""[..], b"needabc", b"need", b"..needle"] {
        scanner.scan(before).unwrap();
        let report = scanner.scan_stream(&*data).unwrap();
        assert_eq!((names(&report), incomplete(&report)), (vec!["r".to_owned()], vec![]), "after {before:?}");
    }
}

#[test]
fn literals_longer_than_what_is_kept_are_found_or_told() {
    let text: String = (0..100_000).map(|i: usize| char::from(b'a' + (i * i / 7 % 25) as u8)).collect();
    let database = database(&format!("rule r {{ strings: $a = \"{text}\" condition: $a }}"));
    let mut scanner = scanner(&database);
    for at in (MIB - 200_000..MIB + 50_000).step_by(9_973) {
        let data = file(3 * MIB, &[(at, text.as_bytes())]);
        let report = scanner.scan_stream(&*data).unwrap();
        let told = incomplete(&report).contains(&("n:r:$a".to_owned(), Why::LongMatch));
        assert!(names(&report) == ["r"] || told, "at {at}");
    }
}

#[test]
fn errors_of_the_reader_are_given_back() {
    struct Failing(u32);
    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => Ok(into.len().min(100)),
                _ => Err(io::Error::other("the cable is out")),
            }
        }
    }
    let database = database("rule r { condition: true }");
    let mut scanner = database.scanner();
    let error = scanner.scan_stream(Failing(0)).unwrap_err();
    assert_eq!(error, Error::Stream { kind: io::ErrorKind::Other, reason: "the cable is out".into() });
    assert_eq!(error.to_string(), "cannot read the stream: the cable is out");
    assert_eq!(names(&scanner.scan_stream(&b"x"[..]).unwrap()), ["r"], "the scanner goes on");
}
