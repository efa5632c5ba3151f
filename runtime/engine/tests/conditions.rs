//! Conditions, instruction by instruction, over whole scans.

mod builder;

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use builder::{PatternSpec, RuleSpec, image, insn};
use hallmark_engine::{Error, Externals, Scratch, Settings, Why, scan};
use hallmark_image::Image;
use hallmark_image::insn::{Insn, Op};
use hallmark_image::record::{ValueKind, pattern_flags, rule_flags};

const DATA: &[u8] = b"..abcd..abcd.xyz.";

fn names(rules: &[RuleSpec], data: &[u8], settings: &Settings<'_>) -> Vec<String> {
    let bytes = image(rules, &[]);
    let image = Image::parse(&bytes).unwrap();
    let mut scratch = Scratch::new();
    let outcome = scan(&image, &mut scratch, data, settings);
    assert_eq!(outcome.incomplete(), []);
    let name = |r: hallmark_engine::MatchingRule<'_>| {
        let text = String::from_utf8_lossy;
        format!("{}:{}", text(r.namespace()), text(r.unit().unwrap().name()))
    };
    outcome.matching().map(name).collect()
}

/// A rule over `DATA` with `abcd` (twice, slow or not), `xyz` (once) and `none` (never).
fn holds(insns: &[Insn], slow: bool) -> bool {
    let make = if slow { PatternSpec::slow } else { PatternSpec::literal };
    let mut rule = RuleSpec::new("r", insns.to_vec());
    rule.patterns = vec![make(b"abcd"), make(b"xyz"), make(b"none")];
    rule.sets = vec![3, 0, 1, 2, 2, 0, 1, 0];
    rule.locals = 4;
    rule.strings = vec![b"Hello World".to_vec(), b"WORLD".to_vec()];
    rule.constants = vec![1.5f64.to_bits(), i64::MIN as u64];
    !names(&[rule], DATA, &Settings::default()).is_empty()
}

fn small(n: i32) -> Insn {
    insn(Op::Small, 0, 0, n as u32)
}

fn op(op: Op) -> Insn {
    insn(op, 0, 0, 0)
}

fn on(op: Op, pattern: u32) -> Insn {
    insn(op, 0, 0, pattern)
}

/// Both for patterns with atoms and for those searched on demand; `None` is undefined.
fn check(expected: Option<bool>, insns: &[Insn]) {
    for slow in [false, true] {
        assert_eq!(holds(insns, slow), expected == Some(true), "{insns:?} slow: {slow}");
        let with = |ops: &[Op]| [insns, &ops.iter().map(|&o| op(o)).collect::<Vec<_>>()].concat();
        assert_eq!(holds(&with(&[Op::Defined]), slow), expected.is_some(), "defined {insns:?} slow: {slow}");
        assert_eq!(holds(&with(&[Op::Not]), slow), expected == Some(false), "not {insns:?} slow: {slow}");
    }
}

#[test]
fn matches_of_patterns() {
    let (yes, no) = (Some(true), Some(false));
    check(yes, &[on(Op::Match, 0)]);
    check(no, &[on(Op::Match, 2)]);
    for (at, expected) in [(2, yes), (8, yes), (3, no), (17, no), (1000, no), (-1, None)] {
        check(expected, &[small(at), on(Op::MatchAt, 0)]);
    }
    check(None, &[op(Op::Undefined), on(Op::MatchAt, 0)]);
    for (low, high, expected) in
        [(2, 2, yes), (3, 8, yes), (3, 7, no), (-5, 2, yes), (8, 2, no), (-5, -1, no)]
    {
        check(expected, &[small(low), small(high), on(Op::MatchIn, 0)]);
    }
    check(None, &[small(0), op(Op::Undefined), on(Op::MatchIn, 0)]);
    let equals = |insns: &[Insn], n: i32| [insns, &[small(n), op(Op::Eq)]].concat();
    check(yes, &equals(&[on(Op::Count, 0)], 2));
    check(yes, &equals(&[on(Op::Count, 2)], 0));
    check(yes, &equals(&[small(2), small(8), on(Op::CountIn, 0)], 2));
    check(yes, &equals(&[small(3), small(100), on(Op::CountIn, 0)], 1));
    check(yes, &equals(&[small(2), on(Op::Offset, 0)], 8));
    check(yes, &equals(&[small(1), on(Op::Length, 1)], 3));
    for index in [0, -1, 3] {
        check(None, &equals(&[small(index), on(Op::Offset, 0)], 8));
        check(None, &equals(&[small(index), on(Op::Length, 0)], 4));
    }
}

#[test]
fn sets_of_patterns() {
    let of = |q: u8, anchor: u16, set: u32| insn(Op::OfPatterns, q, anchor, set);
    let (yes, no) = (Some(true), Some(false));
    check(yes, &[of(1, 0, 0)]);
    check(no, &[of(0, 0, 0)]);
    check(yes, &[of(0, 0, 4)]);
    check(no, &[of(2, 0, 4)]);
    for (n, expected) in [(0, no), (1, yes), (2, yes), (3, no)] {
        check(expected, &[small(n), of(3, 0, 0)]);
    }
    check(None, &[op(Op::Undefined), of(3, 0, 0)]);
    check(yes, &[small(66), of(4, 0, 0)]);
    check(no, &[small(67), of(4, 0, 0)]);
    check(yes, &[small(8), of(1, 1, 0)]);
    check(no, &[small(9), of(1, 1, 0)]);
    check(no, &[op(Op::Undefined), of(1, 1, 0)]);
    check(yes, &[op(Op::Undefined), of(2, 1, 0)]);
    check(yes, &[small(2), small(8), small(13), of(3, 2, 0)]);
    check(no, &[small(2), small(9), small(13), of(3, 2, 0)]);
    check(no, &[small(2), small(8), small(12), of(3, 2, 0)]);
}

#[test]
fn undefined_is_false_for_and_and_or_only() {
    let logic =
        |leave: Op, left: Op, right: Op| vec![op(left), insn(leave, 0, 0, 4), op(right), op(Op::Truth)];
    let (yes, no) = (Some(true), Some(false));
    check(no, &logic(Op::AndElse, Op::Undefined, Op::True));
    check(no, &logic(Op::AndElse, Op::True, Op::Undefined));
    check(yes, &logic(Op::AndElse, Op::True, Op::True));
    check(yes, &logic(Op::OrElse, Op::Undefined, Op::True));
    check(no, &logic(Op::OrElse, Op::Undefined, Op::Undefined));
    check(None, &[op(Op::Undefined), small(1), op(Op::Eq)]);
    check(None, &[small(-1), insn(Op::ReadInt, 1, 0, 0)]);
    check(yes, &[small(2), insn(Op::ReadInt, 2 | 32, 0, 0), small(0x6162), op(Op::Eq)]);
    check(None, &[small(14), insn(Op::ReadInt, 4, 0, 0)]);
    check(yes, &[op(Op::Filesize), small(17), op(Op::Eq)]);
    check(yes, &[on(Op::Str, 0), on(Op::Str, 1), op(Op::IContains)]);
    check(yes, &[on(Op::Float, 2), small(1), op(Op::Gt)]);
    check(None, &[on(Op::Int, 3), small(-1), op(Op::Mod)]);
    check(None, &[op(Op::Entrypoint)]);
}

/// `for <quantifier> <start of loop 0> : ( <body over local 0> )`.
fn each(start: &[Insn], body: &[Insn]) -> Vec<Insn> {
    let next = start.len() as u32;
    let exit = next + body.len() as u32 + 3;
    let tail = [op(Op::Truth), insn(Op::LoopStep, 0, 0, next)];
    [start, &[insn(Op::LoopNext, 0, 0, exit)], body, &tail].concat()
}

#[test]
fn loops() {
    let (yes, no) = (Some(true), Some(false));
    let item = insn(Op::Load, 0, 0, 0);
    let range = |q: u8, low: i32, high: i32| vec![small(low), small(high), insn(Op::LoopRange, q, 0, 0)];
    let is = |n: i32| vec![item, small(n), op(Op::Eq)];
    check(yes, &each(&range(1, 1, 5), &is(5)));
    check(no, &each(&range(1, 1, 5), &is(6)));
    check(no, &each(&range(0, 1, 2), &is(1)));
    check(yes, &each(&range(2, 1, 2), &is(3)));
    check(no, &each(&range(2, 5, 1), &is(3)));
    check(no, &each(&[op(Op::Undefined), small(3), insn(Op::LoopRange, 2, 0, 0)], &is(3)));
    let counted = |n: i32| [vec![small(n)], range(3, 1, 4)].concat();
    let odd = [item, small(2), op(Op::Mod)];
    check(yes, &each(&counted(2), &odd));
    check(no, &each(&counted(3), &odd));
    check(no, &each(&counted(0), &odd));
    check(None, &each(&[vec![op(Op::Undefined)], range(3, 1, 4)].concat(), &odd));
    let list = [small(3), op(Op::Undefined), small(5), insn(Op::LoopList, 1, 0, 3)];
    check(yes, &each(&list, &is(5)));
    check(no, &each(&list, &is(4)));
    check(None, &each(&[op(Op::Undefined), insn(Op::LoopItems, 1, 0, 0)], &is(1)));
    let patterns = |q| [insn(Op::LoopPatterns, q, 0, 0)];
    let twice = [insn(Op::Count, 1, 0, 0), small(2), op(Op::Eq)];
    check(yes, &each(&patterns(1), &twice));
    check(no, &each(&patterns(0), &twice));
}

#[test]
fn references_follow_ranks_and_private_rules_are_not_listed() {
    let mut base = RuleSpec::new("base", vec![op(Op::True)]);
    base.flags = rule_flags::PRIVATE;
    let mut user = RuleSpec::new("user", vec![insn(Op::Rule, 0, 0, 0)]);
    (user.rank, user.references) = (2, vec![1]);
    let mut of = RuleSpec::new("of", vec![insn(Op::OfRules, 0, 0, 0)]);
    (of.rank, of.references, of.sets) = (3, vec![1, 0], vec![2, 0, 1]);
    let never = RuleSpec::new("never", vec![op(Op::False)]);
    assert_eq!(names(&[user, base, of, never], b"", &Settings::default()), ["n0:of", "n0:user"]);
}

#[test]
fn a_false_global_rule_bars_its_namespace() {
    let mut global = RuleSpec::new("global", vec![op(Op::Filesize), small(3), op(Op::Gt)]);
    (global.flags, global.rank) = (rule_flags::GLOBAL, 0);
    let rule = RuleSpec::new("rule", vec![op(Op::True)]);
    let mut other = RuleSpec::new("other", vec![insn(Op::Rule, 0, 0, 0), op(Op::Not)]);
    (other.namespace, other.rank, other.references) = (1, 2, vec![1]);
    let rules = [global, rule, other];
    assert_eq!(names(&rules, b"four", &Settings::default()), ["n0:global", "n0:rule"]);
    assert_eq!(names(&rules, b"two", &Settings::default()), ["n1:other"]);
}

#[test]
fn patterns_with_one_offset_of_interest_are_listed_there() {
    let mut rule = RuleSpec::new("r", vec![small(8), on(Op::MatchAt, 0)]);
    rule.patterns =
        vec![PatternSpec::literal(b"abcd"), PatternSpec::literal(b"xyz"), PatternSpec::slow(b".")];
    rule.patterns[0].only_at = 8;
    let bytes = image(&[rule], &[]);
    let image = Image::parse(&bytes).unwrap();
    let mut scratch = Scratch::new();
    for (strings, dots) in [(false, 0), (true, 6)] {
        let settings = Settings { strings, ..Settings::default() };
        let outcome = scan(&image, &mut scratch, DATA, &settings);
        let rule = outcome.matching().next().unwrap();
        let found: Vec<Vec<u64>> =
            rule.patterns().map(|p| p.matches().iter().map(|m| m.offset).collect()).collect();
        assert_eq!(found[..2], [vec![8], vec![13]]);
        assert_eq!(found[2].len(), dots);
        assert_eq!(outcome.stats().candidates, 3);
    }
}

#[test]
fn budgets_end_scans_and_are_told() {
    let forever = [vec![small(0), small(i32::MAX), insn(Op::LoopRange, 0, 0, 0)], vec![]].concat();
    let mut slow = RuleSpec::new("slow", each(&forever, &[op(Op::True)]));
    (slow.locals, slow.rank) = (2, 5);
    let quick = RuleSpec::new("quick", vec![op(Op::True)]);
    let mut late = RuleSpec::new("late", vec![op(Op::True)]);
    late.rank = 6;
    let bytes = image(&[slow, quick, late], &[]);
    let image = Image::parse(&bytes).unwrap();
    let mut scratch = Scratch::new();
    let cancel = AtomicBool::new(true);
    let soon = Instant::now() + Duration::from_millis(50);
    for (settings, why) in [
        (Settings { max_steps: Some(1000), ..Settings::default() }, Why::Steps),
        (Settings { deadline: Some(soon), ..Settings::default() }, Why::Deadline),
        (Settings { cancel: Some(&cancel), ..Settings::default() }, Why::Cancelled),
    ] {
        let start = Instant::now();
        let outcome = scan(&image, &mut scratch, b"", &settings);
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(outcome.incomplete().len(), 1);
        assert_eq!((outcome.incomplete()[0].what.as_str(), outcome.incomplete()[0].why), ("rules", why));
        assert_eq!(outcome.matching().len(), 1, "what was found before is certain");
    }
    let settings = Settings { max_bytes: Some(3), ..Settings::default() };
    let outcome = scan(&image, &mut scratch, b"four", &settings);
    assert_eq!(outcome.incomplete()[0].why, Why::TooLong { len: 4, max: 3 });
    assert_eq!(outcome.matching().len(), 0);
}

#[test]
fn a_namespace_with_an_unevaluated_global_rule_reports_nothing() {
    let forever = [small(0), small(i32::MAX), insn(Op::LoopRange, 0, 0, 0)];
    let mut slow = RuleSpec::new("slow", each(&forever, &[op(Op::True)]));
    (slow.locals, slow.rank, slow.flags) = (2, 1, rule_flags::GLOBAL);
    let mut first = RuleSpec::new("first", vec![op(Op::True)]);
    (first.rank, first.flags) = (0, rule_flags::GLOBAL);
    let mut other = first.clone();
    (other.name, other.namespace) = ("other", 1);
    let bytes = image(&[slow, first, other], &[]);
    let image = Image::parse(&bytes).unwrap();
    let mut scratch = Scratch::new();
    let settings = Settings { max_steps: Some(5000), ..Settings::default() };
    let outcome = scan(&image, &mut scratch, b"", &settings);
    let names: Vec<_> = outcome.matching().map(|r| r.unit().unwrap().name()).collect();
    assert_eq!(names, [b"other"]);
}

#[test]
fn external_variables_are_replaced_by_type() {
    let rule = RuleSpec::new("r", vec![on(Op::External, 0), small(7), op(Op::Eq)]);
    let bytes = image(&[rule], &[("size", ValueKind::Int, 1), ("ratio", ValueKind::Float, 0)]);
    let image = Image::parse(&bytes).unwrap();
    let mut scratch = Scratch::new();
    let matching = |externals: &Externals, scratch: &mut Scratch| {
        let settings = Settings { externals: Some(externals), ..Settings::default() };
        scan(&image, scratch, b"", &settings).matching().len()
    };
    let mut externals = Externals::default();
    assert_eq!(matching(&externals, &mut scratch), 0);
    externals.define(&image, "size", 7.into()).unwrap();
    externals.define(&image, "ratio", 1.into()).unwrap();
    assert_eq!(matching(&externals, &mut scratch), 1);
    assert!(matches!(externals.define(&image, "what", 1.into()), Err(Error::UnknownExternal { .. })));
    assert!(matches!(externals.define(&image, "size", "x".into()), Err(Error::ExternalType { .. })));
}

#[test]
fn fast_scans_keep_what_conditions_need() {
    let mut existence = RuleSpec::any(vec![PatternSpec::literal(b"abcd")]);
    existence.patterns[0].flags |= pattern_flags::EXISTENCE;
    let mut counting = RuleSpec::new("counting", vec![on(Op::Count, 0), small(2), op(Op::Eq)]);
    counting.patterns = vec![PatternSpec::literal(b"abcd")];
    let bytes = image(&[existence, counting], &[]);
    let image = Image::parse(&bytes).unwrap();
    let mut scratch = Scratch::new();
    for (fast, expected) in [(false, [2, 2]), (true, [1, 2])] {
        let settings = Settings { fast, ..Settings::default() };
        let outcome = scan(&image, &mut scratch, DATA, &settings);
        let counts: Vec<usize> =
            outcome.matching().map(|r| r.patterns().next().unwrap().matches().len()).collect();
        assert_eq!(counts, expected);
    }
}
