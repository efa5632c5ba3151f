//! The rule pack: compiled, opened, and scanning data made from a seed. A wrong count of matches is a failure.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hallmark_benches::{build, rule_pack, sample, sample_with_match};
use hallmark_runtime::{Database, Image};

const MEGABYTE: usize = 1 << 20;
const SEED: u64 = 20_261_123;

fn benches(c: &mut Criterion) {
    let sources = rule_pack().expect("the rule pack of this checkout");
    let bytes: u64 = sources.iter().map(|s| s.text.len() as u64).sum();
    let compiled = build(sources.clone());
    let image = compiled.image.expect("the pack compiles");
    let database = Database::from_image_bytes(&image).expect("the compiler's own image");

    let mut group = c.benchmark_group("compile");
    group.sample_size(20).throughput(Throughput::Bytes(bytes));
    group.bench_function("pack", |b| {
        b.iter_batched(
            || sources.clone(),
            |sources| assert!(build(sources).image.is_some()),
            BatchSize::SmallInput,
        );
    });
    group.finish();

    let mut group = c.benchmark_group("open");
    group.throughput(Throughput::Bytes(image.len() as u64));
    group.bench_function("prove", |b| b.iter(|| Image::parse_undigested(black_box(&image)).is_ok()));
    group.bench_function("prove with digests", |b| b.iter(|| Image::parse(black_box(&image)).is_ok()));
    group.finish();

    let mut group = c.benchmark_group("scan");
    group.sample_size(20);
    for (name, data, expected) in [
        ("4 KiB, nothing", sample(SEED, 4096), 0),
        ("1 MiB, nothing", sample(SEED, MEGABYTE), 0),
        ("1 MiB, one script", sample_with_match(SEED, MEGABYTE), EXPECTED_OF_SCRIPT),
    ] {
        let mut scanner = database.scanner();
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                let report = scanner.scan(black_box(&data)).expect("a scan without limits");
                assert_eq!(report.matches().len(), expected, "{name}");
            });
        });
    }
    group.finish();
}

/// Rules of the pack that the script of [`sample_with_match`] is a case of.
const EXPECTED_OF_SCRIPT: usize = 1;

criterion_group!(pack, benches);
criterion_main!(pack);
