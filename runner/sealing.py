"""How a process in the sandbox gives up rights, before any hostile byte reaches it.

Runs in the sandbox, on Linux, through ``prctl(2)`` and ``seccomp(2)`` only.  Must not import
anything outside the standard library.

The container's own seccomp profile covers every process, where the runtime knows such (gVisor does not);
the filter here is the second one, for workers.  No new program can be executed (a memory file could
otherwise be), no other process can be signalled (not by way of a descriptor's owner either), limited or
slowed down, nothing can be made that outlives the worker or counts against others of its user
(queues, shared memory, keys, descriptors in flight), and no process can leave the worker's process
group, so that killing the group kills all descendants at once.  A filter is inherited by every thread
and child and cannot be removed.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

from . import syscalls

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

# Classic BPF, see <linux/filter.h> and <linux/seccomp.h>.
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_GREATER_EQUAL: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_EPERM: Final = 0x00050000 | 1
_ENOSYS: Final = 0x00050000 | 38
_KILL_PROCESS: Final = 0x80000000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGS = 0, 4, 16  # struct seccomp_data, little-endian
_X32_BIT: Final = 0x40000000
_AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_DENIED: Final = (
    # programs and memory files
    *("execve", "execveat", "memfd_create", "memfd_secret"),
    # other processes
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp", "tkill"),
    *("rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal", "pidfd_getfd", "setsid", "setpgid"),
    *(
        "setpriority",
        "sched_setscheduler",
        "sched_setparam",
        "sched_setattr",
        "ioprio_set",
        "migrate_pages",
        "move_pages",
    ),
    # sockets; the kernel counts descriptors in flight for all processes of a user, also those of other sandboxes
    *("socket", "connect", "bind", "sendmsg", "sendmmsg"),
    # what outlives the worker
    *("shmget", "shmat", "semget", "msgget", "mq_open", "add_key", "request_key", "keyctl"),
    # namespaces and the kernel's corners, which the container's profile denies already where there is one
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "bpf", "perf_event_open", "userfaultfd"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "splice", "vmsplice", "tee", "mbind"),
    *("set_mempolicy", "inotify_init", "inotify_init1", "fanotify_init", "name_to_handle_at", "open_by_handle_at"),
)
# F_SETOWN, F_SETSIG, F_SETOWN_EX: input on a descriptor would send any signal to any process of this user.
_OWNER_COMMANDS: Final = (8, 10, 15)
_OWNER_REQUESTS: Final = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP: the same by ioctl
_NEW_NAMESPACES: Final = 0x7E020000  # CLONE_NEW* of clone(2)
_FILE_TYPE, _FIFO = 0o170000, 0o010000


class SealingError(Exception):
    """The kernel refused a restriction; the process must not go on."""


@dataclass(frozen=True, slots=True)
class _Instruction:
    code: int
    value: int
    if_true: int = 0
    if_false: int = 0

    def pack(self) -> bytes:
        return struct.pack("<HBBI", self.code, self.if_true, self.if_false, self.value)


def _prctl(option: int, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [*arguments, *[ctypes.c_ulong(0)] * (4 - len(arguments))]
    if libc.prctl(ctypes.c_int(option), *padded) != 0:
        raise SealingError(f"prctl({option}) failed: {os.strerror(ctypes.get_errno())}")


def hide_memory(hidden: bool = True) -> None:
    """Make ``/proc/PID/mem``, ``environ`` and the like of this process unreadable for its own user."""
    _prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(0 if hidden else 1))


def offer_to_oom_killer() -> None:
    """Be the first to go when memory is short, so that the supervisor stays.

    For a moment this process's memory is open to every process of its user: the supervisor lets no
    request run meanwhile.
    """
    hide_memory(False)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except FileNotFoundError:  # no /proc: a runtime whose own kernel is killed as a whole, and covers it
        return
    except OSError as error:
        raise SealingError(f"cannot set oom_score_adj: {error.strerror}") from error
    finally:
        hide_memory()


def worker_filter(machine: str, own_pid: int) -> bytes:
    """The worker's filter as a BPF program.  Raises ``SealingError`` for an unknown architecture."""
    if machine not in _AUDIT_ARCH:
        raise SealingError(f"no system call table for {machine}")
    program = [
        _Instruction(_LOAD, _OFFSET_ARCH),
        _Instruction(_JUMP_EQUAL, _AUDIT_ARCH[machine], if_true=1),
        _Instruction(_RETURN, _KILL_PROCESS),
        _Instruction(_LOAD, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        program += [_Instruction(_JUMP_GREATER_EQUAL, _X32_BIT, if_false=1), _Instruction(_RETURN, _EPERM)]
    rules: list[tuple[str, list[_Instruction]]] = [
        *((name, [_Instruction(_RETURN, _EPERM)]) for name in _DENIED),
        ("clone3", [_Instruction(_RETURN, _ENOSYS)]),  # its flags lie in memory; libc then uses clone
        ("clone", _when(0, (0,), _ALLOW, _EPERM, mask=_NEW_NAMESPACES)),
        ("mknod", _when(1, (_FIFO,), _ALLOW, _EPERM, mask=_FILE_TYPE)),
        ("mknodat", _when(2, (_FIFO,), _ALLOW, _EPERM, mask=_FILE_TYPE)),
        *((name, _when(0, (own_pid,), _ALLOW, _EPERM)) for name in ("kill", "tgkill")),
        *((name, _when(0, (0, own_pid), _ALLOW, _EPERM)) for name in ("prlimit64", "sched_setaffinity")),  # 0: itself
        ("fcntl", _when(1, _OWNER_COMMANDS, _EPERM, _ALLOW)),
        ("ioctl", _when(1, _OWNER_REQUESTS, _EPERM, _ALLOW)),
    ]
    for name, body in rules:
        number = syscalls.number(name, machine)
        if number is not None:
            program += [_Instruction(_JUMP_EQUAL, number, if_false=len(body)), *body]
    program.append(_Instruction(_RETURN, _ALLOW))
    return b"".join(instruction.pack() for instruction in program)


def _when(argument: int, values: tuple[int, ...], then: int, otherwise: int, *, mask: int = 0) -> list[_Instruction]:
    """Return ``then`` when the lower half of an argument, of it the bits of ``mask``, is one of ``values``."""
    masked = [_Instruction(_AND, mask)] if mask else []
    tests = [_Instruction(_JUMP_EQUAL, value, if_true=len(values) - place) for place, value in enumerate(values)]
    load = _Instruction(_LOAD, _OFFSET_ARGS + 8 * argument)
    return [load, *masked, *tests, _Instruction(_RETURN, otherwise), _Instruction(_RETURN, then)]


def seal_worker() -> None:
    """Install the worker's filter on this thread and all that it will start; read it back.

    Raises ``SealingError`` when the kernel did not take it.
    """
    program = worker_filter(platform.machine(), os.getpid())
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))
    _prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.c_char_p(header))
    try:
        os.setpgid(0, 0)
    except PermissionError:
        return
    raise SealingError("the worker's system call filter is not in force")
