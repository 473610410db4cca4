"""What an attack case is, and how one says what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .layers import Layer
from .seen import Seen

Expect = Callable[[Seen], None]


@dataclass(frozen=True)
class AttackCase:
    """``number`` is the row of the attack list, or from 101 what was thought of beyond it.

    ``contained_by`` are the layers that must hold it where the answer itself does not tell.  ``gated`` is what must
    come of SQL with the gate on, when that differs.  ``timeout`` in seconds; without one, time enough for what is
    tried.  ``rounds`` are how often it runs back to back.  ``costs_sandbox`` says that a new container is an
    acceptable price, once the error is a typed one; ``costs_on`` names providers where it is.  ``on`` is what must
    come of it with one provider, by its name.  ``greedy``: it takes memory, processes or threads until something stops
    it, which with the providers of ``ONE_FATE`` may be the end of its worker or of the sandbox.
    """

    number: int
    name: str
    kind: Literal["sql", "python"]
    text: str
    contained_by: tuple[Layer, ...]
    expect: Expect
    timeout: float = 0.0
    gated: Expect | None = None
    rounds: int = 1
    costs_sandbox: bool = False
    costs_on: Collection[str] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    on: Mapping[str, Expect] = field(default_factory=dict)
    greedy: bool = False

    @property
    def id(self) -> str:
        return f"{self.number}-{self.name}".replace(" ", "_")

    def expected(self, provider: str, *, gate: bool) -> Expect:
        if gate and self.gated is not None:
            return self.gated
        expect = self.on.get(provider, self.expect)
        fatal = self.greedy and provider in ONE_FATE
        return either(expect, ends("memory", "crashed", "timeout", "lost")) if fatal else expect

    def may_cost(self, provider: str) -> bool:
        """Whether a new container is an acceptable price there."""
        return self.costs_sandbox or provider in self.costs_on or (self.greedy and provider in ONE_FATE)


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


def nothing_passes(*harmless: str) -> Expect:
    """Every single thing that was tried failed, with whatever error; but what is named here, or begins so."""

    def check(seen: Seen) -> None:
        evidence = seen.evidence
        assert evidence
        passed = {name: value for name, value in evidence.items() if str(value).startswith("passed")}
        assert not {name: value for name, value in passed.items() if not name.startswith(harmless)}, passed

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
GVISOR = "docker-gvisor"
"""Its kernel is one of its own: what it grants there reaches nothing of the host."""
ONE_FATE = frozenset({GVISOR})
"""Where all processes of a sandbox are one for the host, and one limit ends them together."""
FILTERED = ("EPERM", "ENOSYS")
"""What a system call filter answers.  Anything else means that the kernel looked at the arguments."""
