"""Timing: rounds in which every way takes its turn, so that other load on the machine hits all alike."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

THINK = 0.15
"""Seconds between two questions: workers are made ready meanwhile, as when a person asks."""


@dataclass(frozen=True)
class Answer:
    """What one call gave.  ``parts`` are the times of its phases, in seconds, as far as the way tells them;
    ``after`` cleans up, and is not part of the time."""

    value: Any = None
    parts: Mapping[str, float] = field(default_factory=dict)
    after: Callable[[], Any] | None = None


Call = Callable[[], Answer]


@dataclass(frozen=True)
class Turn:
    """One way's part in a case: ``runs`` calls."""

    way: str
    call: Call
    runs: int


@dataclass(frozen=True)
class Row:
    """One measured number.  Seconds, or what ``unit`` says; ``parts`` are medians."""

    case: str
    way: str
    n: int
    p50: float
    p95: float
    parts: Mapping[str, float] = field(default_factory=dict)
    unit: str = "s"
    note: str = ""


def row(case: str, way: str, values: Iterable[float], **more: Any) -> Row:
    """The median and the 95th percentile (nearest rank: of fewer than 20 values it is the largest)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * 95 // 100) - 1
    return Row(case, way, len(ordered), statistics.median(ordered), ordered[rank], **more)


def interleaved(
    case: str, turns: Sequence[Turn], pause: float = THINK, before: Callable[[], Any] | None = None
) -> list[Row]:
    """Measure all ways in rounds, ABAB…, after one call of each that is not counted.

    A way with fewer runs sits rounds out, evenly.  ``before`` runs ahead of every call and is not timed.
    """
    times: dict[str, list[float]] = {turn.way: [] for turn in turns}
    parts: dict[str, list[Mapping[str, float]]] = {turn.way: [] for turn in turns}
    rounds = max(turn.runs for turn in turns)
    for number in range(-1, rounds):
        shift = number % len(turns)
        for turn in (*turns[shift:], *turns[:shift]):
            if number >= 0 and not _takes_part(turn, number, rounds):
                continue
            if before is not None:
                before()
            time.sleep(pause)
            started = time.perf_counter()
            answer = turn.call()
            seconds = time.perf_counter() - started
            if answer.after is not None:
                answer.after()
            if number >= 0:
                times[turn.way].append(seconds)
                parts[turn.way].append(answer.parts)
            del answer  # a large result goes before the next call, outside its time
    rows = [row(case, turn.way, times[turn.way], parts=medians(parts[turn.way])) for turn in turns]
    say(f"  {case}: " + ", ".join(f"{one.way} {one.p50 * 1000:.1f} ms" for one in rows))
    return rows


def _takes_part(turn: Turn, number: int, rounds: int) -> bool:
    """Whether ``turn.runs`` calls, spread evenly over the rounds, have one in this round."""
    return (number + 1) * turn.runs // rounds > number * turn.runs // rounds


def medians(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in parts for name in one)
    return {name: statistics.median(one[name] for one in parts if name in one) for name in names}


def load() -> list[float]:
    """The load averages of 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def say(text: str) -> None:
    """A line of progress; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)
