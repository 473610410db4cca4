"""The SQL corpora through the executor: inside the container, valid queries give what ungated DuckDB gives there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security import corpus
from tests.support.sandbox import Sandbox

VALID = corpus.valid()
HOSTILE = [entry for entry in corpus.hostile() if not entry.direct]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("corpus"))
    sandbox.do(sandbox.executor.set_tables(corpus.build(sandbox.data / "tables")))
    yield sandbox
    sandbox.close()


@pytest.mark.parametrize("entry", VALID, ids=lambda entry: entry.name)
def test_a_valid_query_gives_the_same_with_and_without_the_gate(entry: corpus.Valid, tables: Sandbox) -> None:
    gated = tables.sql(entry.sql)
    assert gated.status == "ok", gated.fault
    ungated = tables.sql(entry.sql, gate=False)
    assert ungated.status == "ok", ungated.fault
    assert gated.columns == ungated.columns
    assert gated.row_count == ungated.row_count
    if entry.compare == "rows":
        assert gated.table is not None
        assert ungated.table is not None
        assert sorted(map(str, gated.table.to_pylist())) == sorted(map(str, ungated.table.to_pylist()))


@pytest.mark.parametrize("entry", HOSTILE, ids=lambda entry: entry.name)
def test_a_hostile_query_is_refused(entry: corpus.Hostile, tables: Sandbox) -> None:
    outcome = tables.sql(entry.sql)
    assert outcome.fault is not None
    assert (outcome.status, outcome.fault.code) == (entry.status, entry.code)
    assert outcome.table is None


def test_after_all_of_them_the_tables_are_as_before(tables: Sandbox) -> None:
    assert tables.value("SELECT count(*) FROM sales") == 60
    assert len(tables.containers()) == 1
