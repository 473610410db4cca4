"""The command line over a fake sandbox: output, exit codes, batches."""

import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pytest

from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.errors import Cancelled, EngineUnavailable, ModelError
from csvanalyst_ext.frontends import cli
from csvanalyst_ext.protocol import IngestRequest
from tests.support.fakes import FakeModel, failed_outcome, open_fake, table_outcome

ONE = table_outcome(pa.table({"n": [1], "s": ["=1+1\x1b[31m"]}), ("BIGINT", "VARCHAR"))
KEYS = {
    "status", "answer", "columns", "rows", "row_count", "truncated", "sql", "code", "plan", "stdout",
    "steps", "usage", "numbers", "notes", "chart", "error", "timings", "capsule",
}  # fmt: skip


class Shell:
    """Runs commands in this process, over fakes."""

    def __init__(self, capsys):
        self._capsys = capsys
        self.sessions = []
        self.answers = {"SELECT 1": ONE}
        self.model = FakeModel()
        self.broken = None

    def open(self, settings):
        session = open_fake(settings, self.answers, gateway=self.model)
        session.executor.broken = self.broken
        self.sessions.append(session)
        return session

    def run(self, *words):
        code = cli.main(list(words))
        out, err = self._capsys.readouterr()
        return code, out, err

    def json(self, *words):
        code, out, _ = self.run(*words)
        (line,) = out.splitlines()
        return code, json.loads(line)

    def batch(self, tmp_path, *lines):
        path = tmp_path / "questions.jsonl"
        path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        code, out, _ = self.run("batch", str(path))
        return code, [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def shell(capsys, monkeypatch, tmp_path):
    made = Shell(capsys)
    monkeypatch.setattr(cli, "Analyst", lambda settings: Analyst(settings, make=made.open))
    monkeypatch.setenv("CSVANALYST_HOME", str(tmp_path / "home"))
    for name in ("SANDBOX_PROVIDER", "CSVANALYST_MODEL", "ENABLE_PYTHON_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def sales(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text("item,price\nA,1\nB,2\n")
    return path


# --- ask ------------------------------------------------------------------------------------------


def test_ask_prints_one_json_object_with_the_documented_keys(shell, sales):
    code, given = shell.json("ask", "--data", "sales.csv", "--json", "SQL: SELECT 1")
    assert code == 0
    assert set(given) == KEYS
    assert (given["status"], given["sql"], given["rows"]) == ("ok", "SELECT 1", [[1, "=1+1\x1b[31m"]])
    assert given["columns"] == [{"name": "n", "type": "BIGINT"}, {"name": "s", "type": "VARCHAR"}]


def test_the_question_may_follow_the_files_directly(shell, sales):
    code, given = shell.json("ask", "--json", "--data", "sales.csv", "SQL: rows")
    assert (code, given["rows"]) == (0, [["sales", 2]])


def test_several_files_and_several_data_options_are_all_there(shell, sales, tmp_path):
    (tmp_path / "b.csv").write_text("x\n1\n")
    _, given = shell.json("ask", "--data", "sales.csv", "b.csv", "--data", "sales.csv", "--json", "SQL: rows")
    assert given["rows"] == [["b", 1], ["sales", 2]]


def test_the_question_can_come_from_standard_input(shell, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("SQL: SELECT 1\n"))
    assert shell.json("ask", "--json", "-")[1]["sql"] == "SELECT 1"


def test_without_json_the_answer_is_text_that_steers_no_terminal(shell):
    code, out, err = shell.run("ask", "SQL: SELECT 1")
    assert (code, err) == (0, "")
    assert "BIGINT" in out
    assert "\x1b" not in out
    assert "␛[31m" in out


def test_out_writes_the_result_with_formulas_made_harmless(shell, tmp_path):
    code, _, _ = shell.run("ask", "--out", "result.csv", "SQL: SELECT 1")
    assert (code, (tmp_path / "result.csv").read_text()) == (0, "n,s\n1,'=1+1\x1b[31m\n")


def test_out_with_an_unknown_format_is_refused_before_anything_runs(shell):
    code, _, err = shell.run("ask", "--out", "result.ods", "SQL: SELECT 1")
    assert (code, "result.ods" in err, shell.sessions) == (2, True, [])


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (failed_outcome("refused", "sql_write"), "refused", 5),
        (failed_outcome("error", "sql_error"), "error", 1),
        (failed_outcome("timeout", "deadline"), "timeout", 1),
        (failed_outcome("memory", "memory"), "memory", 1),
        (failed_outcome("crashed", "worker_died"), "crashed", 1),
        (EngineUnavailable("no_engine", "No Docker engine answers.", "Start it."), "error", 3),
    ],
)
def test_status_and_exit_code_tell_how_it_ended(shell, outcome, status, code):
    shell.answers["x"] = outcome
    given_code, given = shell.json("ask", "--json", "SQL: x")
    assert (given_code, given["status"], bool(given["error"]["hint"])) == (code, status, True)
    assert given["capsule"] is not None
    text_code, out, err = shell.run("ask", "SQL: x")
    assert (text_code, out) == (code, "")
    assert given["error"]["code"] in err


def test_a_question_that_is_not_understood_is_clarify(shell):
    shell.model._turns.append(("ask_user", '{"question": "Which year?", "choices": ["2013"]}'))
    code, given = shell.json("ask", "--json", "How many?")
    assert (code, given["status"], given["rows"], given["error"]["message"]) == (4, "clarify", [], "Which year?")


def test_a_model_that_cannot_be_reached_is_an_error(shell):
    class Unreachable:
        async def stream(self, model, messages, tools, *, spend=None):
            raise ModelError("model_unreachable", "No answer.", "Check the network.")
            yield

    shell.model = Unreachable()
    code, given = shell.json("ask", "--json", "How many?")
    assert (code, given["status"], given["error"]["code"]) == (1, "error", "model_unreachable")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["ask", "--json", "--data", "nothing.csv", "SQL: x"], "data_not_found"),
        (["ask", "--json", ""], "empty_question"),
        (["ask", "--json"], "empty_question"),
        (["ask", "--json", "--mode", "sql", "PYTHON: 1"], "mode_contradiction"),
        (["ask", "--json", "--max-rows", "0", "SQL: x"], "bad_option"),
    ],
)
def test_a_mistake_is_exit_code_2_and_a_json_object_too(shell, words, error):
    code, given = shell.json(*words)
    assert (code, given["status"], given["error"]["code"], set(given)) == (2, "error", error, KEYS)


def test_argparse_mistakes_are_exit_code_2(shell):
    for words in (["ask", "--nonsense", "x"], ["nonsense"], []):
        with pytest.raises(SystemExit) as caught:
            cli.main(words)
        assert caught.value.code == 2


def test_an_unknown_provider_is_a_usage_error_that_lists_the_known_ones(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CSVANALYST_HOME", str(tmp_path))
    monkeypatch.setenv("SANDBOX_PROVIDER", "nonsense")
    assert cli.main(["ask", "SQL: SELECT 1"]) == 2
    assert "docker" in capsys.readouterr().err


def test_a_bad_setting_is_a_usage_error(shell, monkeypatch):
    monkeypatch.setenv("CSVANALYST_TIMEOUT", "soon")
    code, out, err = shell.run("ask", "SQL: SELECT 1")
    assert (code, out, "bad_setting" in err) == (2, "", True)


def test_the_session_is_closed_whatever_happens(shell):
    shell.answers["x"] = failed_outcome("error", "sql_error")
    shell.run("ask", "SQL: x")
    assert (shell.sessions[0].executor.closes, shell.sessions[0].workspace.path.exists()) == (1, False)


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert (caught.value.code, capsys.readouterr().out.startswith("csvanalyst ")) == (0, True)


# --- batch ----------------------------------------------------------------------------------------


def test_a_batch_answers_line_by_line_with_the_ids_in_one_session(shell, sales, tmp_path):
    code, given = shell.batch(
        tmp_path,
        {"id": 1, "data": ["sales.csv"], "question": "SQL: rows"},
        "",
        {"id": "b", "data": [], "question": "SELECT 1", "mode": "sql"},
        {"id": None, "question": "SQL: rows"},
    )
    assert code == 0
    assert [(item["id"], item["status"], item["rows"][:1]) for item in given] == [
        (1, "ok", [["sales", 2]]),
        ("b", "ok", [[1, "=1+1\x1b[31m"]]),
        (None, "ok", []),
    ]
    assert all(set(item) == KEYS | {"id"} for item in given)
    assert len(shell.sessions) == 1


def test_errors_do_not_stop_a_batch(shell, tmp_path):
    shell.answers["bad"] = failed_outcome("error", "sql_error")
    code, given = shell.batch(
        tmp_path,
        "not json",
        "[]",
        {"id": 3, "data": "sales.csv", "question": "SQL: x"},
        {"id": 4, "question": 5},
        {"id": 5, "question": "SQL: bad"},
        {"id": 6, "data": ["nothing.csv"], "question": "SQL: x"},
        {"id": 7, "question": "x", "mode": "nonsense"},
        {"id": 8, "question": "SQL: SELECT 1", "expected": "ignored"},
    )
    assert code == 0
    assert [(item["id"], item["error"] and item["error"]["code"]) for item in given] == [
        (None, "bad_line"),
        (None, "bad_line"),
        (3, "bad_line"),
        (4, "bad_line"),
        (5, "sql_error"),
        (6, "data_not_found"),
        (7, "bad_mode"),
        (8, None),
    ]


def test_each_line_sees_its_own_data_under_its_own_names(shell, tmp_path):
    for folder, rows in (("one", 1), ("two", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.csv").write_text("a\n" + "1\n" * rows)
    _, given = shell.batch(
        tmp_path,
        {"id": 1, "data": ["one/data.csv"], "question": "SQL: rows"},
        {"id": 2, "data": ["two/data.csv"], "question": "SQL: rows"},
        {"id": 3, "data": ["one/data.csv"], "question": "SQL: rows"},
    )
    assert [item["rows"] for item in given] == [[["data", 1]], [["data", 2]], [["data", 1]]]
    ingests = [request for request in shell.sessions[0].executor.requests if request.op == "ingest"]
    assert len(ingests) == 2


def test_the_lines_of_a_batch_do_not_know_each_other(shell, tmp_path):
    shell.model._turns.extend(["one", "two"])
    shell.batch(tmp_path, {"id": 1, "question": "first?"}, {"id": 2, "question": "second?"})
    assert [[m["content"] for m in asked if m["role"] == "user"] for asked in shell.model.asked] == [
        ["first?"],
        ["second?"],
    ]


def test_a_stopped_batch_ends_with_the_line_that_was_stopped(shell, tmp_path, monkeypatch):
    def stopped(self, question, watcher=None):
        raise Cancelled("cancelled", "Stopped.")

    monkeypatch.setattr(Analyst, "ask", stopped)
    code, given = shell.batch(tmp_path, {"id": 1, "question": "SQL: x"}, {"id": 2, "question": "SQL: x"})
    assert (code, [(item["id"], item["status"]) for item in given]) == (130, [(1, "cancelled")])


def test_a_batch_file_that_is_not_there_is_a_usage_error(shell):
    code, out, err = shell.run("batch", "nothing.jsonl")
    assert (code, out, "nothing.jsonl" in err) == (2, "", True)


def test_a_batch_reads_standard_input_and_answers_each_line_before_the_next_one_comes(tmp_path):
    program = """
import sys
from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.frontends import cli
from csvanalyst_ext.protocol import IngestRequest
from tests.support.fakes import open_fake
cli.Analyst = lambda settings: Analyst(settings, make=open_fake)
sys.exit(cli.main(["batch", "-"]))
"""
    environment = {**os.environ, "CSVANALYST_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        for number in range(2):
            process.stdin.write(json.dumps({"id": number, "question": "SQL: rows"}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(30) == 0


def test_an_interrupt_stops_the_question_and_exits_130(tmp_path):
    program = """
import _thread, signal, sys
from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.frontends import cli, progress
from tests.support.fakes import open_fake
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it otherwise
class Interrupts(progress.NoProgress):
    def event(self, event):
        _thread.interrupt_main()
cli.NoProgress = Interrupts
cli.Analyst = lambda settings: Analyst(settings, make=open_fake)
sys.exit(cli.main(["ask", "--json", "SQL: hang"]))
"""
    environment = {**os.environ, "CSVANALYST_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=60)
    given = json.loads(done.stdout)
    assert (done.returncode, given["status"], given["error"]["code"]) == (130, "cancelled", "cancelled")
    assert given["sql"] == "hang"
    assert given["capsule"] is not None


# --- doctor ---------------------------------------------------------------------------------------


@pytest.fixture
def findings(monkeypatch):
    from dataclasses import dataclass
    from types import ModuleType

    @dataclass(frozen=True)
    class Finding:
        area: str
        name: str
        value: str
        level: str
        advice: str = ""

    found = [Finding("engine", "Docker Engine", "29.1", "ok"), Finding("engine", "runc", "1.1.5", "warn", "Update it.")]
    module = ModuleType("docker_doctor")
    module.examine = lambda settings: found
    monkeypatch.setitem(sys.modules, "csvanalyst_ext.execution.docker_doctor", module)
    return found, Finding


def test_doctor_shows_each_finding_with_its_advice(shell, findings):
    code, out, _ = shell.run("doctor")
    assert code == 0
    for part in ("Ready.", "runc", "1.1.5", "Update it."):
        assert part in out


def test_doctor_exits_3_when_nothing_could_run(shell, findings):
    found, finding = findings
    found.append(finding("image", "runner image", "missing", "bad", "Build it: csvanalyst image build"))
    code, given = shell.json("doctor", "--json")
    assert (code, given["ready"], given["findings"][-1]["name"]) == (3, False, "runner image")


# --- what the data mean -----------------------------------------------------------------------------


def test_describe_shows_data_and_writes_a_dictionary_once(shell, monkeypatch, tmp_path):
    monkeypatch.setattr(cli.cli_runs, "Analyst", lambda settings: Analyst(settings, make=shell.open))
    (tmp_path / "sales.csv").write_text("item,price\nA,1\nB,2\n")
    code, out, _ = shell.run("describe", "sales.csv")
    assert code == 0 and "sales: 2 rows" in out and "has no data dictionary" in out
    assert "price:" in shell.run("describe", "sales.csv", "--yaml")[1]
    assert shell.run("describe", "sales.csv", "--write", "d.yaml")[:2] == (0, "d.yaml\n")
    code, _, err = shell.run("describe", "sales.csv", "--write", "d.yaml")
    assert code == 2 and "file_exists" in err
    (tmp_path / "d.yaml").write_text("columns:\n  price: {units: EUR}\n")
    code, _, err = shell.run("describe", "sales.csv", "--dictionary", "d.yaml")
    assert code == 2 and "line 2" in err


# --- how data are read ----------------------------------------------------------------------------


def test_ask_reads_data_as_the_options_say(shell, tmp_path):
    (tmp_path / "odd.txt").write_text("id;name;code\nA;x;-\nB;z;007\n")
    words = ["--delimiter", ";", "--quote", "'", "--encoding", "latin-1", "--no-header", "--text", "code"]
    words += ["--null", "code=-", "--null", "name", "--as", "goods"]
    code, _, err = shell.run("ask", "--data", "odd.txt", *words, "SQL: SELECT 1")
    assert code == 0, err
    ingested = next(r for r in shell.sessions[-1].executor.requests if isinstance(r, IngestRequest))
    assert [dataset.name for dataset in shell.sessions[-1].datasets] == ["goods"]
    assert ingested.options == {
        "delimiter": ";", "quote": "'", "encoding": "latin-1", "header": False, "null": "code=-\nname", "text": "code"
    }  # fmt: skip


def test_names_and_dictionaries_are_for_one_data_set(shell, sales):
    for option, value in (("--as", "x"), ("--dictionary", "d.yaml")):
        code, _, err = shell.run("ask", option, value, "--data", "sales.csv", "sales.csv", "SQL: SELECT 1")
        assert code == 2 and "one data set" in err


def test_a_policy_of_the_command_line_is_that_of_the_data(shell, sales):
    shell.run("ask", "--data", "sales.csv", "--policy", "sample:7", "SQL: SELECT 1")
    (policy,) = shell.sessions[-1].policies.values()
    assert (policy.name, policy.rows) == ("sample", 7)


@pytest.mark.parametrize("command", ["ask", "describe", "preview", "batch"])
def test_every_command_that_reads_data_takes_the_same_options(shell, command):
    with pytest.raises(SystemExit):
        shell.run(command, "-h")
    out = shell._capsys.readouterr().out
    options = ["--delimiter", "--quote", "--encoding", "--header", "--no-header", "--null", "--text", "--policy"]
    options += ["--as", "--dictionary"] * (command != "batch")
    assert [option for option in options if option not in out] == []
