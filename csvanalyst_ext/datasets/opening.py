"""Opening a person's file: once, regular files only, and nothing else that has its name.

Runs on the host.  Bytes are read from the descriptor that was checked, so what is swapped in under
the name later does not matter.  Links in the directories above the file are followed, as they are
for every program of this user; a link as the last part is refused, because what it points to can
change without a trace.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..errors import DataError
from .storage import size_text

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_MOUNTS: Final = Path("/proc/self/mountinfo")
_NOT_DISKS: Final = frozenset(
    {
        *("proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs", "fusectl", "pstore"),
        *("bpf", "efivarfs", "binfmt_misc", "mqueue", "devpts", "selinuxfs", "rpc_pipefs", "nsfs"),
    }
)


@dataclass(frozen=True, slots=True)
class Signature:
    """What tells that a file is still the same: its place on the disk, size in bytes and times of change.

    ``ctime_ns`` also changes with links, names and modes, but cannot be set back by who writes.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Signature:
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)

    def same_bytes(self, other: Signature | None) -> bool:
        """Whether nothing but links, names and modes can have changed."""
        return other is not None and replace(self, ctime_ns=0) == replace(other, ctime_ns=0)


@contextmanager
def opened(path: Path, max_bytes: int) -> Iterator[tuple[int, Signature]]:
    """The descriptor of the regular file ``path``, open for reading, and its signature.  Never blocks.

    Raises ``DataError``: ``data_not_found``, ``data_not_regular``, ``data_unreadable`` or ``data_too_large``
    (more than ``max_bytes``).
    """
    # Some devices act when they are opened: ask for the kind first, then trust only the descriptor.
    _require_regular(path, _lstat(path).st_mode)
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise _cannot_open(path, error) from error
    try:
        facts = os.fstat(descriptor)
        _require_regular(path, facts.st_mode)
        if facts.st_dev in _pseudo_devices():
            raise _not_regular(path, "a file that the kernel makes up, not one on a disk")
        if facts.st_size > max_bytes:
            raise too_large(path, facts.st_size, max_bytes)
        os.set_blocking(descriptor, True)
        yield descriptor, Signature.of(facts)
    finally:
        os.close(descriptor)


def signature(path: Path) -> Signature | None:
    """The signature of ``path`` as it lies there now, without opening it; ``None`` when it is gone."""
    try:
        return Signature.of(path.lstat())
    except OSError:
        return None


def too_large(path: Path, size: int, max_bytes: int) -> DataError:
    return DataError(
        "data_too_large",
        f"{path.name!r} has {size_text(size)}; at most {size_text(max_bytes)} are read.",
        "Raise CSVANALYST_MAX_SOURCE, or add a part of the file.",
        size=size,
        limit=max_bytes,
    )


def _lstat(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except OSError as error:
        raise _cannot_open(path, error) from error


def _require_regular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISLNK(mode):
        raise _link(path)
    kinds = (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    raise _not_regular(path, next((what for test, what in kinds if test(mode)), "something special"))


def _cannot_open(path: Path, error: OSError) -> DataError:
    if error.errno == errno.ELOOP:
        return _link(path)
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return _not_regular(path, "a socket or a device")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return DataError("data_not_found", f"There is no file {str(path)!r}.", "Check the name and the directory.")
    return DataError(
        "data_unreadable", f"{str(path)!r} cannot be read: {error.strerror or error}.", "Check its permissions."
    )


def _link(path: Path) -> DataError:
    try:
        target = f"Add the file it points to: {path.resolve(strict=True)}"
    except (OSError, RuntimeError):
        target = "It points to nothing."
    return DataError("data_not_regular", f"{str(path)!r} is a symbolic link, and links are not followed.", target)


def _not_regular(path: Path, what: str) -> DataError:
    return DataError(
        "data_not_regular", f"{str(path)!r} is {what}; only regular files are read.", "Write the data to a file first."
    )


def _pseudo_devices() -> frozenset[int]:
    """Devices of file systems whose files are not data: ``/proc/self/mem`` calls itself a regular file."""
    try:
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:  # not Linux
        return frozenset()
    devices = set()
    for line in lines:
        before, _, after = line.partition(" - ")
        if after.split(" ", 1)[0] in _NOT_DISKS:
            major, _, minor = before.split()[2].partition(":")
            devices.add(os.makedev(int(major), int(minor)))
    return frozenset(devices)
