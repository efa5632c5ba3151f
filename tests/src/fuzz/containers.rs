//! Hostile containers, notes and policies.

use std::sync::OnceLock;

use hallmark_container::{
    Container, Demand, Digest, Error, Policy, Quorum, ReleaseNote, SignedNote, SizedDigest, encode, open,
};
use hallmark_publish::{SecretKey, sign_note};
use hallmark_runtime::Database;

use crate::generate::Draw;
use crate::signed::{auditor, builder, key, pack, policy_for};
use crate::{compile_text, signed};

/// A release that both keys have signed, and its parts.
struct Good {
    note: SignedNote,
    payload: Vec<u8>,
    image: Vec<u8>,
    container: Vec<u8>,
    policy: Policy,
}

fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| {
        let compilation = compile_text("rule r { strings: $a = \"needle\" condition: $a }");
        let release = pack(&compilation, 7, None, &[builder(), auditor()]);
        Good {
            note: release.note().clone(),
            payload: release.payload().to_vec(),
            image: compilation.image.expect("a rule that compiles"),
            container: release.container().expect("a release that fits"),
            policy: policy_for(signed::DB),
        }
    })
}

/// Opens a container with a policy of two keys: the bytes themselves, or what they make of a signed release: changed
/// bytes, facts of the note changed and signed again, lines of signatures left out, repeated and forged. What is opened
/// is what was signed by both.
///
/// # Panics
/// Something else is opened, or what is good is refused.
pub fn container_open(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let draw = &mut Draw::new(rest);
    match how {
        1 => changed_bytes(draw),
        2 => changed_facts(draw),
        3 => changed_signatures(draw),
        _ => drop(load(data)),
    }
}

/// Opens a container, first as anybody's and then as the policy wants it.
fn load(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let container = Container::parse(bytes)?;
    assert_eq!(encode(container.note(), container.proof(), container.payload()).as_deref(), Ok(bytes));
    let parts = Container::from_parts(container.note(), container.proof(), container.payload());
    assert_eq!(parts, Ok(container));
    let tolerant = open(container, Demand::Tolerant(None)).and_then(|verified| verified.decode());
    let strict = open(container, Demand::Quorum(&good().policy)).and_then(|verified| verified.decode());
    if let Ok(decoded) = &strict {
        assert_eq!(decoded.note().verdict().quorum, Quorum::Met);
        assert_eq!(decoded.note().verdict().verified, ["build", "audit"]);
        assert_eq!(tolerant.as_ref().map(|decoded| decoded.bytes()), Ok(decoded.bytes()));
    }
    for decoded in tolerant.iter().chain(&strict) {
        assert_eq!(SizedDigest::of(decoded.bytes()), decoded.note().release().image);
    }
    for error in [tolerant.err(), strict.as_ref().err().cloned()].into_iter().flatten() {
        assert!(!error.to_string().is_empty());
    }
    strict.map(|decoded| decoded.into_parts().1)
}

fn changed_bytes(draw: &mut Draw<'_>) {
    let good = good();
    let mut bytes = good.container.clone();
    // Most of it is payload, whose digest notices anything; what comes before is more interesting.
    let interesting = bytes.len() - good.payload.len();
    for _ in 0..draw.number(0, 4) {
        let most = if draw.chance(12) { interesting.min(bytes.len()) } else { bytes.len() };
        let at = draw.number(0, most);
        match draw.number(0, 3) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, draw.byte()),
            _ if at < bytes.len() => bytes[at] = draw.byte(),
            _ => {}
        }
    }
    match load(&bytes) {
        // Of the log proof the policy says nothing.
        Ok(image) => {
            let container = Container::parse(&bytes).expect("it was opened");
            assert_eq!(container.note(), good.note.to_bytes());
            assert_eq!((container.payload(), &image), (&good.payload[..], &good.image));
        }
        Err(error) => assert!(bytes != good.container, "{error}"),
    }
}

/// Both keys sign whatever the note says, so only the facts themselves can be wrong.
fn changed_facts(draw: &mut Draw<'_>) {
    let good = good();
    let mut release = good.note.release().clone();
    let mut payload = good.payload.clone();
    for _ in 0..draw.number(0, 3) {
        let number = match draw.number(0, 4) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << draw.number(0, 63),
            3 => good.image.len() as u64 + draw.number(0, 2) as u64 - 1,
            _ => draw.number(0, 100_000) as u64,
        };
        match draw.number(0, 11) {
            0 => release.serial = number,
            1 => release.image_format.major = number as u16,
            2 => release.engine_min.minor = number as u32,
            3 => release.source_date = number,
            4 => release.expires = Some(number),
            5 => release.image.bytes = number,
            6 => release.image.digest = Digest::of(&number.to_le_bytes()),
            7 => release.payload.content.bytes = number,
            8 => release.payload.window_log = number as u8,
            9 => release.counts.rules = number,
            10 => {
                let at = draw.number(0, payload.len() - 1);
                payload[at] = draw.byte();
                release.payload.content = SizedDigest::of(&payload);
            }
            _ => {
                payload.truncate(draw.number(1, payload.len()));
                release.payload.content = SizedDigest::of(&payload);
            }
        }
    }
    let Ok(note) = SignedNote::unsigned(&release) else { return };
    let note =
        [builder(), auditor()].iter().fold(note, |note, key| sign_note(&note, key).expect("a line more"));
    let Ok(bytes) = encode(&note.to_bytes(), b"", &payload) else { return };
    match load(&bytes) {
        Ok(image) => {
            assert_eq!(image, good.image);
            assert_eq!(
                (release.image, release.payload.content),
                (SizedDigest::of(&image), SizedDigest::of(&payload))
            );
            Database::from_image_bytes(&image).expect("the image that was compiled");
        }
        Err(_) => assert!(release != *good.note.release(), "a good note"),
    }
}

fn changed_signatures(draw: &mut Draw<'_>) {
    let good = good();
    let keys =
        [builder(), auditor(), key("example.org/build", 3), key("auditor.example/rebuild", 1), key("x", 9)];
    // What the lines say of the two keys of the policy.
    let (mut signed, mut bad) = ([false; 2], false);
    let mut lines = Vec::new();
    for _ in 0..draw.number(0, 5) {
        let which = draw.number(0, keys.len() - 1);
        let mut line = keys[which].sign(good.note.text());
        if draw.chance(3) {
            let at = draw.number(0, line.signature.len() - 1);
            line.signature[at] ^= 1 << draw.number(0, 7);
            bad |= which < 2;
        } else if which < 2 {
            signed[which] = true;
        }
        lines.push(line);
    }
    let note =
        lines.iter().try_fold(SignedNote::unsigned(good.note.release()).expect("a note"), |note, line| {
            note.with_signature(line.clone())
        });
    let Ok(note) = note else { return };
    let opened = encode(&note.to_bytes(), b"", &good.payload).and_then(|bytes| load(&bytes));
    assert_eq!(opened.is_ok(), signed == [true; 2] && !bad, "{:?}: {opened:?}", note.signatures());
}

/// Parses a note, and after a line `---` a policy that judges it. What is parsed is written the same way again, and with
/// the lines of both keys under it, a policy of both accepts it.
///
/// # Panics
/// Something of this is not so.
pub fn note_parse(data: &[u8]) {
    const LINE: &[u8] = b"\n---\n";
    let (note, policy) = match data.windows(LINE.len()).position(|window| window == LINE) {
        Some(at) => (&data[..=at], &data[at + LINE.len()..]),
        None => (data, data),
    };
    let note = match SignedNote::parse(note) {
        Ok(parsed) => {
            assert_eq!(parsed.to_bytes(), note);
            same_release(parsed.release(), parsed.text());
            signed_by_both(&parsed);
            Some(parsed)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    };
    match Policy::parse(policy) {
        Ok(policy) => {
            assert_eq!(Policy::parse(policy.text().as_bytes()).as_ref(), Ok(&policy));
            judged(&policy, note.as_ref().unwrap_or(&good().note));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn same_release(release: &ReleaseNote, text: &str) {
    let unsigned = SignedNote::unsigned(release).expect("a release that was read");
    assert_eq!((unsigned.text(), unsigned.signatures()), (text, &[][..]));
}

fn signed_by_both(note: &SignedNote) {
    let unsigned = SignedNote::unsigned(note.release()).expect("a release that was read");
    let sign = |note: SignedNote, key: &SecretKey| sign_note(&note, key).expect("a line more");
    let policy = policy_for(&note.release().db);
    let one = sign(unsigned, &builder());
    assert!(matches!(policy.judge(&one), Err(Error::QuorumNotMet { .. })));
    let both = sign(one, &auditor());
    assert_eq!(policy.judge(&both).map(|verdict| verdict.quorum), Ok(Quorum::Met));
}

/// What is told of a note: signers of the policy that are not in it have not signed.
fn judged(policy: &Policy, note: &SignedNote) {
    let strict = policy.judge(note);
    let present = policy.judge_present(note);
    if let Ok(verdict) = &strict {
        assert_eq!((verdict.quorum.clone(), note.release().db.as_str()), (Quorum::Met, policy.db()));
        assert_eq!(present.as_ref(), Ok(verdict));
        assert!(!verdict.verified.is_empty(), "nobody signed");
    }
    if let Ok(verdict) = present {
        assert!(verdict.verified.len() + verdict.unknown.len() <= note.signatures().len());
        let known = |name: &String| policy.signers().any(|(signer, _)| signer == name);
        assert!(verdict.verified.iter().all(known));
    }
}
