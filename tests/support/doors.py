"""Every way by which a text reaches a notebook, as the MIME bundles that it becomes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from csvanalyst_ext.agent.events import Prose, Step, Thinking, ToolEnded, ToolStarted, Usage
from csvanalyst_ext.answer import Answer
from csvanalyst_ext.capsules.store import Capsule, Summary
from csvanalyst_ext.datasets.model import ColumnProfile, Dataset
from csvanalyst_ext.errors import DataError
from csvanalyst_ext.execution.base import Artefact, Outcome
from csvanalyst_ext.execution.docker_doctor import Finding
from csvanalyst_ext.protocol import Fault
from csvanalyst_ext.session.question import Question
from csvanalyst_ext.session.run import Run, error_of
from csvanalyst_ext.views import html, pages
from csvanalyst_ext.views.activity import Activity
from tests.support.fakes import PNG, table_outcome
from tests.support.inert import ERROR

Bundle = Mapping[str, str]
TABLE = pa.table({"carrier": ["UA", None], "flights": [58665, 54635]})


def answer(outcome: Outcome | None = None, **more: Any) -> Answer:
    """An ordinary answer, with these parts of its run put in their place."""
    outcome = outcome or table_outcome(TABLE, ("VARCHAR", "BIGINT"))
    step = Step("run_sql", {"sql": "SELECT 1"}, "sql", "SELECT 1", "ok", 0.012, "", None, outcome)
    defaults: dict[str, Any] = {
        "id": "20260131-142233-3fa9c1",
        "question": Question("How many flights?"),
        "model": "offline/planner",
        "status": "ok",
        "timings": {"total": 0.25},
        "capsule": Path("/home/a/capsules/20260131-142233-3fa9c1"),
        "steps": (step,),
        "result": outcome,
    }
    return Answer(Run(**{**defaults, **more}))


def shown(page: Any) -> Bundle:
    bundle: Bundle = page._repr_mimebundle_()
    return bundle


def carried(text: str) -> str:
    """What of a text Arrow can carry: anything but lone surrogates."""
    return text.encode("utf-8", "replace").decode()


# --- an answer's parts ------------------------------------------------------------------------------


def cell(text: str) -> list[Bundle]:
    value = carried(text)
    nested = pa.array([{"a": [value]}])
    table = pa.table({"s": [value], "long": [value * 50], "list": [[value]], "struct": nested, "b": [value.encode()]})
    return [shown(answer(table_outcome(table)))]


def column_name(text: str) -> list[Bundle]:
    value = carried(text)
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=[value, value, ""])
    return [shown(answer(table_outcome(table))), shown(answer(table_outcome(pa.table({"a": [1]}), (text[:4096],))))]


def prose(text: str) -> list[Bundle]:
    return [shown(answer(prose=text)), shown(answer(prose=f"before {text}\n\n{text}\nafter **{text}** `{text}`"))]


def stdout(text: str) -> list[Bundle]:
    return [shown(answer(Outcome("ok", stdout=text))), shown(answer(Outcome("ok", stdout=f"{text}\n{text * 300}")))]


def question_text(text: str) -> list[Bundle]:
    summary = Summary("20260131-142233-3fa9c1", Path("/x"), text, "auto", text, "ok", 1, 0.1)
    return [shown(answer(question=Question(text or "x"))), shown(pages.runs([summary]))]


def model_name(text: str) -> list[Bundle]:
    from csvanalyst_ext.config import Settings

    settings = Settings()
    return [shown(answer(model=text)), shown(pages.status(settings, {"provider": "docker", "image": text}, [], text))]


def chart_title(text: str) -> list[Bundle]:
    return [shown(answer(Outcome("ok", artefacts=(Artefact("image/png", text, PNG), Artefact(text, text, PNG)))))]


def step(text: str) -> list[Bundle]:
    fault = Fault("sql_error", text, text)
    steps = (
        Step("run_sql", {"sql": text}, "sql", text, "error", 0.1, text, fault, None),
        Step("run_python", {"code": text}, "python", text, "ok", 0.1, text, None, Outcome("ok")),
        Step(text, {text: [text]}, "", "", "error", 0.1, text, fault, None),
    )
    return [shown(answer(steps=steps, usage=Usage(1, 100, 10, 0.0012)))]


def note(text: str) -> list[Bundle]:
    return [shown(answer(notes=(text, f"a {text}")))]


# --- errors -----------------------------------------------------------------------------------------


def error_text(text: str) -> list[Bundle]:
    fault = Fault("sql_error", text, "")
    error = error_of("error", fault)
    assert error is not None
    failed = answer(Outcome("error", fault), status="error", error=error, prose=text)
    return [shown(failed), *raised(error)]


def hint(text: str) -> list[Bundle]:
    error = DataError("csv_ragged", "Line 3 is short.", text, found=text)
    return [shown(answer(Outcome("ok"), status="error", error=error)), *raised(error)]


def raised(error: Exception) -> list[Bundle]:
    """What a notebook keeps of an error: its traceback, and its text as ``evalue``."""
    traceback = "\n".join(error._render_traceback_())  # type: ignore[attr-defined]
    return [{ERROR: traceback}, {"text/plain": str(error)}]


# --- data sets and pages -----------------------------------------------------------------------------


def _dataset(name: str = "t", source: str = "t.csv", column: str = "a", value: str = "x", note: str = "") -> Dataset:
    columns = (
        ColumnProfile(column, "VARCHAR", 0, 1, value, value, (value, value), True),
        ColumnProfile(column, value, minimum=value, maximum=value),
    )
    return Dataset(
        name, source, "csv", "0" * 64, "t.parquet", 1, 10, columns, (note,) if note else (), {"quote": value}
    )


def _pages(dataset: Dataset) -> list[Bundle]:
    from csvanalyst_ext.config import Settings

    both = [dataset, dataset]
    status = pages.status(Settings(), {}, [dataset], "offline/planner")
    found = [pages.added([dataset], 0.1), pages.added(both, 0.1), pages.profile(dataset)]
    return [*map(shown, found), shown(status)]


def file_name(text: str) -> list[Bundle]:
    error = DataError("data_missing", f"There is no file {text}.", f"Look at {text!r}.", path=text)
    return [*_pages(_dataset(source=text)), *raised(error)]


def table_name(text: str) -> list[Bundle]:
    return _pages(_dataset(name=text))


def profile(text: str) -> list[Bundle]:
    return _pages(_dataset(column=text, value=text, note=text))


def finding(text: str) -> list[Bundle]:
    return [shown(pages.doctor([Finding(text, text, text, "bad", text)]))]


def progress(text: str) -> list[Bundle]:
    activity = Activity(0.0)
    found: list[Bundle] = []
    for event in (
        Thinking(1),
        ToolStarted("1", text, {"source": text}),
        ToolStarted("1", "add", {"source": text}),
        ToolEnded("1", text, "error", text, 0.1),
        Prose(text),
    ):
        activity.take(event)
        line = activity.line(1.0)
        found.append({"text/html": html.progress(line, activity.steps), "text/plain": line})
    return found


def capsule(text: str) -> list[Bundle]:
    """A capsule that somebody else wrote."""
    fault = {"code": text, "message": text, "hint": text}
    steps = [{"tool": text, "status": text, "seconds": 0.1, "code": text, "fault": fault}]
    record: dict[str, Any] = {
        "error": fault, "status": text, "started": text, "mode": text, "model": text, "timings": {"total": 0.1},
        "facts": {"image": text}, "datasets": {text: text}, "question": text, "prose": text, "steps": steps,
        "result": None, "notes": [text],
    }  # fmt: skip
    summary = Summary(text, Path(text.replace("\0", "")), text, text, text, text, 1, 0.1)
    return [shown(pages.run(Capsule("20260131-142233-3fa9c1", Path("/x"), record))), shown(pages.runs([summary]))]


DOORS: Mapping[str, Callable[[str], list[Bundle]]] = {
    made.__name__: made
    for made in (
        cell, column_name, prose, stdout, question_text, model_name, chart_title, step, note, error_text, hint,
        file_name, table_name, profile, finding, progress, capsule,
    )
}  # fmt: skip


# --- all at once --------------------------------------------------------------------------------------


def everywhere(text: str) -> Answer:
    """An answer with ``text`` in every place that data, a model or the sandbox can fill."""
    value = carried(text)
    table = pa.table({value: [value, value * 50], "n": [1, 2]})
    outcome = table_outcome(table, (text[:100], "BIGINT"), stdout=text, artefacts=(Artefact("image/png", text, PNG),))
    fault = Fault("sql_error", text, text)
    steps = (
        Step("run_sql", {"sql": text}, "sql", text, "ok", 0.1, "", None, outcome),
        Step("run_python", {"code": text}, "python", text, "error", 0.1, text, fault),
        Step(text, {text: text}, "", "", "error", 0.1, text, fault),
    )
    error = error_of("error", fault)
    return answer(outcome, prose=f"{text}\nafter", steps=steps, model=text, status="error", error=error, notes=(text,))
