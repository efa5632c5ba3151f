//! What one rule was compiled to, apart from where it lies among others. Input: images. Output: a digest for each rule,
//! and the rules in which two images differ.

use std::collections::BTreeMap;
use std::fmt;

use hallmark_container::Digest;
use hallmark_image::record::UnitHeader;
use hallmark_image::{Image, RuleId, Unit};
use zerocopy::IntoBytes as _;
use zerocopy::little_endian::{U16, U32};

/// Namespace and name of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleName {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for RuleName {
    /// As users write it: without the namespace where that is the usual one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "default" => f.write_str(&self.name.escape_debug().to_string()),
            namespace => write!(f, "{}:{}", namespace.escape_debug(), self.name.escape_debug()),
        }
    }
}

/// How two images differ, rule by rule, each list by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleDiff {
    /// Only in the second.
    pub added: Vec<RuleName>,
    /// Only in the first.
    pub removed: Vec<RuleName>,
    /// In both, and not the same.
    pub changed: Vec<RuleName>,
}

impl RuleDiff {
    /// Compares two images.
    pub fn new(a: &Image<'_>, b: &Image<'_>) -> Self {
        let (a, b) = (fingerprints(a), fingerprints(b));
        let only = |a: &BTreeMap<RuleName, Digest>, b: &BTreeMap<RuleName, Digest>| {
            a.keys().filter(|name| !b.contains_key(name)).cloned().collect()
        };
        let changed = a.iter().filter(|(name, digest)| b.get(name).is_some_and(|other| other != *digest));
        RuleDiff {
            added: only(&b, &a),
            removed: only(&a, &b),
            changed: changed.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether no rule differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Names of the sections in which two images differ. The header says which sources were compiled, not what rules do,
/// and is left out.
pub fn differing_sections(a: &Image<'_>, b: &Image<'_>) -> Vec<&'static str> {
    let differs = a.sections().filter(|&(kind, _)| a.section(kind) != b.section(kind));
    differs.map(|(kind, _)| kind.name()).collect()
}

/// The digest of every rule of an image, by name.
pub fn fingerprints(image: &Image<'_>) -> BTreeMap<RuleName, Digest> {
    image.rules().map(|(_, unit)| (name(image, &unit), fingerprint(image, &unit))).collect()
}

fn name(image: &Image<'_>, unit: &Unit<'_>) -> RuleName {
    let lossy = |bytes| String::from_utf8_lossy(bytes).into_owned();
    RuleName { namespace: lossy(image.namespace(unit.header.namespace.get())), name: lossy(unit.name()) }
}

/// Ids, ranks and numbers of namespaces depend on the other rules; they are replaced by names or left out.
fn fingerprint(image: &Image<'_>, unit: &Unit<'_>) -> Digest {
    let header = UnitHeader { namespace: U16::ZERO, rank: U32::ZERO, ..*unit.header };
    let parts = [
        header.as_bytes(),
        unit.variants.as_bytes(),
        unit.patterns.as_bytes(),
        unit.tags.as_bytes(),
        unit.metas.as_bytes(),
        unit.constants.as_bytes(),
        unit.insns.as_bytes(),
        unit.sets.as_bytes(),
        unit.blob,
    ];
    let mut bytes = parts.concat();
    for id in unit.references {
        let name = image.unit(RuleId::new(id.get())).map(|unit| name(image, &unit));
        let (namespace, name) = name.map_or_else(Default::default, |name| (name.namespace, name.name));
        bytes.extend_from_slice(namespace.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
    }
    Digest::of(&bytes)
}

#[cfg(test)]
mod tests {
    use hallmark_compiler::{Options, Source, compile};

    use super::*;

    struct NoIncludes;

    impl hallmark_compiler::Loader for NoIncludes {
        fn load(&self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
            Err("none".to_owned())
        }
    }

    fn image(rules: &str) -> Vec<u8> {
        let source =
            Source { name: "a.yar".into(), namespace: "default".into(), text: rules.as_bytes().to_vec() };
        compile(vec![source], &Options::default(), &NoIncludes, &mut |_| {}).image.unwrap()
    }

    #[test]
    fn only_the_rule_that_changed_is_named() {
        let base = (0..40).fold(String::new(), |text, n| {
            text + &format!(
                "rule r{n} {{ strings: $a = \"needle{n}\" condition: $a {} }}\n",
                if n > 0 { format!("and not r{}", n - 1) } else { String::new() }
            )
        });
        // Edit -> added, removed, changed.
        let planted = base.clone() + "global rule planted { condition: filesize > 3 }";
        let cases: [(String, [&[&str]; 3]); 5] = [
            (base.replace("rule r7 ", "/* words */ rule r7\n"), [&[], &[], &[]]),
            (base.replace("\"needle7\"", "\"needles\""), [&[], &[], &["r7"]]),
            (planted, [&["planted"], &[], &[]]),
            (base.replace("rule r7 {", "rule r7 : tag {"), [&[], &[], &["r7"]]),
            (base.replace("rule r39 ", "rule s39 "), [&["s39"], &["r39"], &[]]),
        ];
        let first = image(&base);
        let first = Image::parse(&first).unwrap();
        for (text, expected) in cases {
            let second = image(&text);
            let diff = RuleDiff::new(&first, &Image::parse(&second).unwrap());
            let names = |list: &[RuleName]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!([names(&diff.added), names(&diff.removed), names(&diff.changed)], expected);
        }
    }
}
