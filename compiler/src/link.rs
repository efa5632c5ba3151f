//! Linking: rules get their ranks and ids, and each becomes a self-contained unit of bytes.
//!
//! Ids come from a hash of namespace and name in an open-addressed table with slack, so that an added rule leaves the
//! ids of nearly all others as they were; and so do the numbers of namespaces. Ranks order evaluation: globals first, then whoever is referred to.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_image::lanes::Lane;
use hallmark_image::limits::SLOTS_PER_PAGE;
use hallmark_image::record::{
    EXACT, Meta, Pattern, Piece, Run, Slice, UnitHeader, Variant, VariantKind, pattern_flags, rule_flags,
};
use sha2::{Digest, Sha256};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::conditions::Code;
use crate::ir::{DeclId, LoweredRule, Value};
use crate::limits::MAX_NAMESPACES;
use crate::lower::{Atoms, Body, ChainPiece, LoweredVariant};
use crate::plan::Plan;

/// Where every rule goes.
#[derive(Debug)]
pub struct Layout {
    /// Namespaces by number; numbers that are not used are empty.
    pub namespaces: Vec<String>,
    /// Number of each namespace.
    numbers: BTreeMap<String, u16>,
    /// Id of each rule.
    pub ids: BTreeMap<DeclId, u32>,
    /// Rank of each rule.
    pub ranks: BTreeMap<DeclId, u32>,
    /// Number of pages of the rule table.
    pub pages: usize,
}

impl Layout {
    /// Gives every rule its rank and id. References among the rules must not form cycles.
    pub fn new(rules: &[LoweredRule<'_>]) -> Layout {
        let numbers = number_namespaces(rules);
        let slots = numbers.values().max().map_or(0, |&last| usize::from(last) + 1);
        let mut namespaces = vec![String::new(); slots];
        numbers.iter().for_each(|(name, &number)| namespaces[usize::from(number)] = name.clone());
        let pages = (rules.len() * 3 / 2).div_ceil(SLOTS_PER_PAGE).next_power_of_two();
        Layout {
            namespaces,
            numbers,
            ids: assign_ids(rules, pages * SLOTS_PER_PAGE),
            ranks: assign_ranks(rules),
            pages,
        }
    }

    /// Number of a namespace.
    fn namespace(&self, name: &str) -> u16 {
        self.numbers.get(name).copied().unwrap_or_default()
    }
}

/// The first eight bytes of a digest of names, a zero between them.
fn key(names: &[&str]) -> u64 {
    let digest = Sha256::digest(names.join("\0"));
    digest.iter().take(8).fold(0, |key, &byte| key << 8 | u64::from(byte))
}

fn assign_ids(rules: &[LoweredRule<'_>], slots: usize) -> BTreeMap<DeclId, u32> {
    let keyed = rules.iter().map(|r| {
        let names = [r.ir.namespace.as_str(), r.ir.name.as_str()];
        (key(&names), (names, r.ir.decl))
    });
    place(keyed.collect(), slots).map(|((_, decl), slot)| (decl, slot as u32)).collect()
}

fn number_namespaces(rules: &[LoweredRule<'_>]) -> BTreeMap<String, u16> {
    let names: BTreeSet<&str> = rules.iter().map(|r| r.ir.namespace.as_str()).collect();
    // Never fewer than names: the checker has counted them.
    let slots = (names.len() * 3 / 2).next_power_of_two().min(MAX_NAMESPACES);
    let keyed = names.into_iter().map(|name| (key(&[name]), name));
    place(keyed.collect(), slots).map(|(name, slot)| (name.to_owned(), slot as u16)).collect()
}

/// Gives each entry a slot of its own, at or behind the one that its key leads to.
fn place<T: Ord>(mut keyed: Vec<(u64, T)>, slots: usize) -> impl Iterator<Item = (T, usize)> {
    keyed.sort_unstable();
    let mut taken = vec![false; slots];
    keyed.into_iter().map(move |(key, entry)| {
        // The top bits: entries that are near in key order are near in the table, and probing stays short.
        let home = ((u128::from(key) * slots as u128) >> 64) as usize;
        let free = (home..slots).chain(0..home).find(|&s| !taken[s]).unwrap_or(home);
        taken[free] = true;
        (entry, free)
    })
}

fn assign_ranks(rules: &[LoweredRule<'_>]) -> BTreeMap<DeclId, u32> {
    let by_decl: BTreeMap<DeclId, &LoweredRule<'_>> = rules.iter().map(|r| (r.ir.decl, r)).collect();
    let mut ranks = BTreeMap::new();
    // Globals first: they refer to globals only, and everything else waits for them.
    for global in [true, false] {
        let floor = ranks.values().max().map_or(0, |&rank: &u32| rank + 1);
        for rule in rules.iter().filter(|r| r.ir.global == global) {
            let mut pending = vec![rule];
            while let Some(top) = pending.last().copied() {
                let references = top.ir.references.iter().filter_map(|r| by_decl.get(r).copied());
                let unranked: Vec<_> =
                    references.clone().filter(|r| !ranks.contains_key(&r.ir.decl)).collect();
                if !unranked.is_empty() && !ranks.contains_key(&top.ir.decl) {
                    pending.extend(unranked);
                    continue;
                }
                let above =
                    references.filter_map(|r| ranks.get(&r.ir.decl)).max().map_or(0, |&rank| rank + 1);
                ranks.entry(top.ir.decl).or_insert(above.max(floor));
                pending.pop();
            }
        }
    }
    ranks
}

/// Bytes of a unit's blob; equal bytes are kept once.
#[derive(Debug, Default)]
pub struct Blob {
    bytes: Vec<u8>,
    known: BTreeMap<Vec<u8>, Slice>,
}

impl Blob {
    /// The slice that holds `bytes`.
    pub fn intern(&mut self, bytes: &[u8]) -> Slice {
        if bytes.is_empty() {
            return Slice::default();
        }
        if let Some(&slice) = self.known.get(bytes) {
            return slice;
        }
        let slice = Slice::new(self.bytes.len() as u32, bytes.len() as u32);
        self.bytes.extend_from_slice(bytes);
        self.known.insert(bytes.to_vec(), slice);
        slice
    }

    /// The 64 bits of a value, its string put into the blob.
    pub fn value_bits(&mut self, value: &Value) -> u64 {
        match value {
            Value::Int(n) => *n as u64,
            Value::Float(x) => x.to_bits(),
            Value::Bool(b) => u64::from(*b),
            Value::Str(s) => self.intern(s).to_bits(),
        }
    }

    /// All bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The unit of a rule: `code` was emitted into `blob`, `plan` says what it needs.
pub fn unit(rule: &LoweredRule<'_>, code: &Code, mut blob: Blob, plan: &Plan, layout: &Layout) -> Vec<u8> {
    let ir = &rule.ir;
    let name = blob.intern(ir.name.as_bytes());
    let (mut variants, mut patterns) = (Vec::new(), Vec::new());
    let of_pattern = ir.patterns.iter().zip(&rule.patterns).zip(plan.uses.iter().zip(&plan.searched));
    for (index, ((pattern, lowered), (uses, &searched))) in of_pattern.enumerate() {
        let index = index as u32;
        let first = variants.len() as u32;
        variants.extend(lowered.variants.iter().map(|v| variant(v, index, &mut blob)));
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        let flags = flag(pattern.private, pattern_flags::PRIVATE)
            | u32::from(searched) << pattern_flags::SEARCHED_SHIFT
            | flag(uses.is_existence(), pattern_flags::EXISTENCE)
            | flag(uses.is_anchored(), pattern_flags::ANCHORED);
        patterns.push(Pattern {
            id: blob.intern(pattern.id.as_bytes()),
            flags: U32::new(flags),
            first_variant: U32::new(first),
            variants: U32::new(lowered.variants.len() as u32),
            only_at: U32::new(uses.only_at(&lowered.variants)),
        });
    }
    let tags: Vec<Slice> = ir.tags.iter().map(|t| blob.intern(t.as_bytes())).collect();
    let metas: Vec<Meta> = ir
        .meta
        .iter()
        .map(|(name, value)| Meta {
            name: blob.intern(name.as_bytes()),
            kind: U32::new(value.kind() as u32),
            value: U64::new(blob.value_bits(value)),
        })
        .collect();
    let references: Vec<U32> =
        ir.references.iter().map(|r| U32::new(layout.ids.get(r).copied().unwrap_or_default())).collect();
    let constants: Vec<U64> = code.constants.iter().map(|&c| U64::new(c)).collect();
    let sets: Vec<U32> = code.sets.iter().map(|&w| U32::new(w)).collect();
    let blob = blob.into_bytes();
    let flags = if ir.global { rule_flags::GLOBAL } else { 0 }
        | if ir.private { rule_flags::PRIVATE } else { 0 }
        | plan.streams;
    let count = |n: usize| U32::new(n as u32);
    let header = UnitHeader {
        flags: U16::new(flags),
        namespace: U16::new(layout.namespace(&ir.namespace)),
        rank: U32::new(layout.ranks.get(&ir.decl).copied().unwrap_or_default()),
        gate: plan.gate,
        name,
        variants: count(variants.len()),
        patterns: count(patterns.len()),
        tags: count(tags.len()),
        metas: count(metas.len()),
        references: count(references.len()),
        constants: count(constants.len()),
        insns: count(code.insns.len()),
        sets: count(sets.len()),
        blob_len: count(blob.len()),
        max_stack: U16::new(code.max_stack),
        locals: U16::new(ir.locals),
    };
    let parts = [
        header.as_bytes(),
        variants.as_bytes(),
        patterns.as_bytes(),
        tags.as_bytes(),
        metas.as_bytes(),
        references.as_bytes(),
        constants.as_bytes(),
        code.insns.as_bytes(),
        sets.as_bytes(),
        &blob,
    ];
    parts.concat()
}

fn variant(variant: &LoweredVariant, pattern: u32, blob: &mut Blob) -> Variant {
    let (kind, body, mask) = match &variant.body {
        Body::Bytes { value, mask } => (VariantKind::Bytes, blob.intern(value), blob.intern(mask)),
        Body::Program { program, outline } => {
            (VariantKind::Program, blob.intern(program), pieces(outline, blob))
        }
        Body::Chain(chain) => (VariantKind::Chain, pieces(chain, blob), Slice::default()),
    };
    Variant {
        kind: kind as u8,
        flags: variant.flags,
        xor_min: variant.xor.0,
        xor_max: variant.xor.1,
        pattern: U32::new(pattern),
        body,
        mask,
        backward: blob.intern(&variant.backward),
        runs: runs(variant, body, mask, blob),
    }
}

fn pieces(pieces: &[ChainPiece], blob: &mut Blob) -> Slice {
    let pieces: Vec<Piece> = pieces
        .iter()
        .map(|piece| Piece {
            gap_min: U32::new(piece.gap_min),
            gap_max: U32::new(piece.gap_max),
            value: blob.intern(&piece.value),
            mask: blob.intern(&piece.mask),
        })
        .collect();
    blob.intern(pieces.as_bytes())
}

/// The runs of a variant. Those of plain bytes lie in its body.
fn runs(variant: &LoweredVariant, body: Slice, mask: Slice, blob: &mut Blob) -> Slice {
    let of_body = matches!(variant.body, Body::Bytes { .. });
    let runs: Vec<Run> = variant
        .runs
        .iter()
        .map(|run| {
            let within = |slice: Slice| match slice.len.get() {
                0 => U32::new(EXACT),
                _ => U32::new(slice.offset.get() + u32::from(run.offset)),
            };
            let (value, mask) = if of_body {
                (within(body), within(mask))
            } else {
                let value: Vec<u8> = run.bytes.iter().map(|b| b.value).collect();
                let mask: Vec<u8> = run.bytes.iter().map(|b| b.mask).collect();
                let is_exact = mask.iter().all(|&m| m == 0xFF);
                let value = blob.intern(&value).offset;
                (value, if is_exact { U32::new(EXACT) } else { blob.intern(&mask).offset })
            };
            let atoms = match run.atoms {
                Atoms::Main(places) => places,
                Atoms::Short(place) | Atoms::Pair(place) => [place, 0, 0, 0],
            };
            let lane = match run.atoms {
                Atoms::Main(_) => Lane::Main,
                Atoms::Short(_) => Lane::Short,
                Atoms::Pair(_) => Lane::Pair,
            };
            let len = run.bytes.len() as u8;
            Run { offset: U16::new(run.offset), len, lane: lane as u8, value, mask, atoms }
        })
        .collect();
    blob.intern(runs.as_bytes())
}
