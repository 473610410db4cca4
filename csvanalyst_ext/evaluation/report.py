"""Results as a table of text and as JSON.  Pure; runs on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .tally import Attempt, by_kind, count, pass_hat, total

UNKNOWN: Final = "unknown"
_HEAD: Final = ("kind", "asked", "answered", "right", "asked back", "failed", "coverage", "precision", "accuracy")


def table(attempts: Sequence[Attempt]) -> str:
    """A line for each kind, and one for all.

    ``answered`` counts answers, right or wrong; ``right`` right answers, and questions that rightly were asked back.
    """
    lines: list[tuple[str, ...]] = [_HEAD]
    lines += [_line(kind, some) for kind, some in sorted(by_kind(attempts).items())]
    lines.append(_line("all", attempts))
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    shown = ["  ".join(_cell(line, column, widths[column]) for column in range(len(_HEAD))).rstrip() for line in lines]
    return "\n".join([shown[0], "-" * len(shown[0]), *shown[1:-1], "-" * len(shown[0]), shown[-1]])


def _cell(line: Sequence[str], column: int, width: int) -> str:
    return line[column].rjust(width) if column else line[column].ljust(width)


def _line(kind: str, attempts: Sequence[Attempt]) -> tuple[str, ...]:
    found = count(attempts)
    answered = found.answered + found.fooled
    back = found.asked - answered - found.failed
    whole = [str(number) for number in (found.asked, answered, found.right, back, found.failed)]
    return (kind, *whole, *(percent(share) for share in (found.coverage, found.precision, found.accuracy)))


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def summary(attempts: Sequence[Attempt], repeat: int) -> str:
    """Time, cost, repairs, unverified numbers and pass^k, a line each."""
    facts = figures(attempts, repeat)
    lines = [
        f"seconds      {facts['seconds']:.1f} in all, {facts['median_seconds']:.2f} median for a question",
        f"cost         {_known(facts['cost'], '{:.4f} USD', facts['cost_unknown'])}",
        f"repairs      {facts['repairs']}",
        f"unverified   {_known(facts['unverified'], '{:.0f} numbers', facts['unverified_unknown'])}",
    ]
    lines += [f"pass^{k}       {percent(share)}" for k, share in facts["pass_hat"].items()]
    return "\n".join(lines)


def _known(value: float | None, form: str, unknown: int) -> str:
    if value is None:
        return UNKNOWN
    return form.format(value) + (f", {UNKNOWN} for {unknown}" if unknown else "")


def figures(attempts: Sequence[Attempt], repeat: int) -> dict[str, Any]:
    """The numbers that are not verdicts.  ``cost`` and ``unverified`` are sums of what is known, ``None`` when
    nothing is, and ``…_unknown`` counts the attempts of which it is not.  ``pass_hat`` has k as text, 1 to
    ``repeat``."""
    times = sorted(attempt.seconds for attempt in attempts)
    return {
        "seconds": sum(times),
        "median_seconds": times[len(times) // 2] if times else 0.0,
        "cost": total(attempt.cost for attempt in attempts),
        "cost_unknown": sum(attempt.cost is None for attempt in attempts),
        "repairs": sum(attempt.repairs for attempt in attempts),
        "unverified": total(attempt.unverified for attempt in attempts),
        "unverified_unknown": sum(attempt.unverified is None for attempt in attempts),
        "pass_hat": {str(k): pass_hat(attempts, k) for k in range(1, repeat + 1)},
    }


def to_json(attempts: Sequence[Attempt], repeat: int, *, details: bool = True) -> dict[str, Any]:
    """Everything, as plain JSON values; without ``details`` no single question."""
    found: dict[str, Any] = {
        "all": count(attempts).to_json(),
        "kinds": {kind: count(some).to_json() for kind, some in sorted(by_kind(attempts).items())},
        "figures": figures(attempts, repeat),
    }
    if details:
        found["attempts"] = [attempt.to_json() for attempt in attempts]
    return found
