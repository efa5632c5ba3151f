//! The image is a function of sources and options, and a small change of sources is a small change of the image.

use hallmark_compiler::{Compilation, ExternalValue, Options, Source, compile};
use hallmark_image::record::RulePage;
use hallmark_image::{Image, SectionKind};
use hallmark_publish::{DEFAULT_LEVEL, compress_patch};
use hallmark_tests::{NoIncludes, RulePack};

fn with_threads(sources: &[Source], options: &Options, threads: usize) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let compilation = pool.install(|| compile(sources.to_vec(), options, &NoIncludes, &mut |_| {}));
    image(compilation)
}

fn image(compilation: Compilation) -> Vec<u8> {
    let said: Vec<_> = compilation.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    compilation.image.unwrap_or_else(|| panic!("{}", said.join("\n")))
}

fn plain(sources: &[Source]) -> Vec<u8> {
    image(compile(sources.to_vec(), &Options::default(), &NoIncludes, &mut |_| {}))
}

fn source(name: &str, namespace: &str, text: &str) -> Source {
    Source { name: name.into(), namespace: namespace.into(), text: text.into() }
}

/// A set large enough that the number of pages and the sizes of tables do not depend on one rule.
fn many_rules(count: usize) -> Vec<Source> {
    let rule = |i: usize| {
        let word = i.wrapping_mul(2_654_435_761) % 100_000_007;
        format!(
            "rule generated_{i} {{ meta: n = {i} strings: $a = \"token {word:x} of {i}\" \
             $b = {{ 4D 5A {:02X} {:02X} ?? {:02X} 90 C3 }} condition: $a or $b at 0 }}\n",
            i % 251,
            i / 251,
            word % 256
        )
    };
    (0..count).map(|i| source(&format!("{i}.yar"), "default", &rule(i))).collect()
}

/// Shuffles by a fixed sequence.
fn shuffled(sources: &[Source], mut state: u64) -> Vec<Source> {
    let mut sources = sources.to_vec();
    for i in (1..sources.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sources.swap(i, (state >> 33) as usize % (i + 1));
    }
    sources
}

#[test]
fn threads_change_nothing() {
    let pack = RulePack::load().unwrap();
    let sources = [pack.sources, many_rules(300)].concat();
    let options = Options { externals: vec![("n".into(), ExternalValue::Int(7))], ..Options::default() };
    let one = with_threads(&sources, &options, 1);
    for threads in [2, 8] {
        assert!(with_threads(&sources, &options, threads) == one, "{threads} threads give another image");
    }
    assert!(with_threads(&sources, &options, 1) == one, "a second run gives another image");
}

#[test]
fn order_changes_nothing() {
    let pack = RulePack::load().unwrap();
    let mut sources = [pack.sources, many_rules(100)].concat();
    sources.push(source("other.yar", "zeta", "rule a { condition: true } rule b { condition: a }"));
    sources.push(source("other.yar", "alpha", "private rule a { condition: true } rule b { condition: a }"));
    let expected = plain(&sources);
    for seed in 1..=4 {
        assert!(plain(&shuffled(&sources, seed)) == expected, "order {seed} gives another image");
    }
    let mut externals: Vec<_> = ["x", "b", "m"].map(|n| (n.to_owned(), ExternalValue::Bool(true))).into();
    let forth = with_threads(&sources, &Options { externals: externals.clone(), ..Options::default() }, 1);
    externals.reverse();
    let back = with_threads(&sources, &Options { externals, ..Options::default() }, 1);
    assert!(forth == back, "the order of external variables gives another image");
}

#[test]
fn names_of_files_change_nothing() {
    let sources = many_rules(20);
    let mut renamed = sources.clone();
    for (i, source) in renamed.iter_mut().enumerate() {
        source.name = format!("elsewhere/{}/{}.yar", 20 - i, source.name);
    }
    assert!(plain(&sources) == plain(&renamed));
}

#[test]
fn options_and_sources_are_in_the_digests() {
    let sources = many_rules(3);
    let digests = |sources: &[Source], options: &Options| {
        let bytes = with_threads(sources, options, 1);
        let header = *Image::parse(&bytes).unwrap().header();
        (header.source_digest, header.options_digest)
    };
    let base = digests(&sources, &Options::default());
    let external = Options { externals: vec![("n".into(), ExternalValue::Int(1))], ..Options::default() };
    let with_external = digests(&sources, &external);
    assert_eq!(base.0, with_external.0);
    assert_ne!(base.1, with_external.1);
    let mut commented = sources.clone();
    commented[0].text.extend_from_slice(b"// a comment");
    assert_ne!(base.0, digests(&commented, &Options::default()).0);
}

/// Bytes of a section that another image has not at the same place, in blocks of 512 bytes.
fn changed_blocks(old: &[u8], new: &[u8], kind: SectionKind) -> (usize, usize) {
    let section = |bytes| Image::parse(bytes).unwrap().section(kind).chunks(512);
    let (old, new): (Vec<_>, Vec<_>) = (section(old).collect(), section(new).collect());
    let same = old.iter().zip(&new).filter(|(a, b)| a == b).count();
    (new.len() - same, new.len())
}

#[test]
fn an_added_rule_changes_little_besides_its_unit() {
    let sources = many_rules(2000);
    let old = plain(&sources);
    let mut more = sources;
    more.push(source(
        "added.yar",
        "default",
        "rule added { strings: $a = \"an added text\" $b = { DE AD BE EF 01 02 03 } condition: any of them }",
    ));
    let new = plain(&more);
    for kind in [SectionKind::Atoms, SectionKind::Shorts, SectionKind::Filter] {
        let (changed, all) = changed_blocks(&old, &new, kind);
        // The pages of the four atoms of two patterns and their neighbours; in the bitmaps, for each of three classes, a
        // bit for each atom and two for what surrounds it.
        let most = if kind == SectionKind::Filter { 72 } else { 24 };
        assert!(changed <= most, "{}: {changed} of {all} blocks changed", kind.name());
    }
    // Pages after the new rule move as a whole: only where they begin is another.
    let slots = |bytes| {
        let pages =
            Image::parse(bytes).unwrap().section(SectionKind::Rules).chunks_exact(size_of::<RulePage>());
        pages.map(|page| page[size_of::<u32>()..].to_vec()).collect::<Vec<_>>()
    };
    let changed = slots(&old).iter().zip(&slots(&new)).filter(|(a, b)| a != b).count();
    assert!(changed <= 2, "the slots of {changed} pages changed");
    // Units move, but stay what they are: the patch holds little more than the new one.
    let units = |bytes| {
        let image = Image::parse(bytes).unwrap();
        image
            .rules()
            .map(|(id, _)| image.unit_bytes(id).unwrap().to_vec())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (before, after) = (units(&old), units(&new));
    let fresh: usize = after.difference(&before).map(Vec::len).sum();
    assert!(fresh < 4096, "{fresh} bytes of units are new");
}

/// Ten rules of the size that analysts write.
fn ten_rules() -> String {
    let rule = |i: usize| {
        let word = |k: usize| (i * 7 + k + 1).wrapping_mul(2_654_435_761) % 4_294_967_291;
        format!(
            "rule added_{i} {{ meta: description = \"Detects family {:x} by its protocol\" author = \"Research\" \
             reference = \"https://example.org/{:x}\" date = \"2026-11-{:02}\" hash = \"{:08x}{:08x}{:08x}{:08x}\" \
             strings: $s1 = \"agent/{:x} build\" ascii wide $s2 = \"Global\\\\{:x}-lock\" wide \
             $s3 = \"/gate/{:x}.php?id=\" nocase $op = {{ 48 8D 4C 24 ?? E8 [4] 84 C0 74 {i:02X} 48 8B D3 }} \
             condition: uint16(0) == 0x5A4D and filesize < 3MB and 2 of them }}\n",
            word(0),
            word(1),
            i + 10,
            word(2),
            word(3),
            word(4),
            word(5),
            word(6),
            word(0) ^ word(1),
            word(2) ^ word(3),
        )
    };
    (0..10).map(rule).collect()
}

/// Bytes of the patch from one set of sources to another.
fn patch(old: &[Source], new: &[Source]) -> usize {
    compress_patch(&plain(old), &plain(new), DEFAULT_LEVEL).unwrap().bytes.len()
}

#[test]
fn ten_added_rules_make_a_small_patch() {
    let ten = ten_rules();
    // One namespace for all rules, and one for each file.
    for own_namespace in [false, true] {
        let named = |source: Source| match own_namespace {
            true => Source { namespace: source.name.clone(), ..source },
            false => source,
        };
        let sources: Vec<_> = many_rules(3000).into_iter().map(named).collect();
        let added = |name| [sources.clone(), vec![named(source(name, "default", &ten))]].concat();
        let within = |at: usize, front: bool| {
            let mut sources = sources.clone();
            let text = std::mem::take(&mut sources[at].text);
            let parts = if front { [ten.as_bytes(), &text] } else { [&text, ten.as_bytes()] };
            sources[at].text = parts.concat();
            sources
        };
        let cases = [
            ("before all others", added("!first")),
            ("after all others", added("~last")),
            ("at the start of a file", within(1500, true)),
            ("at the end of a file", within(7, false)),
        ];
        for (place, more) in cases {
            let bytes = patch(&sources, &more);
            println!("{place}, own namespaces: {own_namespace}: {bytes} bytes");
            assert!(bytes <= PATCH_BUDGET, "{place}: a patch of {bytes} bytes");
        }
        let removed = patch(&within(7, false), &sources);
        assert!(removed <= PATCH_BUDGET, "a patch of {removed} bytes removes them");
    }
}

/// The patch for ten rules added to thousands: half of it are their units and atoms, which no layout can spare.
const PATCH_BUDGET: usize = 14_000;
