"""How a process in the sandbox gives up rights, before any hostile byte reaches it.

Runs in the sandbox, on Linux, through ``prctl(2)`` and ``seccomp(2)`` only.  Must not import
anything outside the standard library.

The container's own seccomp profile covers every process; the filter here is the second one, for
workers: no new program can be executed (a memory file could otherwise be), no other process can be
signalled (not by way of a descriptor's owner either), limited or slowed down, and no process can
leave the worker's process group, so that killing the group kills all descendants at once.  A filter
is inherited by every thread and child and cannot be removed.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

# Classic BPF, see <linux/filter.h> and <linux/seccomp.h>.
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_GREATER_EQUAL: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_EPERM: Final = 0x00050000 | 1
_KILL_PROCESS: Final = 0x80000000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARG0, _OFFSET_ARG1 = 0, 4, 16, 24  # struct seccomp_data, little-endian
_X32_BIT: Final = 0x40000000
# F_SETOWN, F_SETSIG, F_SETOWN_EX: input on a descriptor would send any signal to any process of this user.
_OWNER_COMMANDS: Final = (8, 10, 15)

_ARCHITECTURES: Final = {
    "x86_64": (
        0xC000003E,
        {
            "execve": 59, "execveat": 322, "memfd_create": 319, "memfd_secret": 447, "setsid": 112, "setpgid": 109,
            "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "process_madvise": 440, "kcmp": 312,
            "tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_open": 434,
            "pidfd_send_signal": 424, "pidfd_getfd": 438, "socket": 41, "connect": 42, "bind": 49,
            "setpriority": 141,
        },
        {"kill": 62, "tgkill": 234},
        {"prlimit64": 302, "sched_setaffinity": 203},
        {"fcntl": 72},
    ),
    "aarch64": (
        0xC00000B7,
        {
            "execve": 221, "execveat": 281, "memfd_create": 279, "memfd_secret": 447, "setsid": 157, "setpgid": 154,
            "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "process_madvise": 440, "kcmp": 272,
            "tkill": 130, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "pidfd_open": 434,
            "pidfd_send_signal": 424, "pidfd_getfd": 438, "socket": 198, "connect": 203, "bind": 200,
            "setpriority": 140,
        },
        {"kill": 129, "tgkill": 131},
        {"prlimit64": 261, "sched_setaffinity": 122},
        {"fcntl": 25},
    ),
}  # fmt: skip


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
    except OSError as error:
        raise SealingError(f"cannot set oom_score_adj: {error.strerror}") from error
    finally:
        hide_memory()


def worker_filter(machine: str, own_pid: int) -> bytes:
    """The worker's filter as a BPF program.  Raises ``SealingError`` for an unknown architecture."""
    if machine not in _ARCHITECTURES:
        raise SealingError(f"no system call table for {machine}")
    audit_arch, denied, only_self, self_or_caller, descriptor = _ARCHITECTURES[machine]
    program = [
        _Instruction(_LOAD, _OFFSET_ARCH),
        _Instruction(_JUMP_EQUAL, audit_arch, if_true=1),
        _Instruction(_RETURN, _KILL_PROCESS),
        _Instruction(_LOAD, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        program += [_Instruction(_JUMP_GREATER_EQUAL, _X32_BIT, if_false=1), _Instruction(_RETURN, _EPERM)]
    for number in denied.values():
        program += [_Instruction(_JUMP_EQUAL, number, if_false=1), _Instruction(_RETURN, _EPERM)]
    for number in only_self.values():
        program += _when(number, _OFFSET_ARG0, (own_pid,), _ALLOW, _EPERM)
    for number in self_or_caller.values():  # 0 means the caller
        program += _when(number, _OFFSET_ARG0, (0, own_pid), _ALLOW, _EPERM)
    for number in descriptor.values():
        program += _when(number, _OFFSET_ARG1, _OWNER_COMMANDS, _EPERM, _ALLOW)
    program.append(_Instruction(_RETURN, _ALLOW))
    return b"".join(instruction.pack() for instruction in program)


def _when(number: int, offset: int, values: tuple[int, ...], then: int, otherwise: int) -> list[_Instruction]:
    """For system call ``number``: return ``then`` when its 32-bit argument is one of ``values``."""
    tests = [_Instruction(_JUMP_EQUAL, value, if_true=len(values) - place) for place, value in enumerate(values)]
    body = [_Instruction(_LOAD, offset), *tests, _Instruction(_RETURN, otherwise), _Instruction(_RETURN, then)]
    return [_Instruction(_JUMP_EQUAL, number, if_false=len(body)), *body]


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
