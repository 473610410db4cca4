"""Questions that need more memory than there is spill to the scratch, up to its limit; beyond it they end as a
typed error and the next one works.  Sizes are a hundredth of `make large`, and so are the limits."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from csvanalyst_ext.config import MIB, Settings
from tests.support.cgroup import Memory
from tests.support.sandbox import Sandbox

ROWS = 4_000_000


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """320 MiB in all, of which the engine may use 192 and the scratch 128."""
    made = Sandbox(tmp_path_factory.mktemp("large"), Settings(memory=320 * MIB, scratch=128 * MIB))
    tables = made.data / "tables"
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT i AS id, hash(i) % 300000 AS customer, hash(i + 1) % 2000 AS product,
                ['north', 'south', 'east', 'west'][1 + (hash(i + 2) % 4)::INT] AS region,
                (hash(i) % 100000) / 100.0 AS amount,
                'a note of some length for row ' || hash(i) AS note
            FROM range({ROWS}) t(i)) TO '{tables / "sales.parquet"}' (FORMAT parquet)"""
        )
        connection.execute(
            f"COPY (SELECT i AS product, i % 40 AS family FROM range(2000) t(i)) TO '{tables / 'products.parquet'}'"
        )
    for path in tables.iterdir():
        path.chmod(0o644)
    made.do(made.executor.set_tables({"sales": "sales.parquet", "products": "products.parquet"}))
    yield made
    made.close()


def still_works(sandbox: Sandbox) -> None:
    assert sandbox.value("SELECT count(*) FROM products") == 2000


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT count(*) FROM (SELECT customer, sum(amount) FROM sales GROUP BY customer)", 300_000),
        ("SELECT count(DISTINCT customer) FROM sales", 300_000),
        ("SELECT count(*) FROM (SELECT id FROM sales ORDER BY amount DESC LIMIT 100)", 100),
        ("SELECT count(*) FROM sales JOIN products USING (product)", ROWS),
        ("SELECT max(r) FROM (SELECT row_number() OVER (PARTITION BY customer ORDER BY id) AS r FROM sales)", None),
        ("SELECT id FROM sales ORDER BY id DESC LIMIT 1 OFFSET 2000000", ROWS - 2_000_001),
    ],
    ids=["group by", "count distinct", "top 100", "join", "window", "sort"],
)
def test_what_needs_more_than_the_engines_memory_spills(tight: Sandbox, sql: str, expected: int | None) -> None:
    tight.do(tight.executor.start())
    with Memory(tight.executor.facts()["container"]) as used:
        value = tight.sql(sql, timeout=120.0).raise_for_status().table
    assert value is not None
    if expected is not None:
        assert value.column(0)[0].as_py() == expected
    assert used.peak is None or used.peak <= 320


def test_what_needs_more_than_memory_and_scratch_ends_as_a_memory_error_with_a_next_step(tight: Sandbox) -> None:
    before = tight.containers()
    outcome = tight.sql("SELECT note, id FROM sales ORDER BY note DESC LIMIT 1 OFFSET 3999000", timeout=120.0)
    assert outcome.status == "memory", outcome
    assert outcome.fault is not None
    assert outcome.fault.code == "out_of_memory"
    assert outcome.fault.hint
    assert "/tmp" not in outcome.fault.message, "no path of the sandbox is of use to anybody"
    still_works(tight)
    assert tight.containers() == before, "the sandbox itself lives on"


def test_what_was_spilled_is_gone_with_the_question(tight: Sandbox) -> None:
    for _ in range(3):  # each of them takes more than half of the scratch
        outcome = tight.sql("SELECT id FROM sales ORDER BY amount, id LIMIT 1 OFFSET 3000000", timeout=120.0)
        assert outcome.status == "ok", outcome.fault
    left = tight.python("import os\nsorted(os.listdir('/tmp'))").raise_for_status()
    assert "spill" not in str(left)
