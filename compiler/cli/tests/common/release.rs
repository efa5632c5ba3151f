//! Releases of images that `hallmark build` would not make, and their installation.

use hallmark_compiler::{Loader, Options, SelfTest, Source, add_self_tests, compile};
use hallmark_container::{Compiler, Counts, Digest, EngineVersion, FormatVersion};
use hallmark_image::header;
use hallmark_publish::{Release, ReleaseInfo, SecretKey, SourceManifest};

use super::{Folder, Ran};

/// Matches `needle`.
pub const NEEDLE: &str = "rule Needle { strings: $a = \"needle\" condition: $a }";

struct NoIncludes;

impl Loader for NoIncludes {
    fn load(&self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("none".to_owned())
    }
}

/// An image of these rules, with inputs and the rules that each must match.
pub fn image(rules: &str, tests: &[(&[u8], &[&str])]) -> Vec<u8> {
    let source = Source { name: "a.yar".into(), namespace: "default".into(), text: rules.into() };
    let compilation = compile(vec![source], &Options::default(), &NoIncludes, &mut |_| {});
    let test = |&(input, rules): &(&[u8], &[&str])| SelfTest {
        input: input.to_vec(),
        rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
    };
    add_self_tests(compilation.image.unwrap(), &tests.iter().map(test).collect::<Vec<_>>()).unwrap()
}

/// The container of a release of `test/core`, signed by all keys, whatever the image is.
pub fn packed(image: &[u8], serial: u64, keys: &[SecretKey]) -> Vec<u8> {
    let info = ReleaseInfo {
        db: "test/core".into(),
        serial,
        image_format: FormatVersion { major: header::FORMAT_MAJOR, minor: header::FORMAT_MINOR },
        engine_min: EngineVersion { major: 0, minor: 1, patch: 0 },
        source_date: 0,
        expires: None,
        source: SourceManifest::new([("a.yar", &b""[..])]).unwrap().source(),
        compiler: Compiler { name: "hallmark".into(), version: "0.1.0".into(), digest: Digest::of(b"") },
        options: Digest::of(b""),
        sections: Vec::new(),
        counts: Counts { rules: 1, patterns: 1, rejected: 0 },
        bases: Vec::new(),
    };
    let mut release = Release::pack(info, image, None, 1).unwrap();
    keys.iter().for_each(|key| release.sign(key).unwrap());
    release.container().unwrap()
}

/// Writes a release with both signatures that the folder's policy asks for.
pub fn release(folder: &Folder, name: &str, serial: u64, image: &[u8]) {
    let load = |role| SecretKey::load(&folder.path(&format!("keys/test_{role}.secret"))).unwrap();
    folder.write(name, packed(image, serial, &[load("build"), load("audit")]));
}

/// Installs a release into `store`; its self-tests may take as long as a busy machine needs.
pub fn install(folder: &Folder, release: &str) -> Ran {
    install_within(folder, release, "600")
}

pub fn install_within(folder: &Folder, release: &str, seconds: &str) -> Ran {
    let args = ["install", release, "--store", "store", "--policy", "policy", "--self-test-timeout", seconds];
    folder.run(&args)
}
