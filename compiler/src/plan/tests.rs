//! Plans against a direct evaluation: whatever the condition and whatever matched, a rule that matches is found.

use hallmark_image::FileClass;
use hallmark_image::insn::Op;
use proptest::prelude::*;

use super::gate::{self, Gatekeeper};
use super::order::Orderer;
use super::triggers::Planner;
use super::*;
use crate::ir::{Anchor, Items, Loop, PatternRef, Quantifier, Value};
use hallmark_image::schema::Type;

/// Patterns of a generated rule.
const PATTERNS: u32 = 5;

/// A file, and where each pattern matches in it.
#[derive(Debug, Clone)]
struct File {
    head: [u8; 4],
    size: i64,
    matches: Vec<Vec<i64>>,
}

/// What an expression is: `None` is undefined.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen {
    Bool(bool),
    Int(i64),
}

impl File {
    fn class(&self) -> FileClass {
        FileClass::of(&self.head)
    }

    fn holds(&self, expr: &Expr, current: Option<u32>) -> bool {
        self.eval(expr, current) == Some(Seen::Bool(true))
    }

    fn int(&self, expr: &Expr, current: Option<u32>) -> Option<i64> {
        match self.eval(expr, current)? {
            Seen::Int(n) => Some(n),
            Seen::Bool(_) => None,
        }
    }

    fn of(&self, pattern: &PatternRef, current: Option<u32>) -> &[i64] {
        let index = match pattern {
            PatternRef::Index(index) => Some(*index),
            PatternRef::Local(_) => current,
        };
        index.map_or(&[], |i| &self.matches[i as usize])
    }

    fn enough(&self, quantifier: &Quantifier, held: usize, all: usize) -> Option<bool> {
        Some(match quantifier {
            Quantifier::All => held == all,
            Quantifier::Any => held > 0,
            Quantifier::None => held == 0,
            Quantifier::Count(n) => match self.int(n, None)? {
                0 => held == 0,
                n => held > 0 && held as i64 >= n,
            },
            Quantifier::Percent(n) => held as f64 >= (all as f64 * self.int(n, None)? as f64 / 100.0).ceil(),
        })
    }

    fn eval(&self, expr: &Expr, current: Option<u32>) -> Option<Seen> {
        Some(match &expr.kind {
            Kind::Const(Value::Bool(b)) => Seen::Bool(*b),
            Kind::Const(Value::Int(n)) => Seen::Int(*n),
            Kind::Filesize => Seen::Int(self.size),
            Kind::ReadInt(code, offset) => {
                let at = usize::try_from(self.int(offset, current)?).ok()?;
                let bytes = self.head.get(at..at + usize::from(code & 15))?;
                let join = |n: i64, b: &u8| n << 8 | i64::from(*b);
                let big = code & 32 != 0;
                let n = if big { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) };
                let unused = 64 - 8 * bytes.len();
                Seen::Int(if code & 16 != 0 { n << unused >> unused } else { n })
            }
            Kind::Match(pattern, anchor) => {
                let found = self.of(pattern, current);
                Seen::Bool(match anchor {
                    Anchor::Anywhere => !found.is_empty(),
                    Anchor::At(at) => found.contains(&self.int(at, current)?),
                    Anchor::In(range) => {
                        let range = self.int(&range.0, current)?..=self.int(&range.1, current)?;
                        found.iter().any(|at| range.contains(at))
                    }
                })
            }
            Kind::Count(pattern, _) => Seen::Int(self.of(pattern, current).len() as i64),
            Kind::Offset(pattern, index) => {
                let index = usize::try_from(self.int(index, current)? - 1).ok()?;
                Seen::Int(*self.of(pattern, current).get(index)?)
            }
            Kind::Unary(Op::Not, operand) => match self.eval(operand, current)? {
                Seen::Bool(b) => Seen::Bool(!b),
                Seen::Int(_) => return None,
            },
            Kind::Unary(Op::Defined, operand) => Seen::Bool(self.eval(operand, current).is_some()),
            Kind::Binary(op, left, right) => {
                let (left, right) = (self.int(left, current)?, self.int(right, current)?);
                match op {
                    Op::Add => Seen::Int(left + right),
                    Op::Sub => Seen::Int(left - right),
                    Op::Lt => Seen::Bool(left < right),
                    Op::Le => Seen::Bool(left <= right),
                    Op::Gt => Seen::Bool(left > right),
                    Op::Ge => Seen::Bool(left >= right),
                    Op::Eq => Seen::Bool(left == right),
                    Op::Ne => Seen::Bool(left != right),
                    _ => return None,
                }
            }
            Kind::And(operands) => Seen::Bool(operands.iter().all(|e| self.holds(e, current))),
            Kind::Or(operands) => Seen::Bool(operands.iter().any(|e| self.holds(e, current))),
            Kind::OfPatterns(quantifier, set, anchor) => {
                let matches = |p: &&u32| {
                    let kind = Kind::Match(PatternRef::Index(**p), anchor.clone());
                    self.holds(&boolean(kind), current)
                };
                Seen::Bool(self.enough(quantifier, set.iter().filter(matches).count(), set.len())?)
            }
            Kind::For(each) => {
                let Items::Patterns(set) = &each.items else { return None };
                let held = set.iter().filter(|p| self.holds(&each.body, Some(**p))).count();
                Seen::Bool(self.enough(&each.quantifier, held, set.len())?)
            }
            _ => return None,
        })
    }
}

fn boolean(kind: Kind) -> Expr {
    Expr { kind, ty: Type::Bool }
}

fn number(kind: Kind) -> Expr {
    Expr { kind, ty: Type::Int }
}

fn int(n: i64) -> Expr {
    Expr::constant(Value::Int(n))
}

fn pattern() -> impl Strategy<Value = PatternRef> + Clone {
    (0..PATTERNS).prop_map(PatternRef::Index)
}

/// Numbers, some of which need a match.
fn numbers(pattern: impl Strategy<Value = PatternRef> + Clone + 'static) -> BoxedStrategy<Expr> {
    let leaf = prop_oneof![
        3 => prop::sample::select(vec![-1i64, 0, 1, 2, 3, 10, 20]).prop_map(int),
        1 => Just(number(Kind::Filesize)),
        3 => pattern.clone().prop_map(|p| number(Kind::Count(p, None))),
        2 => (pattern, 0i64..3).prop_map(|(p, i)| number(Kind::Offset(p, Box::new(int(i))))),
        1 => (0i64..3).prop_map(|at| number(Kind::ReadInt(2, Box::new(int(at))))),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        let op = prop::sample::select(vec![Op::Add, Op::Add, Op::Sub]);
        prop_oneof![
            3 => (op, inner.clone(), inner.clone())
                .prop_map(|(op, a, b)| number(Kind::Binary(op, Box::new(a), Box::new(b)))),
            1 => inner.prop_map(|at| number(Kind::ReadInt(1, Box::new(at)))),
        ]
    })
    .boxed()
}

fn conditions(pattern: impl Strategy<Value = PatternRef> + Clone + 'static) -> BoxedStrategy<Expr> {
    let n = numbers(pattern.clone());
    let anchor = prop_oneof![
        4 => Just(Anchor::Anywhere),
        1 => n.clone().prop_map(|at| Anchor::At(Box::new(at))),
        1 => (n.clone(), n.clone()).prop_map(|range| Anchor::In(Box::new(range))),
    ];
    let quantifier = prop_oneof![
        2 => Just(Quantifier::All),
        2 => Just(Quantifier::Any),
        1 => Just(Quantifier::None),
        4 => (-1i64..4).prop_map(|n| Quantifier::Count(Box::new(int(n)))),
        1 => (0i64..120).prop_map(|n| Quantifier::Percent(Box::new(int(n)))),
    ];
    let comparison = prop::sample::select(vec![Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::Eq, Op::Ne]);
    let set = prop::sample::subsequence((0..PATTERNS).collect::<Vec<u32>>(), 1..=PATTERNS as usize);
    let magic = prop::sample::select(vec![0x5A4D_i64, 0x4D5A, 0x457F, 0x464C_457F, 0x1234, 0x1_5A4D]);
    let leaf = prop_oneof![
        4 => (pattern, anchor.clone()).prop_map(|(p, anchor)| boolean(Kind::Match(p, anchor))),
        4 => (comparison, n.clone(), n)
            .prop_map(|(op, a, b)| boolean(Kind::Binary(op, Box::new(a), Box::new(b)))),
        2 => (magic, prop::sample::select(vec![2, 18, 34, 4])).prop_map(|(magic, code)| {
            let read = number(Kind::ReadInt(code, Box::new(int(0))));
            boolean(Kind::Binary(Op::Eq, Box::new(read), Box::new(int(magic))))
        }),
        3 => (quantifier.clone(), set.clone(), anchor)
            .prop_map(|(q, set, anchor)| boolean(Kind::OfPatterns(q, set, anchor))),
        1 => any::<bool>().prop_map(|b| Expr::constant(Value::Bool(b))),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let many = prop::collection::vec(inner.clone(), 2..4);
        let body = (Just(PatternRef::Local(0)), inner.clone()).prop_map(|(p, e)| {
            boolean(Kind::And(vec![boolean(Kind::Match(p, Anchor::Anywhere)), e]))
        });
        prop_oneof![
            3 => many.clone().prop_map(|operands| boolean(Kind::And(operands))),
            3 => many.prop_map(|operands| boolean(Kind::Or(operands))),
            1 => inner.clone().prop_map(|e| boolean(Kind::Unary(Op::Not, Box::new(e)))),
            1 => inner.prop_map(|e| boolean(Kind::Unary(Op::Defined, Box::new(e)))),
            1 => (quantifier.clone(), set.clone(), body).prop_map(|(quantifier, set, body)| {
                boolean(Kind::For(Box::new(Loop { quantifier, local: 0, depth: 0, items: Items::Patterns(set), body })))
            }),
        ]
    })
    .boxed()
}

fn file() -> impl Strategy<Value = File> {
    let head = prop::sample::select(vec![*b"MZ\x90\0", *b"\x7fELF", *b"\x34\x12ab", *b"M\x00\x00\x00"]);
    let matches = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::btree_set(0i64..20, 1..4)
        .prop_map(|set| set.into_iter().collect())];
    (head, 4i64..24, prop::collection::vec(matches, PATTERNS as usize))
        .prop_map(|(head, size, matches)| File { head, size, matches })
}

/// Costs of patterns, some of which can't be searched for.
fn costs() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop::sample::select(vec![1.0, 2.0, 50.0, f64::INFINITY]), PATTERNS as usize)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_that_matches_is_found(
        condition in conditions(pattern()),
        costs in costs(),
        files in prop::collection::vec(file(), 8),
    ) {
        let gatekeeper = Gatekeeper { patterns: &[] };
        let gate = gate::of_condition(&condition, &[]);
        for file in files {
            let matches = file.holds(&condition, None);
            let class = file.class();
            let planner = Planner { costs: &costs, gatekeeper, class: Some(class) };
            if matches {
                prop_assert!(gate.admits(class, file.size as u64), "the gate is closed: {:?}", condition);
                if let Some(triggers) = planner.triggers(&condition) {
                    let triggered = triggers.iter().any(|&p| !file.matches[p as usize].is_empty());
                    prop_assert!(triggered, "{:?} don't match: {:?}", triggers, condition);
                    prop_assert!(triggers.iter().all(|&p| costs[p as usize].is_finite()));
                }
            }
            if gate.admits(class, file.size as u64) {
                let rest = gate::without_implied(&condition, &gate);
                prop_assert_eq!(file.holds(&rest, None), matches, "{:?} became {:?}", condition, rest);
            }
            let searched: Vec<u8> = costs.iter().map(|cost| if *cost > 10.0 { 0 } else { FileClass::EVERY }).collect();
            let planner = Planner { costs: &costs, gatekeeper, class: None };
            let ordered = Orderer { planner, searched: &searched }.order(&condition);
            prop_assert_eq!(file.holds(&ordered, None), matches, "{:?} became {:?}", condition, ordered);
        }
    }
}
