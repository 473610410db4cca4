"""Results that stay in the sandbox under a name (``r1``, ``r2`` …), for later requests.

Runs in the sandbox, in the supervisor.  Standard library only.  A complete result is kept as the
sealed memory file that it left in, which costs no copy; one that was cut is kept as its SQL, so
that its name always means all of it.  Room is bounded: what was kept first goes first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from csvanalyst_ext.protocol import MAX_KEPT, Reply, Request, SqlRequest

from . import segment


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table of ``size`` bytes in the file, or the ``sql`` that gives it."""

    descriptor: int | None
    size: int
    sql: str


class KeptResults:
    """At most ``MAX_KEPT`` results that take at most ``most`` bytes together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[str, _Kept] = {}

    def add(self, request: Request, reply: Reply, descriptor: int | None) -> None:
        """Keep what ``request`` gave, if it asks for that.

        ``descriptor`` is the sealed file of the reply's bodies, and stays the caller's.
        """
        name = getattr(request, "keep", "")
        if not name or reply.status != "ok" or not reply.columns:
            return
        table = reply.bodies[0].size if reply.bodies and reply.bodies[0].kind == "table" else None
        if descriptor is not None and table is not None and not reply.truncated and table <= self._most:
            self._put(name, _Kept(os.dup(descriptor), segment.size(descriptor), ""))
        elif isinstance(request, SqlRequest):
            self._put(name, _Kept(None, len(request.text), request.text))

    @property
    def names(self) -> list[str]:
        return list(self._kept)

    def _put(self, name: str, kept: _Kept) -> None:
        self._drop(name)
        self._kept[name] = kept
        while len(self._kept) > MAX_KEPT or sum(k.size for k in self._kept.values()) > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: str) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None and kept.descriptor is not None:
            os.close(kept.descriptor)

    def described(self) -> list[dict[str, Any]]:
        """For a worker: name, size and SQL of each, the oldest first.  Those without SQL have a descriptor."""
        return [{"name": name, "size": kept.size, "sql": kept.sql} for name, kept in self._kept.items()]

    def descriptors(self) -> list[int]:
        """Those of ``described``, in its order."""
        return [kept.descriptor for kept in self._kept.values() if kept.descriptor is not None]
