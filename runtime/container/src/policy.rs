//! Who must have signed. Input: a policy file, after the grammar of C2SP tlog-policy, and a parsed note. Output: a
//! [`Verdict`], or a named refusal.
//!
//! ```text
//! # comment
//! db example.org/core
//! signer build example.org/build+1f3c0a5d+AR…
//! signer auditor auditor.example/rebuild+77aa01c2+AR…
//! group release all build auditor
//! quorum release
//! ```
//!
//! Names are defined before they are used. A public key belongs to one signer, and a signer or group to at most one
//! group, so nobody counts twice. The algorithm comes from the configured key, never from the note.

use crate::limits::{MAX_GROUPS, MAX_NAME, MAX_POLICY, MAX_SIGNERS};
use crate::{Error, SignedNote, VerifierKey, valid_db_name};

/// A parsed policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    text: String,
    db: String,
    signers: Vec<Signer>,
    groups: Vec<Group>,
    quorum: Member,
}

/// What a caller asks of a note's signatures.
#[derive(Debug, Clone, Copy)]
pub enum Demand<'a> {
    /// The policy's database and quorum.
    Quorum(&'a Policy),
    /// `--allow-unsigned`: signatures by keys of the policy, if any, must verify; missing ones are tolerated, and so
    /// is a note for another database.
    Tolerant(Option<&'a Policy>),
}

/// How a note was judged; exists only for notes that passed their [`Demand`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Policy names of the signers whose signature verified, in policy order.
    pub verified: Vec<String>,
    /// Key names of signature lines by keys the policy does not know; they prove nothing.
    pub unknown: Vec<String>,
    /// Whether the policy is satisfied.
    pub quorum: Quorum,
}

/// Whether a policy is satisfied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quorum {
    /// It is.
    Met,
    /// It is not, and the caller tolerates that.
    NotMet {
        /// Signers that verified.
        have: String,
        /// What the policy asks for.
        need: String,
    },
    /// There was no policy.
    NoPolicy,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signer {
    name: String,
    key: VerifierKey,
    grouped: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<Member>,
    grouped: bool,
}

/// Index of a signer or of a group defined earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Signer(usize),
    Group(usize),
}

impl Policy {
    /// Reads a policy file.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_POLICY {
            return Err(Error::Limit { what: "policy", value: bytes.len() as u64, max: MAX_POLICY as u64 });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::PolicyNotText)?;
        let mut parser = Parser::default();
        for (at, line) in text.lines().enumerate() {
            parser.line(at.saturating_add(1), line)?;
        }
        Ok(Self {
            text: text.to_owned(),
            db: parser.db.ok_or(Error::PolicyMissing { keyword: "db" })?,
            quorum: parser.quorum.ok_or(Error::PolicyMissing { keyword: "quorum" })?,
            signers: parser.signers,
            groups: parser.groups,
        })
    }

    /// The file this policy was read from, to be stored beside what it judged.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Name of the database the policy is for.
    pub fn db(&self) -> &str {
        &self.db
    }

    /// Policy names and keys of all signers, in file order.
    pub fn signers(&self) -> impl Iterator<Item = (&str, &VerifierKey)> {
        self.signers.iter().map(|signer| (signer.name.as_str(), &signer.key))
    }

    /// Judges a note: right database, no bad signature by a known key, quorum met.
    pub fn judge(&self, note: &SignedNote) -> Result<Verdict, Error> {
        if note.release().db != self.db {
            return Err(Error::WrongDatabase { have: note.release().db.clone(), want: self.db.clone() });
        }
        let verdict = self.judge_present(note)?;
        match verdict.quorum {
            Quorum::NotMet { need, .. } if note.signatures().is_empty() => Err(Error::Unsigned { need }),
            Quorum::NotMet { have, need } => Err(Error::QuorumNotMet { have, need }),
            Quorum::Met | Quorum::NoPolicy => Ok(verdict),
        }
    }

    /// Judges only the signatures that are there: those by keys of the policy must verify.
    pub fn judge_present(&self, note: &SignedNote) -> Result<Verdict, Error> {
        let mut verified = vec![false; self.signers.len()];
        let mut unknown = Vec::new();
        for line in note.signatures() {
            let known = self
                .signers
                .iter()
                .zip(&mut verified)
                .find(|(signer, _)| signer.key.name() == line.name && signer.key.id() == line.key_id);
            let Some((signer, verified)) = known else {
                unknown.push(line.name.clone());
                continue;
            };
            if !signer.key.verify(note.text().as_bytes(), &line.signature) {
                return Err(Error::BadSignature { name: signer.name.clone() });
            }
            *verified = true;
        }
        let quorum = match self.satisfied(&verified) {
            true => Quorum::Met,
            false => Quorum::NotMet { have: self.have(&verified), need: self.describe(self.quorum) },
        };
        let verified = self.signers.iter().zip(&verified).filter(|(_, yes)| **yes);
        Ok(Verdict { verified: verified.map(|(signer, _)| signer.name.clone()).collect(), unknown, quorum })
    }

    /// Groups refer only to what is defined above them, so one pass in file order settles all.
    fn satisfied(&self, verified: &[bool]) -> bool {
        let mut groups: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |groups: &[bool], member: &Member| match *member {
            Member::Signer(at) => verified.get(at).copied().unwrap_or(false),
            Member::Group(at) => groups.get(at).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|member| holds(&groups, member)).count();
            groups.push(count >= group.threshold);
        }
        holds(&groups, &self.quorum)
    }

    fn have(&self, verified: &[bool]) -> String {
        let names: Vec<_> = self
            .signers
            .iter()
            .zip(verified)
            .filter(|(_, yes)| **yes)
            .map(|(s, _)| s.name.as_str())
            .collect();
        if names.is_empty() { "no signature by a key of the policy".to_owned() } else { names.join(", ") }
    }

    /// `build`, or `all of (build, auditor)`; each name appears once because nothing is a member twice.
    fn describe(&self, member: Member) -> String {
        match member {
            Member::Signer(at) => self.signers.get(at).map(|signer| signer.name.clone()).unwrap_or_default(),
            Member::Group(at) => {
                let Some(group) = self.groups.get(at) else { return String::new() };
                let members: Vec<_> = group.members.iter().map(|member| self.describe(*member)).collect();
                let amount = match group.threshold {
                    n if n == group.members.len() => "all".to_owned(),
                    n => n.to_string(),
                };
                format!("{amount} of ({})", members.join(", "))
            }
        }
    }
}

impl Demand<'_> {
    /// Judges a note by this demand.
    pub fn judge(&self, note: &SignedNote) -> Result<Verdict, Error> {
        match self {
            Demand::Quorum(policy) => policy.judge(note),
            Demand::Tolerant(Some(policy)) => policy.judge_present(note),
            Demand::Tolerant(None) => Ok(Verdict {
                verified: Vec::new(),
                unknown: note.signatures().iter().map(|line| line.name.clone()).collect(),
                quorum: Quorum::NoPolicy,
            }),
        }
    }
}

#[derive(Default)]
struct Parser {
    db: Option<String>,
    quorum: Option<Member>,
    signers: Vec<Signer>,
    groups: Vec<Group>,
}

impl Parser {
    fn line(&mut self, line: usize, text: &str) -> Result<(), Error> {
        let words: Vec<_> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match *words.as_slice() {
            [] => Ok(()),
            [word, ..] if word.starts_with('#') => Ok(()),
            ["db", name] if valid_db_name(name) => set(&mut self.db, name.to_owned(), line, "db"),
            ["db", ..] => Err(Error::PolicyLine { line, expected: "db NAME" }),
            ["signer", name, key] if valid_name(name) => self.signer(line, name, key),
            ["signer", ..] => Err(Error::PolicyLine { line, expected: "signer NAME VKEY" }),
            ["group", name, threshold, ref members @ ..] if valid_name(name) && !members.is_empty() => {
                self.group(line, name, threshold, members)
            }
            ["group", ..] => Err(Error::PolicyLine { line, expected: "group NAME any|all|N MEMBER…" }),
            ["quorum", name] => {
                let member = self.find(line, name)?;
                set(&mut self.quorum, member, line, "quorum")
            }
            ["quorum", ..] => Err(Error::PolicyLine { line, expected: "quorum NAME" }),
            [word, ..] => Err(Error::PolicyKeyword { line, word: word.to_owned() }),
        }
    }

    fn signer(&mut self, line: usize, name: &str, key: &str) -> Result<(), Error> {
        self.new_name(line, name)?;
        room(self.signers.len(), MAX_SIGNERS, "signers in the policy")?;
        let key =
            VerifierKey::parse(key).map_err(|source| Error::PolicyKey { line, source: Box::new(source) })?;
        let same = |known: &&Signer| {
            known.key.public_bytes() == key.public_bytes()
                || (known.key.name() == key.name() && known.key.id() == key.id())
        };
        if let Some(known) = self.signers.iter().find(same) {
            return Err(Error::PolicyDuplicateKey {
                line,
                first: known.name.clone(),
                second: name.to_owned(),
            });
        }
        self.signers.push(Signer { name: name.to_owned(), key, grouped: false });
        Ok(())
    }

    fn group(&mut self, line: usize, name: &str, threshold: &str, members: &[&str]) -> Result<(), Error> {
        self.new_name(line, name)?;
        room(self.groups.len(), MAX_GROUPS, "groups in the policy")?;
        let wanted = match threshold {
            "any" => 1,
            "all" => members.len() as u64,
            number if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().unwrap_or(u64::MAX),
            _ => return Err(Error::PolicyLine { line, expected: "group NAME any|all|N MEMBER…" }),
        };
        let threshold = usize::try_from(wanted)
            .ok()
            .filter(|threshold| (1..=members.len()).contains(threshold))
            .ok_or(Error::PolicyThreshold { line, threshold: wanted, members: members.len() })?;
        let mut found = Vec::with_capacity(members.len());
        for name in members {
            let member = self.find(line, name)?;
            let grouped = match member {
                Member::Signer(at) => self.signers.get_mut(at).map(|signer| &mut signer.grouped),
                Member::Group(at) => self.groups.get_mut(at).map(|group| &mut group.grouped),
            };
            if grouped.is_none_or(|grouped| std::mem::replace(grouped, true)) {
                return Err(Error::PolicyMemberTwice { line, name: (*name).to_owned() });
            }
            found.push(member);
        }
        self.groups.push(Group { name: name.to_owned(), threshold, members: found, grouped: false });
        Ok(())
    }

    fn position(&self, name: &str) -> Option<Member> {
        let signer = self.signers.iter().position(|signer| signer.name == name).map(Member::Signer);
        signer.or_else(|| self.groups.iter().position(|group| group.name == name).map(Member::Group))
    }

    fn find(&self, line: usize, name: &str) -> Result<Member, Error> {
        self.position(name).ok_or_else(|| Error::PolicyUnknownName { line, name: name.to_owned() })
    }

    fn new_name(&self, line: usize, name: &str) -> Result<(), Error> {
        match self.position(name) {
            Some(_) => Err(Error::PolicyDuplicateName { line, name: name.to_owned() }),
            None => Ok(()),
        }
    }
}

fn set<T>(slot: &mut Option<T>, value: T, line: usize, keyword: &'static str) -> Result<(), Error> {
    match slot.replace(value) {
        Some(_) => Err(Error::PolicyRepeated { line, keyword }),
        None => Ok(()),
    }
}

fn room(len: usize, max: usize, what: &'static str) -> Result<(), Error> {
    if len >= max {
        return Err(Error::Limit { what, value: len.saturating_add(1) as u64, max: max as u64 });
    }
    Ok(())
}

/// `none` is kept free, because other policy files give it a meaning that this one refuses.
fn valid_name(name: &str) -> bool {
    name != "none" && name.len() <= MAX_NAME && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;
    use crate::release::tests::sample;
    use crate::{NoteSignature, SignedNote};

    struct Key {
        signing: SigningKey,
        public: VerifierKey,
    }

    fn key(name: &str, seed: u8) -> Key {
        let signing = SigningKey::from_bytes(&[seed; 32]);
        let public = VerifierKey::new(name, signing.verifying_key().as_bytes()).unwrap();
        Key { signing, public }
    }

    fn sign(note: SignedNote, key: &Key) -> SignedNote {
        let signature = key.signing.sign(note.text().as_bytes()).to_vec();
        let line = NoteSignature { name: key.public.name().into(), key_id: key.public.id(), signature };
        note.with_signature(line).unwrap()
    }

    fn unsigned() -> SignedNote {
        SignedNote::unsigned(&sample()).unwrap()
    }

    fn build() -> Key {
        key("example.org/build", 1)
    }

    fn auditor() -> Key {
        key("auditor.example/rebuild", 2)
    }

    fn stranger() -> Key {
        key("stranger", 3)
    }

    fn head() -> String {
        format!(
            "# who signs\n\ndb example.org/core\nsigner build {}\n signer\tauditor  {}\n",
            build().public,
            auditor().public
        )
    }

    fn policy(tail: &str) -> Policy {
        Policy::parse(format!("{}{tail}", head()).as_bytes()).unwrap()
    }

    fn refuse(tail: &str) -> Error {
        Policy::parse(format!("{}{tail}", head()).as_bytes()).unwrap_err()
    }

    const BOTH: &str = "group release all build auditor\nquorum release\n";

    #[test]
    fn both_lines_are_needed() {
        let policy = policy(BOTH);
        let need = "all of (build, auditor)".to_owned();
        assert_eq!(policy.judge(&unsigned()), Err(Error::Unsigned { need: need.clone() }));
        let once = sign(unsigned(), &build());
        assert_eq!(
            policy.judge(&once),
            Err(Error::QuorumNotMet { have: "build".into(), need: need.clone() })
        );
        let unknown = sign(unsigned(), &stranger());
        assert!(matches!(policy.judge(&unknown), Err(Error::QuorumNotMet { .. })));
        let twice = sign(sign(once, &stranger()), &auditor());
        let verdict = policy.judge(&twice).unwrap();
        assert_eq!(verdict.verified, ["build", "auditor"]);
        assert_eq!(verdict.unknown, ["stranger"]);
        assert_eq!(verdict.quorum, Quorum::Met);
    }

    #[test]
    fn a_repeated_signature_counts_once() {
        let policy =
            policy(&format!("signer third {}\ngroup g 2 build auditor third\nquorum g\n", stranger().public));
        let once = sign(unsigned(), &build());
        let line = String::from_utf8(once.to_bytes()).unwrap().lines().last().unwrap().to_owned();
        let repeated = [once.to_bytes(), format!("{line}\n").into_bytes()].concat();
        let note = SignedNote::parse(&repeated).unwrap();
        assert_eq!(note.signatures().len(), 2);
        let need = "2 of (build, auditor, third)".into();
        assert_eq!(policy.judge(&note), Err(Error::QuorumNotMet { have: "build".into(), need }));
        assert!(policy.judge(&sign(note, &stranger())).is_ok());
    }

    #[test]
    fn groups_nest() {
        let policy = policy(&format!(
            "signer third {}\ngroup audit any auditor third\ngroup all all build audit\nquorum all\n",
            stranger().public
        ));
        let built = sign(unsigned(), &build());
        let need = "all of (build, 1 of (auditor, third))".into();
        assert_eq!(policy.judge(&built), Err(Error::QuorumNotMet { have: "build".into(), need }));
        assert!(policy.judge(&sign(built.clone(), &stranger())).is_ok());
        assert!(policy.judge(&sign(built, &auditor())).is_ok());
        assert!(policy.judge(&sign(sign(unsigned(), &auditor()), &stranger())).is_err());
    }

    #[test]
    fn a_forged_line_is_refused_even_when_the_quorum_would_hold() {
        let policy = policy("group g any build auditor\nquorum g\n");
        let good = sign(unsigned(), &build());
        let forged = NoteSignature {
            name: auditor().public.name().into(),
            key_id: auditor().public.id(),
            signature: vec![0; 64],
        };
        let note = good.with_signature(forged).unwrap();
        assert_eq!(policy.judge(&note), Err(Error::BadSignature { name: "auditor".into() }));
        assert!(Demand::Tolerant(Some(&policy)).judge(&note).is_err());
        assert!(Demand::Tolerant(None).judge(&note).is_ok());
    }

    #[test]
    fn the_key_decides_who_signed_not_the_name() {
        let policy = policy("quorum build\n");
        let mut line = sign(unsigned(), &build()).signatures()[0].clone();
        line.key_id = stranger().public.id();
        let renamed = unsigned().with_signature(line).unwrap();
        assert!(matches!(policy.judge(&renamed), Err(Error::QuorumNotMet { .. })));
    }

    #[test]
    fn another_database_is_refused() {
        let other = Policy::parse(head().replace("core", "lab").as_bytes()).unwrap_err();
        assert_eq!(other, Error::PolicyMissing { keyword: "quorum" });
        let policy =
            Policy::parse(format!("{}quorum build\n", head().replace("core", "lab")).as_bytes()).unwrap();
        let note = sign(unsigned(), &build());
        let want = "example.org/lab".to_owned();
        assert_eq!(policy.judge(&note), Err(Error::WrongDatabase { have: "example.org/core".into(), want }));
        assert_eq!(policy.db(), "example.org/lab");
        assert_eq!(policy.signers().count(), 2);
    }

    #[test]
    fn tolerance_is_for_missing_signatures_only() {
        let policy = policy(BOTH);
        let demand = Demand::Tolerant(Some(&policy));
        let verdict = demand.judge(&unsigned()).unwrap();
        assert!(verdict.verified.is_empty() && matches!(verdict.quorum, Quorum::NotMet { .. }));
        assert_eq!(demand.judge(&sign(unsigned(), &build())).unwrap().verified, ["build"]);
        let none = Demand::Tolerant(None).judge(&sign(unsigned(), &build())).unwrap();
        assert_eq!((none.quorum, none.unknown), (Quorum::NoPolicy, vec!["example.org/build".to_owned()]));
    }

    #[test]
    fn each_mistake_has_its_error() {
        assert_eq!(refuse("quorum nobody\n"), Error::PolicyUnknownName { line: 6, name: "nobody".into() });
        assert_eq!(refuse("quorum none\n"), Error::PolicyUnknownName { line: 6, name: "none".into() });
        assert_eq!(refuse("witness w\n"), Error::PolicyKeyword { line: 6, word: "witness".into() });
        assert_eq!(refuse("db a\n"), Error::PolicyRepeated { line: 6, keyword: "db" });
        assert_eq!(
            refuse("quorum build\nquorum build\n"),
            Error::PolicyRepeated { line: 7, keyword: "quorum" }
        );
        assert_eq!(refuse(""), Error::PolicyMissing { keyword: "quorum" });
        assert_eq!(refuse("db a b\n"), Error::PolicyLine { line: 6, expected: "db NAME" });
        assert!(matches!(refuse("signer x\n"), Error::PolicyLine { .. }));
        assert!(matches!(refuse("signer none x\n"), Error::PolicyLine { .. }));
        assert!(matches!(refuse("group g any\n"), Error::PolicyLine { .. }));
        assert!(matches!(refuse("group g some build\n"), Error::PolicyLine { .. }));
        assert!(matches!(refuse("quorum\n"), Error::PolicyLine { .. }));
        assert_eq!(refuse("group g any g\n"), Error::PolicyUnknownName { line: 6, name: "g".into() });
        for threshold in [0, 3, u64::MAX] {
            let expected = Error::PolicyThreshold { line: 6, threshold, members: 2 };
            assert_eq!(refuse(&format!("group g {threshold} build auditor\n")), expected);
        }
        let twice = |tail| assert!(matches!(refuse(tail), Error::PolicyMemberTwice { .. }), "{tail}");
        twice("group g any build build\n");
        twice("group g any build\ngroup h any build\n");
        twice("group g any build\ngroup h all g g\n");
        assert!(matches!(refuse("group build any auditor\n"), Error::PolicyDuplicateName { line: 6, .. }));
        let again = format!("signer again {}\n", build().public);
        assert!(matches!(refuse(&again), Error::PolicyDuplicateKey { line: 6, .. }));
        let renamed = format!("signer again {}\n", key("other-name", 1).public);
        assert!(matches!(refuse(&renamed), Error::PolicyDuplicateKey { line: 6, .. }));
        assert!(matches!(refuse("signer x y\n"), Error::PolicyKey { line: 6, .. }));
        assert_eq!(Policy::parse(&[0xFF]), Err(Error::PolicyNotText));
        assert!(matches!(Policy::parse(&vec![b'#'; MAX_POLICY + 1]), Err(Error::Limit { .. })));
    }
}
