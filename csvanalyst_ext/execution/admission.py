"""Who may start a sandbox, or run a request in one, now: one queue for all processes of a user.

Runs on the host, on the event loop; it never blocks and starts nothing.  The processes meet in a
directory and nowhere else: there is no server, and whoever is killed loses what it held at once.

::

    <home>/queue/start/         starts of sandboxes          (``starting`` places)
    <home>/queue/run/           requests that run in them    (``running`` places)
        place-0 …               locked by whoever has that place
        <nanoseconds>-<random>  a ticket, locked by who waits with it; the names are the order

Who comes takes a free place when nobody waits, and a ticket otherwise.  A ticket watches only the
one before it (after Craig, Landin and Hagersten), and only the first looks at the places: a place
that comes free wakes one, not all.  Locks are ``flock``: the kernel drops them when their process
is gone, so a ticket without a lock is a waiter that died, and is passed over.  (A child that was
forked from a waiter keeps the lock alive for as long as it lives; the deadlines bound that too.)
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..datasets.storage import private_directory
from ..errors import SandboxBusy, StorageError

QUEUE: Final = "queue"
STARTS_PER_CORE: Final = 1
"""A start keeps about one core busy."""
REQUESTS_PER_CORE: Final = 4
"""So many share a core before others wait: a quick question seldom waits for long ones, and fifty long ones do
not all pass their deadlines together."""
FIRST_LOOKS: Final = 0.01
OTHERS_LOOK: Final = 0.05
"""Seconds between two looks of the first in the queue at the places, and of the others at the one before."""


class Line:
    """``places`` places and the queue for them.  ``what`` says in messages what is waited for."""

    def __init__(self, directory: Path, places: int, what: str) -> None:
        self._directory = directory
        self._places = [f"{directory}/place-{number}" for number in range(places)]
        self._what = what

    @asynccontextmanager
    async def place(self, within: float) -> AsyncIterator[float]:
        """Have a place for the block; gives the seconds waited for it.

        Raises ``SandboxBusy`` (``sandbox_busy``) when it is not this one's turn ``within`` seconds.  Where the
        directory cannot be used (read-only, full, without locks), all are let in: the queue
        spares the machine, and the answer matters more.
        """
        began = time.monotonic()
        try:
            held = None if self._tickets() else self._take_place()
            if held is None:
                held = await self._wait(began + within, within)
        except (OSError, StorageError):
            held = -1
        try:
            yield time.monotonic() - began
        finally:
            _release(held)

    def waiting(self) -> int:
        """How many wait now."""
        return len(self._tickets())

    async def _wait(self, deadline: float, within: float) -> int:
        ticket = _Ticket.draw(private_directory(self._directory))
        for name in self._tickets():
            if name > ticket.name and (left := self._living(name)) is not None:
                left.close()  # one just drawn; those of the dead (of before the last boot) are gone now
        before: _Watched | None = None
        try:
            while True:
                if before is not None and before.gone():
                    before = None
                if before is None:
                    before = self._one_before(ticket)
                if before is None and (held := self._take_place()) is not None:
                    return held
                if time.monotonic() >= deadline:
                    raise self._busy(ticket, within)
                await asyncio.sleep(FIRST_LOOKS if before is None else OTHERS_LOOK)
        finally:
            if before is not None:
                before.close()
            ticket.close()

    def _busy(self, ticket: _Ticket, within: float) -> SandboxBusy:
        names = self._tickets()
        ahead = sum(name < ticket.name for name in names)
        return SandboxBusy(
            "sandbox_busy",
            f"This machine is busy: {len(self._places)} {self._what}, {len(names)} wait, {ahead} of them before this "
            f"one, and its turn did not come within {within:g} seconds.",
            "Ask again later, close notebooks that you do not need, or raise CSVANALYST_QUEUE_TIMEOUT.",
            waiting=len(names),
            ahead=ahead,
            places=len(self._places),
        )

    def _take_place(self) -> int | None:
        """The descriptor that holds a free place; ``None`` when all are taken."""
        for place in self._places:
            try:
                descriptor = _open(place, os.O_CREAT)
            except FileNotFoundError:
                private_directory(self._directory)
                descriptor = _open(place, os.O_CREAT)
            try:
                if _lock(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        return None

    def _tickets(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self._directory) if name[0].isdigit())  # noqa: PTH208 - 4x faster
        except FileNotFoundError:
            return []

    def _one_before(self, ticket: _Ticket) -> _Watched | None:
        """The last living ticket before that one; those of the dead are removed."""
        for name in reversed([name for name in self._tickets() if name < ticket.name]):
            if (watched := self._living(name)) is not None:
                return watched
        return None

    def _living(self, name: str) -> _Watched | None:
        """That ticket, unless nobody has it any more; then it is removed."""
        try:
            watched = _Watched(self._directory / name, _open(self._directory / name))
        except FileNotFoundError:
            return None
        return None if watched.gone() else watched


@dataclass(slots=True)
class _Ticket:
    """A place in the order; locked until ``close``."""

    path: Path
    descriptor: int

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    def draw(cls, directory: Path) -> _Ticket:
        """The monotonic clock is one for the whole machine."""
        while True:
            path = directory / f"{time.monotonic_ns():020d}-{secrets.token_hex(4)}"
            descriptor = _open(path, os.O_CREAT | os.O_EXCL)
            if _lock(descriptor) and os.fstat(descriptor).st_nlink:
                return cls(path, descriptor)
            _release(descriptor)  # somebody saw it before it was locked, and removed it as a dead one's

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()
        _release(self.descriptor)


@dataclass(slots=True)
class _Watched:
    """The ticket before."""

    path: Path
    descriptor: int

    def gone(self) -> bool:
        """Whether its owner has it no more; then this is closed, and the ticket of one that died is removed."""
        if not _lock(self.descriptor, fcntl.LOCK_SH):
            return False
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.close()
        return True

    def close(self) -> None:
        _release(self.descriptor)


class Admission:
    """The two lines of a home directory.  ``within``: seconds that each waits at most."""

    def __init__(self, home: Path, within: float, *, cores: int | None = None) -> None:
        cores = cores or os.cpu_count() or 1
        self._within = within
        self._starts = Line(home / QUEUE / "start", STARTS_PER_CORE * cores, "sandboxes are being started")
        self._requests = Line(home / QUEUE / "run", REQUESTS_PER_CORE * cores, "requests are running")

    def starting(self) -> contextlib.AbstractAsyncContextManager[float]:
        """Around the start of a sandbox.  Raises ``SandboxBusy``."""
        return self._starts.place(self._within)

    def running(self) -> contextlib.AbstractAsyncContextManager[float]:
        """Around a request to a sandbox that is there.  Raises ``SandboxBusy``."""
        return self._requests.place(self._within)


def _open(path: Path | str, more: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | more, 0o600)


def _lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _release(descriptor: int) -> None:
    """Unlock, which also counts for copies that a fork has made, and close."""
    if descriptor < 0:
        return
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
