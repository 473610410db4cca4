"""Where a worker puts what it makes: its memory file, or body frames; and progress frames.

Runs in the sandbox, in a worker process.  A body is opened once, written in pieces and never
rewritten; the reply that follows names all bodies in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from csvanalyst_ext.protocol import MAX_BODIES, BodyInfo, Kind, ProtocolError, encode, encode_body

Buffer = bytes | memoryview
Write = Callable[[Buffer], None]


class Sink:
    """What one request gives.  Frames go through ``write``, and so do bodies, unless there is a
    ``segment`` for them, in which they lie back to back.  Both must write everything or raise."""

    def __init__(self, request: int, write: Write, segment: Write | None = None) -> None:
        self._request = request
        self._write = write
        self._segment = segment
        self._bodies: list[BodyInfo] = []

    def open(self, kind: str, name: str) -> int:
        """The number of a new body of that kind (see ``protocol.BODY_KINDS``)."""
        if len(self._bodies) >= MAX_BODIES:
            raise ProtocolError("too_many_bodies", f"a reply carries at most {MAX_BODIES} bodies")
        self._bodies.append(BodyInfo(kind, name, 0))
        return len(self._bodies) - 1

    def write(self, body: int, data: Buffer) -> None:
        """Append to the body that was opened last."""
        view = memoryview(data).cast("B")
        if body != len(self._bodies) - 1:
            raise ProtocolError("bad_body", "bodies are written one after the other")
        if self._segment is not None:
            self._segment(view)
        else:
            for frame in encode_body(self._request, body, view):
                self._write(frame)
        info = self._bodies[body]
        self._bodies[body] = replace(info, size=info.size + len(view))

    def progress(self, rows: int, size: int) -> None:
        """Rows and bytes so far."""
        self._write(encode(Kind.PROGRESS, self._request, {"rows": rows, "bytes": size}))

    @property
    def bodies(self) -> tuple[BodyInfo, ...]:
        return tuple(self._bodies)

    def withdraw(self) -> None:
        """Leave all bodies out of the reply, because the request failed half way.  The last call on a sink."""
        self._bodies.clear()
