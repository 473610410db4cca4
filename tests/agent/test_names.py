"""Simple names for awkward columns: the model writes them, the person never sees them."""

from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csvanalyst_ext.agent.names import own_names, put_back, simple
from csvanalyst_ext.agent.tools import ToolResult, toolbox
from csvanalyst_ext.llm.datablock import parse
from csvanalyst_ext.llm.scripted import ScriptedModel, call, say

from .bench import DuckDBWorkbench
from .conftest import Run
from .support import ask

WORLD = pa.table(
    {
        "Country": ["Chad", "Peru"], "Happiness Score": [4.5, 6.0], "2015": [1, 2], "Order": [7, 8], "gdp": [1.0, 2.0],
        'he said "hi"': [1, 2], "Größe (m²)": [3, 4],
    }
)  # fmt: skip
OTHER = pa.table({"Happiness-Rank": [1], "happiness rank": [2], "country": ["x"], "gdp ": [1]})


@pytest.fixture(scope="module")
def bench() -> DuckDBWorkbench:
    return DuckDBWorkbench({"world": WORLD, "other": OTHER})


def ran(bench: DuckDBWorkbench, sql: str) -> ToolResult:
    return asyncio.run(toolbox(bench).tools["run_sql"].run({"sql": sql}, None))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Happiness Score", "happiness_score"), ("GDP per capita", "gdp_per_capita"), ("2015", "c_2015"), ("Order", ""),
        ("%", ""), ("  a--b ", "a_b"), ("Größe", ""), ("Straße", "strasse"), ("", ""),
    ],
)  # fmt: skip
def test_a_simple_name_is_lower_case_letters_digits_and_underscores(name: str, made: str) -> None:
    assert simple(name) == made


def test_only_names_that_stand_for_one_column_are_offered(bench: DuckDBWorkbench) -> None:
    own = own_names(bench.datasets())
    assert own == {"happiness_score": "Happiness Score", "c_2015": "2015", "he_said_hi": 'he said "hi"'}


def test_the_description_offers_them_beside_the_columns_own(bench: DuckDBWorkbench) -> None:
    result = asyncio.run(toolbox(bench).tools["describe_dataset"].run({"name": "world"}, None))
    _, data = parse(result.reply)
    written = {column["name"]: column.get("sql") for column in data["columns"]}
    assert written["Happiness Score"] == "happiness_score" and written["Order"] == '"Order"' and written["gdp"] is None
    narrowed = asyncio.run(
        toolbox(bench).tools["describe_dataset"].run({"name": "world", "columns": ["happiness_score"]}, None)
    )
    assert [column["name"] for column in parse(narrowed.reply)[1]["columns"]] == ["Happiness Score"]


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT happiness_score FROM world", ["Happiness Score"]),
        ("SELECT w.Happiness_Score, c_2015 FROM world w", ["Happiness Score", "2015"]),
        ('SELECT "happiness_score" FROM world', ["Happiness Score"]),
        ("SELECT avg(happiness_score) AS happiness_score FROM world ORDER BY happiness_score", ["Happiness Score"]),
        ("SELECT avg(happiness_score) AS mean FROM world -- happiness_score", ["mean"]),
        ('SELECT "Happiness Score", gdp FROM world', ["Happiness Score", "gdp"]),
        ("WITH t AS (SELECT country, he_said_hi FROM world) SELECT he_said_hi FROM t", ['he said "hi"']),
    ],
)
def test_a_query_with_simple_names_gives_the_columns_their_own(
    bench: DuckDBWorkbench, sql: str, columns: list[str]
) -> None:
    result = ran(bench, sql)
    assert result.outcome is not None and result.outcome.table is not None, result.reply
    assert result.outcome.table.column_names == columns


def test_texts_and_comments_are_never_touched(bench: DuckDBWorkbench) -> None:
    own = own_names(bench.datasets())
    sql = "SELECT 'happiness_score', happiness_score(1) /* c_2015 */ FROM world"
    assert put_back(sql, own) == sql
    assert ran(bench, "SELECT 'happiness_score' AS x FROM world").outcome.table.to_pylist()[0] == {
        "x": "happiness_score"
    }


def test_a_result_that_itself_has_the_simple_name_can_still_be_read(bench: DuckDBWorkbench) -> None:
    bench.connection.execute("CREATE OR REPLACE TEMP VIEW r7 AS SELECT 5 AS happiness_score")
    result = ran(bench, "SELECT happiness_score FROM r7")
    assert result.status == "ok" and result.outcome is not None
    assert result.outcome.table.to_pylist() == [{"happiness_score": 5}]


def test_the_query_that_is_shown_and_kept_has_the_persons_names(bench: DuckDBWorkbench, run: Run) -> None:
    with ScriptedModel([call("run_sql", sql="SELECT max(happiness_score) FROM world"), say("6.0")]) as server:
        conclusion = run(ask(server, bench))  # type: ignore[arg-type]
    assert conclusion.steps[0].code == 'SELECT max("Happiness Score") FROM world'


@given(st.text(max_size=120), st.dictionaries(st.text(min_size=1, max_size=6), st.text(max_size=6), max_size=3))
def test_no_text_breaks_the_putting_back(sql: str, own: dict[str, str]) -> None:
    put_back(sql, own)
    assert put_back(sql, {}) == sql
