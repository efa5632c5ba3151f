//! TLSH, a digest that is alike for like data, in its version 4 with 128 buckets and a checksum of one byte.
//!
//! Input: bytes. Output: `T1` and 70 hexadecimal digits: checksum, length and ratios of quartiles, then two bits for each
//! bucket that say in which quarter its count lies.

use std::fmt::Write;

/// Shorter data has no digest.
const MIN_LEN: usize = 50;
const BUCKETS: usize = 128;
const WINDOW: usize = 5;

/// Triples counted of each window: a salt, and how far back the three bytes lie.
const TRIPLES: [(u8, [usize; 3]); 6] =
    [(2, [0, 1, 2]), (3, [0, 1, 3]), (5, [0, 2, 3]), (7, [0, 2, 4]), (11, [0, 1, 4]), (13, [0, 3, 4])];

/// The digest; `None` if the data is too short, too long, or too uniform.
pub(super) fn tlsh(data: &[u8]) -> Option<String> {
    if data.len() < MIN_LEN {
        return None;
    }
    let mut counts = [0u32; 256];
    let mut checksum = 0;
    for window in data.windows(WINDOW) {
        let back = |n: usize| window.iter().rev().nth(n).copied().unwrap_or_default();
        checksum = pearson(0, [back(0), back(1), checksum]);
        for (salt, places) in TRIPLES {
            if let Some(count) = counts.get_mut(usize::from(pearson(salt, places.map(back)))) {
                *count = count.saturating_add(1);
            }
        }
    }
    let counts = counts.get(..BUCKETS)?;
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let quartile = |n: usize| sorted.get((BUCKETS / 4).checked_mul(n)?.checked_sub(1)?).copied();
    let quartiles = [quartile(1)?, quartile(2)?, quartile(3)?];
    let [q1, q2, q3] = quartiles.map(u64::from);
    let ratio = |q: u64| Some(q.checked_mul(100)?.checked_div(q3)? % 16);
    let length = LENGTHS.partition_point(|&longest| usize::try_from(longest).is_ok_and(|n| n < data.len()));
    let length = u8::try_from(length).ok().filter(|&n| usize::from(n) < LENGTHS.len())?;
    let mut digest = String::from("T1");
    write!(digest, "{:02X}{:02X}", checksum.rotate_left(4), length.rotate_left(4)).ok()?;
    write!(digest, "{:X}{:X}", ratio(q1)?, ratio(q2)?).ok()?;
    for four in counts.rchunks(4) {
        // The first bucket is in the lowest bits.
        let quarter = |count: &u32| quartiles.iter().filter(|q| count > q).count();
        let byte = four.iter().rev().fold(0, |byte, count| byte << 2 | quarter(count));
        write!(digest, "{byte:02X}").ok()?;
    }
    Some(digest)
}

/// Pearson's hash of a salt and three bytes.
fn pearson(salt: u8, bytes: [u8; 3]) -> u8 {
    let step = |hash: u8, byte: u8| PERMUTATION.get(usize::from(hash ^ byte)).copied().unwrap_or_default();
    bytes.into_iter().fold(step(0, salt), step)
}

/// The order of bytes that Pearson's hash walks through.
#[rustfmt::skip]
const PERMUTATION: [u8; 256] = [
    1, 87, 49, 12, 176, 178, 102, 166, 121, 193, 6, 84, 249, 230, 44, 163, 14, 197, 213, 181, 161, 85, 218, 80,
    64, 239, 24, 226, 236, 142, 38, 200, 110, 177, 104, 103, 141, 253, 255, 50, 77, 101, 81, 18, 45, 96, 31,
    222, 25, 107, 190, 70, 86, 237, 240, 34, 72, 242, 20, 214, 244, 227, 149, 235, 97, 234, 57, 22, 60, 250, 82,
    175, 208, 5, 127, 199, 111, 62, 135, 248, 174, 169, 211, 58, 66, 154, 106, 195, 245, 171, 17, 187, 182, 179,
    0, 243, 132, 56, 148, 75, 128, 133, 158, 100, 130, 126, 91, 13, 153, 246, 216, 219, 119, 68, 223, 78, 83,
    88, 201, 99, 122, 11, 92, 32, 136, 114, 52, 10, 138, 30, 48, 183, 156, 35, 61, 26, 143, 74, 251, 94, 129,
    162, 63, 152, 170, 7, 115, 167, 241, 206, 3, 150, 55, 59, 151, 220, 90, 53, 23, 131, 125, 173, 15, 238, 79,
    95, 89, 16, 105, 137, 225, 224, 217, 160, 37, 123, 118, 73, 2, 157, 46, 116, 9, 145, 134, 228, 207, 212,
    202, 215, 69, 229, 27, 188, 67, 124, 168, 252, 42, 4, 29, 108, 21, 247, 19, 205, 39, 203, 233, 40, 186, 147,
    198, 192, 155, 33, 164, 191, 98, 204, 165, 180, 117, 76, 140, 36, 210, 172, 41, 54, 159, 8, 185, 232, 113,
    196, 231, 47, 146, 120, 51, 65, 28, 144, 254, 221, 93, 189, 194, 139, 112, 43, 71, 109, 184, 209,
];

/// The longest data of each class of length; classes grow by half, then by three tenths, then by a tenth.
#[rustfmt::skip]
const LENGTHS: [u32; 170] = [
    1, 2, 3, 5, 7, 11, 17, 25, 38, 57, 86, 129, 194, 291, 437, 656, 854, 1110, 1443, 1876, 2439, 3171, 3475,
    3823, 4205, 4626, 5088, 5597, 6157, 6772, 7450, 8195, 9014, 9916, 10_907, 11_998, 13_198, 14_518, 15_970,
    17_567, 19_323, 21_256, 23_382, 25_720, 28_292, 31_121, 34_233, 37_656, 41_422, 45_564, 50_121, 55_133,
    60_646, 66_711, 73_382, 80_721, 88_793, 97_672, 107_439, 118_183, 130_002, 143_002, 157_302, 173_032,
    190_335, 209_369, 230_306, 253_337, 278_670, 306_538, 337_191, 370_911, 408_002, 448_802, 493_682, 543_050,
    597_356, 657_091, 722_800, 795_081, 874_589, 962_048, 1_058_252, 1_164_078, 1_280_486, 1_408_534, 1_549_388,
    1_704_327, 1_874_759, 2_062_236, 2_268_459, 2_495_305, 2_744_836, 3_019_320, 3_321_252, 3_653_374,
    4_018_711, 4_420_582, 4_862_641, 5_348_905, 5_883_796, 6_472_176, 7_119_394, 7_831_333, 8_614_467,
    9_475_909, 10_423_501, 11_465_851, 12_612_437, 13_873_681, 15_261_050, 16_787_154, 18_465_870, 20_312_458,
    22_343_706, 24_578_077, 27_035_886, 29_739_474, 32_713_425, 35_984_770, 39_583_245, 43_541_573, 47_895_730,
    52_685_306, 57_953_837, 63_749_221, 70_124_148, 77_136_564, 84_850_228, 93_335_252, 102_668_779,
    112_935_659, 124_229_227, 136_652_151, 150_317_384, 165_349_128, 181_884_040, 200_072_456, 220_079_703,
    242_087_671, 266_296_456, 292_926_096, 322_218_735, 354_440_623, 389_884_688, 428_873_168, 471_760_495,
    518_936_559, 570_830_240, 627_913_311, 690_704_607, 759_775_136, 835_752_671, 919_327_967, 1_011_260_767,
    1_112_386_880, 1_223_623_232, 1_345_985_727, 1_480_584_256, 1_628_642_751, 1_791_507_135, 1_970_657_856,
    2_167_723_648, 2_384_496_256, 2_622_945_920, 2_885_240_448, 3_173_764_736, 3_491_141_248, 3_840_255_616,
    4_224_281_216,
];
