//! Secret Ed25519 keys in the text form of C2SP signed-note, `PRIVATE+KEY+name+keyid+base64(algorithm || seed)`, and
//! their files: `NAME.secret`, which only its owner can read, and `NAME.vkey`, which goes into policies.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hallmark_container::{ED25519_ALGORITHM, NoteSignature, VerifierKey, valid_key_name};
use zeroize::Zeroizing;

use crate::{Error, file};

/// A key file holds one line.
const MAX_KEY_FILE: u64 = 4096;

/// A named secret key. Erased from memory when dropped; `Debug` shows its public half only.
pub struct SecretKey {
    public: VerifierKey,
    signing: SigningKey,
}

/// The two files of a new key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    /// The secret key; keep it.
    pub secret: PathBuf,
    /// The verifier key; hand it out.
    pub vkey: PathBuf,
}

impl SecretKey {
    /// A new key from the operating system's randomness.
    pub fn generate(name: &str) -> Result<Self, Error> {
        key_file_stem(name)?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|error| Error::Randomness { why: error.to_string() })?;
        Self::from_seed(name, &seed)
    }

    /// The key that `seed` gives.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        let signing = SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, signing.verifying_key().as_bytes())
            .map_err(|source| Error::Release { source })?;
        Ok(Self { public, signing })
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |why| Error::KeyFormat { why };
        let line = text.trim_end_matches(['\r', '\n']);
        let parts = line.strip_prefix("PRIVATE+KEY+").ok_or(bad("no `PRIVATE+KEY+` at the start"))?;
        let mut parts = parts.splitn(3, '+');
        let (Some(name), Some(id), Some(blob)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("parts are missing"));
        };
        if !valid_key_name(name) {
            return Err(bad("the name is empty, too long or has characters that names cannot have"));
        }
        let blob = Zeroizing::new(STANDARD.decode(blob).map_err(|_| bad("the last part is not base64"))?);
        let Some((&ED25519_ALGORITHM, seed)) = blob.split_first() else {
            return Err(bad("not an Ed25519 key"));
        };
        let seed: &[u8; 32] = seed.try_into().map_err(|_| bad("an Ed25519 seed has 32 bytes"))?;
        let key = Self::from_seed(name, seed)?;
        if key.public.id().to_string() != id {
            return Err(bad("the key id does not belong to this name and key"));
        }
        Ok(key)
    }

    /// The text form, one line.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut blob = Zeroizing::new(vec![ED25519_ALGORITHM]);
        blob.extend_from_slice(self.signing.as_bytes());
        let encoded = Zeroizing::new(STANDARD.encode(&*blob));
        Zeroizing::new(format!("PRIVATE+KEY+{}+{}+{}\n", self.public.name(), self.public.id(), &*encoded))
    }

    /// Reads a key file; refuses one that others can read.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let (bytes, metadata) = file::read(path, MAX_KEY_FILE)?;
        let bytes = Zeroizing::new(bytes);
        if metadata.mode() & 0o077 != 0 {
            return Err(Error::KeyExposed { path: path.to_owned() });
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::KeyFormat { why: "not text" })?;
        Self::parse(text)
    }

    /// Writes `NAME.secret` (mode 0600) and `NAME.vkey` into `directory`, creating it if needed. Overwrites nothing.
    pub fn write_files(&self, directory: &Path) -> Result<KeyFiles, Error> {
        let stem = key_file_stem(self.public.name())?;
        file::create_directory(directory)?;
        let path = |extension| directory.join(format!("{stem}.{extension}"));
        let files = KeyFiles { secret: path("secret"), vkey: path("vkey") };
        file::write_new(&files.vkey, format!("{}\n", self.public).as_bytes(), 0o644)?;
        let written = file::write_new(&files.secret, self.to_text().as_bytes(), 0o600);
        if written.is_err() {
            // A verifier key without its secret is of no use, and it was made two lines above.
            let _ = std::fs::remove_file(&files.vkey);
        }
        written.map(|()| files)
    }

    /// The public half.
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// Name as it appears in signature lines.
    pub fn name(&self) -> &str {
        self.public.name()
    }

    /// The signature of this key over any bytes; the caller's format says what they are.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.signing.sign(bytes).to_bytes()
    }

    /// The signature line of this key over a note's text.
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature {
            name: self.name().to_owned(),
            key_id: self.public.id(),
            signature: self.sign_bytes(text.as_bytes()).to_vec(),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public)
    }
}

/// File name of a key without its extension: the key name with `_` for `/`. Refuses names that could leave the
/// directory, hide the file or need quoting.
pub fn key_file_stem(name: &str) -> Result<String, Error> {
    let plain = |word: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@');
        word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.bytes().all(allowed)
            && !word.contains("..")
    };
    if !valid_key_name(name) || !name.split('/').all(plain) {
        return Err(Error::KeyName { name: name.to_owned() });
    }
    Ok(name.replace('/', "_"))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_made_elsewhere_is_read_and_written_alike() {
        // The example pair of the Go note package.
        let text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n";
        let key = SecretKey::parse(text).unwrap();
        assert_eq!(
            key.public().to_string(),
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        );
        assert_eq!(*key.to_text(), text);
    }

    #[test]
    fn damaged_keys_are_refused() {
        let good = SecretKey::from_seed("example.org/build", &[1; 32]).unwrap().to_text();
        let refuse =
            |text: String| assert!(matches!(SecretKey::parse(&text), Err(Error::KeyFormat { .. })), "{text}");
        refuse(good.replace("PRIVATE", "PUBLIC"));
        refuse(good.replace("build", "rebuild"));
        refuse(good.replace("+AQ", "+AB"));
        refuse(good.replace("+AQ", "+AQAB"));
        refuse(good[..30].to_owned());
        refuse(String::new());
    }

    #[test]
    fn names_make_safe_file_names() {
        assert_eq!(key_file_stem("example.org/build").unwrap(), "example.org_build");
        assert_eq!(key_file_stem("me@example.org").unwrap(), "me@example.org");
        for name in [
            "", "..", "../x", "a/../b", "a..b", "/a", "a/", "a//b", "a b", "a\tb", "a+b", ".hid", "-f",
            "a\\b", "é",
        ] {
            assert_eq!(key_file_stem(name), Err(Error::KeyName { name: name.into() }));
            assert!(SecretKey::generate(name).is_err());
        }
    }

    #[test]
    fn files_are_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new/keys");
        let key = SecretKey::generate("example.org/build").unwrap();
        let files = key.write_files(&folder).unwrap();
        assert_eq!(files.secret, folder.join("example.org_build.secret"));
        assert_eq!(std::fs::metadata(&files.secret).unwrap().mode() & 0o777, 0o600);
        let vkey = std::fs::read_to_string(&files.vkey).unwrap();
        assert_eq!(VerifierKey::parse(vkey.trim_end()).unwrap(), *key.public());
        assert_eq!(SecretKey::load(&files.secret).unwrap().public(), key.public());

        let before = std::fs::read(&files.secret).unwrap();
        let again = SecretKey::generate("example.org/build").unwrap();
        assert!(matches!(again.write_files(&folder), Err(Error::Exists { .. })));
        std::fs::remove_file(&files.vkey).unwrap();
        assert!(matches!(again.write_files(&folder), Err(Error::Exists { .. })));
        assert!(!files.vkey.exists());
        assert_eq!(std::fs::read(&files.secret).unwrap(), before);

        std::fs::set_permissions(&files.secret, Permissions::from_mode(0o640)).unwrap();
        assert_eq!(SecretKey::load(&files.secret).unwrap_err(), Error::KeyExposed { path: files.secret });
    }

    #[test]
    fn two_new_keys_differ_and_debug_shows_no_secret() {
        let [a, b] = [(); 2].map(|()| SecretKey::generate("k").unwrap());
        assert_ne!(a.public(), b.public());
        let secret = a.to_text().trim_end().rsplit('+').next().unwrap().to_owned();
        assert!(!format!("{a:?}").contains(&secret));
    }
}
