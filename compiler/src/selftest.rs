//! Self-tests: inputs that travel with a database, and the rules each must match. Input: a finished image, and tests
//! that name rules of it. Output: the image with the tests in its last section. It refuses names that the image has not,
//! or has in several namespaces, names of private rules, and more than the format holds.

use std::collections::BTreeMap;

use hallmark_image::limits::{MAX_SELF_TEST_BYTES, MAX_SELF_TEST_RULES, MAX_SELF_TESTS};
use hallmark_image::record::{Slice, rule_flags};
use hallmark_image::selftest::{SelfTestRecord, SelfTestsHeader};
use hallmark_image::{Image, RuleId};
use zerocopy::IntoBytes;
use zerocopy::little_endian::U32;

use crate::write;

/// An input and the rules that it must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTest {
    /// What is scanned.
    pub input: Vec<u8>,
    /// `NAME` or `NAMESPACE:NAME` of rules that must match it; others may match too. Without any, no rule may match.
    pub rules: Vec<String>,
}

/// Why self-tests can't be carried by an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTestError {
    /// Index of the test; `None` if it is about all of them.
    pub test: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

/// The image that `image`, which has no self-tests yet, becomes with them.
///
/// # Errors
/// The first test that names a rule wrongly, or the limit that is exceeded.
pub fn add_self_tests(image: Vec<u8>, tests: &[SelfTest]) -> Result<Vec<u8>, SelfTestError> {
    let whole = |message| SelfTestError { test: None, message };
    let section = {
        let parsed = Image::parse(&image).map_err(|error| whole(error.to_string()))?;
        section(&Names::new(&parsed), tests)?
    };
    let image =
        write::with_self_tests(image, &section).ok_or_else(|| whole("the image is full".to_owned()))?;
    Image::parse(&image).map_err(|error| whole(format!("the compiler's own image is refused: {error}")))?;
    Ok(image)
}

fn section(names: &Names, tests: &[SelfTest]) -> Result<Vec<u8>, SelfTestError> {
    let limit = |most: usize, what: &str, test| {
        Err(SelfTestError { test, message: format!("more than {most} {what}; leave some out") })
    };
    if tests.len() > MAX_SELF_TESTS {
        return limit(MAX_SELF_TESTS, "self-tests", Some(MAX_SELF_TESTS));
    }
    let (mut records, mut rules, mut blob) = (Vec::new(), Vec::new(), Vec::new());
    for (at, test) in tests.iter().enumerate() {
        let ids = test.rules.iter().map(|name| names.find(name)).collect::<Result<Vec<_>, _>>();
        let mut ids = ids.map_err(|message| SelfTestError { test: Some(at), message })?;
        ids.sort_unstable();
        ids.dedup();
        records.push(SelfTestRecord {
            input: Slice::new(blob.len() as u32, test.input.len() as u32),
            rules: U32::new(ids.len() as u32),
        });
        rules.extend(ids.into_iter().map(|id| U32::new(id.get())));
        blob.extend_from_slice(&test.input);
        if blob.len() > MAX_SELF_TEST_BYTES {
            return limit(MAX_SELF_TEST_BYTES, "bytes of inputs in all self-tests together", Some(at));
        }
        if rules.len() > MAX_SELF_TEST_RULES {
            return limit(MAX_SELF_TEST_RULES, "rules named in all self-tests together", Some(at));
        }
    }
    let header = SelfTestsHeader {
        tests: U32::new(records.len() as u32),
        rules: U32::new(rules.len() as u32),
        blob_len: U32::new(blob.len() as u32),
    };
    Ok([header.as_bytes(), records.as_bytes(), rules.as_bytes(), &blob].concat())
}

/// The rules of an image by name.
struct Names {
    /// Namespace, id, and whether it is private.
    rules: BTreeMap<String, Vec<(String, RuleId, bool)>>,
}

impl Names {
    fn new(image: &Image<'_>) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let mut rules: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, unit) in image.rules() {
            let private = unit.header.flags.get() & rule_flags::PRIVATE != 0;
            let namespace = text(image.namespace(unit.header.namespace.get()));
            rules.entry(text(unit.name())).or_default().push((namespace, id, private));
        }
        // By namespace, so that messages do not depend on the order of ids.
        rules.values_mut().for_each(|same_name| same_name.sort());
        Names { rules }
    }

    fn find(&self, wanted: &str) -> Result<RuleId, String> {
        let (namespace, name) = match wanted.rsplit_once(':') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, wanted),
        };
        let all = self.rules.get(name).map_or(&[][..], Vec::as_slice);
        let mut fitting = all.iter().filter(|(own, ..)| namespace.is_none_or(|namespace| own == namespace));
        match (fitting.next(), fitting.next()) {
            (Some((_, id, false)), None) => Ok(*id),
            (Some((_, _, true)), None) => {
                Err(format!("rule `{wanted}` is private and never reported; name a rule that uses it"))
            }
            (Some((one, ..)), Some((other, ..))) => Err(format!(
                "rule `{name}` is in several namespaces; write `{one}:{name}` or `{other}:{name}`"
            )),
            (None, _) => Err(format!("the database has no rule `{wanted}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Loader, Options, Source, compile};

    struct NoIncludes;

    impl Loader for NoIncludes {
        fn load(&self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
            Err("none".to_owned())
        }
    }

    fn image() -> Vec<u8> {
        let source = |namespace: &str, text: &str| Source {
            name: format!("{namespace}.yar"),
            namespace: namespace.into(),
            text: text.into(),
        };
        let sources = vec![
            source("a", "rule one { condition: true } rule two { condition: true }"),
            source("b", "rule one { condition: true } private rule hidden { condition: true }"),
        ];
        compile(sources, &Options::default(), &NoIncludes, &mut |_| {}).image.unwrap()
    }

    fn test(input: &[u8], rules: &[&str]) -> SelfTest {
        SelfTest { input: input.to_vec(), rules: rules.iter().map(|&rule| rule.to_owned()).collect() }
    }

    #[test]
    fn tests_are_read_as_they_were_written() {
        let tests = [test(b"x", &["two", "a:one", "a:two"]), test(b"", &[]), test(b"yz", &["b:one"])];
        let bytes = add_self_tests(image(), &tests).unwrap();
        let image = Image::parse(&bytes).unwrap();
        let name = |id| {
            let unit = image.unit(id).unwrap();
            let namespace = image.namespace(unit.header.namespace.get());
            String::from_utf8([namespace, b":", unit.name()].concat()).unwrap()
        };
        let read: Vec<_> = image
            .self_tests()
            .iter()
            .map(|test| {
                let mut names: Vec<_> = test.rules().map(name).collect();
                names.sort();
                (test.input, names)
            })
            .collect();
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let expected: [(&[u8], _); 3] =
            [(b"x", names(&["a:one", "a:two"])), (b"", names(&[])), (b"yz", names(&["b:one"]))];
        assert_eq!(read, expected);
        assert_eq!(image.self_tests().len(), 3);
    }

    #[test]
    fn no_tests_are_the_image_itself() {
        let plain = image();
        assert!(Image::parse(&plain).unwrap().self_tests().is_empty());
        assert_eq!(add_self_tests(plain.clone(), &[]), Ok(plain));
    }

    #[test]
    fn what_cannot_be_tested_is_named() {
        let many = vec![test(b"", &[]); MAX_SELF_TESTS + 1];
        let long = [test(b"", &[]), test(&vec![0; MAX_SELF_TEST_BYTES + 1], &[])];
        let crowd = vec![test(b"", &["a:one", "b:one", "two"].repeat(6)); MAX_SELF_TESTS];
        let cases: [(Vec<SelfTest>, Option<usize>, &str); 6] = [
            (vec![test(b"", &["two"]), test(b"", &["three"])], Some(1), "no rule `three`"),
            (vec![test(b"", &["b:two"])], Some(0), "no rule `b:two`"),
            (vec![test(b"", &["one"])], Some(0), "`a:one` or `b:one`"),
            (vec![test(b"", &["hidden"])], Some(0), "private"),
            (many, Some(MAX_SELF_TESTS), "more than 256 self-tests"),
            (long.to_vec(), Some(1), "bytes of inputs"),
        ];
        for (tests, at, message) in cases {
            let error = add_self_tests(image(), &tests).unwrap_err();
            assert!(error.test == at && error.message.contains(message), "{error:?}");
        }
        // Naming a rule again is no further rule.
        assert!(add_self_tests(image(), &crowd).is_ok());
    }
}
