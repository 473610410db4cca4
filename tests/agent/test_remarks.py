"""What is said of a result that it does not say of itself, over a real query engine."""

from __future__ import annotations

import asyncio
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csvanalyst_ext.agent import sql_words
from csvanalyst_ext.agent.tools import ToolResult, toolbox

from .bench import DuckDBWorkbench

SALES = pa.table(
    {
        "city": ["Rome", "Rome", "Oslo", "New York", "Bern"],
        "amount": [5, 1, 6, 6, None],
        "Sold By": ["Ann", "Ben", "Ann", "Cem", "Ben"],
    }
)


@pytest.fixture(scope="module")
def bench() -> DuckDBWorkbench:
    return DuckDBWorkbench({"sales": SALES})


def ran(bench: DuckDBWorkbench, sql: str) -> ToolResult:
    return asyncio.run(toolbox(bench).tools["run_sql"].run({"sql": sql}, None))


# --- ties -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT city, amount FROM sales ORDER BY amount DESC NULLS LAST LIMIT 1",
        "SELECT city FROM sales ORDER BY amount DESC NULLS LAST LIMIT 1;",
        "SELECT city, sum(amount) AS total FROM sales GROUP BY city ORDER BY total DESC NULLS LAST LIMIT 2",
        "SELECT city, sum(amount) AS total FROM sales GROUP BY ALL ORDER BY total DESC NULLS LAST LIMIT 1",
        "SELECT city, sum(amount) FROM sales GROUP BY city ORDER BY sum(amount) DESC NULLS LAST LIMIT 1",
        "SELECT city, sum(amount) FROM sales GROUP BY city ORDER BY 2 DESC NULLS LAST LIMIT 1",
        "WITH t AS (SELECT city, amount AS a FROM sales ORDER BY a LIMIT 4) SELECT city FROM t ORDER BY a DESC LIMIT 1",
        'SELECT "Sold By", count(*) AS n FROM sales GROUP BY "Sold By" ORDER BY n DESC -- most\n LIMIT 1',
        "SELECT city FROM (SELECT * FROM sales WHERE amount > 4) ORDER BY round(amount / 6.0, 0) DESC LIMIT 1",
    ],
)
def test_a_tie_that_the_limit_cuts_is_told_to_model_and_person(bench: DuckDBWorkbench, sql: str) -> None:
    result = ran(bench, sql)
    assert result.status == "ok"
    assert json.loads(result.reply.splitlines()[-1])["remark"] == "tie"
    assert "cut a tie" in result.notes[0]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT city, amount FROM sales ORDER BY amount DESC NULLS LAST LIMIT 3",
        "SELECT city, amount FROM sales ORDER BY amount DESC NULLS LAST, city LIMIT 1",
        "SELECT city, amount FROM sales ORDER BY amount DESC NULLS LAST LIMIT 50",
        "SELECT city, amount FROM sales LIMIT 2",
        "SELECT 1 AS city UNION ALL SELECT 1 ORDER BY city LIMIT 1",
        "SELECT city FROM sales ORDER BY ALL LIMIT 1",
        "SELECT city FROM sales ORDER BY amount LIMIT 1 OFFSET 1",
        "FROM sales ORDER BY amount LIMIT 1",
        "SELECT city FROM sales WHERE city = ' ORDER BY x LIMIT 1'",
    ],
)
def test_no_tie_is_made_up(bench: DuckDBWorkbench, sql: str) -> None:
    result = ran(bench, sql)
    assert result.notes == () and '"tie"' not in result.reply


def test_the_rows_themselves_are_never_changed(bench: DuckDBWorkbench) -> None:
    result = ran(bench, "SELECT city FROM sales ORDER BY amount DESC NULLS LAST LIMIT 1")
    assert result.outcome is not None and result.outcome.table is not None
    assert result.outcome.table.column_names == ["city"] and result.outcome.row_count == 1


# --- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "spelling"),
    [
        ("SELECT * FROM sales WHERE city = 'rome'", "Rome"),
        ("SELECT count(*) FROM sales WHERE city = 'ROME'", "Rome"),
        ("SELECT sum(amount) FROM sales WHERE city IN ('new-york')", "New York"),
        ("SELECT amount FROM Sales AS s WHERE s.\"Sold By\" = 'ann'", "Ann"),
    ],
)
def test_a_text_in_another_case_is_answered_with_the_spelling_of_the_cells(
    bench: DuckDBWorkbench, sql: str, spelling: str
) -> None:
    result = ran(bench, sql)
    remark = result.reply[result.reply.index('{"remark"') :]
    assert result.status == "ok" and "text_case" in remark and f'"value":"{spelling}"' in remark


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM sales WHERE city = 'Paris'",
        "SELECT * FROM sales WHERE city = 'Rome' AND amount > 100",
        "SELECT * FROM sales WHERE city LIKE 'rome%'",
        "SELECT * FROM sales WHERE amount > 100",
        "SELECT count(*) FROM sales WHERE city = 'Rome'",
        "SELECT 'rome' AS x WHERE false",
    ],
)
def test_no_spelling_is_offered_where_none_is_wrong(bench: DuckDBWorkbench, sql: str) -> None:
    assert "remark" not in ran(bench, sql).reply


# --- words ----------------------------------------------------------------------------------------


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_words(sql: str) -> None:
    found = sql_words.words(sql)
    assert all(sql[word.start : word.end] == word.text for word in found)
    sql_words.tail(sql)
    sql_words.tail(f"SELECT {sql} FROM t ORDER BY {sql} LIMIT 3")


# --- under a data policy --------------------------------------------------------------------------


def test_a_remark_is_told_as_far_as_the_policy_allows(bench: DuckDBWorkbench) -> None:
    from csvanalyst_ext.datasets.policy import AGGREGATES, FULL, SCHEMA
    from csvanalyst_ext.llm.provenance import Reply

    reply = ran(bench, "SELECT * FROM sales WHERE city = 'rome'").reply
    assert isinstance(reply, Reply) and reply.see is not None
    full, aggregates, schema = (reply.see(policy) for policy in (FULL, AGGREGATES, SCHEMA))
    assert '"value":"Rome"' in full
    assert "text_case" in aggregates and "Rome" not in aggregates
    assert "text_case" not in schema
