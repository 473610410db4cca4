"""Hostile SQL that is more than one statement: the gate's own corpus without the gate, and links in the data."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import pytest

from csvanalyst_ext.protocol import Limits, SqlRequest
from tests.security.corpus import Hostile, hostile
from tests.support.providers import Provider

from .ground import Ground
from .layers import held_by
from .seen import Seen

NEVER_SHOWN = ("root:x:", "/home/", "/var/lib/docker", "PRIVATE KEY")


def by_code(entry: Hostile) -> str:
    return entry.code


GROUPS = {code: list(entries) for code, entries in groupby(sorted(hostile(), key=by_code), key=by_code)}


def require_nothing_shown(seen: Seen) -> None:
    if seen.outcome is None or seen.outcome.table is None:
        return
    shown = str(seen.outcome.table.to_pydict())
    assert not [word for word in NEVER_SHOWN if word in shown]


@pytest.mark.parametrize("gate", [False])
@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            code, id=code, marks=pytest.mark.attack(33, f"the gate's own corpus: {code} ({len(GROUPS[code])})")
        )
        for code in GROUPS
    ],
)
def test_what_the_gate_refuses_is_contained_without_it(
    code: str, gate: bool, provider: Provider, ground: Ground, held: Callable[..., None]
) -> None:
    """What ran to its end was harmless, as the container leaves nothing to harm."""
    for entry in GROUPS[code]:
        seen = ground.try_to(SqlRequest(entry.sql, None, gate, Limits(timeout=1.0 if provider.slowness == 1 else 1.5)))
        layers = held_by(seen, gate=gate, otherwise=("container",))
        assert layers != ("host",) or seen.code in ("bad_arrow", "text_too_long"), (entry.name, seen.error)
        ground.canaries.require_unseen(seen)
        require_nothing_shown(seen)
        held(*layers)
    ground.settle()


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.attack(34, "links in the data that lead out of it")
def test_links_in_the_data_are_not_followed(
    gate: bool, provider: Provider, ground: Ground, held: Callable[..., None]
) -> None:
    links = {"incoming/link.csv": "/etc/passwd", "incoming/out": "/etc", "tables/link.parquet": "/opt/csvanalyst"}
    for name, target in links.items():
        (ground.data / name).symlink_to(target)
    try:
        for text in (
            "FROM read_text('/data/incoming/link.csv')",
            "FROM '/data/incoming/link.csv'",
            "FROM read_csv('/data/incoming/out/passwd')",
            "FROM read_text('/data/incoming/out/*')",
            "FROM read_text('/data/tables/link.parquet')",
            "FROM read_text('/data/tables/link.parquet/runner/worker.py')",
            "FROM glob('/data/incoming/out/*')",
            "FROM read_text('/data/tables/../incoming/link.csv')",
        ):
            seen = ground.try_to(SqlRequest(text, None, gate, Limits(timeout=2 * provider.slowness)))
            assert seen.status in ("refused", "error"), (text, seen)
            held(*held_by(seen, gate=gate, otherwise=("engine",)))
    finally:
        for name in links:
            (ground.data / name).unlink()
    ground.require_as_new()
