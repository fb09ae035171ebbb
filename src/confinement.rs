//! What a process may reach: the files it was given, and nothing else, as far as the kernel can hold it to that.
//!
//! Landlock confines files, TCP and signals; a seccomp filter refuses sockets of any kind, other programs, new processes,
//! signals to others, memory and queues that processes share, owners and attributes of files, and what changes the system;
//! without the network also modes and times of files by path. Both bind the calling thread and every thread it starts, for
//! good. Where the kernel has one or neither of them, work goes on without, and [`InForce`] says so. Neither hides that a
//! path exists, nor its size, owner and times.

use std::fmt;
use std::path::Path;

use serde::Serialize;

/// What a confined thread may still reach.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed<'a> {
    /// Files and folders it may read, with all that lies below.
    pub read: &'a [&'a Path],
    /// Folders it may read and change.
    pub write: &'a [&'a Path],
    /// Whether it may speak TCP and UDP with who it asks. Nobody can ask it, nor can it reach a socket of this machine
    /// that has a path.
    pub network: bool,
}

/// How far the kernel holds a thread to what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InForce {
    /// Files (Landlock).
    pub files: Extent,
    /// Sockets, programs, processes and system settings (seccomp).
    pub system_calls: Extent,
}

/// How much of a restriction the kernel knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Extent {
    /// All of it.
    Full,
    /// The parts that an older kernel knows.
    Partial,
    /// Nothing: the kernel lacks it, or it is switched off.
    None,
}

impl InForce {
    /// Where nothing is.
    pub const NOTHING: Self = Self { files: Extent::None, system_calls: Extent::None };
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |extent| match extent {
            Extent::Full => "in force",
            Extent::Partial => "in force as far as this kernel knows it",
            Extent::None => "not in force: this kernel has none",
        };
        let (files, calls) = (word(self.files), word(self.system_calls));
        write!(f, "files {files} (Landlock); system calls {calls} (seccomp)")
    }
}

/// A kernel that has a restriction, and refuses to set it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Landlock.
    #[cfg(target_os = "linux")]
    #[error("files cannot be confined")]
    Files(#[from] landlock::RulesetError),
    /// Seccomp.
    #[cfg(target_os = "linux")]
    #[error("system calls cannot be confined")]
    SystemCalls(#[from] seccompiler::Error),
}

/// Confines the calling thread, and every thread that it starts, to `allowed`.
///
/// What it has open stays open. A path that does not exist is not allowed either. Called again, the thread may reach
/// only what every call allowed.
#[cfg(target_os = "linux")]
pub fn confine(allowed: &Allowed<'_>) -> Result<InForce, Error> {
    let files = linux::confine_files(allowed)?;
    let system_calls = linux::confine_system_calls(allowed.network)?;
    Ok(InForce { files, system_calls })
}

/// Confines files only; for a thread whose process has its system calls confined.
#[cfg(target_os = "linux")]
pub fn confine_files(allowed: &Allowed<'_>) -> Result<Extent, Error> {
    linux::confine_files(allowed)
}

/// Elsewhere nothing is confined.
#[cfg(not(target_os = "linux"))]
pub fn confine(_allowed: &Allowed<'_>) -> Result<InForce, Error> {
    Ok(InForce::NOTHING)
}

/// Elsewhere nothing is confined.
#[cfg(not(target_os = "linux"))]
pub fn confine_files(_allowed: &Allowed<'_>) -> Result<Extent, Error> {
    Ok(Extent::None)
}

/// Confines a thread to nothing and sees what it can still reach: what a job of this machine would be held to.
pub fn probe() -> Result<InForce, Error> {
    let trial = || {
        let in_force = confine(&Allowed::default())?;
        let reads = std::fs::read_dir("/").is_ok();
        let speaks = std::net::UdpSocket::bind(("127.0.0.1", 0)).is_ok();
        // Only what was seen to be refused counts.
        Ok(InForce {
            files: if reads { Extent::None } else { in_force.files },
            system_calls: if speaks { Extent::None } else { in_force.system_calls },
        })
    };
    std::thread::scope(|scope| {
        scope.spawn(trial).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::path::Path;

    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath,
        PathFd, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
        RulesetStatus, Scope,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch, sock_filter,
    };

    use super::{Allowed, Error, Extent};

    /// The kernel interface that these rules were written for; older kernels hold what they know of it.
    const KERNEL: ABI = ABI::V6;

    pub(super) fn confine_files(allowed: &Allowed<'_>) -> Result<Extent, Error> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let write = read
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::RemoveFile
            | AccessFs::RemoveDir
            | AccessFs::Refer;
        let mut network = AccessNet::from_all(KERNEL);
        if allowed.network {
            network.remove(AccessNet::ConnectTcp);
        }
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(KERNEL))?
            .handle_access(network)?
            .scope(Scope::from_all(KERNEL))?
            .create()?;
        for path in allowed.read {
            rules = allow(rules, path, read)?;
        }
        for path in allowed.write {
            rules = allow(rules, path, write)?;
        }
        Ok(match rules.restrict_self()?.ruleset {
            RulesetStatus::FullyEnforced => Extent::Full,
            RulesetStatus::PartiallyEnforced => Extent::Partial,
            RulesetStatus::NotEnforced => Extent::None,
        })
    }

    fn allow(
        rules: RulesetCreated,
        path: &Path,
        access: BitFlags<AccessFs>,
    ) -> Result<RulesetCreated, RulesetError> {
        let Ok(opened) = PathFd::new(path) else {
            return Ok(rules);
        };
        let of_files = AccessFs::from_file(KERNEL);
        let access = if path.is_dir() { access } else { access & of_files };
        rules.add_rule(PathBeneath::new(opened, access))
    }

    pub(super) fn confine_system_calls(network: bool) -> Result<Extent, Error> {
        let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
            return Ok(Extent::None);
        };
        let refused = REFUSED.iter().map(|&call| (call, Vec::new()));
        let mut refused: BTreeMap<i64, Vec<SeccompRule>> = refused.collect();
        #[cfg(target_arch = "x86_64")]
        refused.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
        refused.insert(libc::SYS_clone, vec![starts_a_process()?]);
        let itself = u64::from(std::process::id());
        let other = (0, SeccompCmpOp::Ne, itself);
        refused.insert(libc::SYS_kill, vec![rule(std::slice::from_ref(&other))?]);
        refused.insert(libc::SYS_tgkill, vec![rule(std::slice::from_ref(&other))?]);
        refused.insert(libc::SYS_prlimit64, vec![rule(&[(0, SeccompCmpOp::Ne, 0), other])?]);
        if network {
            refused.remove(&libc::SYS_connect);
            refused.insert(libc::SYS_socket, other_sockets()?);
        } else {
            // Over the network, libgit2 sets modes of what it makes; for a copy from this machine it does without.
            refused
                .extend([libc::SYS_fchmodat, libc::SYS_fchmodat2].map(|call| (call, Vec::new())));
            refused.insert(libc::SYS_utimensat, vec![of_a_path()?]);
            #[cfg(target_arch = "x86_64")]
            refused.extend(
                [libc::SYS_chmod, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat]
                    .map(|call| (call, Vec::new())),
            );
        }
        #[cfg(target_arch = "x86_64")]
        {
            refused.extend([(libc::SYS_chown, Vec::new()), (libc::SYS_lchown, Vec::new())]);
            seccompiler::apply_filter(&NO_SECOND_NUMBERS)?;
        }
        apply(refused, libc::EPERM, arch)?;
        // Its flags lie in memory, where a filter cannot see them: the C library then takes `clone` for its threads.
        apply(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS, arch)?;
        Ok(Extent::Full)
    }

    fn apply(
        refused: BTreeMap<i64, Vec<SeccompRule>>,
        error: i32,
        arch: TargetArch,
    ) -> Result<(), Error> {
        let answer = SeccompAction::Errno(error.unsigned_abs());
        let filter = SeccompFilter::new(refused, SeccompAction::Allow, answer, arch);
        let program: BpfProgram =
            filter.and_then(TryInto::try_into).map_err(seccompiler::Error::from)?;
        Ok(seccompiler::apply_filter(&program)?)
    }

    /// Calls by the numbers of x32, the processor's second interface, are refused: the filters compare those of the first.
    #[cfg(target_arch = "x86_64")]
    const NO_SECOND_NUMBERS: [sock_filter; 4] = {
        let load_number = sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 };
        let jump_if_less = sock_filter { code: 0x35, jt: 0, jf: 1, k: 0x4000_0000 };
        let refuse = sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x0005_0000 | libc::EPERM as u32 };
        let allow = sock_filter { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 };
        [load_number, jump_if_less, refuse, allow]
    };

    /// `utimensat` of a path; without one it is about what is open.
    fn of_a_path() -> Result<SeccompRule, Error> {
        let path = SeccompCondition::new(1, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0);
        let rule = path.and_then(|path| SeccompRule::new(vec![path]));
        Ok(rule.map_err(seccompiler::Error::from)?)
    }

    /// `clone` without the flag of a thread.
    fn starts_a_process() -> Result<SeccompRule, Error> {
        let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
        rule(&[(0, SeccompCmpOp::MaskedEq(thread), 0)])
    }

    /// `socket` of another family than IP and netlink, by which the C library learns whether there is IPv6; and raw
    /// sockets, which a privileged process could have.
    fn other_sockets() -> Result<Vec<SeccompRule>, Error> {
        let number = |value: i32| u64::from(value.unsigned_abs());
        let [v4, v6, netlink] = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK].map(number);
        let other = [v4, v6, netlink].map(|family| (0, SeccompCmpOp::Ne, family));
        // What stands above the four bits of a type are flags.
        let raw = (1, SeccompCmpOp::MaskedEq(0xf), number(libc::SOCK_RAW));
        let raw_ip = |family| rule(&[(0, SeccompCmpOp::Eq, family), raw.clone()]);
        Ok(vec![rule(&other)?, raw_ip(v4)?, raw_ip(v6)?])
    }

    /// Calls whose arguments, by place, all compare so.
    fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, Error> {
        let condition = |(place, operator, value): &(u8, SeccompCmpOp, u64)| {
            SeccompCondition::new(*place, SeccompCmpArgLen::Dword, operator.clone(), *value)
        };
        let conditions = conditions.iter().map(condition).collect::<Result<Vec<_>, _>>();
        let rule = conditions.and_then(SeccompRule::new);
        Ok(rule.map_err(seccompiler::Error::from)?)
    }

    /// What no computation asks for.
    const REFUSED: &[i64] = &[
        // Sockets.
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        // Other programs and processes.
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        // Memory and queues that processes share.
        libc::SYS_shmget,
        libc::SYS_shmat,
        libc::SYS_shmctl,
        libc::SYS_semget,
        libc::SYS_semop,
        libc::SYS_semtimedop,
        libc::SYS_semctl,
        libc::SYS_msgget,
        libc::SYS_msgsnd,
        libc::SYS_msgrcv,
        libc::SYS_msgctl,
        libc::SYS_mq_open,
        libc::SYS_mq_unlink,
        // Owners and attributes of files.
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
        // Ways around the checks of a path or of a system call.
        libc::SYS_open_by_handle_at,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_userfaultfd,
        libc::SYS_memfd_create,
        // The system itself.
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsmount,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_adjtimex,
        libc::SYS_clock_adjtime,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_personality,
        libc::SYS_setuid,
        libc::SYS_setgid,
        libc::SYS_setreuid,
        libc::SYS_setregid,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
    ];
}

/// Asks the kernel to kill this process when its parent ends. A child that reads everything from its parent first calls it
/// before: what comes from one that is gone is cut off, and not believed. Elsewhere than on Linux the end of standard input
/// is the only sign.
///
/// # Errors
///
/// If the kernel refuses.
pub fn die_with_parent() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    use super::*;

    fn write(path: &Path, text: &str) -> std::io::Result<()> {
        use std::io::Write as _;
        std::fs::File::create(path)?.write_all(text.as_bytes())
    }

    /// Runs `act` in a confined thread, unless this kernel confines less than everything, which is said.
    fn confined(allowed: &Allowed<'_>, act: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| match confine(allowed).unwrap() {
                InForce { files: Extent::None, .. }
                | InForce { system_calls: Extent::None, .. } => {
                    #[allow(clippy::print_stderr, reason = "a test says that it skips")]
                    {
                        eprintln!("skipped: this kernel does not confine");
                    }
                }
                _ => act(),
            });
            thread.join().unwrap();
        });
    }

    fn refused<T>(result: std::io::Result<T>) {
        assert_eq!(result.err().expect("it must be refused").kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn only_what_is_allowed_is_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let [given, own, other] = ["given", "own", "other"].map(|name| folder.path().join(name));
        for path in [&given, &own, &other] {
            std::fs::create_dir(path).unwrap();
            write(&path.join("a"), "bits").unwrap();
        }
        std::os::unix::fs::symlink(other.join("a"), given.join("link")).unwrap();
        let allowed = Allowed { read: &[&given], write: &[&own], network: false };
        confined(&allowed, || {
            assert_eq!(std::fs::read(given.join("a")).unwrap(), b"bits");
            write(&own.join("new"), "result").unwrap();
            std::fs::rename(own.join("new"), own.join("b")).unwrap();
            std::fs::remove_file(own.join("b")).unwrap();
            refused(std::fs::read("/etc/passwd"));
            refused(std::fs::read(other.join("a")));
            refused(std::fs::read(given.join("link")));
            refused(std::fs::read(own.join("../other/a")));
            refused(write(&given.join("a"), "forged"));
            refused(write(&folder.path().join("new"), "outside"));
            refused(std::fs::remove_file(other.join("a")));
            refused(std::fs::read_dir("/"));
        });
        assert_eq!(std::fs::read(given.join("a")).unwrap(), b"bits");
    }

    #[test]
    fn nothing_is_connected_to_and_nothing_is_started() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        confined(&Allowed { read: &[Path::new("/")], ..Allowed::default() }, || {
            refused(TcpStream::connect(address));
            refused(UdpSocket::bind(("127.0.0.1", 0)));
            refused(UnixStream::pair());
            refused(Command::new("/bin/true").status());
            // Threads are work, not another process, and are confined as well.
            std::thread::spawn(move || refused(TcpStream::connect(address))).join().unwrap();
        });
        TcpStream::connect(address).unwrap();
    }

    #[test]
    fn nothing_else_of_this_machine_is_changed_or_signalled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, "bits").unwrap();
        let before = std::fs::metadata(&path).unwrap();
        // None where it is outside this namespace of processes.
        let parent = rustix::process::getppid();
        confined(&Allowed { read: &[folder.path()], ..Allowed::default() }, || {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            refused(std::fs::set_permissions(&path, mode));
            refused(std::os::unix::fs::chown(&path, None, None));
            refused(std::os::unix::fs::lchown(&path, None, None));
            let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
            let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
            let flags = rustix::fs::AtFlags::empty();
            let touched = rustix::fs::utimensat(rustix::fs::CWD, &path, &times, flags);
            assert_eq!(touched, Err(rustix::io::Errno::PERM));
            if let Some(parent) = parent {
                let asked = rustix::process::test_kill_process(parent);
                assert_eq!(asked, Err(rustix::io::Errno::PERM));
            }
            rustix::process::test_kill_process(rustix::process::getpid()).unwrap();
            assert_eq!(call(libc::SYS_shmget), Err(libc::EPERM));
            assert_eq!(call(libc::SYS_mq_open), Err(libc::EPERM));
            // By the second numbers.
            #[cfg(target_arch = "x86_64")]
            assert_eq!(call(0x4000_0000 + libc::SYS_getpid), Err(libc::EPERM));
            call(libc::SYS_getpid).unwrap();
        });
        let after = std::fs::metadata(&path).unwrap();
        assert_eq!(after.modified().unwrap(), before.modified().unwrap());
        assert_eq!(after.permissions(), before.permissions());
    }

    /// A system call all of whose arguments are 0.
    #[allow(unsafe_code, reason = "no library makes calls to see them refused")]
    fn call(number: i64) -> Result<(), i32> {
        // SAFETY: none of the calls that are made so reads or writes memory where its arguments are 0.
        let answer = unsafe { libc::syscall(number, 0, 0, 0, 0, 0, 0) };
        if answer < 0 {
            Err(std::io::Error::last_os_error().raw_os_error().unwrap())
        } else {
            Ok(())
        }
    }

    #[test]
    fn confining_twice_leaves_what_both_allow() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        write(&a, "a").unwrap();
        write(&b, "b").unwrap();
        confined(&Allowed { read: &[&a, &b], ..Allowed::default() }, || {
            let also = Allowed { read: &[&a, Path::new("/etc")], ..Allowed::default() };
            confine_files(&also).unwrap();
            std::fs::read(&a).unwrap();
            refused(std::fs::read(&b));
            refused(std::fs::read("/etc/passwd"));
        });
    }

    #[test]
    fn the_network_can_be_asked_and_nothing_else_of_this_machine() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _local = std::os::unix::net::UnixListener::bind(&path).unwrap();
        confined(&Allowed { network: true, ..Allowed::default() }, || {
            TcpStream::connect(address).unwrap();
            std::thread::spawn(move || TcpStream::connect(address).unwrap()).join().unwrap();
            refused(std::net::TcpListener::bind(("127.0.0.1", 0)));
            refused(UdpSocket::bind(("127.0.0.1", 0)));
            refused(UnixStream::connect(&path));
            refused(UnixStream::pair());
            for family in [libc::AF_INET, libc::AF_INET6] {
                let raw = socket_of(family, libc::SOCK_RAW | libc::SOCK_CLOEXEC);
                assert_eq!(raw, Err(libc::EPERM), "family {family}");
            }
            assert_eq!(socket_of(libc::AF_PACKET, libc::SOCK_DGRAM), Err(libc::EPERM));
            refused(std::fs::read("/etc/passwd"));
            refused(Command::new("/bin/true").status());
        });
    }

    /// A socket of any family, closed at once.
    #[allow(unsafe_code, reason = "the standard library makes no raw sockets")]
    fn socket_of(family: i32, kind: i32) -> Result<(), i32> {
        // SAFETY: three numbers go in, a number comes out.
        let socket = unsafe { libc::socket(family, kind, 0) };
        if socket < 0 {
            return Err(std::io::Error::last_os_error().raw_os_error().unwrap());
        }
        // SAFETY: it was just opened here.
        unsafe { libc::close(socket) };
        Ok(())
    }

    #[test]
    fn a_probe_confines_nobody_else() {
        let in_force = probe().unwrap();
        assert!(std::fs::read_dir("/").is_ok());
        assert!(in_force.to_string().contains("Landlock"));
    }
}
