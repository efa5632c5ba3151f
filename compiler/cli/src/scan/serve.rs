//! Scanning in confined processes, as a worker does it: take the database and the request, give up every right, then scan
//! one open file after the other and say what was found.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use hallmark_runtime::{ArchiveLimits, Database};
use serde::{Deserialize, Serialize};

use super::findings::Findings;
use super::report::Incomplete;
use super::worker::{Request, Worker};
use crate::externals::Define;
use crate::module_data::{self, Given};
use crate::sandbox::{Parent, confine_worker};

/// Longest answer, in bytes: some million matches.
pub const MAX_ANSWER: usize = 64 << 20;

/// How many bytes of matches are listed for a file. As text they are longer, by half at most.
const ROOM: usize = 40 << 20;

/// Address space that is in use besides the database and what `--worker-memory` allows: the program.
const PROGRAM: u64 = 128 << 20;

/// What a worker is asked to do with every file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    strings: bool,
    tags: Vec<String>,
    identifiers: Vec<String>,
    sha256: bool,
    max_size: u64,
    max_steps: Option<u64>,
    defines: Vec<Define>,
    reports: Vec<Given>,
    stream: bool,
    archives: Option<Limits>,
    all: bool,
    negate: bool,
    memory: u64,
}

/// How far to look into archives.
#[derive(Debug, Serialize, Deserialize)]
#[serde(remote = "ArchiveLimits")]
struct LimitsDef {
    depth: u32,
    members: u64,
    member_bytes: u64,
    total_bytes: u64,
    ratio: u64,
    memory: u64,
}

/// The same, as a field.
#[derive(Debug, Serialize, Deserialize)]
struct Limits(#[serde(with = "LimitsDef")] ArchiveLimits);

/// A worker's first words.
#[derive(Debug, Serialize, Deserialize)]
pub enum Hello {
    /// It has the database, and no rights any more.
    #[serde(rename = "ready")]
    Ready,
    /// Why it has not.
    #[serde(rename = "unable")]
    Unable(String),
}

/// What a worker says about a file.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// What was found.
    #[serde(rename = "found")]
    Found(Findings),
    /// Why nothing was scanned.
    #[serde(rename = "unscanned")]
    Unscanned(String),
}

impl Setup {
    /// For a request; `memory` is how many bytes a worker may use besides the database.
    pub fn new(request: &Request, memory: u64) -> Self {
        Setup {
            strings: request.strings,
            tags: request.tags.clone(),
            identifiers: request.identifiers.clone(),
            sha256: request.sha256,
            max_size: request.max_size,
            max_steps: request.max_steps,
            defines: request.defines.clone(),
            reports: request.module_reports.clone(),
            stream: request.stream,
            archives: request.archives.clone().map(Limits),
            all: request.all,
            negate: request.negate,
            memory,
        }
    }

    fn request(&self) -> anyhow::Result<Request> {
        Ok(Request {
            strings: self.strings,
            tags: self.tags.clone(),
            identifiers: self.identifiers.clone(),
            sha256: self.sha256,
            max_size: self.max_size,
            max_steps: self.max_steps,
            defines: self.defines.clone(),
            module_data: module_data::parse(&self.reports)?,
            stream: self.stream,
            archives: self.archives.as_ref().map(|Limits(limits)| limits.clone()),
            all: self.all,
            negate: self.negate,
            ..Request::default()
        })
    }
}

/// Serves the parent until it has no more files.
///
/// # Errors
/// Standard input is not the socket of one.
pub fn serve() -> anyhow::Result<()> {
    let parent = Parent::new();
    let first = parent.next().context("standard input is not the socket of `hallmark scan --sandbox`")?;
    let files = first.map(|job| job.files).unwrap_or_default();
    let [image, setup] = files.try_into().ok().context("no database came with the first message")?;
    let hello = |hello: &Hello| parent.answer(&serde_json::to_vec(hello)?).context("the parent is gone");
    let prepared = prepare(image, setup);
    let (database, request, memory) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return hello(&Hello::Unable(format!("{error:#}"))),
    };
    let mut worker = Worker::new(&database, &request, None)?;
    worker.room(ROOM);
    // Each file gets the first descriptor that is free, which is the same every time.
    let files = File::open("/dev/null").context("the first free descriptor")?.as_raw_fd();
    if let Err(lacking) = confine_worker(memory, files) {
        return hello(&Hello::Unable(lacking.to_string()));
    }
    hello(&Hello::Ready)?;
    while let Some(mut job) = parent.next()? {
        let Some(file) = job.files.pop() else { continue };
        let deadline = job.time.and_then(|time| Instant::now().checked_add(time));
        let answer = match worker.scan_file(file, deadline) {
            Ok(found) => Answer::Found(found),
            Err(why) => Answer::Unscanned(why),
        };
        parent.answer(&encode(answer)?)?;
    }
    Ok(())
}

/// The database, the request and the address space.
fn prepare(image: File, setup: File) -> anyhow::Result<(Database, Request, u64)> {
    let image = read(&image).context("the database")?;
    let setup: Setup = serde_json::from_slice(&read(&setup).context("the request")?)?;
    let memory = setup.memory.saturating_add(PROGRAM).saturating_add(image.len() as u64);
    Ok((Database::from_image_bytes(&image)?, setup.request()?, memory))
}

/// All of a memory file, whose offset other workers share.
fn read(file: &File) -> io::Result<Vec<u8>> {
    let size = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// An answer that is short enough; the rules that match are always in it.
fn encode(answer: Answer) -> anyhow::Result<Vec<u8>> {
    let bytes = serde_json::to_vec(&answer)?;
    let Answer::Found(mut found) = answer else { return Ok(bytes) };
    if bytes.len() <= MAX_ANSWER {
        return Ok(bytes);
    }
    drop(bytes);
    let members = std::mem::take(&mut found.members).len();
    found.rules.iter_mut().for_each(|rule| rule.strings.clear());
    found.console.clear();
    let why = format!("they are more than {MAX_ANSWER} bytes; scan this file without --sandbox");
    found.incomplete = vec![Incomplete { what: "matches".to_owned(), why: why.clone() }];
    if members > 0 {
        found.incomplete.push(Incomplete { what: "archive".to_owned(), why });
    }
    let bytes = serde_json::to_vec(&Answer::Found(found))?;
    ensure!(bytes.len() <= MAX_ANSWER, "an answer of {} bytes", bytes.len());
    Ok(bytes)
}
