"""Results stay in the sandbox under a name, and later questions read them there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from csvanalyst_ext.execution import docker_client
from tests.support.asking import Asking


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    (tmp_path / "good.csv").write_text("name,amount\na,1\nb,2\n")
    made = Asking(tmp_path / "home")
    made.add(tmp_path / "good.csv")
    yield made
    made.close()


def named(asking: Asking, text: str, **options: int) -> str:
    result = asking.ask(text, **options).raise_for_status().result
    assert result is not None
    return result.name


def test_each_result_has_the_next_name(asking: Asking) -> None:
    assert [named(asking, "SQL: FROM good"), named(asking, "PYTHON: good.amount.sum()")] == ["r1", "r2"]


def test_a_question_that_fails_takes_no_name(asking: Asking) -> None:
    assert asking.ask("SQL: FROM nowhere").error is not None
    assert named(asking, "SQL: FROM good") == "r1"


def test_sql_and_python_read_results_of_sql_and_python(asking: Asking) -> None:
    named(asking, "SQL: SELECT name, amount * 10 AS tenfold FROM good")
    named(asking, "PYTHON: r1.assign(more=r1.tenfold + 1)")
    assert asking.value("SELECT sum(more) FROM R2") == 32
    assert asking.value("SELECT r1.tenfold + r2.more FROM r1 JOIN r2 USING (name) WHERE name = 'b'") == 41
    run = asking.ask("PYTHON: float(sql('SELECT max(more) FROM r2').iloc[0, 0] + load('r1').tenfold.sum())")
    assert run.raise_for_status().result is not None
    assert run.result.table.to_pydict() == {"result": [51.0]}


def test_a_plan_reads_results(asking: Asking) -> None:
    named(asking, "SQL: SELECT name, amount * 10 AS tenfold FROM good")
    named(asking, 'PLAN: {"from": "r1", "where": [{"column": "tenfold", "operator": ">", "value": 10}]}')
    assert asking.value("SELECT name FROM r2") == "b"
    assert asking.ask('PLAN: {"from": "r9"}').error is not None


def test_a_name_means_the_whole_result_also_when_the_person_was_shown_a_part(asking: Asking) -> None:
    assert named(asking, "SQL: SELECT range AS n FROM range(1000)", max_rows=10) == "r1"
    assert asking.value("SELECT count(*) FROM r1") == 1000


def test_python_results_that_were_cut_have_no_name(asking: Asking) -> None:
    assert named(asking, "PYTHON: list(range(1000))", max_rows=10) == ""


def test_types_survive(asking: Asking) -> None:
    named(asking, "SQL: SELECT 1::DECIMAL(9,2) AS d, DATE '2020-02-29' AS day, [1, NULL] AS list, {'a': 'x'} AS s")
    described = asking.ask("SQL: DESCRIBE r1").raise_for_status().result
    assert described is not None
    assert described.table.column("column_type").to_pylist() == [
        "DECIMAL(9,2)",
        "DATE",
        "INTEGER[]",
        "STRUCT(a VARCHAR)",
    ]


def test_names_outlive_the_sandbox_that_had_them(asking: Asking) -> None:
    named(asking, "SQL: SELECT sum(amount) AS total FROM good")
    named(asking, "SQL: SELECT total + 1 AS more FROM r1")
    container = str(asking.session.facts()["container"])
    docker_client.connect().api.kill(container)
    assert asking.value("SELECT more FROM r2") == 4
    assert asking.session.facts()["container"] != container


def test_names_outlive_the_room_for_them(tmp_path: Path) -> None:
    asking = Asking(tmp_path / "home", memory=512 << 20)
    try:
        for number in range(1, 4):  # 24 MB each, and there are 64 MB
            named(asking, f"SQL: SELECT range + {number} AS n FROM range(3000000)", max_rows=10_000_000)
        assert asking.value("SELECT min(n) FROM r1") == 1
    finally:
        asking.close()


def test_a_reset_forgets_names(asking: Asking) -> None:
    named(asking, "SQL: SELECT 1 AS one")
    asking.loop.run_until_complete(asking.session.reset())
    error = asking.ask("SQL: FROM r1").error
    assert error is not None
    assert error.code == "sql_unknown_table"
    assert named(asking, "SQL: SELECT 2 AS two") == "r1"


def test_results_are_read_only_too(asking: Asking) -> None:
    named(asking, "SQL: SELECT 1 AS one")
    assert asking.ask("SQL: DELETE FROM r1").error is not None
    assert asking.value("SELECT one FROM r1") == 1
