"""The content hashes of files that were read before, so that an unchanged large file is not read again.

Runs on the host.  A file counts as unchanged when device, inode, size and both its times are the same.
Times have a granularity: a file written to just before it was read may be written to again without a
trace, so only files that had rested are remembered.

::

    <home>/known/<hash of device and inode>     what was seen, and the SHA-256 of its bytes
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from .opening import Signature
from .staging import private_home
from .storage import private_directory, storing

RESTED_NS: Final = 2_000_000_000
"""Coarser than the times of any file system in use (FAT: two seconds)."""
_DIRECTORY: Final = "known"
_MOST: Final = 2_000
_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")


def rested(signature: Signature, began_ns: int) -> bool:
    """Whether every later write must show in the file's times.  ``began_ns`` is when the reading of it began, in
    nanoseconds since 1970."""
    return began_ns - signature.mtime_ns >= RESTED_NS


class Known:
    """The memory below ``home``.  Any number of processes may use it at once; what it lost is found out again."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.root = home / _DIRECTORY

    def find(self, signature: Signature) -> str | None:
        """The SHA-256 (hex) of the bytes of the file that looks so."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            record = json.loads(self._place(signature).read_text("utf-8"))
            sha256 = record.pop("sha256")
            if record == asdict(signature) and _SHA256.match(sha256):
                return str(sha256)
        return None

    def remember(self, signature: Signature, sha256: str) -> None:
        """Keep the hash of a file that had rested, and looked so before and after it was read.
        Raises ``StorageError``."""
        root = private_directory(private_home(self._home) / _DIRECTORY)
        temporary = root / f"{secrets.token_hex(8)}.new"
        with storing(root):
            temporary.write_text(json.dumps({**asdict(signature), "sha256": sha256}), "utf-8")
            temporary.replace(self._place(signature))
        self._prune()

    def _place(self, signature: Signature) -> Path:
        name = hashlib.sha256(f"{signature.device}:{signature.inode}".encode()).hexdigest()
        return self.root / name[:32]

    def _prune(self) -> None:
        """Forget the oldest when there are too many."""
        with suppress(OSError):
            files = list(self.root.iterdir())
            if len(files) > _MOST:
                for path in sorted(files, key=lambda path: path.lstat().st_mtime_ns)[: _MOST // 4]:
                    path.unlink()
