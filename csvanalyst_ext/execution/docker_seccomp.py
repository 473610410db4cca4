"""What a system call filter of a sandbox must never let pass.

Runs on the host; pure.  It judges the text of a profile in the engine's format, knows nothing of the profile that
is shipped, and refuses what it does not understand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

_DENY: Final = frozenset({"SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"})
_KEYS: Final = frozenset({"defaultAction", "defaultErrnoRet", "archMap", "architectures", "syscalls"})
_RULE_KEYS: Final = frozenset({"names", "action", "args", "errnoRet", "comment", "includes", "excludes"})
_ARCHITECTURES: Final = frozenset({"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"})

NEVER: Final = frozenset(
    """
    ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd
    mount umount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick
    mount_setattr statmount listmount
    unshare setns clone3
    bpf perf_event_open userfaultfd
    io_uring_setup io_uring_enter io_uring_register io_setup io_submit io_getevents io_pgetevents io_destroy io_cancel
    keyctl add_key request_key
    kexec_load kexec_file_load init_module finit_module delete_module create_module get_kernel_syms query_module
    reboot swapon swapoff acct quotactl quotactl_fd syslog nfsservctl lookup_dcookie uselib vhangup
    settimeofday clock_settime clock_adjtime adjtimex stime sethostname setdomainname
    iopl ioperm modify_ldt vm86 vm86old set_thread_area
    open_by_handle_at name_to_handle_at fanotify_init fanotify_mark
    shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl ipc
    mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
    socketcall memfd_secret remap_file_pages migrate_pages move_pages mbind set_mempolicy
    setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset
    chown fchown fchownat lchown
    _sysctl sysfs ustat pciconfig_read pciconfig_write pciconfig_iobase
    """.split()  # noqa: SIM905
)
"""Ways to other processes, other namespaces, other users, the kernel's own configuration, and its rare corners."""

_NEW_NAMESPACES: Final = 0x7E020000  # CLONE_NEW* of clone(2), all of them
_FILE_TYPE, _FIFO = 0o170000, 0o010000
_STEERS_TERMINAL: Final = frozenset({0x5412, 0x541C, 0x5423})  # TIOCSTI, TIOCLINUX, TIOCSETD


def _only_unix(args: list[Any]) -> bool:
    return _compares(args, 0, "SCMP_CMP_EQ", 1)


def _no_namespaces(args: list[Any]) -> bool:
    return any(
        _matches(arg, 0, "SCMP_CMP_MASKED_EQ")
        and isinstance(arg.get("value"), int)
        and arg["value"] & _NEW_NAMESPACES == _NEW_NAMESPACES
        and arg.get("valueTwo") == 0
        for arg in args
    )


def _only_fifo(index: int) -> Any:
    def check(args: list[Any]) -> bool:
        return any(
            _matches(arg, index, "SCMP_CMP_MASKED_EQ")
            and isinstance(arg.get("value"), int)
            and arg["value"] & _FILE_TYPE == _FILE_TYPE
            and arg.get("valueTwo") == _FIFO
            for arg in args
        )

    return check


def _linux_personality(args: list[Any]) -> bool:
    return _compares(args, 0, "SCMP_CMP_EQ", 0) or _compares(args, 0, "SCMP_CMP_EQ", 0xFFFFFFFF)


def _harmless_ioctl(args: list[Any]) -> bool:
    return any(
        _matches(arg, 1, "SCMP_CMP_EQ") and isinstance(arg.get("value"), int) and arg["value"] not in _STEERS_TERMINAL
        for arg in args
    )


_ONLY_WITH: Final[Mapping[str, Any]] = {
    "socket": _only_unix,
    "socketpair": _only_unix,
    "clone": _no_namespaces,
    "mknod": _only_fifo(1),
    "mknodat": _only_fifo(2),
    "personality": _linux_personality,
    "ioctl": _harmless_ioctl,
}
"""System calls that may pass for some of their arguments only."""


def seccomp_weaknesses(profile: str) -> tuple[str, ...]:
    """What ``profile`` (JSON text) lets pass that it must not; empty when nothing."""
    try:
        read = json.loads(profile)
    except (ValueError, RecursionError):
        return ("no seccomp profile",)
    if not isinstance(read, dict) or read.get("defaultAction") not in _DENY:
        return ("a seccomp profile that does not deny by default",)
    rules = read.get("syscalls", [])
    if set(read) - _KEYS or not isinstance(rules, list) or not _known_architectures(read):
        return ("a seccomp profile that cannot be judged",)
    return tuple(dict.fromkeys(weakness for rule in rules for weakness in _rule_weaknesses(rule)))


def _known_architectures(read: Mapping[str, Any]) -> bool:
    """Others, the 32-bit ones above all, have system calls that the rules do not mean."""
    try:
        listed = [entry["architecture"] for entry in read.get("archMap", []) if not entry.get("subArchitectures")]
        return (
            len(listed) == len(read.get("archMap", []))
            and not {*listed, *read.get("architectures", [])} - _ARCHITECTURES
        )
    except (TypeError, KeyError, AttributeError):
        return False


def _rule_weaknesses(rule: Any) -> Iterator[str]:
    if not isinstance(rule, dict) or set(rule) - _RULE_KEYS or not isinstance(rule.get("names"), list):
        yield "a seccomp rule that cannot be judged"
        return
    if rule.get("action") in _DENY:
        return
    if rule.get("action") != "SCMP_ACT_ALLOW":  # others ask, tell or log, and then let pass
        yield f"a seccomp rule that does {str(rule.get('action'))[:40]}"
    args = rule.get("args") or []
    # Conditions on one argument are alternatives to each other (runc makes rules of their own of them).
    if not isinstance(args, list) or not all(isinstance(arg, dict) for arg in args) or _repeats(args):
        yield "a seccomp rule that cannot be judged"
        return
    for name in map(str, rule["names"]):
        if name in NEVER:
            yield f"the system call {name}"
        elif name in _ONLY_WITH and not _ONLY_WITH[name](args):
            yield f"the system call {name} with any arguments"


def _repeats(args: list[Any]) -> bool:
    places = [str(arg.get("index")) for arg in args]
    return len(set(places)) != len(places)


def _matches(arg: Mapping[str, Any], index: int, operator: str) -> bool:
    return arg.get("index") == index and arg.get("op") == operator


def _compares(args: list[Any], index: int, operator: str, value: int) -> bool:
    return any(_matches(arg, index, operator) and arg.get("value") == value for arg in args)
