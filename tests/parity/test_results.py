"""What a question gets back: typed tables, cut where the limits say, and text and pictures from Python."""

from __future__ import annotations

import pyarrow as pa
import pytest

from csvanalyst_ext.protocol import protocol_hash
from tests.support.sandbox import Sandbox


def test_a_sandbox_that_started_says_what_it_is(sandbox: Sandbox) -> None:
    sandbox.do(sandbox.executor.start())
    facts = sandbox.executor.facts()
    assert facts["provider"] == sandbox.settings.provider
    assert facts["protocol"] == protocol_hash()
    assert {"duckdb", "pandas", "numpy", "pyarrow"} <= facts["versions"].keys()
    assert facts["memory"] == sandbox.settings.memory
    assert facts["start_seconds"] > 0


def test_the_simplest_question(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT 1 AS one")
    assert outcome.table == pa.table({"one": pa.array([1], pa.int32())})
    assert (outcome.status, outcome.row_count, outcome.total_rows, outcome.truncated) == ("ok", 1, 1, ())


def test_a_sql_question_gives_a_typed_table(sandbox: Sandbox) -> None:
    outcome = sandbox.sql(
        "SELECT carrier, avg(delay) AS delay FROM flights GROUP BY carrier ORDER BY carrier NULLS LAST"
    )
    assert outcome.status == "ok"
    assert outcome.table is not None
    assert outcome.table.to_pydict() == {"carrier": ["AA", "B6", "UA", None], "delay": [-3.0, 45.0, 10.5, 2.0]}
    assert [(c.name, c.type) for c in outcome.columns] == [("carrier", "VARCHAR"), ("delay", "DOUBLE")]


@pytest.mark.parametrize(
    ("text", "name", "arrow", "value"),
    [
        ("true", "BOOLEAN", "bool", "True"),
        ("1::TINYINT", "TINYINT", "int8", "1"),
        ("2::SMALLINT", "SMALLINT", "int16", "2"),
        ("3::INTEGER", "INTEGER", "int32", "3"),
        ("4::BIGINT", "BIGINT", "int64", "4"),
        ("18446744073709551615::UBIGINT", "UBIGINT", "uint64", "18446744073709551615"),
        ("1.5::FLOAT", "FLOAT", "float", "1.5"),
        ("'nan'::DOUBLE", "DOUBLE", "double", "nan"),
        ("12.34::DECIMAL(10,2)", "DECIMAL(10,2)", "decimal128(10, 2)", "12.34"),
        ("'zażółć 🦆'", "VARCHAR", "string", "zażółć 🦆"),
        (r"'\x00\xFF'::BLOB", "BLOB", "binary", r"b'\x00\xff'"),
        ("DATE '2024-02-29'", "DATE", "date32[day]", "2024-02-29"),
        ("TIME '12:34:56.789'", "TIME", "time64[us]", "12:34:56.789000"),
        ("TIMESTAMP '2024-02-29 12:34:56'", "TIMESTAMP", "timestamp[us]", "2024-02-29 12:34:56"),
        (
            "TIMESTAMPTZ '2024-02-29 12:34:56+00'",
            "TIMESTAMP WITH TIME ZONE",
            "timestamp[us, tz=UTC]",
            "2024-02-29 12:34:56+00:00",
        ),
        ("INTERVAL 3 DAY", "INTERVAL", "string", "3 days"),
        ("'v'::ENUM('v', 'w')", "ENUM('v', 'w')", "string", "v"),
        ("[1, NULL]", "INTEGER[]", "list<item: int32>", "[1, None]"),
        ("{'a': 1}", "STRUCT(a INTEGER)", "struct<a: int32>", "{'a': 1}"),
        ("MAP {'k': 1}", "MAP(VARCHAR, INTEGER)", "map<string, int32>", "[('k', 1)]"),
        ("NULL::BIGINT", "BIGINT", "int64", "None"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() and " " not in value else None,
)
def test_a_column_of_every_kind(sandbox: Sandbox, text: str, name: str, arrow: str, value: str) -> None:
    outcome = sandbox.sql(f"SELECT {text} AS x")
    assert outcome.table is not None, outcome.fault
    assert [column.type for column in outcome.columns] == [name]
    assert str(outcome.table.schema.field("x").type) == arrow
    assert str(outcome.table["x"][0].as_py()) == value


def test_rows_are_capped_and_the_cut_is_flagged(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT * FROM range(1000000000)", max_rows=1000)
    assert (outcome.status, outcome.row_count, outcome.truncated) == ("ok", 1000, ("rows",))
    exact = sandbox.sql("SELECT * FROM range(1000)", max_rows=1000)
    assert (exact.row_count, exact.total_rows, exact.truncated) == (1000, 1000, ())


def test_columns_are_capped(sandbox: Sandbox) -> None:
    outcome = sandbox.sql(f"SELECT {', '.join(f'{i} AS c{i}' for i in range(12))}", max_columns=10)
    assert outcome.table is not None
    assert (outcome.table.num_columns, outcome.truncated) == (10, ("columns",))


def test_bytes_are_capped(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT repeat('x', 1000) AS x FROM range(100000)", max_bytes=2_000_000)
    assert outcome.table is not None
    assert outcome.truncated == ("bytes",)
    assert 0 < outcome.table.nbytes <= 2_000_000


def test_cells_are_capped(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT repeat('x', 3000000) AS x, 1 AS y")
    assert outcome.table is not None
    assert (outcome.row_count, outcome.truncated) == (1, ("cells",))
    assert 0 < outcome.table.nbytes < 3_000_000


def test_a_large_result_arrives_whole(sandbox: Sandbox) -> None:
    outcome = sandbox.sql("SELECT i, i * 2 AS twice FROM range(2000000) t(i)", max_rows=2_000_000)
    assert outcome.table is not None
    assert (outcome.row_count, outcome.truncated) == (2_000_000, ())
    assert outcome.table["twice"][-1].as_py() == 3_999_998


def test_a_python_question_finds_tables_as_dataframes(sandbox: Sandbox) -> None:
    outcome = sandbox.python("flights.groupby('carrier')['distance'].sum()")
    assert outcome.table is not None
    assert outcome.table.to_pydict() == {"carrier": ["AA", "B6", "UA"], "distance": [760, 200, 2800]}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("result = 5", {"result": [5]}),
        ("[1, 2]", {"result": [1, 2]}),
        ("{'a': 1, 'b': 'x'}", {"a": [1], "b": ["x"]}),
        ("import numpy\nnumpy.eye(2)", {"0": [1.0, 0.0], "1": [0.0, 1.0]}),
        ("import pyarrow\npyarrow.table({'x': [1]})", {"x": [1]}),
    ],
)
def test_plain_values_become_tables(sandbox: Sandbox, code: str, expected: dict[str, object]) -> None:
    outcome = sandbox.python(code)
    assert outcome.table is not None, outcome.fault
    assert outcome.table.to_pydict() == expected


def test_python_prints_and_draws(sandbox: Sandbox) -> None:
    outcome = sandbox.python("print('hello')\nflights.plot.scatter('distance', 'delay')")
    assert outcome.status == "ok"
    assert outcome.stdout == "hello\n"
    assert [a.kind for a in outcome.artefacts] == ["image/png"]
    assert outcome.artefacts[0].data.startswith(b"\x89PNG")


def test_captured_output_is_capped(sandbox: Sandbox) -> None:
    outcome = sandbox.python("for _ in range(100): print('x' * 100000)\n'done'", max_stdout=1000)
    assert outcome.status == "ok"
    assert (len(outcome.stdout), outcome.stdout_truncated) == (1000, True)


def test_python_can_run_sql_and_gets_a_dataframe(sandbox: Sandbox) -> None:
    outcome = sandbox.python("df = sql('SELECT count(*) AS n FROM flights')\nint(df.n[0]) + 1")
    assert outcome.table == pa.table({"result": [6]})


def test_a_failed_query_inside_python_is_typed_and_the_code_can_go_on(sandbox: Sandbox) -> None:
    outcome = sandbox.python("sql('SELECT speed FROM flights')")
    assert outcome.fault is not None
    assert outcome.fault.code == "sql_unknown_column"
    refused = sandbox.python("sql('DROP TABLE flights')")
    assert refused.status == "refused"
    went_on = sandbox.python(
        "try:\n    sql('SELECT speed FROM flights')\nexcept Exception as error:\n    print(error)\n"
        "int(sql('SELECT count(*) AS n FROM flights').n[0])"
    )
    assert went_on.table is not None
    assert went_on.table.column(0).to_pylist() == [5]
    assert "speed" in went_on.stdout


@pytest.mark.parametrize("code", ["plt.bar([1], [2])", "plt.hist([1, 2, 2])", "plt.title('x')", "plt.boxplot([1, 2])"])
def test_what_a_drawing_function_returns_is_no_result_but_its_figure_is(sandbox: Sandbox, code: str) -> None:
    outcome = sandbox.python(code)
    assert (outcome.status, outcome.table) == ("ok", None), outcome.fault
    assert [artefact.kind for artefact in outcome.artefacts] == ["image/png"]
