"""What a person sees of hostile data: text, wherever it is shown or saved.  The host alone, without a browser.

``tests/security/test_inert_output.py`` looks at every place that shows something; here is one attack for each row.
"""

from __future__ import annotations

import csv
import html.parser
import json
from pathlib import Path
from typing import Any

import mistune
import nbformat
import pyarrow as pa
import pytest

from csvanalyst_ext.agent.events import Step
from csvanalyst_ext.answer import Answer
from csvanalyst_ext.errors import Failed
from csvanalyst_ext.execution.base import Artefact, Outcome
from csvanalyst_ext.protocol import Fault
from csvanalyst_ext.rendering import export
from csvanalyst_ext.session.question import Question
from csvanalyst_ext.session.run import Run
from tests.support.fakes import PNG, table_outcome
from tests.support.hostile_text import HOSTILE

LINKS = (
    "![x](http://evil.example/?d=1)",
    "[click](http://evil.example/)",
    "[click][ref]\n\n[ref]: http://evil.example/ 'x'",
    "<http://evil.example/>",
    "http://evil.example/ and www.evil.example",
    '<img src="http://evil.example/x.png">',
    '<svg><image href="http://evil.example/x.svg"/></svg>',
    '<div style="background:url(http://evil.example/)">x</div>',
    "<style>@import 'http://evil.example/'</style>",
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "text[^1]\n\n[^1]: http://evil.example/",
    '<link rel="prefetch" href="//evil.example/">',
    '<iframe src="http://evil.example/"></iframe>',
    "```\n```\n![x](http://evil.example/)",
)
INERT = {
    *("div", "style", "b", "br", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "small", "details"),
    *("summary", "h4", "img", "p", "em", "strong", "span", "ul", "ol", "li", "hr", "h1", "h2", "h3"),
}
STEERS = {chr(number) for number in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


class Active(html.parser.HTMLParser):
    """Everything in a piece of HTML that a browser would do something about."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag not in INERT:
            self.found.append(tag)
        for name, value in given.items():
            if name == "style" and value in ("text-align:left", "text-align:right"):  # of mistune's own tables
                continue
            if name not in ("class", "alt", "src") or (name == "src" and not str(value).startswith("data:image/png;")):
                self.found.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if "evil.example" in data and self.get_starttag_text() == "<style>":
            self.found.append("style")

    def handle_comment(self, data: str) -> None:
        self.found.append("comment")


def answer(text: str) -> Answer:
    """An answer with ``text`` in every place that data, code or a model can fill."""
    table = pa.table({text[:200]: [text, "plain"], "n": [1, 2]})
    fault = Fault("python_error", text, text)
    outcome = table_outcome(table, (text[:40], "BIGINT"), artefacts=(Artefact("image/png", text, PNG),), stdout=text)
    steps = (
        Step("run_python", {"code": text}, "python", text, "error", 0.1, text, fault, Outcome("error", fault)),
        Step("run_sql", {"sql": text}, "sql", text, "ok", 0.1, text, None, outcome),
    )
    question = Question(text, "auto")
    return Answer(
        Run("20260101-000000-000000", question, text, "ok", text, steps, outcome, datasets={text: "0"}, notes=(text,))
    )


def failed(text: str) -> Answer:
    error = Failed("python_error", text, text)
    return Answer(Run("20260101-000000-000000", Question(text, "sql"), "", "error", error=error, notes=(text,)))


def requires_inert(given: Answer) -> dict[str, str]:
    forms = given._repr_mimebundle_()
    assert Active(forms["text/html"]).found == []
    rendered = str(mistune.create_markdown(escape=False, plugins=["url", "footnotes", "table"])(forms["text/markdown"]))
    assert Active(rendered).found == [], forms["text/markdown"]
    for form in forms.values():
        assert not STEERS & set(form) - {"\n"}
    return forms


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.attack(63, "text of every kind in every place of an answer")
def test_text_of_data_stays_text(kind: str) -> None:
    text = HOSTILE[kind].encode("utf-8", "replace").decode()
    for given in (answer(text), failed(text)):
        requires_inert(given)


@pytest.mark.parametrize("text", LINKS)
@pytest.mark.attack(74, "links, pictures and styles in every form")
def test_nothing_in_an_answer_leads_anywhere(text: str) -> None:
    for given in (answer(text), failed(text)):
        requires_inert(given)


@pytest.mark.attack(14, "an error's text in a terminal and in a traceback")
def test_an_error_cannot_steer_a_terminal() -> None:
    for text in HOSTILE.values():
        lines = Failed("python_error", text, text)._render_traceback_()
        assert not STEERS & set("".join(lines))


@pytest.mark.attack(70, "names of columns that repeat or steer what shows them")
def test_names_of_columns_are_text() -> None:
    for text in (*HOSTILE.values(), "n" * 10_000, "", "columns", "__class__"):
        shown = requires_inert(answer(text.encode("utf-8", "replace").decode()))
        assert len(shown["text/plain"]) < 100_000


@pytest.mark.attack(76, "a saved notebook with hostile outputs")
def test_a_saved_notebook_holds_nothing_that_acts(tmp_path: Path) -> None:
    """What is saved is three texts: no script, no widget state, and the plain form says what the others say."""
    notebook = nbformat.v4.new_notebook()
    for text in (*HOSTILE.values(), *LINKS):
        data = requires_inert(answer(text.encode("utf-8", "replace").decode()))
        assert set(data) == {"text/html", "text/markdown", "text/plain"}
        output = nbformat.v4.new_output("display_data", data=dict(data))
        notebook.cells.append(nbformat.v4.new_code_cell("%%analyst", outputs=[output]))
    path = tmp_path / "saved.ipynb"
    nbformat.write(notebook, path)
    nbformat.validate(notebook)
    saved = json.loads(path.read_text())
    assert "widgets" not in saved["metadata"]
    kinds = {kind for cell in saved["cells"] for output in cell["outputs"] for kind in output["data"]}
    assert kinds == {"text/html", "text/markdown", "text/plain"}


FORMULAS = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://evil.example")',
)


@pytest.mark.xfail(
    strict=True,
    reason="before Python 3.13 the CSV writer does not quote a lone carriage return: what follows it starts a new cell",
)
@pytest.mark.attack(64, "cells and names that a spreadsheet would run, exported")
def test_an_exported_cell_is_never_a_formula(tmp_path: Path) -> None:
    given = pa.table({"=1+1": [*FORMULAS, "plain", "1", "-5"], "n": pa.array([-1] * 11, pa.int64())})
    export.write(given, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    cells: list[Any] = [row[0] for row in rows]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    assert [row[1] for row in rows[1:]] == ["-1"] * 11, "a number is no formula"
    assert given.column(0).to_pylist()[0] == FORMULAS[0], "the value in memory is what it was"
