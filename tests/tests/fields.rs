//! Every field of a valid image with other values in it, digests made again: what can still be parsed scans within its
//! limits, the same each time, and tells what it left out; what a release of it promises is judged as ever.
//!
//! `HALLMARK_TEST_FACTOR=20 cargo test -p hallmark-tests --test fields` tries a hundred thousand.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use fastrand::Rng;
use hallmark_compiler::Compilation;
use hallmark_container::{Container, Demand, Policy, open};
use hallmark_engine::Window;
use hallmark_image::Image;
use hallmark_runtime::Database;
use hallmark_tests::compile_text;
use hallmark_tests::forge::{Field, Sample, digested, judge, samples};
use hallmark_tests::signed::{DB, auditor, builder, pack, policy_for};

/// Changed images without `HALLMARK_TEST_FACTOR`.
const CHANGES: usize = 5000;

/// Every so many of them is packed, signed and opened.
const SIGNED: usize = 125;

/// None may take so long. A scan of it takes a few milliseconds; the machine may be busy.
const LONGEST: Duration = Duration::from_secs(5);

/// A field and what it is set to.
type Change = (usize, u64);

/// Every field with every value worth trying.
fn changes(sample: &Sample) -> Vec<Change> {
    let mut others = BTreeMap::<String, BTreeSet<u64>>::new();
    for field in &sample.fields {
        others.entry(field.kind()).or_default().insert(field.value(&sample.image));
    }
    let values = |field: &Field| {
        let old = field.value(&sample.image);
        let (max, bits) = (field.max(), 8 * field.width);
        let mut values =
            BTreeSet::from([0, 1, max, max >> 1, old.wrapping_add(1) & max, old.wrapping_sub(1) & max]);
        values.extend(
            (0..bits).filter(|bit| bits <= 8 || bit % 3 == 0 || bit + 1 == bits).map(|bit| old ^ 1u64 << bit),
        );
        // What is right elsewhere.
        values.extend(others[&field.kind()].iter().take(6));
        values.extend([sample.image.len() as u64, 4096].into_iter().filter(|value| *value <= max));
        values.remove(&old);
        values
    };
    let fields = sample.fields.iter().enumerate();
    fields.flat_map(|(index, field)| values(field).into_iter().map(move |value| (index, value))).collect()
}

fn changed(sample: &Sample, changes: &[Change]) -> Vec<u8> {
    let mut image = sample.image.clone();
    changes.iter().for_each(|&(field, value)| sample.fields[field].set(&mut image, value));
    digested(image)
}

fn described(sample: &Sample, changes: &[Change]) -> String {
    let one = |&(field, value): &Change| {
        let field = &sample.fields[field];
        format!("{} at {:#x}: {:#x} becomes {value:#x}", field.name, field.at, field.value(&sample.image))
    };
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Whether the image can be parsed; it is scanned with then.
fn try_image(sample: &Sample, bytes: &[u8], rng: &mut Rng) -> bool {
    let Ok(image) = Image::parse(bytes) else { return false };
    let data = sample.data[rng.usize(..sample.data.len())];
    judge(&image, data, Window { len: 64, reach: 16 }, rng.usize(1..40), false);
    true
}

/// A release of the image, signed by both keys, gives the image, which the runtime takes.
fn try_release(compilation: &mut Compilation, policy: &Policy, bytes: &[u8]) {
    let release = pack(compilation, 1, None, &[builder(), auditor()]);
    let container = release.container().unwrap();
    let opened =
        open(Container::parse(&container).unwrap(), Demand::Quorum(policy)).unwrap().decode().unwrap();
    assert!(opened.bytes() == bytes);
    let database = Database::from_image_bytes(opened.bytes()).unwrap();
    // It may hold or not, but it ends.
    let _ = database.self_test(Duration::from_secs(2));
}

/// A number that has no divisor in common with `len`, far from 1 and from it.
fn step(len: usize) -> usize {
    let divisor = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    (len * 5 / 8..).find(|&step| divisor(step, len) == 1).expect("a prime")
}

fn factor() -> usize {
    std::env::var("HALLMARK_TEST_FACTOR").ok().and_then(|factor| factor.parse().ok()).unwrap_or(1)
}

#[test]
fn fields_are_named_once_and_cover_every_record() {
    for sample in samples() {
        let fields = &sample.fields;
        assert!(fields.windows(2).all(|pair| pair[0].at < pair[1].at || pair[0].width < pair[1].width));
        for field in fields {
            assert!(matches!(field.width, 1 | 2 | 4 | 8) && field.value(&sample.image) <= field.max());
        }
    }
    let kinds: BTreeSet<String> = samples()[0].fields.iter().map(Field::kind).collect();
    for kind in [
        "header.magic",
        "table.elem_count",
        "globals.rules",
        "globals.externals.value",
        "rules.slots.len",
        "units.gate.classes",
        "units.variants.backward.len",
        "units.runs.atoms",
        "units.pieces.gap_max",
        "units.program",
        "units.insns.imm",
        "units.sets",
        "units.constants",
        "units.references",
        "units.metas.value",
        "always.gate.min_size",
        "filter.classes.grams",
        "filter.words",
        "atoms.spill",
        "shorts.entries.variant",
        "selftest.tests.input.offset",
        "selftest.rules",
    ] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
}

#[test]
fn every_field_takes_other_values() {
    let mut rng = Rng::with_seed(7);
    let total = CHANGES * factor();
    let policy = policy_for(DB);
    let mut compilation = compile_text("rule r { condition: true }");
    let all: Vec<_> = samples().iter().map(changes).collect();
    let (mut refused, mut scanned, mut bad) = (0, 0, Vec::new());
    let (mut fields, mut turns) = (BTreeSet::new(), [0; 3]);
    for number in 0..total {
        // The first sample has something of everything.
        let which = [0, 0, 1, 0, 2][number % 5];
        let (sample, singles) = (&samples()[which], &all[which]);
        let turn = turns[which];
        turns[which] += 1;
        // Neighbours are of one field; with this step all are seen before any is seen again.
        let mut chosen = vec![singles[turn * step(singles.len()) % singles.len()]];
        // Once each was tried by itself, several at a time.
        chosen.extend((0..turn / singles.len()).map(|_| singles[rng.usize(..singles.len())]));
        fields.insert((which, chosen[0].0));
        let bytes = changed(sample, &chosen);
        let began = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| try_image(sample, &bytes, &mut rng))) {
            Ok(true) => scanned += 1,
            Ok(false) => refused += 1,
            Err(_) => bad.push(format!("panic: {}", described(sample, &chosen))),
        }
        if began.elapsed() > LONGEST {
            bad.push(format!("{:?}: {}", began.elapsed(), described(sample, &chosen)));
        }
        if number % SIGNED == 0 && Image::parse(&bytes).is_ok() {
            compilation.image = Some(bytes.clone());
            try_release(&mut compilation, &policy, &bytes);
        }
    }
    let singles: usize = all.iter().map(Vec::len).sum();
    println!(
        "{total} changed images, {singles} single changes, {} fields: {refused} refused, {scanned} scanned",
        fields.len()
    );
    assert!(bad.is_empty(), "{} of {total} changed images went wrong:\n{}", bad.len(), bad.join("\n"));
    assert!(refused > total / 20 && scanned > total / 20, "{refused} refused, {scanned} scanned");
}
