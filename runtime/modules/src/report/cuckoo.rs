//! Reports of the Cuckoo sandbox: what the program did while it ran.

use std::fmt;

use serde::Deserialize;

use crate::json::List;
use crate::value::{Answer, Arg, Scalar};

/// A report.
#[derive(Debug, Deserialize)]
pub(crate) struct Cuckoo {
    network: Option<Network>,
    behavior: Option<Behavior>,
}

#[derive(Debug, Default, Deserialize)]
struct Network {
    http: Option<List<Http>>,
    /// What older versions have instead of `domains`.
    dns: Option<List<Dns>>,
    domains: Option<List<Domain>>,
    hosts: Option<List<String>>,
    tcp: Option<List<Connection>>,
    udp: Option<List<Connection>>,
}

#[derive(Debug, Deserialize)]
struct Http {
    uri: Option<String>,
    method: Option<String>,
    #[serde(rename = "user-agent")]
    user_agent: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Dns {
    hostname: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Domain {
    domain: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Connection {
    dst: Option<String>,
    dst_domain: Option<String>,
    dport: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Behavior {
    summary: Option<Summary>,
}

#[derive(Debug, Default, Deserialize)]
struct Summary {
    mutexes: Option<List<String>>,
    files: Option<List<String>>,
    keys: Option<List<String>>,
}

/// What a function compares its arguments with; one entry counts once, whichever of its texts matches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'r> {
    text: Option<&'r str>,
    other: Option<&'r str>,
    port: Option<u64>,
}

impl Cuckoo {
    /// Reads a report.
    pub(super) fn read(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// Calls `cuckoo.<name>`: how many entries match.
    pub(crate) fn call(report: Option<&Self>, name: &str, args: &[Arg<'_>]) -> Answer<'static> {
        let Some(entries) = report.map(|report| report.entries(name)) else { return Some(Scalar::Int(0)) };
        let matching = |entry: &Entry<'_>| {
            let text = |matches: &dyn Fn(&[u8]) -> bool| {
                [entry.text, entry.other].into_iter().flatten().any(|text| matches(text.as_bytes()))
            };
            match args {
                [Arg::Regex(matches)] => text(matches),
                // Ports are 64-bit numbers in the report, and signed in rules.
                [Arg::Regex(matches), Arg::Int(port)] => {
                    entry.port.is_some_and(|p| p as i64 == *port) && text(matches)
                }
                _ => false,
            }
        };
        i64::try_from(entries?.filter(matching).count()).ok().map(Scalar::Int)
    }

    /// What a function is answered from; `None` if there is no such function.
    pub(super) fn entries(&self, name: &str) -> Option<Box<dyn Iterator<Item = Entry<'_>> + '_>> {
        let network = self.network.as_ref();
        let summary = self.behavior.as_ref().and_then(|behavior| behavior.summary.as_ref());
        Some(match name {
            "network.http_request" => Box::new(requests(network, |http| http.method.is_some())),
            "network.http_get" => Box::new(requests(network, |http| http.is("get"))),
            "network.http_post" => Box::new(requests(network, |http| http.is("post"))),
            "network.http_user_agent" => {
                Box::new(list(network, |n| &n.http).iter().map(|http| Entry::text(http.user_agent.as_ref())))
            }
            "network.dns_lookup" => match network.and_then(|n| n.domains.as_ref()) {
                Some(domains) => Box::new(domains.0.iter().map(|domain| Entry::text(domain.domain.as_ref()))),
                None => {
                    Box::new(list(network, |n| &n.dns).iter().map(|dns| Entry::text(dns.hostname.as_ref())))
                }
            },
            "network.host" => Box::new(texts(list(network, |n| &n.hosts))),
            "network.tcp" => Box::new(list(network, |n| &n.tcp).iter().map(Entry::target)),
            "network.udp" => Box::new(list(network, |n| &n.udp).iter().map(Entry::target)),
            "registry.key_access" => Box::new(texts(list(summary, |s| &s.keys))),
            "filesystem.file_access" => Box::new(texts(list(summary, |s| &s.files))),
            "sync.mutex" => Box::new(texts(list(summary, |s| &s.mutexes))),
            _ => return None,
        })
    }
}

/// A list in a part of the report that may be missing.
fn list<'r, P, T>(part: Option<&'r P>, of: impl Fn(&'r P) -> &'r Option<List<T>>) -> &'r [T] {
    part.map_or(&[], |part| List::of(of(part)))
}

fn texts(list: &[String]) -> impl Iterator<Item = Entry<'_>> {
    list.iter().map(|text| Entry::text(Some(text)))
}

fn requests(network: Option<&Network>, wanted: impl Fn(&Http) -> bool) -> impl Iterator<Item = Entry<'_>> {
    let wanted = list(network, |n| &n.http).iter().filter(move |http| wanted(http));
    wanted.map(|http| Entry::text(http.uri.as_ref()))
}

impl Http {
    fn is(&self, method: &str) -> bool {
        self.method.as_ref().is_some_and(|m| m.eq_ignore_ascii_case(method))
    }
}

impl<'r> Entry<'r> {
    fn text(text: Option<&'r String>) -> Self {
        Entry { text: text.map(String::as_str), other: None, port: None }
    }

    fn target(connection: &'r Connection) -> Self {
        let Connection { dst, dst_domain, dport } = connection;
        Entry { text: dst.as_deref(), other: dst_domain.as_deref(), port: *dport }
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = [self.text, self.other].into_iter().flatten().collect();
        f.write_str(&names.join(" "))?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}
