"""What an attack case is, and how one says what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from csvanalyst_ext.errors import AnalystError
from csvanalyst_ext.execution.base import Outcome

Layer = Literal["gate", "engine", "worker", "container", "host"]
"""gate: the decision on the syntax tree.  engine: DuckDB's locked, read-only connection.  worker: the sealed
one-shot process and the supervisor that ends it.  container: launch specification and its system call
filter.  host: what the host refuses or bounds by itself."""


@dataclass(frozen=True)
class Seen:
    """What came of a request: an outcome, or the error that it cost the sandbox."""

    outcome: Outcome | None
    error: AnalystError | None
    seconds: float

    @property
    def status(self) -> str:
        return "lost" if self.outcome is None else self.outcome.status

    @property
    def code(self) -> str:
        fault = self.error if self.outcome is None else self.outcome.fault
        return "" if fault is None else fault.code

    @property
    def evidence(self) -> dict[str, Any]:
        """The one row that most attacks give: what was tried, and what came of it."""
        assert self.outcome is not None, self
        assert self.outcome.table is not None, self.outcome.fault or self.outcome
        [row] = self.outcome.table.to_pylist()
        return dict(row)


Expect = Callable[[Seen], None]


@dataclass(frozen=True)
class AttackCase:
    """``number`` is the row of the attack list, or from 101 what was thought of beyond it.

    ``contained_by`` are the layers that must hold it.  ``rounds`` are how often it runs back to back.
    ``costs_sandbox`` says that a new container is an acceptable price, once the error is a typed one.
    """

    number: int
    name: str
    kind: Literal["sql", "python"]
    text: str
    contained_by: tuple[Layer, ...]
    expect: Expect
    timeout: float = 5.0
    gate: bool = True
    rounds: int = 1
    costs_sandbox: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.number}-{self.name}".replace(" ", "_")


def ends(*statuses: str, code: str | Collection[str] = ()) -> Expect:
    """With one of these statuses and, if given, one of these codes."""
    codes = (code,) if isinstance(code, str) else code

    def check(seen: Seen) -> None:
        fault = seen.error if seen.outcome is None else seen.outcome.fault
        assert seen.status in statuses, (seen.status, fault)
        assert not codes or seen.code in codes, fault

    return check


def finds(**wanted: Any) -> Expect:
    """Evidence of exactly these names, each with the value, or one of the set of values, given."""

    def check(seen: Seen) -> None:
        evidence = seen.evidence
        assert evidence.keys() == wanted.keys()
        for name, value in wanted.items():
            assert evidence[name] in (value if isinstance(value, set | frozenset) else {value}), (name, evidence[name])

    return check


def all_fail(*errors: str) -> Expect:
    """Every single thing that was tried failed with one of these errors, and something was tried."""

    def check(seen: Seen) -> None:
        evidence = seen.evidence
        assert evidence
        passed = {name: value for name, value in evidence.items() if value not in errors}
        assert not passed, passed

    return check


def gives(value: Any) -> Expect:
    """Exactly this, as the rows of the result."""

    def check(seen: Seen) -> None:
        assert seen.outcome is not None, seen.error
        assert seen.outcome.table is not None, seen.outcome.fault
        assert [list(row.values()) for row in seen.outcome.table.to_pylist()] == value

    return check


def either(*several: Expect) -> Expect:
    def check(seen: Seen) -> None:
        failures = []
        for one in several:
            try:
                one(seen)
                return
            except AssertionError as error:
                failures.append(error)
        raise AssertionError(failures)

    return check


def both(*several: Expect) -> Expect:
    def check(seen: Seen) -> None:
        for one in several:
            one(seen)

    return check


DENIED = ("EPERM", "EACCES")
READ_ONLY = ("EROFS", "EACCES", "EPERM")
FILTERED = ("EPERM", "ENOSYS")
"""What a system call filter answers.  Anything else means that the kernel looked at the arguments."""
