"""The agent's tools over the real sandbox, with a scripted model over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.answer import Answer
from csvanalyst_ext.llm.scripted import ScriptedModel, call, say
from tests.support.asking import Asking

CSV = "City,Happiness Score,People\nRome,6.5,3\nOslo,7.5,3\nBern,7.5,1\n"
BAR = {"mark": "bar", "encoding": {"x": {"field": "City"}, "y": {"field": "Happiness Score"}}}


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModel]:
    with ScriptedModel() as server:
        yield server


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, server: ScriptedModel) -> Iterator[Asking]:
    home: Path = tmp_path_factory.mktemp("home")
    (home / "world.csv").write_text(CSV)
    settings: dict[str, Any] = {"api_base": server.api_base, "model": "openai/scripted", "default_policy": "full"}
    asking = Asking(home / "data", **settings)
    asking.add(home / "world.csv")
    yield asking
    asking.close()


def ask(asking: Asking, server: ScriptedModel, *turns: Any) -> Any:
    server.requests.clear()
    server._turns[:] = turns
    return asking.ask("What is it?", alone=True)


def last_reply(server: ScriptedModel) -> str:
    return str(server.requests[-1].body["messages"][-1]["content"])


def test_a_simple_name_runs_and_the_person_sees_the_columns_own(asking: Asking, server: ScriptedModel) -> None:
    sql = "SELECT city, happiness_score FROM world ORDER BY happiness_score DESC LIMIT 1"
    run = ask(asking, server, call("describe_dataset", name="world"), call("run_sql", sql=sql), say("Oslo."))
    assert run.raise_for_status().result.table.column_names == ["City", "Happiness Score"]
    assert run.steps[1].code == 'SELECT city, "Happiness Score" FROM world ORDER BY "Happiness Score" DESC LIMIT 1'
    assert '"remark":"tie"' in last_reply(server) and "cut a tie" in run.notes[0]


def test_an_unknown_column_is_answered_with_the_exact_quoted_one(asking: Asking, server: ScriptedModel) -> None:
    run = ask(asking, server, call("run_sql", sql="SELECT happy_score FROM world"), say("Sorry."))
    assert run.status == "error" and 'Did you mean \\"Happiness Score\\"?' in last_reply(server)


def test_a_text_in_another_case_is_answered_with_the_spelling_of_the_cells(
    asking: Asking, server: ScriptedModel
) -> None:
    sql = "SELECT count(*) AS n FROM world WHERE city = 'rome'"
    ask(asking, server, call("run_sql", sql=sql), say("None."))
    assert "text_case" in last_reply(server) and '"value":"Rome"' in last_reply(server)


def test_a_named_result_is_drawn(asking: Asking, server: ScriptedModel) -> None:
    run = ask(asking, server, call("run_sql", sql="SELECT * FROM world"), say("All of it."))
    name = run.result.name
    run = ask(asking, server, call("make_chart", result=name, spec=BAR), say("See the chart."))
    chart = Answer(run.raise_for_status()).chart
    assert chart is not None
    assert chart["data"]["values"][0] == {"City": "Rome", "Happiness Score": 6.5}
