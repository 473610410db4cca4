"""Who owns a workspace, and whether that process still lives.

Runs on the host.  A claim is a small file that its process keeps locked; the kernel drops the lock
when the process is gone, however it went.  The file also records the process's id and start time.
A claim counts as dead only when nobody holds the lock *and* no such process runs: a lock alone can be
missing on some network disks, and a process id alone means nothing in another container.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self


class Claim:
    """A locked owner file of this process.  ``release`` deletes it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        self._pid = os.getpid()

    @classmethod
    def take(cls, path: Path) -> Self:
        """Make ``path`` this process's claim.  It appears locked and complete, or not at all.

        Raises ``FileExistsError`` when there is one already, and ``OSError``.
        """
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _lock(descriptor)
            os.write(descriptor, json.dumps({"pid": os.getpid(), "started": started(os.getpid())}).encode())
            try:
                os.link(temporary, path)
            except FileExistsError:
                raise
            except OSError as error:  # a disk without hard links
                if path.exists():
                    raise FileExistsError(path) from error
                temporary.rename(path)
        except BaseException:
            os.close(descriptor)
            raise
        finally:
            temporary.unlink(missing_ok=True)
        return cls(path, descriptor)

    @property
    def ours(self) -> bool:
        """Whether this process made the claim and still has it; false in a forked child."""
        return self._descriptor is not None and self._pid == os.getpid()

    def release(self) -> None:
        """Delete the claim.  Never raises; can be called twice."""
        if not self.ours:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            self._path.unlink()
        with suppress(OSError):
            os.close(descriptor)  # type: ignore[arg-type]


def release_dead(path: Path, clean: Callable[[], None]) -> bool:
    """Run ``clean`` and delete the claim ``path`` when its owner is dead; says whether that was so.

    A claim that does not exist has no owner.  Two processes that do this at once do not meet: the
    claim stays locked meanwhile.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        clean()
        return True
    except OSError:
        return False
    try:
        if not _lock(descriptor) or _alive(descriptor):
            return False
        clean()
        with suppress(OSError):
            path.unlink()
        return True
    finally:
        os.close(descriptor)


def started(pid: int) -> str:
    """When that process started, in the system's own words; empty when it does not run.

    Process ids are used again; the id and the start time together are not.
    """
    with suppress(OSError, IndexError):
        # The command's name may hold spaces and brackets: fields count from the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    if Path("/proc/self/stat").exists():
        return ""
    with suppress(OSError, subprocess.SubprocessError):
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    return ""


def _lock(descriptor: int) -> bool:
    """Whether the lock is ours now; also when this disk has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _alive(descriptor: int) -> bool:
    try:
        record = json.loads(os.pread(descriptor, 4096, 0))
        pid, start = int(record["pid"]), str(record["started"])
    except (ValueError, KeyError, TypeError):
        return False
    return bool(start) and started(pid) == start
