"""What a container's memory really holds, read from the kernel beside it."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_ROOT: Final = Path("/sys/fs/cgroup")
_PLACES: Final = ("memory/docker/{}*", "system.slice/docker-{}*.scope", "docker/{}*")
_COUNTED: Final = ("total_rss", "total_shmem", "anon", "shmem")
MIB: Final = 1024 * 1024


class Memory:
    """Watches the container whose id begins so; ``peak`` is in MiB: anonymous memory and tmpfs, not the page cache,
    which the kernel takes back when it is needed.  ``None`` where the kernel cannot be asked."""

    def __init__(self, container: str) -> None:
        found = [path for place in _PLACES for path in _ROOT.glob(place.format(container))]
        self._file = found[0] / "memory.stat" if found else None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._peak = 0

    @property
    def peak(self) -> int | None:
        return self._peak // MIB if self._file is not None else None

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self._look()

    def _look(self) -> None:
        if self._file is None:
            return
        try:
            facts = dict(line.split() for line in self._file.read_text().splitlines())
        except OSError:  # the container is gone
            return
        names = _COUNTED[:2] if _COUNTED[0] in facts else _COUNTED[2:]
        self._peak = max(self._peak, sum(int(facts[name]) for name in names if name in facts))
