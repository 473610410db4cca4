"""The gate's own corpus of hostile statements, with the gate switched off: the layers below must hold every one."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest

from csvanalyst_ext.protocol import Limits, SqlRequest
from tests.security.corpus import Hostile, hostile

from .case import Layer, Seen
from .ground import Ground
from .score import Score

NEVER_SHOWN = ("root:x:", "/home/", "/var/lib/docker", "PRIVATE KEY")


def by_code(entry: Hostile) -> str:
    return entry.code


GROUPS = {code: list(entries) for code, entries in groupby(sorted(hostile(), key=by_code), key=by_code)}


def held_by(seen: Seen) -> Layer:
    """Which layer ended it.  What ran to its end was harmless, as the container leaves nothing to harm."""
    if seen.status == "lost" or seen.code == "text_too_long":
        return "host"
    if seen.status in ("refused", "error"):
        return "engine"
    return "container" if seen.status == "ok" else "worker"


def require_nothing_shown(seen: Seen) -> None:
    if seen.outcome is None or seen.outcome.table is None:
        return
    shown = str(seen.outcome.table.to_pydict())
    assert not [word for word in NEVER_SHOWN if word in shown]


@pytest.mark.parametrize("code", GROUPS)
def test_what_the_gate_refuses_is_contained_without_it(code: str, ground: Ground, score: Score) -> None:
    entries = GROUPS[code]
    line = score.begin("33*", f"gate's corpus without the gate: {code} ({len(entries)})", "engine", "worker")
    layers: Counter[str] = Counter()
    for entry in entries:
        seen = ground.try_to(SqlRequest(entry.sql, None, False, Limits(timeout=1.0)))
        layer = held_by(seen)
        layers[layer] += 1
        assert layer != "host" or seen.code in ("bad_arrow", "text_too_long"), (entry.name, seen.error)
        ground.canaries.require_unseen(seen)
        require_nothing_shown(seen)
        if layer == "container":
            ground.require_right()
    ground.require_as_new()
    found = ", ".join(f"{layer} {count}" for layer, count in layers.most_common())
    score.hold(line, found, " + ".join(layer for layer, _ in layers.most_common()))
