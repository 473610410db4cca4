"""The workers that wait for a request: ordered ahead of time, sealed, connected, warmed up.

Runs in the sandbox, in the supervisor.  Standard library only.  No worker is ordered while a
request runs: what that does to memory and process numbers must not reach the preparation of the
next one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from csvanalyst_ext.protocol import Frame, Kind

from . import processes, zygote
from .processes import Worker

MOST_FAILED_STARTS: Final = 5
"""Workers in a row that may die before they are ready; then the sandbox gives itself up."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """``memory`` is DuckDB's limit in bytes (the container's own limit is the real one), ``keep`` the
    bytes of results kept by name.  ``most_growth``: see ``rlimits``."""

    memory: int
    threads: int
    keep: int = 0
    ready: int = 2
    python: bool = True
    most_growth: int | None = None
    incoming_dir: str = "/data/incoming"
    tables_dir: str = "/data/tables"
    scratch_dir: str = "/tmp"


class Pool:
    """``watch`` and ``unwatch`` connect a worker to the event loop; ``control`` reaches the zygote."""

    def __init__(
        self,
        configuration: Configuration,
        control: socket.socket,
        watch: Callable[[Worker], None],
        unwatch: Callable[[Worker], None],
    ) -> None:
        self._configuration = configuration
        self._control = control
        self._watch, self._unwatch = watch, unwatch
        self._tables: dict[str, str] | None = None  # workers are made once the host has said which
        self._ready: list[Worker] = []
        self._starting: list[Worker] = []
        self._workers = 0
        self._failed_starts = 0

    @property
    def given_up(self) -> bool:
        return self._failed_starts >= MOST_FAILED_STARTS

    def __contains__(self, worker: Worker) -> bool:
        return worker in self._ready or worker in self._starting

    def with_pid(self, pid: int) -> Worker | None:
        """The worker that waits under this process number."""
        return next((worker for worker in self._ready if worker.pid == pid), None)

    def set_tables(self, tables: dict[str, str]) -> None:
        """From now on workers see these tables; those that see others serve nobody."""
        self._tables = tables
        for worker in list(self._ready):
            self.discard(worker)
        for worker in self._starting:
            worker.stale = True

    def refill(self) -> None:
        """Order workers until enough are ready."""
        configuration = self._configuration
        if self._tables is None:
            return
        while len(self._ready) + sum(not worker.stale for worker in self._starting) < configuration.ready:
            self._workers += 1
            worker, theirs = processes.new_worker(os.path.join(configuration.scratch_dir, f"w{self._workers}"))
            order = {
                "tables": self._tables,
                "tables_dir": configuration.tables_dir,
                "incoming_dir": configuration.incoming_dir,
                "place": worker.place,
                "memory": configuration.memory,
                "threads": configuration.threads,
                "python": configuration.python,
                "most_growth": configuration.most_growth,
            }
            zygote.send_order(self._control, order, list(theirs))
            for descriptor in theirs:
                os.close(descriptor)
            self._starting.append(worker)
            self._watch(worker)

    def heard(self, worker: Worker, frame: Frame, *, busy: bool) -> None:
        """Take what a starting worker says: first that it is sealed, then that it is ready."""
        if worker not in self._starting:
            return
        if frame.kind is Kind.PROGRESS:
            worker.sealed = True
            return
        raw = frame.json()
        worker.pid, worker.fault = raw["pid"], raw["fault"]
        if worker.stale or (worker.fault and busy):
            self.discard(worker)  # the fault perhaps for want of what the running request took
            return
        self._starting.remove(worker)
        self._ready.append(worker)
        self._failed_starts = 0

    def take(self) -> Worker | None:
        """A ready worker, which the pool then forgets.  ``None`` also while another one is not yet sealed:
        what the request runs could reach into it."""
        if not self._ready or not all(worker.sealed for worker in self._starting):
            return None
        return self._ready.pop(0)

    def ended(self, worker: Worker) -> None:
        """A waiting worker has died."""
        self._failed_starts += worker in self._starting
        self.discard(worker)

    def discard(self, worker: Worker) -> None:
        """End a worker that serves nothing; one that did not say its number yet ends itself at end of file."""
        for group in (self._ready, self._starting):
            if worker in group:
                group.remove(worker)
        self._unwatch(worker)
        processes.stop(worker)
        processes.reap(worker)
        worker.close()
