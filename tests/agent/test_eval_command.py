"""``csvanalyst eval`` against a scripted model over HTTP: real LiteLLM, a real session, a fake sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.errors import EngineUnavailable
from csvanalyst_ext.evaluation import command
from csvanalyst_ext.frontends import cli
from csvanalyst_ext.llm.scripted import ScriptedModel, Turn, call, fail, say
from tests.support.fakes import failed_outcome, open_fake, table_outcome

SUITE = """
version = 1

[[question]]
id = "count"
kind = "count"
data = "shop"
tables = ["sales"]
ask = ["How many sales?"]
[[question.gold]]
sql = "SELECT count(*) FROM sales"
rows = [[2]]

[[question]]
id = "colour"
kind = "unanswerable"
data = "shop"
tables = ["sales"]
ask = ["Which colour sells best?"]

[[question]]
id = "talk"
kind = "follow-up"
data = "shop"
tables = ["sales"]
ask = ["How many sales?", "and in all?"]
[[question.gold]]
sql = "SELECT sum(price) FROM sales"
rows = [[3.0]]
"""

COUNT, SUM, BROKEN = "SELECT count(*) FROM sales", "SELECT sum(price) FROM sales", "SELECT nothing"
ANSWERS = {
    COUNT: table_outcome(pa.table({"n": [2]}), ("BIGINT",)),
    SUM: table_outcome(pa.table({"total": [3.001]}), ("DOUBLE",)),
    BROKEN: failed_outcome("error", "unknown_column"),
}

ASKS_BACK = call("ask_user", question="There is no colour. What else?")
COUNTS = (call("run_sql", sql=COUNT), say("There are 2."))
SUMS = (call("run_sql", sql=SUM), say("They cost 3."))


class Shell:
    """Runs the command in this process, with a model that plays a script."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, suite: Path) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.suite = suite
        self.sessions: list[Any] = []
        self.broken: Exception | None = None

    def _open(self, settings: Any) -> Any:
        session = open_fake(settings, ANSWERS)
        session.executor.broken = self.broken
        self.sessions.append(session)
        return session

    def run(self, turns: Sequence[Turn], *words: str) -> tuple[int, str, str]:
        with ScriptedModel(turns) as server:
            self._monkeypatch.setattr(command, "Analyst", lambda settings: Analyst(settings, make=self._open))
            self._monkeypatch.setenv("CSVANALYST_API_BASE", server.api_base)
            self._monkeypatch.setenv("CSVANALYST_MODEL_ACCESS", "loopback")
            code = cli.main(["eval", "--model", "openai/scripted", "--suite", str(self.suite), *words])
            self.requests = list(server.requests)
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    (tmp_path / "data" / "shop").mkdir(parents=True)
    (tmp_path / "data" / "shop" / "sales.csv").write_text("item,price\nA,1\nB,2\n")
    suite = tmp_path / "suite.toml"
    suite.write_text(SUITE)
    monkeypatch.setenv("CSVANALYST_HOME", str(tmp_path / "home"))
    return Shell(capsys, monkeypatch, suite)


ALL_GOOD = (*COUNTS, ASKS_BACK, *COUNTS, *SUMS)


def line(out: str, kind: str) -> list[str]:
    """The numbers of one line of the table: asked, answered, right, asked back, failed."""
    (found,) = (line for line in out.splitlines() if line.startswith(f"{kind} "))
    return found.split()[1:6]


def test_a_model_that_is_right_gets_all_points(shell: Shell) -> None:
    code, out, err = shell.run(ALL_GOOD)
    assert code == 0
    assert line(out, "all") == ["3", "2", "3", "1", "0"]
    assert "pass^1       100.0 %" in out
    assert "cost         unknown" in out, "a price that is not known is not 0"
    assert [row.split()[1] for row in err.splitlines()] == ["right"] * 3


def test_wrong_answers_are_counted_by_kind(shell: Shell) -> None:
    code, out, _ = shell.run((*SUMS, *COUNTS, *COUNTS, *COUNTS))
    assert code == 0, "a model that is wrong is a result, not an error"
    assert line(out, "count") == ["1", "1", "0", "0", "0"]
    assert line(out, "unanswerable") == ["1", "1", "0", "0", "0"]
    assert line(out, "follow-up") == ["1", "1", "0", "0", "0"]
    assert "pass^1       0.0 %" in out


def test_a_conversation_is_one_conversation_and_others_know_nothing_of_it(shell: Shell) -> None:
    shell.run(ALL_GOOD)
    sent = [[m["content"] for m in request.body["messages"] if m["role"] == "user"] for request in shell.requests]
    assert sent[0] == ["How many sales?"]
    assert sent[2] == ["Which colour sells best?"]
    assert sent[3] == ["How many sales?"]
    assert sent[-1] == ["How many sales?", "and in all?"]


def test_repairs_and_failures_are_counted(shell: Shell, tmp_path: Path) -> None:
    written = tmp_path / "out.json"
    turns = (call("run_sql", sql=BROKEN), *COUNTS, fail(400), fail(400))
    code, out, _ = shell.run(turns, "--json", str(written))
    assert code == 0
    assert line(out, "all") == ["3", "1", "1", "0", "2"]
    assert "repairs      1" in out
    found = json.loads(written.read_text())
    assert [attempt["verdict"] for attempt in found["attempts"]] == ["right", "failed", "failed"]
    assert [attempt["repairs"] for attempt in found["attempts"]] == [1, 0, 0]
    assert found["attempts"][0]["sql"] == COUNT
    assert (found["complete"], found["model"], found["questions"]) == (True, "openai/scripted", 3)
    assert found["all"]["failed"] == 2


def test_numbers_that_are_not_in_the_results_are_counted(shell: Shell) -> None:
    _, out, _ = shell.run((call("run_sql", sql=COUNT), say("There are 71."), say("There are 71.")), "--limit", "1")
    assert line(out, "count") == ["1", "1", "1", "0", "0"], "the table is judged, not the text"
    assert "unverified   1 numbers" in out


def test_each_question_is_repeated_and_pass_k_wants_all_right(shell: Shell) -> None:
    code, out, _ = shell.run((*COUNTS, *SUMS), "--repeat", "2", "--limit", "1")
    assert code == 0
    assert line(out, "count") == ["2", "2", "1", "0", "0"]
    assert "pass^1       50.0 %" in out
    assert "pass^2       0.0 %" in out


def test_json_alone_on_standard_output(shell: Shell) -> None:
    _, out, _ = shell.run(COUNTS, "--limit", "1", "--json", "-")
    assert json.loads(out)["all"]["right"] == 1


def test_without_a_sandbox_nothing_is_scored(shell: Shell) -> None:
    shell.broken = EngineUnavailable("no_engine", "No engine answers.", "Start it.")
    code, out, err = shell.run(ALL_GOOD)
    assert code == cli.EXIT["sandbox"]
    assert out == ""
    assert "No engine answers." in err


@pytest.mark.parametrize("words", [("--repeat", "0"), ("--limit", "0"), ("--suite", "nowhere.toml")])
def test_wrong_options_are_usage_errors(shell: Shell, words: tuple[str, str]) -> None:
    code, out, _ = shell.run((), *words)
    assert (code, out) == (cli.EXIT["usage"], "")


def test_a_stopped_run_shows_what_it_found(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    first = command.runner.attempt

    def once(*given: Any, **options: Any) -> Any:
        monkeypatch.setattr(command.runner, "attempt", stop)
        return first(*given, **options)

    def stop(*given: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(command.runner, "attempt", once)
    code, out, _ = shell.run(COUNTS)
    assert code == cli.EXIT["cancelled"]
    assert "stopped after 1 answers" in out
    assert line(out, "count") == ["1", "1", "1", "0", "0"]
