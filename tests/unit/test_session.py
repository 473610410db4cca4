"""A session over a fake sandbox: data comes, changes and goes; questions leave capsules."""

import asyncio
import json
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from csvanalyst_ext.agent.events import ToolEnded, ToolProgress, ToolStarted
from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import (
    Cancelled,
    DataError,
    EngineUnavailable,
    NotUnderstood,
    Refused,
    StorageError,
    TimedOut,
    UsageError,
)
from csvanalyst_ext.protocol import IngestRequest, PythonRequest, SqlRequest
from csvanalyst_ext.session.question import Question, parse
from tests.support.fakes import FakeModel, failed_outcome, open_fake, table_outcome


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


@pytest.fixture
def session(settings):
    return open_fake(settings)


def in_loop(coroutine):
    return asyncio.run(coroutine)


def write(path, rows=2):
    path.write_text("a,b\n" + "1,x\n" * rows)
    return path


def ingests(session):
    return [request for request in session.executor.requests if isinstance(request, IngestRequest)]


# --- data -----------------------------------------------------------------------------------------


def test_a_file_becomes_a_table_named_after_it(session, tmp_path):
    (dataset,) = in_loop(session.add(str(write(tmp_path / "My Sales.csv", 3))))
    assert (dataset.name, dataset.rows) == ("my_sales", 3)
    assert list(session.executor.tables) == ["my_sales"]
    assert (session.workspace.tables / session.executor.tables["my_sales"]).is_file()


def test_nothing_stays_in_the_incoming_directory(session, tmp_path):
    in_loop(session.add(str(write(tmp_path / "a.csv"))))
    assert list(session.workspace.incoming.iterdir()) == []


def test_the_same_bytes_are_ingested_once_also_by_another_session(session, settings, tmp_path):
    path = write(tmp_path / "a.csv")
    other = open_fake(settings)

    async def steps():
        await session.add(str(path))
        await session.add(str(path))
        return await other.add(str(path))

    (dataset,) = in_loop(steps())
    assert (len(ingests(session)), len(ingests(other)), dataset.rows) == (1, 0, 2)


def test_other_options_are_another_ingest_and_reach_the_sandbox(session, tmp_path):
    path = write(tmp_path / "a.csv")

    async def steps():
        await session.add(str(path))
        return await session.add(str(path), options={"delimiter": ";"})

    (dataset,) = in_loop(steps())
    assert dict(ingests(session)[-1].options) == {"delimiter": ";"}
    assert [column.name for column in dataset.columns] == ["a,b"]


def test_a_pattern_adds_every_file_and_names_never_clash(session, tmp_path):
    write(tmp_path / "a-1.csv")
    write(tmp_path / "a_1.csv", 5)
    datasets = in_loop(session.add("*.csv", cwd=tmp_path))
    assert sorted(dataset.name for dataset in datasets) == ["a_1", "a_1_2"]


def test_a_pattern_with_one_bad_file_registers_nothing(session, tmp_path):
    write(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("bad")
    with pytest.raises(DataError) as caught:
        in_loop(session.add("*.csv", cwd=tmp_path))
    assert caught.value.code == "csv_ragged"
    assert (session.datasets, session.executor.tables, list(session.workspace.tables.iterdir())) == ((), {}, [])


def test_a_name_for_several_files_is_a_usage_error(session, tmp_path):
    write(tmp_path / "a.csv")
    write(tmp_path / "b.csv")
    with pytest.raises(UsageError):
        in_loop(session.add("*.csv", name="both", cwd=tmp_path))


def test_a_failed_renewal_leaves_the_table_as_it_was(session, tmp_path):
    path = write(tmp_path / "a.csv")
    in_loop(session.add(str(path)))
    before = dict(session.executor.tables)
    path.write_text("bad")
    with pytest.raises(DataError):
        in_loop(session.add(str(path)))
    assert (session.executor.tables, session.datasets[0].rows) == (before, 2)
    assert (session.workspace.tables / before["a"]).is_file()


def test_a_notebook_variable_is_added_by_name(session):
    frame = pd.DataFrame({"n": [1, 2, 3]})
    (dataset,) = in_loop(session.add("frame", variables={"frame": frame}))
    assert (dataset.name, dataset.rows, dataset.source) == ("frame", 3, "variable frame")


def test_a_table_file_that_nothing_uses_any_more_is_removed(session, tmp_path):
    path = write(tmp_path / "a.csv")
    in_loop(session.add(str(path)))
    write(path, 7)
    in_loop(session.add(str(path)))
    assert [file.name for file in session.workspace.tables.iterdir()] == list(session.executor.tables.values())


def test_watchers_see_the_ingest_begin_go_on_and_end(session, tmp_path):
    seen = []
    in_loop(session.add(str(write(tmp_path / "a.csv")), emit=seen.append))
    assert [type(event) for event in seen] == [ToolStarted, ToolProgress, ToolEnded]


# --- questions ------------------------------------------------------------------------------------


def test_explicit_sql_runs_as_it_is_under_its_limits(session):
    run = in_loop(session.ask(parse("SQL: SELECT 1", max_rows=5, timeout=2.5)))
    (request,) = session.executor.requests
    assert isinstance(request, SqlRequest)
    assert (request.text, request.gate, request.tables) == ("SELECT 1", True, None)
    assert (request.limits.max_rows, request.limits.timeout) == (5, 2.5)
    assert (run.status, run.model, run.steps[0].code) == ("ok", "", "SELECT 1")


def test_explicit_python_runs_as_it_is(session):
    in_loop(session.ask(parse("PYTHON: 1 + 1")))
    assert isinstance(session.executor.requests[0], PythonRequest)


def test_python_that_is_switched_off_is_refused_and_nothing_runs(settings):
    session = open_fake(replace(settings, python_enabled=False))
    run = in_loop(session.ask(parse("PYTHON: 1 + 1")))
    assert (run.status, run.error.code, session.executor.requests) == ("refused", "python_disabled", [])


def test_named_data_sets_narrow_what_a_question_sees(session, tmp_path):
    async def steps():
        await session.add(str(write(tmp_path / "a.csv")))
        await session.add(str(write(tmp_path / "b.csv")))
        return await session.ask(parse("SQL: x", datasets=("B",)))

    run = in_loop(steps())
    assert session.executor.requests[-1].tables == ("b",)
    assert list(run.datasets) == ["b"]


def test_an_unknown_data_set_is_an_error_of_the_question(session):
    run = in_loop(session.ask(parse("SQL: x", datasets=("nope",))))
    assert (run.status, run.error.code) == ("error", "data_unknown")


def test_a_file_that_changed_is_read_again_before_the_question_and_the_answer_says_so(session, tmp_path):
    path = write(tmp_path / "a.csv")
    in_loop(session.add(str(path)))
    write(path, 9)
    run = in_loop(session.ask(parse("SQL: x")))
    assert run.result.table.column("rows").to_pylist() == [9]
    assert "changed" in run.notes[0]


def test_a_file_that_changed_into_something_unreadable_fails_the_question(session, tmp_path):
    path = write(tmp_path / "a.csv")
    in_loop(session.add(str(path)))
    path.write_text("bad")
    run = in_loop(session.ask(parse("SQL: x")))
    assert (run.status, run.error.code) == ("error", "csv_ragged")


def test_a_file_that_is_gone_leaves_its_table_and_the_answer_says_so(session, tmp_path):
    path = write(tmp_path / "a.csv")
    in_loop(session.add(str(path)))
    path.unlink()
    run = in_loop(session.ask(parse("SQL: x")))
    assert run.status == "ok"
    assert "gone" in run.notes[0]


def test_a_failed_query_is_a_run_with_a_typed_error(settings):
    session = open_fake(settings, {"slow": failed_outcome("timeout", "deadline")})
    run = in_loop(session.ask(parse("SQL: slow")))
    assert run.status == "timeout"
    with pytest.raises(TimedOut):
        run.raise_for_status()


def test_no_sandbox_is_a_run_with_that_error_and_the_next_question_works(session):
    session.executor.broken = EngineUnavailable("no_engine", "No Docker engine answers.", "Start it.")
    run = in_loop(session.ask(parse("SQL: x")))
    session.executor.broken = None
    assert (run.status, run.error.code, run.steps[0].fault.code) == ("error", "no_engine", "no_engine")
    assert in_loop(session.ask(parse("SQL: x"))).status == "ok"


@pytest.mark.parametrize(
    ("text", "status"), [("x", "ok"), ("no", "refused"), ("bad", "error"), ("big", "memory"), ("dead", "crashed")]
)
def test_every_question_leaves_a_capsule(settings, text, status):
    answers = {
        "no": failed_outcome("refused", "sql_write"),
        "bad": failed_outcome("error", "sql_error"),
        "big": failed_outcome("memory", "memory"),
        "dead": failed_outcome("crashed", "worker_died"),
    }
    session = open_fake(settings, answers)
    run = in_loop(session.ask(Question(text, "sql")))
    record = session.store.load(run.id).record
    assert (run.status, record["status"]) == (status, status)
    assert record["steps"][0]["code"] == text


def test_the_capsule_tells_what_ran_on_what_where_and_what_came_of_it(settings, tmp_path):
    session = open_fake(settings, {"SELECT 1": table_outcome(pa.table({"n": [1, 2]}))})
    in_loop(session.add(str(write(tmp_path / "a.csv"))))
    run = in_loop(session.ask(parse("SQL: SELECT 1")))
    capsule = session.store.load(run.id)
    record = capsule.record
    assert record["datasets"] == {"a": session.datasets[0].fingerprint}
    assert (record["facts"]["image"], record["facts"]["protocol"]) == ("sha256:0123", "abcd")
    assert record["limits"]["max_rows"] == 100_000
    assert set(record["timings"]) == {"start", "model", "tools", "total"}
    assert (record["steps"][0]["verdict"], record["steps"][0]["row_count"]) == ("passed", 2)
    assert capsule.table(record["result"]).to_pydict() == {"n": [1, 2]}


def test_a_stopped_question_kills_its_worker_and_leaves_a_capsule(session):
    async def stop():
        task = asyncio.create_task(session.ask(parse("SQL: hang")))
        while not session.executor.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await session.ask(parse("SQL: x"))

    following = in_loop(stop())
    cancelled = session.store.list()[-1]
    assert (session.executor.killed, following.status) == (1, "ok")
    assert {item.status for item in session.store.list()} == {"cancelled", "ok"}
    assert cancelled.mode == "sql"


def test_a_capsule_that_cannot_be_written_costs_a_note_and_not_the_answer(session, monkeypatch):
    def full(*args, **options):
        raise StorageError("disk_full", "There is no room left.", "Free some space.")

    monkeypatch.setattr(session.store, "save", full)
    run = in_loop(session.ask(parse("SQL: x")))
    assert (run.status, run.capsule) == ("ok", None)
    assert "no room" in run.notes[-1]


def test_a_fault_of_our_own_is_raised_and_leaves_a_capsule_too(settings):
    session = open_fake(settings, {"x": ZeroDivisionError("ours")})
    with pytest.raises(ZeroDivisionError):
        in_loop(session.ask(parse("SQL: x")))
    (kept,) = session.store.list()
    assert session.store.load(kept.id).record["error"]["code"] == "internal_error"


def test_no_environment_and_no_key_reach_a_capsule(session, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-4711")
    run = in_loop(session.ask(parse("SQL: x")))
    assert all(b"sk-canary" not in file.read_bytes() for file in run.capsule.iterdir())


# --- the conversation -------------------------------------------------------------------------------


def test_words_go_to_the_model_which_uses_the_sandbox(settings):
    model = FakeModel(("run_sql", '{"sql": "SELECT 1"}'), "There is 1.")
    session = open_fake(settings, {"SELECT 1": table_outcome(pa.table({"n": [1]}))}, gateway=model)
    run = in_loop(session.ask(parse("How many?")))
    assert (run.status, run.prose, run.steps[0].code) == ("ok", "There is 1.", "SELECT 1")
    messages = json.loads((run.capsule / "messages.json").read_text())
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "assistant"]


def test_a_question_knows_the_ones_before_it_until_reset_unless_it_stands_alone(settings):
    model = FakeModel("one", "two", "three", "four")
    session = open_fake(settings, gateway=model)

    async def steps():
        await session.ask(parse("first?"))
        await session.ask(parse("second?"))
        await session.ask(parse("third?", alone=True))
        await session.reset()
        await session.ask(parse("fourth?"))

    in_loop(steps())
    asked = [[m["content"] for m in messages if m["role"] == "user"] for messages in model.asked]
    assert asked == [["first?"], ["first?", "second?"], ["third?"], ["fourth?"]]


def test_reset_forgets_everything_and_removes_the_sandbox(session, tmp_path):
    async def steps():
        await session.add(str(write(tmp_path / "a.csv")))
        await session.reset()
        return await session.ask(parse("SQL: x"))

    run = in_loop(steps())
    assert (session.datasets, session.executor.tables, session.executor.closes) == ((), {}, 1)
    assert run.status == "ok"


def test_close_removes_the_sandbox_and_the_workspace_and_keeps_the_capsules(session, tmp_path):
    async def steps():
        run = await session.ask(parse("SQL: x"))
        await session.close()
        return run

    run = in_loop(steps())
    assert (session.executor.closes, session.workspace.path.exists(), run.capsule.is_dir()) == (1, False, True)


def test_a_stop_is_a_stop_and_not_understanding_is_not_a_failure():
    assert (Cancelled.status, NotUnderstood.status, Refused.status) == ("cancelled", "clarify", "refused")
