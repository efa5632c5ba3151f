//! Reports that are damaged, too large, or deep.

use super::*;
use crate::limits::{MAX_JSON_ENTRIES, MAX_REPORT_KINDS};
use crate::value::{Arg, Scalar};

fn given(module: &str, report: &str) -> Result<ModuleData, DataError> {
    let mut data = ModuleData::default();
    data.add(module, report.as_bytes())?;
    Ok(data)
}

fn hosts(data: &ModuleData) -> Option<Scalar<'static>> {
    Cuckoo::call(data.cuckoo(), "network.host", &[Arg::Regex(&|text| text == b"a")])
}

#[test]
fn only_some_modules_take_reports() {
    assert_eq!(given("pe", "{}").unwrap_err(), DataError::TakesNone { module: "pe".into() });
    assert_eq!(given("nothing", "{}").unwrap_err(), DataError::Unknown { module: "nothing".into() });
    for module in ModuleData::TAKERS {
        assert!(given(module, "{}").unwrap().has(module));
        assert!(!given(module, "").unwrap().has(module), "no bytes are no report");
    }
}

#[test]
fn a_later_report_replaces_an_earlier_one_and_a_damaged_one_does_not() {
    let mut data = given("cuckoo", r#"{"network": {"hosts": ["a"]}}"#).unwrap();
    assert_eq!(hosts(&data), Some(Scalar::Int(1)));
    assert!(matches!(data.add("cuckoo", b"{"), Err(DataError::Damaged { module: "cuckoo", .. })));
    assert_eq!(hosts(&data), Some(Scalar::Int(1)));
    let shared = data.clone();
    data.add("cuckoo", br#"{"network": {"hosts": ["b"]}}"#).unwrap();
    assert_eq!((hosts(&data), hosts(&shared)), (Some(Scalar::Int(0)), Some(Scalar::Int(1))));
}

#[test]
fn damaged_reports_are_refused_with_the_place() {
    for (report, place) in [
        ("", "no error"),
        ("{", "line 1 column 1"),
        ("null", "line 1 column 4"),
        ("\u{feff}{}", "line 1 column 1"),
        ("{}\n}", "line 2 column 1"),
        (r#"{"network": {"hosts": {}}}"#, "line 1 column 22"),
        (r#"{"network": {"hosts": [1]}}"#, "line 1 column 24"),
        (r#"{"network": {"tcp": [{"dport": -1}]}}"#, "line 1 column 33"),
    ] {
        let said = given("cuckoo", report).map_or_else(|e| e.to_string(), |_| "no error".to_owned());
        assert!(said.contains(place), "{report}: {said}");
    }
    for report in
        ["null", r#"{"permissions": [1]}"#, r#"{"min_sdk_version": []}"#, r#"{"androguard": {"urls": 1}}"#]
    {
        assert!(matches!(given("androguard", report), Err(DataError::Damaged { .. })), "{report}");
    }
}

#[test]
fn lists_are_bounded() {
    let list = |count: usize| format!(r#"{{"network": {{"hosts": [{}"a"]}}}}"#, r#""a","#.repeat(count - 1));
    assert_eq!(
        hosts(&given("cuckoo", &list(MAX_JSON_ENTRIES)).unwrap()),
        Some(Scalar::Int(MAX_JSON_ENTRIES as i64))
    );
    let said = given("cuckoo", &list(MAX_JSON_ENTRIES + 1)).unwrap_err().to_string();
    assert!(said.contains("at most 262144 entries"), "{said}");
    let kinds =
        |count: usize| format!(r#"{{"functionalities": {{{}"x": []}}}}"#, r#""a": [],"#.repeat(count - 1));
    assert!(given("androguard", &kinds(MAX_REPORT_KINDS)).is_ok());
    assert!(given("androguard", &kinds(MAX_REPORT_KINDS + 1)).is_err());
}

#[test]
fn what_is_passed_over_may_be_deep() {
    let deep = |key: &str| {
        format!(
            r#"{{"{key}": {}{}, "network": {{"hosts": ["a"]}}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        )
    };
    assert_eq!(hosts(&given("cuckoo", &deep("other")).unwrap()), Some(Scalar::Int(1)));
    assert!(given("cuckoo", &deep("behavior")).is_err());
    assert!(given("androguard", &r#"{"androguard":"#.repeat(100_000)).is_err());
}

#[test]
fn reports_too_long_are_not_read() {
    let long = vec![0; usize::try_from(MAX_REPORT_BYTES).unwrap() + 1];
    assert_eq!(ModuleData::default().add("cuckoo", &long), Err(DataError::TooLong { module: "cuckoo" }));
}

#[test]
fn every_function_has_something_to_answer_from() {
    let data = [given("androguard", "{}").unwrap(), given("cuckoo", "{}").unwrap()];
    for (module, data) in ModuleData::TAKERS.into_iter().zip(data) {
        let schema = hallmark_image::schema::MODULES.iter().find(|m| m.name == module).unwrap();
        for function in schema.functions {
            assert_eq!(data.texts(module, function.name), Some(Vec::new()), "{module}.{}", function.name);
        }
        assert_eq!(data.texts(module, "nothing"), None);
        assert_eq!(data.texts(module, "functionality.sms.nothing"), None);
    }
}
