"""What of a text column may mean NULL, offered to the person."""

from __future__ import annotations

from csvanalyst_ext.datasets.model import ColumnProfile
from csvanalyst_ext.datasets.nulls import offers
from csvanalyst_ext.datasets.report import checked_report, dataset_from_report


def text(name: str, *words: tuple[str, int]) -> ColumnProfile:
    return ColumnProfile(name, "VARCHAR", null_words=words)


def test_each_column_is_offered_with_the_option_that_changes_it() -> None:
    assert offers([text("tailnum", ("NA", 2512)), text("other"), text("Tail No", ("-", 1), ("n/a", 1))]) == (
        "The text column 'tailnum' holds 'NA' 2,512 times, kept as text; "
        "to read them as NULL, add the data again with --null tailnum.",
        "The text column 'Tail No' holds '-' once and 'n/a' once, kept as text; "
        "to read them as NULL, add the data again with --null 'Tail No'.",
    )


def test_many_columns_are_named_in_one_sentence() -> None:
    said = offers([text(f"c{n}", ("NA", 2)) for n in range(40)])
    assert len(said) == 6
    assert said[-1].endswith("'c13', 'c14' and 25 more.")


def test_the_offer_is_a_note_of_delimited_text_and_not_of_data_whose_values_have_types() -> None:
    column = {"name": "t", "type": "VARCHAR", "null_words": [["NA", 2]]}
    report = checked_report({"rows": 3, "columns": [column]})
    assert report["columns"][0]["null_words"] == [["NA", 2]]
    notes = {
        kind: dataset_from_report("t", "t.csv", kind, "0" * 64, "t.parquet", 1, report).notes
        for kind in ("csv", "parquet")
    }
    assert len(notes["csv"]) == 1 and notes["parquet"] == ()
