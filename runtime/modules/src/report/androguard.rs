//! Reports of Androguard, in the form in which Koodous keeps them: what stands in an Android application.

use hallmark_image::schema::Field;
use serde::Deserialize;

use crate::json::{List, Named, Number};
use crate::limits::{MAX_REPORT_KINDS, MAX_REPORT_PIECES};
use crate::record::Record;
use crate::value::{Answer, Arg, Node, Scalar};

/// A report.
#[derive(Debug, Deserialize)]
pub(crate) struct Androguard {
    package_name: Option<String>,
    app_name: Option<String>,
    main_activity: Option<String>,
    displayed_version: Option<String>,
    activities: Option<List<String>>,
    filters: Option<List<String>>,
    permissions: Option<List<String>>,
    /// Those that the application itself defines.
    new_permissions: Option<List<String>>,
    providers: Option<List<String>>,
    receivers: Option<List<String>>,
    services: Option<List<String>>,
    urls: Option<List<String>>,
    #[serde(default)]
    min_sdk_version: Number,
    #[serde(default)]
    max_sdk_version: Number,
    #[serde(default)]
    target_sdk_version: Number,
    certificate: Option<Certificate>,
    functionalities: Option<Named<Option<Pieces>, MAX_REPORT_KINDS>>,
}

#[derive(Debug, Deserialize)]
struct Certificate {
    sha1: Option<String>,
    #[serde(rename = "issuerDN")]
    issuer: Option<String>,
    #[serde(rename = "subjectDN")]
    subject: Option<String>,
    not_after: Option<String>,
    not_before: Option<String>,
}

/// Code of one kind.
type Pieces = List<Piece, MAX_REPORT_PIECES>;

/// Code that does something worth knowing.
#[derive(Debug, Deserialize)]
struct Piece {
    class: Option<String>,
    code: Option<String>,
    method: Option<String>,
}

/// What functions and reports call a kind of code, where that is not the same.
const KINDS: &[(&str, &str)] = &[
    ("account", "accounts"),
    ("browser", "browser_history"),
    ("dynamic_broadcast", "dynamicbroadcastreceiver"),
    ("installed_app", "installedapplications"),
    ("mms", "MMS"),
    ("phone_call", "phonecall"),
    ("phone_number", "phonenumber"),
    ("run_binary", "runbinary"),
    ("serial_no", "serialno"),
    ("sms", "SMS"),
];

impl Androguard {
    /// Reads a report, or an analysis of Koodous that has one in it.
    pub(super) fn read(json: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Analysis {
            androguard: Option<Androguard>,
        }

        match serde_json::from_slice::<Analysis>(json)?.androguard {
            Some(report) => Ok(report),
            None => serde_json::from_slice(json),
        }
    }

    /// The fields; all undefined without a report.
    pub(crate) fn root(report: Option<&Self>, schema: &'static [Field]) -> Node<'static> {
        let mut root = Record::new(schema);
        let Some(report) = report else { return root.done() };
        root.set("min_sdk", Node::int(report.min_sdk_version.0));
        root.set("max_sdk", Node::int(report.max_sdk_version.0));
        root.set("target_sdk", Node::int(report.target_sdk_version.0));
        for (field, list) in [
            ("permissions_number", &report.permissions),
            ("number_of_activities", &report.activities),
            ("number_of_filters", &report.filters),
            ("number_of_permissions", &report.permissions),
            ("number_of_providers", &report.providers),
            ("number_of_receivers", &report.receivers),
            ("number_of_services", &report.services),
        ] {
            root.set(field, Node::count(List::of(list).len()));
        }
        root.done()
    }

    /// Calls `androguard.<name>`: 1 if a text of the report equals the argument, in whichever case, or matches it, and 0
    /// if none does. Undefined without a report.
    pub(crate) fn call(report: Option<&Self>, name: &str, args: &[Arg<'_>]) -> Answer<'static> {
        let mut texts = report?.texts(name)?;
        let found = match args {
            [Arg::Regex(matches)] => texts.any(|text| matches(text.as_bytes())),
            [Arg::Str(wanted)] if name == "certificate.sha1" => {
                let digits = |text: &[u8]| text.iter().filter(|&&b| b != b':').copied().collect::<Vec<_>>();
                let wanted = digits(wanted);
                texts.any(|text| digits(text.as_bytes()).eq_ignore_ascii_case(&wanted))
            }
            [Arg::Str(wanted)] => texts.any(|text| text.as_bytes().eq_ignore_ascii_case(wanted)),
            _ => return None,
        };
        Some(Scalar::Int(found.into()))
    }

    /// What a function is answered from; `None` if there is no such function.
    pub(super) fn texts(&self, name: &str) -> Option<Box<dyn Iterator<Item = &str> + '_>> {
        let list = |list| Box::new(List::of(list).iter().map(String::as_str));
        let certificate =
            |of: fn(&Certificate) -> Option<&String>| one(self.certificate.as_ref().and_then(of));
        Some(match name {
            "package_name" => one(self.package_name.as_ref()),
            "app_name" => one(self.app_name.as_ref()),
            "main_activity" => one(self.main_activity.as_ref()),
            "displayed_version" => one(self.displayed_version.as_ref()),
            "activity" => list(&self.activities),
            "filter" => list(&self.filters),
            "permission" => Box::new(list(&self.permissions).chain(list(&self.new_permissions))),
            "provider" => list(&self.providers),
            "receiver" => list(&self.receivers),
            "service" => list(&self.services),
            "url" => list(&self.urls),
            "certificate.sha1" => certificate(|c| c.sha1.as_ref()),
            "certificate.issuer" => certificate(|c| c.issuer.as_ref()),
            "certificate.subject" => certificate(|c| c.subject.as_ref()),
            "certificate.not_after" => certificate(|c| c.not_after.as_ref()),
            "certificate.not_before" => certificate(|c| c.not_before.as_ref()),
            _ => {
                let (kind, part) = name.strip_prefix("functionality.")?.split_once('.')?;
                let part: fn(&Piece) -> Option<&String> = match part {
                    "class" => |piece| piece.class.as_ref(),
                    "code" => |piece| piece.code.as_ref(),
                    "method" => |piece| piece.method.as_ref(),
                    _ => return None,
                };
                Box::new(self.pieces(kind).filter_map(part).map(String::as_str))
            }
        })
    }

    /// Code of a kind, by the name that functions have for it.
    fn pieces<'r>(&'r self, kind: &str) -> impl Iterator<Item = &'r Piece> + use<'r> {
        let kind = KINDS.iter().find(|(name, _)| *name == kind).map_or(kind, |(_, key)| key);
        let kinds = self.functionalities.as_ref();
        kinds.and_then(|kinds| kinds.find(kind)).map_or(&[][..], List::of).iter()
    }
}

fn one<'r>(text: Option<&'r String>) -> Box<dyn Iterator<Item = &'r str> + 'r> {
    Box::new(text.into_iter().map(String::as_str))
}
