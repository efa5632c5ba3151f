//! Each stage of a scan by itself, see `cases`; every scan checks what it finds.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hallmark_benches::cases::cases;
use hallmark_runtime::Database;

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("stages");
    group.sample_size(20);
    for case in cases() {
        let database = Database::from_image_bytes(&case.image()).expect("the compiler's own image");
        let mut scanner = case.scanner(&database);
        group.throughput(Throughput::Bytes(case.len() as u64));
        group.bench_function(case.name, |b| b.iter(|| case.scan(&mut scanner)));
    }
    group.finish();
}

criterion_group!(stages, benches);
criterion_main!(stages);
