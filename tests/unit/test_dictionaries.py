"""Data dictionaries: what is read, what is refused, and that the planner uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from csvanalyst_ext.datasets.dictionary import Reference
from csvanalyst_ext.datasets.formats import format_of
from csvanalyst_ext.datasets.sources import FileSource
from csvanalyst_ext.errors import DataError
from csvanalyst_ext.planning.followups import follow_up
from csvanalyst_ext.planning.formula import read_formula
from csvanalyst_ext.planning.schema import Column, NamedMeasure, Table
from csvanalyst_ext.planning.understand import Understood, understand
from csvanalyst_ext.session.dictionaries import of_source, read

TEXT = """
version: 1
description: One row for each sale.
synonyms: [deals]
columns:
  amt: {description: price paid, unit: EUR, synonyms: [turnover]}
measures:
  revenue: {function: sum, column: amt}
references:
  - {columns: [cust], refers_to: [customers.id]}
"""


def test_a_dictionary_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sales.dictionary.yaml"
    file.write_text(TEXT, "utf-8")
    found = read(file)
    assert found.synonyms == ("deals",)
    assert found.column("amt").unit == "EUR" and found.column("amt").synonyms == ("turnover",)
    assert found.references == (Reference(("cust",), "customers", ("id",)),)


def test_the_file_beside_the_data_is_found(tmp_path: Path) -> None:
    data = tmp_path / "sales.csv"
    data.write_text("amt\n1\n", "utf-8")
    source = FileSource(data, format_of(data), str(data), "sales")
    assert of_source(source, None) is None
    (tmp_path / "sales.dictionary.yaml").write_text(TEXT, "utf-8")
    found = of_source(source, None)
    assert found is not None and found.description == "One row for each sale."


@pytest.mark.parametrize(
    "text",
    ["- a", "colums: {}", "version: 2", "columns: [a]", "synonyms: {a: b}",
     "measures: {m: {function: product, column: a}}",
     "references: [{columns: [a, b], refers_to: [t.k]}]", "a: &x 1\nb: *x", "description: !!python/object:os.system x",
     "x: " + "[" * 100, "description: " + "x" * 70_000],
)  # fmt: skip
def test_what_is_not_a_dictionary_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "d.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        read(file)
    assert caught.value.code == "bad_dictionary"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    data = tmp_path / "sales.csv"
    with pytest.raises(DataError) as caught:
        of_source(FileSource(data, format_of(data), "sales.csv", "sales"), tmp_path / "none.yaml")
    assert caught.value.code == "dictionary_not_found"


SALES = Table(
    "sales", 50,
    (
        Column("region", "VARCHAR", distinct=2, values=("North", "South"), complete=True),
        Column("amt", "DOUBLE", distinct=40, minimum="1", maximum="99", synonyms=("turnover",), unit="EUR"),
    ),
    synonyms=("deals",), measures=(NamedMeasure("revenue", read_formula("sum(amt)")),),
)  # fmt: skip


@pytest.mark.parametrize("question", ["How many deals are there?", "average turnover by region", "revenue by region"])
def test_the_planner_uses_its_words(question: str) -> None:
    assert isinstance(understand(question, (SALES,)), Understood)


def test_a_follow_up_is_the_question_before_with_a_part_exchanged() -> None:
    found = follow_up(["average turnover by region", "only for North"], (SALES,))
    assert found is not None and found[1] == "average turnover by region for North"
    assert follow_up(["average turnover by region", "and the weather?"], (SALES,)) is None
