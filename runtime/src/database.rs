//! A database that is mapped and proved.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use hallmark_container::Digest;
use hallmark_image::Image;
use hallmark_store::{DatabaseInfo, LoadPolicy, LoadedDatabase, Mapping, Origin, Watch};
use self_cell::self_cell;

use crate::error::Error;
use crate::rule::Rule;
use crate::scanner::Scanner;

self_cell!(
    struct Proved {
        owner: Mapping,
        #[covariant]
        dependent: Image,
    }
);

/// A database that is mapped and proved. Clones share it; it can be used from many threads at once.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    proved: Proved,
    info: DatabaseInfo,
    watch: Option<Watch>,
}

impl Database {
    /// Loads the database at `path` (a store directory, a release directory, a `.hmk` file or, unless signatures are
    /// demanded, a raw image), judges who vouches for it, and proves that it is well-formed.
    ///
    /// In a store, it is written down that a process started with the database, until a first scan with it has ended: a
    /// database that crashes its scanners is refused after three of them, and the one before it is used. A process that
    /// gives up rights does so after opening, and one that ends in order drops its databases.
    ///
    /// # Errors
    /// What was refused, why, and what to do.
    pub fn open(path: &Path, policy: &LoadPolicy) -> Result<Self, Error> {
        // The store falls back to the database before when this one is refused, so the proof runs there first.
        let accept = |bytes: &[u8]| Image::parse_undigested(bytes).map(drop).map_err(|e| e.to_string());
        Self::from_loaded(hallmark_store::load_to_scan(path, policy, accept)?)
    }

    /// The database whose raw image is `bytes`: for tests, and for databases embedded in a program. Nobody's
    /// signature is asked for.
    ///
    /// # Errors
    /// The bytes are not an image of this version.
    pub fn from_image_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let info = DatabaseInfo::new(Origin::RawImage, Digest::of(bytes), None);
        Self::from_loaded(LoadedDatabase { image: Mapping::sealed(bytes.to_vec()), info, watch: None })
    }

    fn from_loaded(loaded: LoadedDatabase) -> Result<Self, Error> {
        // With a note, the digest of the whole image was compared already.
        let digested = loaded.info.note.is_some();
        let proved = Proved::try_new(loaded.image, |mapping| {
            if digested { Image::parse_undigested(mapping) } else { Image::parse(mapping) }
        })?;
        Ok(Database { shared: Arc::new(Shared { proved, info: loaded.info, watch: loaded.watch }) })
    }

    /// A scanner with this database; one for each thread.
    pub fn scanner<'c>(&self) -> Scanner<'c> {
        Scanner::new(self.clone())
    }

    /// Whether both are the same loaded database, not only equal ones.
    pub(crate) fn is(&self, other: &Database) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Tells the store, if a first scan is still waited for, that one begins.
    pub(crate) fn scan_begins(&self) {
        self.shared.watch.iter().for_each(Watch::scanning);
    }

    /// Tells the store, if a first scan is still waited for, that one has ended.
    pub(crate) fn scan_ends(&self) {
        self.shared.watch.iter().for_each(Watch::finished);
    }

    /// The image.
    pub fn image(&self) -> &Image<'_> {
        self.shared.proved.borrow_dependent()
    }

    /// The bytes of the image, as [`Database::from_image_bytes`] takes them.
    pub fn image_bytes(&self) -> &[u8] {
        self.shared.proved.borrow_owner()
    }

    /// Its rules, by id.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'_>> {
        let image = self.image();
        image
            .rules()
            .map(move |(id, unit)| Rule::new(id, image.namespace(unit.header.namespace.get()), Some(unit)))
    }

    /// Where it came from and who vouches for it.
    pub fn info(&self) -> &DatabaseInfo {
        &self.shared.info
    }

    /// The identity of the release: `sha256:` and the digest of the image.
    pub fn digest(&self) -> String {
        self.shared.info.digest.to_string()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("info", &self.shared.info).finish_non_exhaustive()
    }
}
