"""Nothing that comes from data, a model, a provider or the sandbox is alive where it is shown (attack cases
14, 63, 64, 70, 72, 74, 75, 76 and 78, as far as they can be told without a browser)."""

from __future__ import annotations

import io
import json
import logging
import traceback
from pathlib import Path
from typing import Any

import nbformat
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.errors import AnalystError, DataError, Failed
from csvanalyst_ext.execution.base import Outcome
from csvanalyst_ext.frontends import cli
from csvanalyst_ext.frontends.magic import AnalystMagics
from csvanalyst_ext.frontends.progress import TerminalProgress
from csvanalyst_ext.protocol import Fault
from csvanalyst_ext.safe_text import HIDDEN
from tests.support import inert
from tests.support.doors import DOORS, answer, shown
from tests.support.fakes import FakeModel, open_fake, table_outcome
from tests.support.hostile_text import HOSTILE

# --- the checker itself -----------------------------------------------------------------------------

_MARKUP = [name for name, text in HOSTILE.items() if "<" in text and name != "other schemes"]  # a plain <b>


@pytest.mark.parametrize("name", _MARKUP)
def test_the_checker_sees_hostile_html(name: str) -> None:
    assert inert.html(f"<div>{HOSTILE[name]}</div>")


@pytest.mark.parametrize(
    "name",
    [
        "script", "remote image", "svg image", "css url", "css import", "link", "data link", "iframe", "entities",
        "markdown image", "markdown image with a title", "markdown link", "markdown reference", "markdown footnote",
        "inline footnote", "autolink", "bare link", "bare domain", "mail", "definition", "wiki and directives",
        "heading", "lists", "formula", "formula environment", "formula link", "formula over lines", "bidi", "ansi",
        "c1", "osc 8",
    ],
)  # fmt: skip
def test_the_checker_sees_hostile_markdown(name: str) -> None:
    text = HOSTILE[name] if name != "entities" else HOSTILE[name].replace("&lt;", "<").replace("&gt;", ">")
    assert inert.markdown(text)


@pytest.mark.parametrize(
    ("style", "what"),
    [
        (".csva{background:url(http://evil.example/x.png)}", "url"),
        (".csva{background:image-set('http://evil.example/x.png' 1x)}", "image-set()"),
        ("@import 'http://evil.example/x.css';", "at-rule"),
        ("body{display:none}", "selector"),
        (".csva,body{color:red}", "selector"),
        (".csva{position:fixed}", "position"),
    ],
)
def test_the_checker_sees_styles_that_load_or_leave_their_place(style: str, what: str) -> None:
    (found,) = inert.html(f"<div><style>{style}</style></div>")
    assert what in found


@pytest.mark.parametrize("name", ["ansi", "osc 8", "osc 52", "c1", "bidi", "null", "backspace", "tags", "zero width"])
def test_the_checker_sees_what_steers_a_terminal(name: str) -> None:
    assert inert.active({"text/plain": HOSTILE[name]})


def test_the_checker_knows_no_other_form() -> None:
    assert inert.active({"text/latex": "x"})
    assert inert.active({"application/javascript": "x"})


def test_the_checker_lets_ordinary_text_pass() -> None:
    forms = {"text/plain": "a\tb\n日本", "text/html": "<div>a &amp; b</div>", "text/markdown": "a\n\n| b |"}
    assert inert.active(forms) == []


# --- in a notebook ----------------------------------------------------------------------------------


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("door", DOORS)
def test_nothing_hostile_is_alive_in_any_form(door: str, name: str) -> None:
    for bundle in DOORS[door](HOSTILE[name]):
        assert inert.active(bundle) == []


_PIECES = st.sampled_from(
    [
        *"<>&\"'`*_[]()!#|~$\\{}@:/.=^-+%\n\r\t \x1b\x9b\u202e\u200d",
        "http://",
        "www.",
        "<img src=",
        "![",
        "](",
        "\\(",
        "$$",
    ]
)
_MIXED = st.lists(_PIECES | st.text(max_size=4) | st.sampled_from(list(HOSTILE.values())), max_size=12).map("".join)


@pytest.mark.parametrize("door", ["cell", "column_name", "prose", "stdout", "step", "error_text", "note"])
@given(text=_MIXED)
@settings(max_examples=40, deadline=None)
def test_no_mixture_of_pieces_is_alive(door: str, text: str) -> None:
    for bundle in DOORS[door](text):
        assert inert.active(bundle) == []


@given(text=st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_what_is_shown_still_tells_what_was_there(text: str) -> None:
    """Escaping is no reason to lose text: letters and digits are all shown, in their order."""
    said = "".join(c for c in text if c.isalnum() and c.isascii())
    drawn = shown(answer(notes=(text,)))["text/plain"].split("note: ", 1)[1]
    kept = "".join(c for c in drawn if c.isalnum() and c.isascii())
    for character in said:
        found = kept.find(character)
        assert found >= 0
        kept = kept[found + 1 :]


@pytest.mark.parametrize("count", [1, 2_000])
def test_whatever_it_is_given_an_answer_stays_small_enough_to_open(count: int) -> None:
    big = "$\\<\u202e" * 50_000
    table = pa.Table.from_arrays([pa.array([big] * 25)] * 60, names=["c"] * 60)
    fault = Fault("sql_error", big, big)
    given_ = answer(
        table_outcome(table, stdout=big),
        prose=big,
        notes=(big,) * count,
        status="error",
        error=Failed("sql_error", big, big),
        steps=(*answer().steps, *(answer().steps[0],) * min(count, 200)),
        model=big,
    )
    assert fault.message == big
    for form in shown(given_).values():
        assert len(form) < 6_000_000


# --- in a real shell ----------------------------------------------------------------------------------


class Notebook:
    """A real IPython shell with the magics, over a fake sandbox that answers ``SELECT 1`` with ``outcome``."""

    def __init__(self, home: Path, outcome: Outcome | Exception, model: FakeModel | None = None) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.CSVAnalyst.home = str(home)
        self.shell = InteractiveShell(config=config)
        make = lambda given: open_fake(given, {"SELECT 1": outcome}, gateway=model or FakeModel())  # noqa: E731
        self.magics = AnalystMagics(self.shell, lambda settings: Analyst(settings, make=make))
        self.shell.register_magics(self.magics)

    def output(self, cell: str) -> inert.Mapping[str, str]:
        """What a notebook would keep of the cell: a bundle, or an error."""
        done = self.shell.run_cell(cell)
        if done.error_in_exec is None:
            bundle, _ = self.shell.display_formatter.format(done.result)
            return bundle
        error = done.error_in_exec
        assert isinstance(error, AnalystError), error
        return {inert.ERROR: "\n".join(error._render_traceback_()), "text/plain": str(error)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_cell_that_fails_prints_nothing_that_steers(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    text = HOSTILE[name]
    failed = Outcome("error", Fault("sql_error", text[:8000], text[:8000]), stdout=text)
    notebook = Notebook(tmp_path, failed, FakeModel(text if text.strip() else "x"))
    try:
        with caplog.at_level(logging.DEBUG):
            for cell in ("%%analyst\nSQL: SELECT 1", "%%analyst\nHow many?", f"%analyst add {text!r}", "%analyst runs"):
                assert inert.active(notebook.output(cell)) == []
    finally:
        notebook.magics.close()
    written = capsys.readouterr()
    assert inert.steering(written.out) == []
    assert inert.steering(written.err) == []
    assert inert.steering(caplog.text) == []


def test_an_uncaught_error_of_ours_steers_no_terminal_in_plain_python() -> None:
    error = DataError("csv_ragged", HOSTILE["osc 8"], HOSTILE["ansi clear"], found=HOSTILE["c1"])
    assert inert.steering("".join(traceback.format_exception(error))) == []
    assert inert.steering(repr(error)) == []


def test_a_notebook_holds_nothing_that_runs_when_it_is_opened_later(tmp_path: Path) -> None:
    """Case 76: the saved file has our three forms, no widget state and nothing that a viewer would execute."""
    outcome = table_outcome(pa.table({"a": [HOSTILE["script"], HOSTILE["remote image"]]}), stdout=HOSTILE["osc 8"])
    notebook = Notebook(tmp_path, outcome)
    try:
        bundle = notebook.output("%%analyst\nSQL: SELECT 1")
    finally:
        notebook.magics.close()
    output = nbformat.v4.new_output("execute_result", bundle)
    saved = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])]))
    kept = json.loads(saved)
    (read,) = kept["cells"][0]["outputs"]
    assert set(read["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert inert.active({kind: "".join(lines) for kind, lines in read["data"].items()}) == []
    assert "widgets" not in kept["metadata"]


# --- in a terminal and for programs -------------------------------------------------------------------


class Shell:
    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self._capsys = capsys
        self.answers: dict[str, Outcome | Exception] = {}
        make = lambda settings: open_fake(settings, self.answers, gateway=FakeModel("x"))  # noqa: E731
        monkeypatch.setattr(cli, "Analyst", lambda settings: Analyst(settings, make=make))
        monkeypatch.setenv("CSVANALYST_HOME", str(home))
        monkeypatch.delenv("SANDBOX_PROVIDER", raising=False)

    def run(self, *words: str) -> tuple[int, str, str]:
        try:
            code = cli.main(list(words))
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *self._capsys.readouterr()


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    return Shell(capsys, monkeypatch, tmp_path / "home")


def _outcomes(text: str) -> list[Outcome]:
    table = pa.table({text.encode("utf-8", "replace").decode(): [text.encode("utf-8", "replace").decode()]})
    return [
        table_outcome(table, stdout=text),
        Outcome("error", Fault("sql_error", text[:8000], text[:8000]), stdout=text),
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_the_command_line_writes_nothing_that_steers_a_terminal(name: str, terminal: Shell) -> None:
    for outcome in _outcomes(HOSTILE[name]):
        terminal.answers["SELECT 1"] = outcome
        _, out, err = terminal.run("ask", "SQL: SELECT 1")
        assert inert.steering(out) == []
        assert inert.steering(err) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_json_holds_the_exact_values_and_steers_no_terminal(name: str, terminal: Shell) -> None:
    text = HOSTILE[name]
    for outcome in _outcomes(text):
        terminal.answers["SELECT 1"] = outcome
        _, out, err = terminal.run("ask", "--json", "SQL: SELECT 1")
        assert inert.steering(out + err) == []
        (line,) = out.removesuffix("\n").split("\n")
        read = json.loads(line)
        assert read["stdout"] == text
        assert read["rows"] == ([[text.encode("utf-8", "replace").decode()]] if outcome.table is not None else [])


@pytest.mark.parametrize("name", ["ansi", "osc 8", "c1", "bidi", "carriage return"])
@pytest.mark.parametrize(
    "words", [("ask", "--nonsense{}", "x"), ("{}",), ("ask", "--mode", "{}", "x"), ("ask", "--max-rows", "{}", "x"),
              ("ask", "--out", "{}", "x"), ("ask", "--data", "{}.csv", "--", "x"), ("batch", "{}"), ("image", "{}")]
)  # fmt: skip
def test_a_word_of_the_command_line_that_is_repeated_steers_nothing(
    words: tuple[str, ...], name: str, terminal: Shell
) -> None:
    code, out, err = terminal.run(*(word.format(HOSTILE[name]) for word in words))
    assert code != 0
    assert inert.steering(out + err) == []


def test_an_error_that_nobody_foresaw_steers_no_terminal(terminal: Shell) -> None:
    terminal.answers["SELECT 1"] = RuntimeError(f"boom {HOSTILE['osc 8']}")
    code, out, err = terminal.run("ask", "SQL: SELECT 1")
    assert code == 1
    assert "boom" in err
    assert inert.steering(out + err) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_the_progress_line_of_a_terminal_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from csvanalyst_ext.agent.events import ToolStarted
    from csvanalyst_ext.frontends import progress

    monkeypatch.setattr(progress, "_QUIET_START", 0.0)
    monkeypatch.setattr(progress, "_BETWEEN", 0.0)
    stream = io.StringIO()
    bar = TerminalProgress(stream)
    bar.event(ToolStarted("1", "add", {"source": HOSTILE[name]}))
    bar.end()
    ours = stream.getvalue().replace("\r\x1b[2K", "")
    assert inert.steering(ours) == []
    assert "\n" not in ours


# --- secrets ------------------------------------------------------------------------------------------

KEY = "canary-7f3a9c1d5e"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return KEY


@pytest.mark.parametrize("door", ["prose", "model_name", "note", "step", "error_text", "hint", "finding", "file_name"])
def test_a_key_is_hidden_wherever_words_about_what_happened_are_shown(door: str, key: str) -> None:
    """Code is excepted: it is what ran, to the letter, and neither a model nor the sandbox has a key."""
    bundles: list[Any] = [bundle for bundle in DOORS[door](f"It said: {key}.") if door != "step"]
    if door == "step":
        from csvanalyst_ext.agent.events import Step

        fault = Fault("sql_error", f"It said: {key}.", key)
        bundles = [shown(answer(steps=(Step("run_sql", {}, "sql", "SELECT 1", "error", 0.1, "", fault),)))]
    for bundle in bundles:
        assert key not in "".join(bundle.values())
        assert any(HIDDEN in form for form in bundle.values()) or door in ("hint", "step", "finding", "file_name")


def test_an_error_keeps_no_key(key: str) -> None:
    error = AnalystError("x", f"proxy http://user:hunter22@proxy:1 said {key}", f"sk-abcdefgh12345678 {key}")
    told = f"{error} {error!r} {error.to_json()} {error._render_traceback_()} {traceback.format_exception(error)}"
    for secret in (key, "hunter22", "abcdefgh12345678"):
        assert secret not in told


def test_ordinary_names_are_not_taken_for_keys() -> None:
    text = "There is no column skyscraper_id2; close: hf_readings, pk_orders_2024, task-skill-level-12, sk_id."
    assert AnalystError("x", text).message == text
