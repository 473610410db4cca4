"""Progress: one display that is updated in place and ends empty."""

import io

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from csvanalyst_ext.agent.events import Prose, Thinking, ToolEnded, ToolProgress, ToolStarted
from csvanalyst_ext.frontends import progress
from csvanalyst_ext.views.activity import Activity


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(progress, "_QUIET_START", 0.0)
    monkeypatch.setattr(progress, "_BETWEEN", 0.0)


@pytest.fixture
def published():
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.display_pub = CapturingDisplayPublisher(shell=shell)
    yield shell.display_pub.outputs
    InteractiveShell.clear_instance()


def test_one_display_is_updated_and_ends_empty(at_once, published):
    shown = progress.NotebookProgress()
    shown.event(ToolStarted("1", "run_sql", {}))
    shown.event(ToolProgress("1", 120_000, 2**20))
    shown.end()
    identities = {output["transient"]["display_id"] for output in published}
    assert len(identities) == 1
    assert [output["update"] for output in published] == [False, True, True]
    assert "120,000 rows, 1.0 MiB" in published[1]["data"]["text/html"]
    assert published[-1]["data"] == {"text/html": "", "text/plain": ""}


def test_work_that_is_over_at_once_shows_nothing(published):
    shown = progress.NotebookProgress()
    shown.event(ToolStarted("1", "run_sql", {}))
    shown.end()
    assert published == []


def test_what_a_tool_says_of_itself_is_inert_in_progress_too(at_once, published):
    shown = progress.NotebookProgress()
    shown.event(ToolEnded("1", "<script>", "ok", "<img src=x>\x1b[31m", 0.1))
    assert "<script>" not in published[0]["data"]["text/html"]
    assert "<img" not in published[0]["data"]["text/html"]
    assert "\x1b" not in published[0]["data"]["text/html"]


def test_a_terminal_gets_one_line_that_is_erased(at_once):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    shown = progress.for_terminal(stream)
    shown.event(ToolStarted("1", "run_sql", {}))
    shown.end()
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_a_pipe_gets_nothing(at_once):
    stream = io.StringIO()
    shown = progress.for_terminal(stream)
    shown.event(ToolStarted("1", "run_sql", {}))
    shown.end()
    assert stream.getvalue() == ""


def test_the_line_tells_what_goes_on_and_the_steps_what_is_done():
    activity = Activity(10.0)
    activity.take(Thinking(2))
    assert activity.line(11.5) == "asking the model (step 2) · 1.5 s"
    activity.take(ToolStarted("1", "add", {"source": "flights.csv"}))
    assert activity.line(12.0) == "adding flights.csv · 2.0 s"
    activity.take(ToolEnded("1", "run_sql", "refused", "DROP is not allowed", 0.012))
    assert activity.steps == ("✗ run_sql: DROP is not allowed (12 ms)",)
    activity.take(Prose("x"))
    assert activity.line(12.0).startswith("writing the answer")
