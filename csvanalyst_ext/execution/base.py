"""What every sandbox provider offers, and what a request gives back.

Runs on the host.  An ``Executor`` owns one sandbox for one analyst session.  It never runs a
request anywhere else: when there is no sandbox it raises a ``SandboxError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .. import errors
from ..protocol import MAX_CODE_BYTES, Column, Fault, IngestRequest, Request

if TYPE_CHECKING:
    import pyarrow as pa

ProgressSink = Callable[[int, int], None]
"""Called with (rows so far, bytes so far) on the event loop's thread."""

BodySink = Callable[[bytes], None]
"""Called with the pieces of a ``parquet`` body as they arrive; may raise to stop the request."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """Something to look at: ``kind`` is a MIME type (``image/png`` …)."""

    kind: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request gave, after validation on the host.  The fields of ``protocol.Reply`` plus the
    decoded bodies.  ``table`` is fully validated Arrow, or ``None``.  ``name`` is the one under which
    later requests can read it, ``kept`` are all that they can read now; see ``SqlRequest.keep``.

    The last five are for the data boundary, filled in by whoever asked: ``language`` is what ran
    (``sql``, ``python``); ``reads`` are the data sets that it comes from, ``None`` for all there are;
    ``names_of_cells`` says that names of columns, and so words of errors, may be cells; ``plain`` that each
    row comes from one row of one data set; ``aggregated`` is the outcome of the same query without small
    groups.  The last two are ``False`` and ``None`` also when nobody needs to know."""

    status: str
    fault: Fault | None = None
    columns: tuple[Column, ...] = ()
    table: pa.Table | None = None
    row_count: int = 0
    total_rows: int | None = None
    truncated: tuple[str, ...] = ()
    artefacts: tuple[Artefact, ...] = ()
    stdout: str = ""
    stdout_truncated: bool = False
    timings: Mapping[str, float] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    kept: frozenset[str] = frozenset()
    language: str = ""
    reads: frozenset[str] | None = None
    names_of_cells: bool = True
    plain: bool = False
    aggregated: Outcome | None = None

    def raise_for_status(self) -> Outcome:
        """This outcome when it is ok.  Raises the ``errors.QuestionError`` of its status otherwise."""
        if self.fault is None:
            return self
        kind = errors.BY_STATUS[self.status]
        raise kind(self.fault.code, self.fault.message, self.fault.hint, **self.fault.details)


def refused_unsent(request: Request) -> Outcome | None:
    """The outcome of a request that the boundary does not carry; ``None`` for one that it does."""
    if isinstance(request, IngestRequest):
        return None
    size = len(request.text.encode("utf-8", "replace"))
    if size <= MAX_CODE_BYTES:
        return None
    message = f"The code is {size:,} bytes long; the most is {MAX_CODE_BYTES:,}."
    return Outcome(
        "refused",
        Fault("text_too_long", message, "Write it shorter; add long lists of values as a data set instead."),
    )


class Executor(Protocol):
    """One sandbox for one session.  All methods belong to one event loop; requests run one at a time,
    in the order they came.  Cancelling the task of ``run`` kills the request's worker."""

    async def start(self) -> None:
        """Bring the sandbox up, if it is not.  Raises ``SandboxError``."""

    async def set_tables(self, tables: Mapping[str, str]) -> None:
        """Make these tables (name -> file in the session's tables directory) the visible ones, now
        and after any restart of the sandbox.  Starts nothing."""

    async def run(
        self, request: Request, *, progress: ProgressSink | None = None, body: BodySink | None = None
    ) -> Outcome:
        """Run one request.  A request that fails is an ``Outcome`` that is not ok; a sandbox that
        fails raises ``SandboxError``, and the next call starts a new one."""

    async def close(self) -> None:
        """Remove the sandbox.  Never raises for a sandbox that is already gone."""

    def facts(self) -> Mapping[str, Any]:
        """What ran where, for capsules and ``status``: provider, image digest, versions, limits."""
