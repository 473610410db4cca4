"""Every kind of case, and how often it comes.  A seed and a number give a script, always the same one."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from . import arrow_cases, frame_cases
from .script import Script

Make = Callable[[random.Random], Script]

KINDS: Mapping[str, tuple[int, Make]] = {
    "honest": (3, frame_cases.honest),
    "lies": (8, frame_cases.lies),
    "header": (6, frame_cases.header),
    "json": (12, frame_cases.fields),
    "hello": (5, frame_cases.hello),
    "progress": (4, frame_cases.progress),
    "bodies": (7, frame_cases.bodies),
    "order": (8, frame_cases.order),
    "cancel": (3, frame_cases.cancel),
    "ingest": (3, frame_cases.ingest),
    "multiplex": (4, frame_cases.multiplex),
    "any bytes": (4, frame_cases.any_bytes),
    "ends": (4, frame_cases.ends),
    "arrow: bytes": (6, frame_cases.arrow("arrow: bytes", arrow_cases.any_bytes)),
    "arrow: metadata": (12, frame_cases.arrow("arrow: metadata", arrow_cases.metadata)),
    "arrow: values": (12, frame_cases.arrow("arrow: values", arrow_cases.contents)),
    "arrow: messages": (6, frame_cases.arrow("arrow: messages", arrow_cases.messages)),
    "arrow: never sent": (4, frame_cases.arrow("arrow: never sent", arrow_cases.refused_type)),
}
RARE: Mapping[str, tuple[int, Make]] = {
    "arrow: bombs": (200, frame_cases.arrow("arrow: bombs", arrow_cases.bombs)),
    "flood": (400, frame_cases.flood),
}
"""One case in so many; these take long."""


def script_of(seed: int, number: int, kind: str = "") -> Script:
    """The script of a case; ``kind`` fixes its kind."""
    chance = random.Random(f"{seed}:{number}")
    return _make(number, kind, chance)(chance)


def kind_of(seed: int, number: int, kind: str = "") -> str:
    return kind or _kind(number, random.Random(f"{seed}:{number}"))


def _make(number: int, kind: str, chance: random.Random) -> Make:
    return {**KINDS, **RARE}[kind or _kind(number, chance)][1]


def _kind(number: int, chance: random.Random) -> str:
    for name, (every, _) in RARE.items():
        if number % every == every - 1:
            return name
    return chance.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
