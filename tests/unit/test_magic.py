"""The magics in a real IPython shell, over a fake sandbox."""

import subprocess
import sys

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import csvanalyst_ext
from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.answer import Answer
from csvanalyst_ext.errors import (
    AnalystError,
    Cancelled,
    DataError,
    EngineUnavailable,
    NotUnderstood,
    Refused,
    TimedOut,
    UsageError,
)
from csvanalyst_ext.execution.base import Outcome
from csvanalyst_ext.frontends.magic import AnalystMagics
from tests.support.fakes import FakeModel, failed_outcome, open_fake, table_outcome

ONE = table_outcome(pa.table({"n": [1]}), ("BIGINT",))


class Notebook:
    """A shell with the magics loaded; ``cell`` runs one, ``sessions`` are those that were opened."""

    def __init__(self, home):
        config = Config()
        config.HistoryManager.enabled = False
        config.CSVAnalyst.home = str(home)
        self.sessions = []
        self.answers = {"SELECT 1": ONE, "SELECT 1;": ONE, "1": ONE, "1;": ONE}
        self.model = FakeModel()
        self.shell = InteractiveShell(config=config)
        self.magics = AnalystMagics(self.shell, lambda settings: Analyst(settings, make=self._open))
        self.shell.register_magics(self.magics)

    def _open(self, settings):
        self.sessions.append(open_fake(settings, self.answers, gateway=self.model))
        return self.sessions[-1]

    @property
    def executor(self):
        return self.sessions[-1].executor

    def run(self, text):
        return self.shell.run_cell(text)

    def cell(self, text):
        """The value of a cell that must work."""
        done = self.run(text)
        done.raise_error()
        return done.result

    def error(self, text):
        """The error of a cell that must fail."""
        error = self.run(text).error_in_exec
        assert isinstance(error, AnalystError), error
        return error


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    for name in ("SANDBOX_PROVIDER", "CSVANALYST_HOME", "CSVANALYST_MODEL", "ENABLE_PYTHON_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    made = Notebook(tmp_path / "home")
    yield made
    made.magics.close()


# --- questions ------------------------------------------------------------------------------------


def test_a_question_gives_an_answer_as_the_cells_value(notebook):
    answer = notebook.cell("%%analyst\nSQL: SELECT 1")
    assert isinstance(answer, Answer)
    assert answer.df()["n"].tolist() == [1]
    assert notebook.shell.user_ns["_"] is answer


@pytest.mark.parametrize(
    ("option", "kind"), [("", pd.DataFrame), ("--as polars", pl.DataFrame), ("--as arrow", pa.Table)]
)
def test_out_binds_the_result_as_the_kind_that_was_asked_for(notebook, option, kind):
    answer = notebook.cell(f"%%analyst -o late {option}\nSQL: SELECT 1")
    assert isinstance(notebook.shell.user_ns["late"], kind)
    assert isinstance(answer, Answer)


def test_quiet_binds_and_shows_nothing(notebook, capsys):
    assert notebook.cell("%%analyst -o late --quiet\nSQL: SELECT 1") is None
    assert len(notebook.shell.user_ns["late"]) == 1
    assert capsys.readouterr().out == ""


def test_a_failed_question_raises_and_binds_nothing(notebook):
    notebook.answers |= {"no": failed_outcome("refused", "sql_write"), "slow": failed_outcome("timeout", "deadline")}
    assert isinstance(notebook.error("%%analyst -o late\nSQL: no"), Refused)
    assert isinstance(notebook.error("%%analyst --timeout 5\nSQL: slow"), TimedOut)
    assert "late" not in notebook.shell.user_ns


def test_an_answer_without_a_table_cannot_be_bound_and_says_so(notebook):
    notebook.answers["say"] = Outcome("ok", stdout="hello")
    assert notebook.error("%%analyst -o late\nPYTHON: say").code == "no_table"


def test_a_question_that_was_not_understood_raises_not_understood(notebook):
    notebook.model._turns.append(("ask_user", '{"question": "Which year?", "choices": ["2013", "2014"]}'))
    error = notebook.error("%%analyst\nHow many?")
    assert (type(error), error.message) == (NotUnderstood, "Which year?")


def test_the_error_is_one_tidy_block_and_not_a_traceback(notebook, capsys):
    notebook.answers["no"] = failed_outcome(
        "refused", "sql_write", "DROP is \x1b[31mnot\x1b[0m allowed.", "Use SELECT."
    )
    notebook.run("%%analyst\nSQL: no")
    shown = capsys.readouterr().out
    assert "Refused (sql_write)" in shown
    assert "Use SELECT." in shown
    assert "Traceback" not in shown
    assert "\x1b[31m" not in shown


def test_no_sandbox_is_a_typed_error_and_the_next_cell_works(notebook):
    notebook.cell("%%analyst\nSQL: SELECT 1")
    notebook.executor.broken = EngineUnavailable("no_engine", "No Docker engine answers.", "Start it.")
    assert isinstance(notebook.error("%%analyst\nSQL: SELECT 1"), EngineUnavailable)
    notebook.executor.broken = None
    assert notebook.cell("%%analyst\nSQL: SELECT 1").status == "ok"


def test_an_interrupt_is_a_cancelled_error_the_worker_dies_and_the_next_cell_works(notebook, monkeypatch):
    import _thread

    from csvanalyst_ext.frontends.progress import NoProgress

    class Interrupts(NoProgress):
        def event(self, event):
            _thread.interrupt_main()

    notebook.cell("%%analyst\nSQL: SELECT 1")
    with monkeypatch.context() as patch:
        patch.setattr(notebook.magics, "_progress", lambda quiet: Interrupts())
        assert isinstance(notebook.error("%%analyst\nSQL: hang"), Cancelled)
    assert notebook.executor.killed == 1
    assert notebook.cell("%%analyst\nSQL: SELECT 1").status == "ok"
    assert "cancelled" in str(notebook.cell("%analyst runs"))


# --- what the shell does to text --------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    ["What's the mean?", "Is it 5 $ or {x}?", "$HOME {1+1} {{1+1}} {{x.y}} { {x} }", "unbalanced ( [", "100 % %d ?"],
)
def test_a_question_reaches_the_model_as_it_was_written(notebook, question):
    notebook.shell.user_ns["x"] = "expanded"
    notebook.model._turns.append("Done.")
    notebook.cell(f"%%analyst\n{question}")
    assert notebook.model.asked[0][-1]["content"] == question


def test_a_name_in_double_braces_is_looked_up_and_never_evaluated(notebook):
    notebook.shell.user_ns |= {"year": 2013, "ns": "SELECT"}
    notebook.cell("%%analyst\nSQL: {{ns}} {{ year }} AS {{{{year}}}}")
    assert notebook.executor.requests[-1].text == "SELECT 2013 AS {{year}}"


def test_an_unknown_name_in_double_braces_is_an_error_and_nothing_runs(notebook):
    assert notebook.error("%%analyst\nSQL: SELECT {{nothing}}").code == "unknown_variable"
    assert notebook.sessions == []


def test_names_in_double_braces_work_on_the_line_too(notebook, tmp_path):
    notebook.shell.user_ns["path"] = str(tmp_path / "with space.csv")
    (tmp_path / "with space.csv").write_text("a\n1\n")
    notebook.cell("%analyst add {{path}}")
    assert [dataset.name for dataset in notebook.sessions[0].datasets] == ["with_space"]


def test_the_semicolon_of_a_sql_statement_does_not_hide_the_answer(notebook):
    assert isinstance(notebook.cell("%%analyst\nSQL: SELECT 1;"), Answer)
    assert isinstance(notebook.cell("%%analyst --mode sql\nSELECT 1;\n"), Answer)


def test_a_semicolon_after_python_or_a_command_shows_nothing(notebook):
    assert notebook.cell("%%analyst\nPYTHON: 1;") is None
    assert notebook.cell("%analyst datasets;") is None


# --- usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("%%analyst -o 'late\nSQL: SELECT 1", "open_quote"),
        ("%%analyst --nonsense\nSQL: SELECT 1", "bad_option"),
        ("%%analyst --max-rows many\nSQL: SELECT 1", "bad_option"),
        ("%%analyst --max-rows 0\nSQL: SELECT 1", "bad_option"),
        ("%%analyst --as excel\nSQL: SELECT 1", "bad_option"),
        ("%%analyst -o 1x\nSQL: SELECT 1", "bad_option"),
        ("%%analyst how many rows\nx", "bad_option"),
        ("%%analyst --mode python\nSQL: SELECT 1", "mode_contradiction"),
        ("%%analyst\nSQL:", "empty_question"),
        ("%%analyst\nPLAN: {}", "plan_missing_key"),
        ("%analyst ad x.csv", "unknown_command"),
        ("%analyst add", "bad_option"),
        ("%analyst add 'x.csv", "open_quote"),
        ("%analyst profile nothing", "data_unknown"),
        ("%analyst show nothing", "capsule_unknown"),
    ],
)
def test_a_mistake_is_a_typed_error_with_a_stable_code(notebook, cell, code):
    assert notebook.error(cell).code == code


def test_an_unknown_command_names_the_close_one(notebook):
    assert "%analyst datasets" in notebook.error("%analyst dataset").hint


@pytest.mark.parametrize(
    "cell", ["%%analyst -h\nSQL: SELECT 1", "%analyst add -h", "%analyst -h", "%analyst", "%analyst help"]
)
def test_help_is_shown_and_nothing_runs(notebook, cell):
    assert "analyst" in str(notebook.cell(cell))
    assert notebook.sessions == []


def test_the_help_tells_every_option(notebook):
    shown = str(notebook.cell("%%analyst -h\nx"))
    for option in ("--out", "--model", "--mode", "--data", "--max-rows", "--timeout", "--as", "--quiet"):
        assert option in shown


# --- commands -------------------------------------------------------------------------------------


@pytest.fixture
def sales(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text("item,price\nA,1\nB,2\n")
    return path


def test_add_shows_rows_columns_and_types(notebook, sales):
    shown = str(notebook.cell("%analyst add sales.csv"))
    for part in ("sales: 2 rows × 2 columns", "item", "price", "VARCHAR"):
        assert part in shown


def test_add_takes_a_name_options_and_variables(notebook, sales):
    notebook.shell.user_ns["frame"] = pd.DataFrame({"n": [1, 2, 3]})
    notebook.cell("%analyst add sales.csv --as shop --delimiter ; --no-header --encoding latin-1")
    notebook.cell("%analyst add frame")
    session = notebook.sessions[0]
    assert [dataset.name for dataset in session.datasets] == ["shop", "frame"]
    assert session.executor.requests[0].options == {"delimiter": ";", "header": False, "encoding": "latin-1"}
    notebook.cell("%analyst add sales.csv --null item --null 'price=-999' --text item")
    assert session.executor.requests[-1].options == {"null": "item\nprice=-999", "text": "item"}
    refused = notebook.error("%analyst add frame --null n")
    assert refused.code == "option_not_for_format"


def test_datasets_and_profile_show_what_is_registered(notebook, sales):
    assert "No data set" in str(notebook.cell("%analyst datasets"))
    notebook.cell("%analyst add sales.csv")
    assert "sales" in str(notebook.cell("%analyst datasets"))
    assert "SHA-256" in str(notebook.cell("%analyst profile sales"))


def test_d_narrows_the_question_to_these_data_sets(notebook, sales):
    notebook.cell("%analyst add sales.csv")
    notebook.cell("%analyst add sales.csv --as other")
    notebook.cell("%%analyst -d other\nSQL: SELECT 1")
    assert notebook.executor.requests[-1].tables == ("other",)


def test_runs_and_show_tell_what_was_asked(notebook):
    answer = notebook.cell("%%analyst\nSQL: SELECT 1")
    assert answer.capsule.name in str(notebook.cell("%analyst runs"))
    shown = str(notebook.cell(f"%analyst show {answer.capsule.name[-6:]}"))
    for part in ("SELECT 1", "status", "ok", "sha256:0123"):
        assert part in shown


def test_model_shows_and_chooses(notebook):
    assert "offline/planner" in str(notebook.cell("%analyst model"))
    notebook.cell("%analyst model ollama/qwen")
    notebook.model._turns.append("Done.")
    assert notebook.cell("%%analyst\nHow many?")._run.model == "ollama/qwen"


def test_status_shows_what_is_in_force(notebook):
    shown = str(notebook.cell("%analyst status"))
    for part in ("offline/planner", "docker", "100,000", "home"):
        assert part in shown


def test_reset_forgets_the_data_sets_and_the_sandbox(notebook, sales):
    notebook.cell("%analyst add sales.csv")
    notebook.cell("%analyst reset")
    assert (notebook.sessions[0].datasets, notebook.executor.closes) == ((), 1)


def test_a_file_that_cannot_be_read_is_a_data_error(notebook, tmp_path):
    (tmp_path / "bad.csv").write_text("bad")
    assert isinstance(notebook.error("%analyst add bad.csv"), DataError)


def test_a_wrong_setting_is_an_error_of_the_first_use_and_not_of_loading(notebook, monkeypatch):
    monkeypatch.setenv("CSVANALYST_TIMEOUT", "soon")
    assert notebook.error("%%analyst\nSQL: SELECT 1").code == "bad_setting"
    monkeypatch.delenv("CSVANALYST_TIMEOUT")
    assert notebook.cell("%%analyst\nSQL: SELECT 1").status == "ok"


# --- loading --------------------------------------------------------------------------------------


def test_loading_and_unloading_leave_the_shell_as_it_was(tmp_path):
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.extension_manager.load_extension("csvanalyst_ext")
    assert shell.find_cell_magic("analyst") is not None
    shell.extension_manager.unload_extension("csvanalyst_ext")
    assert shell.find_cell_magic("analyst") is None
    assert shell.find_line_magic("analyst") is None


def test_unloading_closes_the_session(notebook):
    notebook.cell("%%analyst\nSQL: SELECT 1")
    csvanalyst_ext.unload_ipython_extension(notebook.shell)
    assert (notebook.executor.closes, notebook.sessions[0].workspace.path.exists()) == (1, False)


def test_loading_imports_nothing_heavy_and_starts_no_thread():
    program = """
import sys, threading
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell(config=config)
before, threads = set(sys.modules), threading.active_count()
shell.extension_manager.load_extension("csvanalyst_ext")
heavy = {"pyarrow", "pandas", "polars", "numpy", "litellm", "docker", "requests", "duckdb", "ipywidgets"}
loaded = (set(sys.modules) - before) & heavy
assert not loaded, loaded
assert threading.active_count() == threads
assert shell.find_cell_magic("analyst") is not None
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_usage_error_keeps_the_type_for_programs(notebook):
    assert isinstance(notebook.error("%analyst nonsense"), UsageError)


# --- the data boundary and runs that were kept ------------------------------------------------------


def test_a_policy_is_chosen_shown_and_listed(notebook, sales):
    notebook.cell("%analyst add sales.csv --policy schema")
    assert "schema" in str(notebook.cell("%analyst datasets"))
    assert "sample:50" in str(notebook.cell("%analyst policy sales sample 50"))
    shown = str(notebook.cell("%analyst policy"))
    assert "sample:50" in shown and "nothing leaves this machine" in shown


@pytest.mark.parametrize("line", ["policy nothing full", "policy sales open", "add sales.csv --policy all"])
def test_a_wrong_policy_or_name_is_an_error_and_changes_nothing(notebook, sales, line):
    notebook.cell("%analyst add sales.csv")
    with pytest.raises((UsageError, DataError)):
        notebook.cell(f"%analyst {line}")
    assert "aggregates" in str(notebook.cell("%analyst policy sales"))


def test_a_run_is_shown_replayed_and_exported_by_the_name_last(notebook, sales, tmp_path):
    notebook.cell("%analyst add sales.csv")
    notebook.cell("%%analyst\nSQL: SELECT 1")
    assert "Run " in str(notebook.cell("%analyst show last"))
    assert "run_sql" in str(notebook.cell("%analyst replay last"))
    assert "run.zip" in str(notebook.cell("%analyst export last run.zip"))
    assert (tmp_path / "run.zip").exists()


def test_a_preview_tells_that_the_planner_is_sent_nothing(notebook, sales):
    notebook.cell("%analyst add sales.csv")
    shown = str(notebook.cell('%analyst preview "How many rows"'))
    assert "nothing would leave it" in shown and "How many rows" in shown


# --- conversation, dry runs, charts ---------------------------------------------------------------


def test_undo_takes_the_last_question_out_of_the_conversation(notebook):
    notebook.model._turns += ["Yes.", "No."]
    notebook.cell("%%analyst\nIs it big?")
    assert "Is it big?" in str(notebook.cell("%analyst undo"))
    assert "no question" in str(notebook.cell("%analyst undo"))
    notebook.cell("%%analyst\nIs it small?")
    assert [m["content"] for m in notebook.model.asked[-1][1:]] == ["Is it small?"]


def test_a_dry_run_shows_the_request_and_asks_nobody(notebook):
    shown = notebook.cell("%%analyst --dry-run --max-steps 3\nIs it big?")
    assert "Is it big?" in str(shown) and "3 steps" in str(shown)
    assert notebook.model.asked == [] and notebook.executor.requests == []


def test_a_chart_is_an_output_of_its_own(notebook, capsys):
    notebook.answers["SELECT * FROM r1 LIMIT 5001"] = ONE
    spec = '{"result": "r1", "spec": {"mark": "bar", "encoding": {"x": {"field": "n"}}}}'
    notebook.model._turns += [("make_chart", spec), "See the chart."]
    answer = notebook.cell("%%analyst\nDraw it.")
    assert answer.chart["mark"] == {"type": "bar"}
    assert "bar chart of n" in capsys.readouterr().out


# --- what the data mean -----------------------------------------------------------------------------

SAID = """
description: One row for each sale.
key: [item]
columns:
  price: {description: without tax, unit: EUR, synonyms: [cost]}
measures:
  dear items: {formula: count(distinct item), synonyms: [articles]}
references:
  - {columns: [item], refers_to: [items.item]}
"""


def test_describe_shows_what_is_known_and_what_was_said(notebook, sales, tmp_path):
    notebook.cell("%analyst add sales.csv")
    assert "has no data dictionary" in str(notebook.cell("%analyst describe sales"))
    (tmp_path / "said.yaml").write_text(SAID)
    notebook.cell("%analyst add sales.csv --as items --policy schema")
    for shown in (
        str(notebook.cell("%analyst describe sales --dictionary said.yaml")),
        str(notebook.cell("%analyst describe sales")),
    ):
        for part in (
            "One row for each sale.", "2 rows", "without tax; also called cost", "EUR", "VARCHAR", "aggregates",
            "refers to items (item)", "declared", "dear items", "count(distinct item)", "also called articles",
        ):  # fmt: skip
            assert part in shown, part
    assert "is referred to by sales (item)" in str(notebook.cell("%analyst describe items"))


def test_a_dictionary_is_written_to_start_from_and_never_over_a_file(notebook, sales, tmp_path):
    notebook.cell("%analyst add sales.csv")
    assert "sales.yaml" in str(notebook.cell("%analyst describe sales --write sales.yaml"))
    written = (tmp_path / "sales.yaml").read_text()
    assert written == (tmp_path / "sales.yaml").read_text() and "price:" in written
    assert "price:" in str(notebook.cell("%analyst describe sales --yaml"))
    (tmp_path / "sales.yaml").write_text(written.replace('price: {description: ""', "price: {description: as paid"))
    assert notebook.error("%analyst describe sales --write sales.yaml").code == "file_exists"
    assert "as paid" in str(notebook.cell("%analyst describe sales --dictionary sales.yaml"))
    notebook.cell("%analyst describe sales --write sales.yaml --overwrite")
    assert "description: as paid" in (tmp_path / "sales.yaml").read_text()
    assert notebook.error("%analyst describe sales --write no/where.yaml").code == "storage_unwritable"
    assert sorted(path.name for path in tmp_path.glob("*.yaml")) == ["sales.yaml"]


def test_a_dictionary_stays_in_force_when_the_data_are_read_again(notebook, sales, tmp_path):
    (tmp_path / "said.yaml").write_text(SAID)
    notebook.cell("%analyst add sales.csv --dictionary said.yaml")
    notebook.cell("%analyst add sales.csv")
    assert "without tax" in str(notebook.cell("%analyst describe sales"))
    notebook.cell("%analyst reset")
    notebook.cell("%analyst add sales.csv")
    assert "without tax" not in str(notebook.cell("%analyst describe sales"))


def test_a_mistake_in_a_dictionary_has_its_line_and_changes_nothing(notebook, sales, tmp_path):
    (tmp_path / "said.yaml").write_text(SAID)
    (tmp_path / "wrong.yaml").write_text(SAID.replace("unit: EUR", "units: EUR"))
    notebook.cell("%analyst add sales.csv --dictionary said.yaml")
    error = notebook.error("%analyst describe sales --dictionary wrong.yaml")
    assert (error.code, error.details["line"]) == ("bad_dictionary", 5)
    assert "line 5" in error.message and "columns.price.units" in error.message
    assert notebook.error("%analyst describe sales --dictionary none.yaml").code == "dictionary_not_found"
    assert notebook.error("%analyst describe nothing --dictionary said.yaml").code == "data_unknown"
    assert "without tax" in str(notebook.cell("%analyst describe sales"))


def test_entries_that_do_nothing_are_told_when_the_data_are_added(notebook, sales, tmp_path):
    (tmp_path / "sales.dictionary.yaml").write_text("columns: {prise: {unit: EUR}}\nmeasures: {total: sum(price)}\n")
    shown = str(notebook.cell("%analyst add sales.csv"))
    assert "no column 'prise'. Did you mean 'price'?" in shown and "'price' holds no numbers" in shown
