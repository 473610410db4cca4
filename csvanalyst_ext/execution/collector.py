"""Collects what a runner sends for one request, and never more than was allowed.

Runs on the host.  Turns frames into an ``Outcome``; whatever does not fit the protocol, the limits
or the request raises ``RunnerMisbehaved`` before memory is spent on it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from ..errors import RunnerMisbehaved
from ..protocol import MAX_BODIES, BodyInfo, Frame, IngestRequest, Kind, ProtocolError, Reply, Request
from .arrow import read_table
from .base import Artefact, BodySink, Outcome, ProgressSink

MAX_ARTEFACTS: Final = 80 * 1024 * 1024
"""Bytes of pictures and charts in one reply."""
MAX_PROGRESS: Final = 256
"""Bytes of a progress frame."""
IDLE_AT_ONCE: Final = 5_000
IDLE_EACH_SECOND: Final = 100
"""Frames that bring nothing of a result (a runner sends at most 20 a second); more would only keep the host busy."""
PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"


class Collector:
    """The frames of one request.  ``sink`` gets the pieces of a Parquet body and may raise.  ``begun``: whether
    anything came; the runner's first word says that a worker has the request."""

    def __init__(self, request: Request, progress: ProgressSink | None, sink: BodySink | None) -> None:
        self._request = request
        self._progress = progress
        self._sink = sink
        self._bodies: list[bytearray] = []
        self._sizes: list[int] = []
        self._segment: memoryview | None = None
        self._most = request.limits.max_bytes + MAX_ARTEFACTS
        self._began = time.monotonic()
        self._idle = 0
        self.begun = False
        self.reply: Reply | None = None

    def take(self, frame: Frame) -> bool:
        """Take one frame; ``True`` once the reply is there.  Raises ``RunnerMisbehaved``, or what the sink raises."""
        self.begun = True
        try:
            self._count(frame)
            if frame.kind is Kind.BODY:
                self._take_body(frame.payload)
            elif frame.kind is Kind.PROGRESS:
                self._take_progress(frame)
            elif frame.kind is Kind.REPLY:
                self.reply = Reply.from_json(frame.json())
                return True
            else:
                raise ProtocolError("frame_kind", f"a runner does not send {frame.kind.name} here")
        except ProtocolError as error:
            raise misbehaved(error.code, str(error)) from error
        return False

    def _count(self, frame: Frame) -> None:
        """Refuse a flood of frames for which the bytes of the result are no limit."""
        if frame.kind is Kind.BODY and len(frame.payload) > 1:
            return
        self._idle += 1
        if self._idle > IDLE_AT_ONCE + IDLE_EACH_SECOND * (time.monotonic() - self._began):
            raise ProtocolError("flood", "more frames than it can have anything to tell with")

    @property
    def room(self) -> int:
        """The most bytes that all bodies may have."""
        return self._most

    def take_segment(self, segment: memoryview) -> None:
        """Take all bodies at once, back to back.  Raises ``RunnerMisbehaved``."""
        if self._sizes or self._segment is not None or isinstance(self._request, IngestRequest):
            raise misbehaved("bad_body", "a segment beside other bodies")
        if len(segment) > self.room:
            raise misbehaved("too_large", "the result is larger than was allowed")
        self._segment = segment

    def _take_body(self, payload: bytes) -> None:
        if self._segment is not None:
            raise ProtocolError("bad_body", "a body beside a segment")
        number = payload[0] if payload else MAX_BODIES
        if number >= MAX_BODIES:
            raise ProtocolError("bad_body", "a body without a number, or too many of them")
        if number == len(self._bodies):
            self._bodies.append(bytearray())
            self._sizes.append(0)
        if number != len(self._bodies) - 1:
            raise ProtocolError("bad_body", "bodies came out of order")
        self._sizes[number] += len(payload) - 1
        if isinstance(self._request, IngestRequest):
            if number or self._sink is None:
                raise ProtocolError("bad_body", "an ingest gives one body")
            self._sink(payload[1:])
            return
        if sum(self._sizes) > self._most:
            raise ProtocolError("too_large", "the result is larger than was allowed")
        self._bodies[number] += memoryview(payload)[1:]

    def _take_progress(self, frame: Frame) -> None:
        if len(frame.payload) > MAX_PROGRESS:
            raise ProtocolError("bad_field", "a progress frame that holds more than numbers")
        raw = frame.json()
        rows, size = _whole(raw.get("rows")), _whole(raw.get("bytes"))
        if self._progress is not None and (rows or size):
            self._progress(rows, size)

    def discard(self) -> None:
        """Let go of what was taken, at once: a mapped result holds a descriptor."""
        self._segment = None
        self._bodies, self._sizes = [], []

    def outcome(self) -> Outcome:
        """The validated outcome.  Raises ``RunnerMisbehaved``."""
        reply = self.reply
        if reply is None:
            raise misbehaved("no_reply", "there is no reply")
        table, artefacts = None, []
        for info, body in zip(reply.bodies, self._accounted_for(reply), strict=False):
            if info.kind == "table":
                if table is not None:
                    raise misbehaved("bad_body", "a second table")
                table = read_table(body, self._request.limits, reply.columns)
            elif info.kind != "parquet":
                artefacts.append(_artefact(info, bytes(body)))
        if not isinstance(self._request, IngestRequest):
            if reply.row_count != (0 if table is None else table.num_rows):
                raise misbehaved("bad_body", "another number of rows than announced")
            if reply.total_rows is not None and reply.total_rows < reply.row_count:
                raise misbehaved("bad_body", "fewer rows in all than were sent")
            if table is None and reply.columns:
                raise misbehaved("bad_body", "columns without a table")
        if len(reply.stdout) > self._request.limits.max_stdout:
            raise misbehaved("too_large", "more captured output than allowed")
        return Outcome(
            status=reply.status,
            fault=reply.fault,
            columns=reply.columns,
            table=table,
            row_count=reply.row_count,
            total_rows=reply.total_rows,
            truncated=reply.truncated,
            artefacts=tuple(artefacts),
            stdout=reply.stdout,
            stdout_truncated=reply.stdout_truncated,
            timings=reply.timings,
            report=reply.report,
            name=keep if (keep := getattr(self._request, "keep", "")) in reply.kept else "",
            kept=frozenset(reply.kept),
        )

    @property
    def size(self) -> int:
        """Bytes of all bodies so far."""
        return sum(self._sizes) if self._segment is None else len(self._segment)

    def _accounted_for(self, reply: Reply) -> Sequence[bytearray | memoryview]:
        """The bodies, which a good reply announces exactly as they came."""
        sizes = [info.size for info in reply.bodies]
        if self._segment is not None and sum(sizes) == len(self._segment):
            ends = list(accumulate(sizes))
            return [self._segment[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        if self._segment is None and sizes == self._sizes:
            return self._bodies
        # A worker that failed half-way leaves pieces behind.
        if reply.status == "ok":
            raise misbehaved("bad_body", "the bodies are not what the reply announced")
        return []


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ProtocolError("bad_field", "a progress frame without numbers")
    return value


def _artefact(info: BodyInfo, data: bytes) -> Artefact:
    if info.kind == "image/png" and not data.startswith(PNG_MAGIC):
        raise misbehaved("bad_body", "a picture that is no PNG")
    return Artefact(info.kind, info.name, data)


def misbehaved(code: str, why: str) -> RunnerMisbehaved:
    return RunnerMisbehaved(
        f"runner_{code}", f"The sandbox sent something that was refused: {why}.", "The sandbox is replaced; ask again."
    )
