//! 7z: blocks of one or several members each, which share a stream.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use sevenz_rust2::{Archive, ArchiveEntry, Block, BlockDecoder, Coder, EncoderMethod, Error, Password};

use crate::bytes::size;
use crate::contain::contain;
use crate::input::Input;
use crate::limits::{SEVENZ_DICTIONARIES, SEVENZ_TABLES};
use crate::walk::{Flow, Walk};
use crate::why::Why;

pub(crate) fn walk(walk: &mut Walk<'_>, data: &[u8]) -> Flow {
    let at = Cell::new(0);
    let mut source = Input::new(data, &at, walk.meter());
    let memory = walk.memory();
    let header = memory / SEVENZ_TABLES;
    let read =
        contain(|| Archive::read_with_memory_limit(&mut source, &Password::empty(), size(header >> 10)));
    let mut archive = match read {
        Ok(Ok(archive)) => archive,
        Ok(Err(error)) => return walk.note(&reason(walk, &error, header)),
        Err(why) => return walk.note(&why),
    };
    // With a checksum, the reader keeps the last bytes of a damaged member to itself; it is compared below instead.
    archive.files.iter_mut().for_each(|file| file.has_crc = false);
    let tables = tables(&archive);
    let dictionaries = memory.saturating_sub(tables) / SEVENZ_DICTIONARIES;
    walk.reserving(tables.saturating_add(dictionaries), |walk| {
        for index in 0..archive.blocks.len() {
            block(walk, &archive, index, &mut source, dictionaries)?;
        }
        for entry in archive.files.iter().filter(|file| !file.has_stream && !file.is_directory) {
            walk.slice(entry.name.as_bytes(), &[], |_, _| Ok(()))?;
        }
        Flow::Continue(())
    })
}

/// About the bytes that an archive's tables take.
fn tables(archive: &Archive) -> u64 {
    /// Bytes of an entry, a block and a coder, with their places in other tables.
    const EACH: [usize; 3] = [
        size_of::<ArchiveEntry>().saturating_add(16),
        size_of::<Block>().saturating_add(128),
        size_of::<Coder>().saturating_add(32),
    ];
    let [entry, block, coder] = EACH;
    let files = archive.files.iter().map(|file| file.name.capacity().saturating_add(entry));
    let blocks =
        archive.blocks.iter().map(|each| each.coders.capacity().saturating_mul(coder).saturating_add(block));
    files.chain(blocks).fold(0, |sum, bytes| sum.saturating_add(bytes as u64))
}

/// The members of a block.
fn block(
    walk: &mut Walk<'_>,
    archive: &Archive,
    index: usize,
    source: &mut Input<'_>,
    dictionaries: u64,
) -> Flow {
    let coders = archive.blocks.get(index).map_or(&[][..], |block| &block.coders);
    let has = |id: &[u8]| coders.iter().filter(|coder| coder.encoder_method_id() == id).count();
    // The limit of the reader is one for each coder of the chain.
    let with_dictionary = has(EncoderMethod::ID_LZMA).saturating_add(has(EncoderMethod::ID_LZMA2)).max(1);
    let memory = dictionaries.checked_div(with_dictionary as u64).unwrap_or(0);
    let password = Password::empty();
    let decoder =
        BlockDecoder::new_with_memory_limit(1, size(memory >> 10), index, archive, &password, source);
    let entries = match contain(|| decoder.entry_count()) {
        Ok(count) => {
            let first = archive.stream_map.block_first_file_index.get(index).copied().unwrap_or(usize::MAX);
            archive.files.get(first..first.saturating_add(count)).unwrap_or_default()
        }
        Err(why) => return walk.note(&why),
    };
    let mut looked = 0usize;
    let mut flow = Flow::Continue(());
    let mut panic: Option<Box<dyn Any + Send>> = None;
    let why = if has(EncoderMethod::ID_AES256_SHA256) > 0 {
        Why::Encrypted
    } else {
        let decoded = contain(|| {
            decoder.for_each_entries(&mut |entry, reader| {
                looked = looked.saturating_add(1);
                if !entry.has_stream {
                    return Ok(true);
                }
                // What panics in the visitor is not the decoder's fault.
                match catch_unwind(AssertUnwindSafe(|| member(walk, entry, reader))) {
                    Ok(went) => flow = went,
                    Err(payload) => panic = Some(payload),
                }
                Ok(flow.is_continue() && panic.is_none())
            })
        });
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        flow?;
        match decoded {
            Ok(Ok(_)) => return Flow::Continue(()),
            Ok(Err(error)) => reason(walk, &error, memory),
            Err(why) => why,
        }
    };
    // What could not be reached. The error of the last member that was is told already.
    for entry in entries.iter().skip(looked).filter(|entry| entry.has_stream) {
        walk.skip(entry.name.as_bytes(), why.clone())?;
    }
    if why.ends_all() { walk.note(&why) } else { Flow::Continue(()) }
}

fn member(walk: &mut Walk<'_>, entry: &ArchiveEntry, reader: &mut dyn std::io::Read) -> Flow {
    let (crc, length) = (entry.crc, entry.size);
    walk.stream(entry.name.as_bytes(), &mut *reader, |meter, data| {
        // An archive may have no checksums, which are zero then.
        let sum = if crc == 0 { 0 } else { u64::from(meter.crc32(data)?) };
        match sum == crc && data.len() as u64 == length {
            true => Ok(()),
            false => Err(Why::damaged("it is not what its checksum or length says")),
        }
    })?;
    walk.drain(reader)
}

/// What an error of the reader means.
fn reason(walk: &Walk<'_>, error: &Error, memory: u64) -> Why {
    if let Some(why) = walk.meter().ended() {
        return why;
    }
    match error {
        Error::MaxMemLimited { .. } => Why::Memory { max: memory },
        Error::PasswordRequired | Error::MaybeBadPassword(_) => Why::Encrypted,
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => Why::Encrypted,
        Error::UnsupportedCompressionMethod(method) => Why::unsupported(format!("{method} in 7z archives")),
        Error::Unsupported(what) => Why::unsupported(what.to_string()),
        Error::UnsupportedVersion { major, minor } => Why::unsupported(format!("7z version {major}.{minor}")),
        Error::ExternalUnsupported => Why::unsupported("7z archives with external headers"),
        Error::Io(error, _) if error.kind() == std::io::ErrorKind::OutOfMemory => Why::Memory { max: memory },
        _ => Why::damaged("a 7z archive whose headers or data cannot be read"),
    }
}
