//! `manifest.json`, and the messages it refers to.

use serde::Deserialize;

use crate::archive::Archive;
use crate::json::{List, Named};
use crate::limits::{MAX_CRX_FILE, MAX_CRX_MESSAGES};
use crate::record::Record;
use crate::value::Node;

/// The language of messages if the manifest names none.
const DEFAULT_LOCALE: &str = "en";

/// What rules know of a manifest.
#[derive(Deserialize)]
struct Fields {
    version: Option<String>,
    name: Option<String>,
    description: Option<String>,
    minimum_chrome_version: Option<String>,
    homepage_url: Option<String>,
    default_locale: Option<String>,
    #[serde(default)]
    permissions: List<String>,
    #[serde(default)]
    host_permissions: List<String>,
    #[serde(default)]
    optional_permissions: List<String>,
    #[serde(default)]
    optional_host_permissions: List<String>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

type Messages = Named<Message, MAX_CRX_MESSAGES>;

/// A manifest with the messages of its language, if the archive has them.
pub(super) struct Manifest {
    fields: Fields,
    messages: Option<Messages>,
}

impl Manifest {
    /// Reads it; `None` if it isn't there, is no JSON, or has something of another type where rules look.
    pub(super) fn read(archive: &Archive<'_>) -> Option<Self> {
        let fields: Fields = serde_json::from_slice(&archive.read("manifest.json", MAX_CRX_FILE)?).ok()?;
        let locale = fields.default_locale.as_deref().unwrap_or(DEFAULT_LOCALE);
        let messages = archive.read(&format!("_locales/{locale}/messages.json"), MAX_CRX_FILE);
        let messages = messages.and_then(|json| serde_json::from_slice(&json).ok());
        Some(Manifest { fields, messages })
    }

    /// Sets the fields of `crx` that come from it.
    pub(super) fn fill(self, root: &mut Record<'_>) {
        let Manifest { fields, messages } = self;
        for (field, raw, text) in
            [("name", "raw_name", fields.name), ("description", "raw_description", fields.description)]
        {
            let Some(text) = text else { continue };
            let Some(messages) = &messages else {
                root.set(field, Node::text(text));
                continue;
            };
            let said = key(&text).and_then(|key| messages.find(key)).map(|found| found.message.clone());
            root.set(field, Node::text(said.unwrap_or_else(|| text.clone())));
            root.set(raw, Node::text(text));
        }
        for (field, text) in [
            ("version", fields.version),
            ("minimum_chrome_version", fields.minimum_chrome_version),
            ("homepage_url", fields.homepage_url),
        ] {
            root.set(field, text.map_or(Node::Undefined, Node::text));
        }
        for (field, List(texts)) in [
            ("permissions", fields.permissions),
            ("host_permissions", fields.host_permissions),
            ("optional_permissions", fields.optional_permissions),
            ("optional_host_permissions", fields.optional_host_permissions),
        ] {
            root.set(field, Node::Array(texts.into_iter().map(Node::text).collect()));
        }
    }
}

/// The key of the message that a text stands for.
fn key(text: &str) -> Option<&str> {
    text.strip_prefix("__MSG_")?.strip_suffix("__")
}
