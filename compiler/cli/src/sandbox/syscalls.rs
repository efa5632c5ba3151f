//! The system calls of a process that scans. Input: a descriptor. Output: this process makes a few calls and no others: any
//! other one ends it with SIGSYS. There is no way back, and none to a larger list.
//!
//! What is allowed takes jobs from standard input, reads the one descriptor that comes with each, answers, takes memory and
//! ends. Files cannot be opened or asked about by name, descriptors that were left open by somebody are of no use, nothing
//! is executed or started, and memory never becomes code.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Allowed with any arguments.
const ALLOWED: &[i64] = &[
    // The allocator.
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Locks, the clock where it is no function in memory, seeds of hash tables.
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    // The end, be it an abort after memory ran out.
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Standard input, which is the socket, and errors.
const SOCKET: i32 = 0;
const ERRORS: i32 = 2;

/// Restricts this process, all its threads, for good. `files` is the descriptor that files to scan have.
///
/// # Errors
/// The kernel has no such filters, in its words.
pub fn restrict(files: RawFd) -> Result<(), String> {
    let program = program(files).map_err(|error| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
}

fn program(files: RawFd) -> Result<BpfProgram, seccompiler::BackendError> {
    let is = |argument, value: i32| {
        let value = u64::from(value.cast_unsigned());
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let bits = |argument, mask: i32, value: i32| {
        let (mask, value) = (u64::from(mask.cast_unsigned()), u64::from(value.cast_unsigned()));
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
    };
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    let one = SeccompRule::new;
    // The jobs, the files of the jobs, the answers.
    calls.insert(libc::SYS_recvmsg, vec![one(vec![is(0, SOCKET)?])?]);
    calls.insert(libc::SYS_write, vec![one(vec![is(0, SOCKET)?])?, one(vec![is(0, ERRORS)?])?]);
    for call in [libc::SYS_read, libc::SYS_fstat, libc::SYS_close] {
        calls.insert(call, vec![one(vec![is(0, files)?])?]);
    }
    // Debug builds look whether a descriptor is open before they close it.
    calls.insert(libc::SYS_fcntl, vec![one(vec![is(0, files)?, is(1, libc::F_GETFD)?])?]);
    // Memory of no file, and no memory that can be executed.
    let anonymous = bits(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?;
    let data = bits(2, libc::PROT_EXEC, 0)?;
    calls.insert(libc::SYS_mmap, vec![one(vec![anonymous, data.clone()])?]);
    calls.insert(libc::SYS_mprotect, vec![one(vec![data])?]);
    // An abort is a signal to itself; others get none.
    let own = is(0, std::process::id().cast_signed())?;
    calls.insert(libc::SYS_tgkill, vec![one(vec![own])?]);
    let architecture = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(calls, SeccompAction::KillProcess, SeccompAction::Allow, architecture)?.try_into()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;
    use std::net::TcpStream;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use crate::sandbox::confine_worker;

    /// What the process that [`run`] starts does after it has confined itself.
    const ACT: &str = "HALLMARK_TEST_ACT";

    /// The exit code of what came to its end.
    const DONE: i32 = 77;

    /// Runs this test again in a process of its own, and gives its exit code and the signal that ended it.
    fn run(act: &str) -> (Option<i32>, Option<i32>) {
        let program = std::env::current_exe().unwrap();
        let name = "sandbox::syscalls::tests::acts";
        let mut command = Command::new(program);
        command.args([name, "--exact", "--nocapture"]).env_clear().env(ACT, act);
        let ended = command.output().unwrap().status;
        (ended.code(), ended.signal())
    }

    /// Nothing, unless it was started by [`run`].
    #[test]
    fn acts() {
        let Ok(act) = std::env::var(ACT) else { return };
        let file = File::open("/proc/self/exe").unwrap();
        let other = File::open("/proc/self/exe").unwrap();
        confine_worker(1 << 30, file.as_raw_fd()).unwrap();
        match act.as_str() {
            "scan" => {
                let mut bytes = vec![0; 1 << 20];
                let read = rustix::io::read(&file, &mut bytes).unwrap();
                bytes.resize(64 << 20, 1);
                let stat = rustix::fs::fstat(&file).unwrap();
                std::io::stderr().write_all(b"scanned\n").unwrap();
                assert!(
                    read == 1 << 20 && stat.st_size > 0 && std::time::Instant::now().elapsed().as_secs() < 9
                );
                drop(file);
            }
            "abort" => std::process::abort(),
            "take" => drop(std::hint::black_box(vec![1u8; 2 << 30])),
            "open" => drop(File::open("/dev/null")),
            "stat" => drop(std::fs::metadata("/dev/null")),
            "list" => drop(std::fs::read_dir("/")),
            "connect" => drop(TcpStream::connect("127.0.0.1:1")),
            "socket" => drop(std::os::unix::net::UnixStream::pair()),
            "start" => drop(Command::new("/bin/true").status()),
            "thread" => drop(std::thread::Builder::new().spawn(|| ())),
            "signal" => drop(rustix::process::kill_process(
                rustix::process::getppid().unwrap(),
                rustix::process::Signal::TERM,
            )),
            "another" => drop(rustix::io::read(&other, &mut [0; 9])),
            "print" => drop(rustix::io::write(std::io::stdout(), b"x")),
            "limits" => drop(rustix::process::getrlimit(rustix::process::Resource::As)),
            "append" => drop(rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::APPEND)),
            _ => panic!("{act}"),
        }
        std::process::exit(DONE);
    }

    #[test]
    fn what_scanning_takes_is_allowed_and_nothing_else() {
        assert_eq!(run("scan"), (Some(DONE), None));
        assert_eq!(run("abort"), (None, Some(libc::SIGABRT)));
        assert_eq!(run("take"), (None, Some(libc::SIGABRT)));
        let forbidden = [
            "open", "stat", "list", "connect", "socket", "start", "thread", "signal", "limits", "append",
            "another", "print",
        ];
        for act in forbidden {
            assert_eq!(run(act), (None, Some(libc::SIGSYS)), "{act}");
        }
    }
}
