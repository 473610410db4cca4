"""What a session can leave behind on its machine: containers, processes, descriptors, threads, files."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WITHIN: Final = 10.0
"""Seconds within which all must be gone once a session is closed."""
KEPT: Final = re.compile(
    r"|cache|cache/../[0-9a-f]{64}(/entry\.json|/table\.parquet)?|cache/.."
    r"|capsules|capsules/\d{8}-\d{6}-[0-9a-f]{6}(/[a-z][a-z0-9.-]*)?"
    r"|sessions|queue|queue/(start|run)(/place-\d+)?|known|known/[0-9a-f]{32}"
)
"""What may be in a home that no session uses: whole cache entries, whole capsules, empty files of the
queue, what is known of large files."""


@dataclass(frozen=True)
class Traces:
    """Of this process, now.  Descriptors and threads are counted by kind and name."""

    children: frozenset[int]
    descriptors: Counter[str]
    threads: Counter[str]
    temporary: frozenset[str]

    @classmethod
    def now(cls) -> Traces:
        return cls(frozenset(_children()), _descriptors(), _threads(), frozenset(_temporary()))

    def since(self, before: Traces) -> list[str]:
        """What there is now that was not there ``before``."""
        return [
            *(f"process {pid} ({_command(pid)})" for pid in self.children - before.children),
            *(f"{count} descriptor(s) of {kind}" for kind, count in (self.descriptors - before.descriptors).items()),
            *(f"{count} thread(s) {name}" for name, count in (self.threads - before.threads).items()),
            *(f"temporary file {name}" for name in self.temporary - before.temporary),
        ]


def left_behind(before: Traces, home: Path, client: Any, sessions: list[str], within: float = WITHIN) -> list[str]:
    """What ``sessions`` in ``home`` left, once what goes by itself ``within`` seconds has gone."""

    def look() -> list[str]:
        containers = containers_of(client, sessions)
        client.close()  # its idle connections are ours, not the session's
        return [*Traces.now().since(before), *leftover_files(home), *containers]

    return settled(look, within)


def settled(look: Callable[[], list[str]], within: float) -> list[str]:
    deadline = time.monotonic() + within
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def containers_of(client: Any, sessions: list[str]) -> list[str]:
    """In whatever state; also those that a name of a session was not yet on are found by their owner."""
    listed = client.api.containers(all=True, filters={"label": "csvanalyst=1"})
    own = f"{os.getpid()}:"
    return [
        f"container {found['Id'][:12]} ({found['State']})"
        for found in listed
        if found["Labels"].get("csvanalyst.session") in sessions
        or (not sessions and found["Labels"].get("csvanalyst.owner", "").startswith(own))
    ]


def leftover_files(home: Path) -> list[str]:
    names = (str(path.relative_to(home)) for path in home.rglob("*"))
    return [f"file {name}" for name in names if not KEPT.fullmatch(name)]


def _children() -> list[int]:
    """Processes that this one started, and that are no zombies of helpers that the test itself waits for."""
    me, found = os.getpid(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == me:
                found.append(int(entry.name))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:80]
    except OSError:
        return "?"


def _descriptors() -> Counter[str]:
    kinds: Counter[str] = Counter()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        kinds[target.partition(":[")[0]] += 1
    kinds.pop(f"/proc/{os.getpid()}/fd", None)
    return kinds


def _threads() -> Counter[str]:
    return Counter(re.sub(r"[\d_-]+$", "", thread.name) for thread in threading.enumerate())


def _temporary() -> list[str]:
    return [entry.name for entry in Path(tempfile.gettempdir()).iterdir() if "csvanalyst" in entry.name]
