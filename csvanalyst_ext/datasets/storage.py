"""The disk under the caches and workspaces: private directories, forecasts, typed errors.

Runs on the host.  Every ``OSError`` that means "the disk" becomes a ``StorageError`` here.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..errors import StorageError

RESERVE: Final = 16 * 1024 * 1024
"""Bytes that staging leaves free, so that a full disk stops data before it stops the machine."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def disk_full(place: Path, needed: int | None = None) -> StorageError:
    """The error that says so, with the numbers that can be had."""
    free = free_bytes(place)
    numbers = f"{size_text(free)} are free" + ("" if needed is None else f" and {size_text(needed)} are needed")
    return StorageError(
        "disk_full",
        f"There is not enough room on the disk of {place}: {numbers}. Nothing was kept.",
        "Free some space, or set CSVANALYST_HOME to a directory on a larger disk.",
        free=free,
        **({} if needed is None else {"needed": needed}),
    )


def free_bytes(place: Path) -> int:
    """Bytes free for this user on the disk of ``place`` (or of its nearest parent that exists); 0 when unknown."""
    for path in (place, *place.parents):
        try:
            return shutil.disk_usage(path).free
        except OSError:
            continue
    return 0


def require_room(place: Path, needed: int) -> None:
    """Raises ``StorageError`` (``disk_full``) when ``needed`` bytes and the reserve do not fit, before work starts."""
    if free_bytes(place) < needed + RESERVE:
        raise disk_full(place, needed + RESERVE)


@contextmanager
def storing(place: Path, needed: int | None = None) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a ``StorageError``: ``disk_full`` or ``storage_unwritable``."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(place, needed) from error
        raise StorageError(
            "storage_unwritable",
            f"{place} cannot be written: {error.strerror or error}.",
            "Check who owns it, or set CSVANALYST_HOME to a directory of yours.",
        ) from error


def private_directory(path: Path) -> Path:
    """``path``, made if missing, that only this user can enter.

    Raises ``StorageError``: ``storage_unwritable``, or ``storage_unsafe`` when somebody else owns it.
    """
    with storing(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = path.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            raise StorageError(
                "storage_unsafe",
                f"{path} is not a directory of this user, so nothing is kept in it.",
                "Remove it, or set CSVANALYST_HOME to a directory of yours.",
            )
        if stat.S_IMODE(facts.st_mode) != 0o700:
            path.chmod(0o700)
    return path


def size_text(size: int) -> str:
    """Bytes for people: ``8.2 MB``."""
    if size < 1000:
        return f"{size} bytes"
    value = size / 1000
    for unit in ("kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
