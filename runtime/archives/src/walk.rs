//! The walk over everything in a file, depth first.

use std::io::{self, Read};
use std::ops::ControlFlow;

use crate::contain::contain;
use crate::kind::Kind;
use crate::limits::{CHUNK, KEEP_BUFFER, Limits, MAX_DEPTH, MAX_LEFT_OUT};
use crate::meter::Meter;
use crate::path::InnerPath;
use crate::why::{Stop, Why};
use crate::{cabinet, compound, gzip, sevenzip, tarball, zip};

/// Who is told what lies in a file.
pub trait Visitor {
    /// A member, and its bytes or as many of them as could be unpacked. Of a member that is an archive, the members
    /// come after it.
    fn member(&mut self, path: &InnerPath, data: &[u8]);

    /// Something that was not looked at, or not to its end. The path is that of a member, or of an archive (empty for
    /// the file itself) of which something is missing.
    fn left_out(&mut self, path: &InnerPath, why: &Why);
}

/// What a walk came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Members met, whether they could be looked at or not.
    pub members: u64,
    /// Bytes of members, those of archives within archives included.
    pub bytes: u64,
    /// Things that were not looked at, or not to their end.
    pub left_out: u64,
}

/// Tells `visitor` what lies in `data`, if it is an archive; of anything else, nothing. `stop` is asked whether to go on,
/// at least after every 64 KiB that are read or unpacked.
pub fn walk(
    data: &[u8],
    limits: &Limits,
    stop: &dyn Fn() -> Option<Stop>,
    visitor: &mut dyn Visitor,
) -> Tally {
    let meter = Meter::new(data.len(), limits, stop);
    let mut walk = Walk {
        meter: &meter,
        visitor,
        path: InnerPath::default(),
        depth: 0,
        members: 0,
        left_out: 0,
        reserved: 0,
        spare: Vec::new(),
    };
    let _ = walk.archive(data);
    Tally { members: walk.members, bytes: meter.unpacked(), left_out: walk.left_out }
}

/// Whether the walk goes on; it ends when a limit of the whole file is reached.
pub(crate) type Flow = ControlFlow<()>;

/// Where the walk is. What the readers of formats call when they come across a member.
pub(crate) struct Walk<'w> {
    meter: &'w Meter<'w>,
    visitor: &'w mut dyn Visitor,
    path: InnerPath,
    depth: u32,
    members: u64,
    left_out: u64,
    /// Bytes that decoders which are open have.
    reserved: u64,
    /// Buffers for members to come, at most one for each archive that is open.
    spare: Vec<Vec<u8>>,
}

impl<'w> Walk<'w> {
    pub(crate) fn meter(&self) -> &'w Meter<'w> {
        self.meter
    }

    /// Bytes that decoders may still take.
    pub(crate) fn memory(&self) -> u64 {
        self.meter.limits().memory.saturating_sub(self.reserved)
    }

    /// Works with so many bytes less for decoders, which one that stays open has.
    pub(crate) fn reserving<T>(&mut self, bytes: u64, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.reserved;
        self.reserved = before.saturating_add(bytes);
        let done = work(self);
        self.reserved = before;
        done
    }

    /// A member that lies in memory as it is. `check` says whether it is what it should be.
    pub(crate) fn slice(
        &mut self,
        name: &[u8],
        data: &[u8],
        check: impl FnOnce(&Meter<'_>, &[u8]) -> Result<(), Why>,
    ) -> Flow {
        self.begin(name)?;
        let room = self.meter.room(0).unwrap_or(0);
        let kept = data.get(..room).unwrap_or(data);
        self.meter.charge(kept.len());
        let end = match kept.len() < data.len() {
            // Only now does the account say which limit the rest would go beyond.
            true => self.meter.room(kept.len()).map(drop),
            false => check(self.meter, data),
        };
        let flow = self.found(kept, end);
        self.path.pop();
        flow
    }

    /// A member that is unpacked by `reader`. `check` looks at what came out when nothing else was wrong.
    pub(crate) fn stream(
        &mut self,
        name: &[u8],
        reader: impl Read,
        check: impl FnOnce(&Meter<'_>, &[u8]) -> Result<(), Why>,
    ) -> Flow {
        self.begin(name)?;
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        let mut reader = reader;
        let end = fill(self.meter, &mut buffer, &mut reader);
        // A decoder's memory is not needed while its member is looked at.
        drop(reader);
        let end = end.and_then(|()| check(self.meter, &buffer));
        let flow = self.found(&buffer, end);
        self.path.pop();
        if buffer.capacity() <= KEEP_BUFFER {
            self.spare.push(buffer);
        }
        flow
    }

    /// A member that is not looked at.
    pub(crate) fn skip(&mut self, name: &[u8], why: Why) -> Flow {
        self.begin(name)?;
        let flow = self.leave_out(&why);
        self.path.pop();
        flow
    }

    /// Looks whether to go on, where work goes on without coming across a member.
    pub(crate) fn check(&mut self) -> Flow {
        match self.meter.check() {
            Ok(()) => Flow::Continue(()),
            Err(why) => self.leave_out(&why),
        }
    }

    /// Something about the present archive itself.
    pub(crate) fn note(&mut self, why: &Why) -> Flow {
        self.leave_out(why)
    }

    /// Unpacks the rest of a member that was too long, so that the next one in the same stream can be reached.
    pub(crate) fn drain(&mut self, reader: &mut dyn Read) -> Flow {
        let mut sink = [0; 4096];
        loop {
            let going = self.meter.check().and_then(|()| self.meter.room(0).map(drop));
            if let Err(why) = going {
                self.leave_out(&why)?;
                return if why.ends_all() { Flow::Break(()) } else { Flow::Continue(()) };
            }
            match contain(|| reader.read(&mut sink)) {
                Ok(Ok(read)) if read > 0 => self.meter.charge(read),
                _ => return Flow::Continue(()),
            }
        }
    }

    /// Looks into the archive that the path leads to, if it is one.
    fn archive(&mut self, data: &[u8]) -> Flow {
        let Some(kind) = Kind::of(data) else { return Flow::Continue(()) };
        let max = self.meter.limits().depth.min(MAX_DEPTH);
        if self.depth >= max {
            return self.leave_out(&Why::Depth { max });
        }
        self.depth = self.depth.saturating_add(1);
        let flow = match kind {
            Kind::Zip => zip::walk(self, data),
            Kind::Gzip => gzip::walk(self, data),
            Kind::Xz => gzip::walk_xz(self, data),
            Kind::Tar => tarball::walk(self, data),
            Kind::SevenZip => sevenzip::walk(self, data),
            Kind::Cabinet => cabinet::walk(self, data),
            Kind::Compound => compound::walk(self, data),
            Kind::Foreign(name) => self.leave_out(&Why::unsupported(format!("{name} archives"))),
        };
        self.depth = self.depth.saturating_sub(1);
        flow
    }

    /// Counts a member and goes to its path, unless that is one too many.
    fn begin(&mut self, name: &[u8]) -> Flow {
        let max = self.meter.limits().members;
        let going = if self.members >= max { Err(Why::Members { max }) } else { self.meter.check() };
        if let Err(why) = going {
            return self.leave_out(&why);
        }
        self.members = self.members.saturating_add(1);
        self.path.push(name);
        Flow::Continue(())
    }

    /// Shows what was found at the present path, and looks into it.
    fn found(&mut self, data: &[u8], end: Result<(), Why>) -> Flow {
        if end.is_ok() || !data.is_empty() {
            self.visitor.member(&self.path, data);
        }
        if let Err(why) = end {
            self.leave_out(&why)?;
        }
        self.archive(data)
    }

    /// Tells what is not looked at; breaks if that is everything from here on.
    fn leave_out(&mut self, why: &Why) -> Flow {
        self.left_out = self.left_out.saturating_add(1);
        if self.left_out <= MAX_LEFT_OUT || why.ends_all() {
            self.visitor.left_out(&self.path, why);
        } else if self.left_out == MAX_LEFT_OUT.saturating_add(1) {
            self.visitor.left_out(&InnerPath::default(), &Why::More { listed: MAX_LEFT_OUT });
        }
        if why.ends_all() { Flow::Break(()) } else { Flow::Continue(()) }
    }
}

/// Fills `buffer` with what `reader` gives, as far as the account allows.
fn fill(meter: &Meter<'_>, buffer: &mut Vec<u8>, reader: &mut dyn Read) -> Result<(), Why> {
    loop {
        meter.check()?;
        let room = match meter.room(buffer.len()) {
            Ok(room) => room.min(CHUNK),
            // What is full to the brim is not too long.
            Err(why) => {
                return match contain(|| reader.read(&mut [0]))? {
                    Ok(0) => Ok(()),
                    Ok(read) => {
                        meter.charge(if why.ends_all() { 0 } else { read });
                        Err(why)
                    }
                    Err(_) => Err(meter.ended().unwrap_or(why)),
                };
            }
        };
        let len = buffer.len();
        grow(meter, buffer, room)?;
        buffer.resize(len.saturating_add(room), 0);
        let read = contain(|| reader.read(buffer.get_mut(len..).unwrap_or_default()));
        let got = *read.as_ref().ok().and_then(|read| read.as_ref().ok()).unwrap_or(&0);
        buffer.truncate(len.saturating_add(got));
        meter.charge(got);
        match read? {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(meter.ended().unwrap_or_else(|| reason(meter, &error))),
        }
    }
}

/// Makes room for `more` bytes, without ever taking more than a member may have.
fn grow(meter: &Meter<'_>, buffer: &mut Vec<u8>, more: usize) -> Result<(), Why> {
    let needed = buffer.len().saturating_add(more);
    if needed <= buffer.capacity() {
        return Ok(());
    }
    let max = meter.limits().member_bytes;
    let target = buffer.capacity().saturating_mul(2).min(crate::bytes::size(max)).max(needed);
    let extra = target.saturating_sub(buffer.len());
    buffer.try_reserve_exact(extra).map_err(|_| Why::Memory { max })
}

/// What a decoder's error means.
fn reason(meter: &Meter<'_>, error: &io::Error) -> Why {
    match error.kind() {
        io::ErrorKind::OutOfMemory => Why::Memory { max: meter.limits().memory },
        io::ErrorKind::Unsupported => Why::unsupported(error.to_string()),
        io::ErrorKind::UnexpectedEof => Why::damaged("it ends too early"),
        _ => Why::damaged("its data cannot be unpacked"),
    }
}
