"""An answer: its parts, its JSON, and three forms to look at in which nothing hostile is alive."""

import html.parser
import json
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from csvanalyst_ext.agent.events import Step, Usage
from csvanalyst_ext.answer import Answer
from csvanalyst_ext.errors import DataError, Refused
from csvanalyst_ext.execution.base import Artefact, Outcome
from csvanalyst_ext.protocol import Fault
from csvanalyst_ext.session.question import Question
from csvanalyst_ext.session.run import Run, error_of
from tests.support.fakes import PNG, table_outcome
from tests.support.hostile_text import HOSTILE

TABLE = pa.table({"carrier": ["UA", None], "flights": [58665, 54635]})


def sql_step(outcome, code="SELECT 1", status="ok", fault=None):
    return Step("run_sql", {"sql": code}, "sql", code, status, 0.012, "", fault, outcome)


def answer(outcome=None, *, prose="", steps=None, **more):
    outcome = outcome or table_outcome(TABLE, ("VARCHAR", "BIGINT"))
    steps = (sql_step(outcome),) if steps is None else steps
    defaults = {
        "id": "20260131-142233-3fa9c1",
        "question": Question("SELECT 1", "sql"),
        "model": "",
        "status": "ok",
        "timings": {"total": 0.25},
        "capsule": Path("/home/a/capsules/20260131-142233-3fa9c1"),
    }
    return Answer(Run(**{**defaults, **more}, prose=prose, steps=steps, result=outcome))


def forms(of):
    return of._repr_mimebundle_()


class Elements(html.parser.HTMLParser):
    """What a browser would make of it: elements with attributes, and texts outside of style."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.texts, self._inside = [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._inside.append(tag)

    def handle_endtag(self, tag):
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self._inside:
            self.texts.append(data)


# --- parts ----------------------------------------------------------------------------------------


def test_the_table_comes_as_arrow_pandas_and_polars():
    given = answer()
    assert given.arrow().equals(TABLE)
    assert isinstance(given.df(), pd.DataFrame)
    assert isinstance(given.pl(), pl.DataFrame)
    assert given.df()["flights"].tolist() == [58665, 54635]


def test_an_answer_without_a_table_says_what_to_do():
    with pytest.raises(DataError) as caught:
        answer(Outcome("ok", stdout="hello")).df()
    assert caught.value.code == "no_table"


def test_the_sql_is_that_of_the_step_that_gave_the_result():
    first, second = table_outcome(TABLE), table_outcome(TABLE)
    given = answer(first, steps=(sql_step(first, "first"), sql_step(second, "second")))
    assert (given.sql, given.code) == ("first", None)


def test_the_python_is_the_code():
    outcome = Outcome("ok", stdout="hi", artefacts=(Artefact("image/png", "f", PNG),))
    step = Step("run_python", {"code": "plot()"}, "python", "plot()", "ok", 0.1, "", None, outcome)
    given = answer(outcome, steps=(step,))
    assert (given.sql, given.code, given.stdout, given.figures) == (None, "plot()", "hi", (PNG,))


def test_a_failed_answer_raises_its_typed_error():
    fault = Fault("sql_write", "DROP is not allowed.", "Use SELECT.", {"code": "DROP", "message": "x"})
    outcome = Outcome("refused", fault)
    given = answer(outcome, status="refused", error=error_of("refused", fault))
    with pytest.raises(Refused) as caught:
        given.raise_for_status()
    assert (caught.value.code, caught.value.details["code"]) == ("sql_write", "DROP")


def test_only_real_png_data_of_steps_that_went_well_is_a_figure():
    outcome = Outcome("ok", artefacts=(Artefact("image/png", "f", b"<svg onload=alert(1)>"),))
    assert answer(outcome).figures == ()


# --- JSON -----------------------------------------------------------------------------------------


def test_the_json_object_has_the_documented_keys_in_plain_values():
    given = answer().json()
    assert list(given) == [
        "status", "answer", "numbers", "columns", "rows", "row_count", "truncated", "sql", "code", "plan", "stdout",
        "steps", "usage", "notes", "chart", "error", "timings", "capsule",
    ]  # fmt: skip
    assert given["columns"] == [{"name": "carrier", "type": "VARCHAR"}, {"name": "flights", "type": "BIGINT"}]
    assert given["rows"] == [["UA", 58665], [None, 54635]]
    assert (given["row_count"], given["truncated"], given["sql"], given["error"]) == (2, False, "SELECT 1", None)
    assert json.loads(json.dumps(given, allow_nan=False)) == given


def test_the_json_of_a_failure_tells_code_message_and_hint():
    fault = Fault("sql_write", "No.", "Use SELECT.", {"node": "DROP"})
    given = answer(Outcome("refused", fault), status="refused", error=error_of("refused", fault)).json()
    assert given["error"] == {"code": "sql_write", "message": "No.", "hint": "Use SELECT."}
    assert (given["rows"], given["columns"], given["row_count"]) == ([], [], 0)


# --- looks ----------------------------------------------------------------------------------------


def test_the_card_shows_prose_table_types_steps_and_the_run():
    given = answer(prose="United flew **most**.", usage=Usage(1, 100, 10, 0.0012))
    shown = forms(given)["text/html"]
    for part in ("<b>most</b>", "carrier", "BIGINT", "58665", "SELECT 1", "passed the gate", "20260131-142233-3fa9c1"):
        assert part in shown
    assert "2 rows × 2 columns" in shown


def test_nulls_look_different_from_the_text_null():
    shown = forms(answer(table_outcome(pa.table({"a": [None, "NULL"]}))))["text/html"]
    assert shown.count('<td style="text-align:left" class="csva-null">NULL</td>') == 1


def test_only_the_first_twenty_rows_are_shown_and_the_note_says_so():
    shown = str(answer(table_outcome(pa.table({"n": list(range(1000, 1100))}))))
    assert "1019" in shown
    assert "1020" not in shown
    assert "first 20 of 100 rows" in shown


def test_a_result_that_a_limit_cut_says_so():
    outcome = Outcome("ok", table=TABLE, row_count=2, total_rows=336_776, truncated=("rows", "cells"))
    shown = str(answer(outcome))
    assert "the result was cut at 2 rows of 336,776" in shown
    assert "long cells were shortened" in shown


def test_numbers_are_set_to_the_right_and_text_is_not():
    shown = forms(answer())["text/html"]
    assert '<td style="text-align:right">58665</td>' in shown
    assert '<td style="text-align:left">UA</td>' in shown


def test_an_error_shows_message_and_hint():
    fault = Fault("sql_write", "DROP is not allowed.", "Use SELECT.")
    given = answer(Outcome("refused", fault), status="refused", error=error_of("refused", fault))
    for form in forms(given).values():
        assert "DROP is not allowed." in form
        assert "Use SELECT." in form


def test_the_card_is_self_contained():
    shown = Elements(forms(answer(prose="x"))["text/html"])
    tags = {tag for tag, _ in shown.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "a", "svg", "base", "meta"}
    assert "url(" not in forms(answer())["text/html"]


def test_the_card_is_left_alone_by_formula_renderers():
    tag, attributes = Elements(forms(answer())["text/html"]).elements[0]
    assert (tag, {"tex2jax_ignore", "mathjax_ignore"} <= set(attributes["class"].split())) == ("div", True)


def hostile(value):
    """An answer with ``value`` in every place that comes from data, from the model or from the sandbox."""
    clean = value.encode("utf-8", "replace").decode()
    outcome = table_outcome(
        pa.table({clean: [clean, clean * 50], "n": [1, 2]}),
        (clean[:100], "BIGINT"),
        stdout=value,
        artefacts=(Artefact("image/png", value, PNG),),
    )
    fault = Fault("sql_error", value, value)
    steps = (
        sql_step(outcome, value),
        sql_step(None, value, "error", fault),
        Step(value, {value: value}, "", "", "error", 0.1, value, fault),
    )
    return answer(
        outcome,
        prose=value,
        steps=steps,
        question=Question(value),
        model=value,
        status="error",
        error=error_of("error", fault),
        notes=(value,),
    )


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_nothing_hostile_is_alive_in_html(value):
    shown = Elements(forms(hostile(value))["text/html"])
    plain = Elements(forms(hostile("x"))["text/html"])
    assert {tag for tag, _ in shown.elements} <= {tag for tag, _ in plain.elements} | {"span", "code"}
    for tag, attributes in shown.elements:
        assert set(attributes) <= {"class", "src", "alt", "style"}
        assert attributes.get("style", "text-align:left") in ("text-align:left", "text-align:right")
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,"), tag
    for piece in shown.texts:
        assert all(c.isprintable() or c in "\n\t" for c in piece)
        assert "$" not in piece.replace("$", "", 1) or len(piece) == 1


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_nothing_hostile_is_alive_in_markdown(value):
    shown = forms(hostile(value))["text/markdown"]
    outside = []
    fence = ""
    for line in shown.split("\n"):
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = line[: len(line) - len(line.lstrip("`"))]
        else:
            outside.append(line)
    text = "\n".join(outside)
    assert fence == ""
    for syntax in ("<script", "<img", "](", "![", "http://", "www.", "a@", "$", "\\", "`", "javascript:"):
        assert syntax not in text
    assert all(c.isprintable() or c in "\n\t" for c in shown)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_nothing_hostile_is_alive_in_plain_text(value):
    assert all(c.isprintable() or c in "\n\t" for c in forms(hostile(value))["text/plain"])


def test_a_card_stays_small_whatever_the_cells_hold():
    wide = pa.table({f"c{i}": ["x" * 100_000] * 30 for i in range(80)})
    assert len(forms(answer(table_outcome(wide)))["text/html"]) < 400_000


# --- what is too wide or too long for a terminal ---------------------------------------------------


def test_a_table_of_200_columns_stays_readable_and_says_what_it_left_out():
    table = pa.table({f"column_{n}": [n, n * 1000] for n in range(200)})
    lines = str(answer(table_outcome(table))).splitlines()
    assert max(map(len, lines)) <= 160
    assert any("more columns not shown here" in line for line in lines)
    assert any("200 columns" in line for line in lines)


def test_long_cells_are_cut_only_where_the_table_would_be_too_wide():
    narrow = pa.table({"text": ["x" * 100]})
    wide = pa.table({"text": ["x" * 100], "other": ["y" * 100], "number": [12]})
    assert "x" * 100 in str(answer(table_outcome(narrow)))
    shown = str(answer(table_outcome(wide)))
    assert "x" * 39 + "…" in shown and "y" * 39 + "…" in shown and "12" in shown and "not shown" not in shown


def test_a_long_error_keeps_its_first_and_its_last_lines():
    message = "\n".join(["Traceback", "z" * 2000, *(f"  line {n}" for n in range(200)), "ValueError: no such thing"])
    error = DataError("python_error", message, "Look at the last line.")
    for lines in (str(answer(status="error", error=error)).splitlines(), error._render_traceback_()):
        assert len(lines) < 40 and max(map(len, lines)) <= 520
        assert any("Traceback" in line for line in lines) and any("no such thing" in line for line in lines)
        assert any("lines left out" in line for line in lines)
