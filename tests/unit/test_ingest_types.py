"""Types of columns: inferred so that no value is lost, and what the profile says of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.messy.reading import Result, fault, ingest

FAR = 3_000  # rows: beyond what the sample of a small file holds


def column(*texts: str, delimiter: str = ",") -> Result:
    """One column of those texts beside a number, so that blank cells are no blank lines."""
    return ingest("x" + delimiter + "n\n" + "".join(f"{text}{delimiter}1\n" for text in texts), delimiter=delimiter)


def far(text: str, usual: str = "5") -> Result:
    """A column of ``usual`` with one ``text`` far down, at line 3,002."""
    return column(*[usual] * FAR, text, usual)


def values(result: Result) -> list[Any]:
    return [row[0] for row in result.rows]


@pytest.mark.parametrize(
    ("texts", "kind", "expected"),
    [
        (["0", "-5", "17"], "BIGINT", [0, -5, 17]),
        (["9223372036854775807", "-9223372036854775808"], "BIGINT", [2**63 - 1, -(2**63)]),
        (["9223372036854775808", "1"], "DECIMAL(38,0)", [Decimal(2**63), Decimal(1)]),
        (["1" * 38, "-1"], "DECIMAL(38,0)", [Decimal("1" * 38), Decimal(-1)]),
        (["1" * 39, "1"], "VARCHAR", ["1" * 39, "1"]),
        (["1", "2.5", ".5", "5.", "-1e-3", "1E5"], "DOUBLE", [1.0, 2.5, 0.5, 5.0, -0.001, 1e5]),
        (["inf", "-inf", "1.5"], "DOUBLE", [float("inf"), float("-inf"), 1.5]),
        (["+1.5", "-2.5"], "DOUBLE", [1.5, -2.5]),
        (["9007199254740993", "0.5"], "VARCHAR", ["9007199254740993", "0.5"]),
        (["1e999", "1"], "VARCHAR", ["1e999", "1"]),
        (["007", "123"], "VARCHAR", ["007", "123"]),
        (["01.5", "2.5"], "VARCHAR", ["01.5", "2.5"]),
        (["-007", "1"], "VARCHAR", ["-007", "1"]),
        (["+4912345", "+4998765"], "VARCHAR", ["+4912345", "+4998765"]),
        (["1_000", "2_000"], "VARCHAR", ["1_000", "2_000"]),
        (["0x1F", "0x2A"], "VARCHAR", ["0x1F", "0x2A"]),
        (["true", "FALSE", "True"], "BOOLEAN", [True, False, True]),
        (["Yes", "No"], "VARCHAR", ["Yes", "No"]),
        (["t", "f"], "VARCHAR", ["t", "f"]),
        (["0", "1"], "BIGINT", [0, 1]),
        (["2013-01-31", "2013-2-1"], "DATE", [date(2013, 1, 31), date(2013, 2, 1)]),
        (["2013/01/31"], "DATE", [date(2013, 1, 31)]),
        (["31.01.2013", "1.2.2013"], "DATE", [date(2013, 1, 31), date(2013, 2, 1)]),
        (["31 Jan 2013", "1 feb 2013"], "DATE", [date(2013, 1, 31), date(2013, 2, 1)]),
        (["31-Jan-2013"], "DATE", [date(2013, 1, 31)]),
        (["2013-02-30", "2013-01-01"], "VARCHAR", ["2013-02-30", "2013-01-01"]),
        (["0013-01-01"], "VARCHAR", ["0013-01-01"]),
        (["infinity", "2013-01-01"], "VARCHAR", ["infinity", "2013-01-01"]),
        (["05:30", "23:59"], "TIME", [time(5, 30), time(23, 59)]),
        (["05:30:01.25"], "TIME", [time(5, 30, 1, 250_000)]),
        (["05:30", "24:10"], "VARCHAR", ["05:30", "24:10"]),
        (["2013-01-31 05:30", "2013-01-31"], "TIMESTAMP", [datetime(2013, 1, 31, 5, 30), datetime(2013, 1, 31)]),
        (["2013-01-31T05:30:01.123456"], "TIMESTAMP", [datetime(2013, 1, 31, 5, 30, 1, 123_456)]),
        (["2013-01-31 05:30:01.123456789"], "VARCHAR", ["2013-01-31 05:30:01.123456789"]),
        (["31/01/2013 5:30 PM"], "TIMESTAMP", [datetime(2013, 1, 31, 17, 30)]),
        (["1.2.3", "1.2.4"], "VARCHAR", ["1.2.3", "1.2.4"]),
        (["12:30:45:10"], "VARCHAR", ["12:30:45:10"]),
    ],
)
def test_texts_become_values_only_when_nothing_is_lost(texts: list[str], kind: str, expected: list[Any]) -> None:
    result = column(*texts)
    assert (result.types[0], values(result)) == (kind, expected)


@pytest.mark.parametrize("text", ["abc", "007", "1.5.2", "+5", "1_000", "0x1F", "1e999", "12 34", "９"])
def test_a_text_far_down_that_is_no_number_keeps_the_column_as_text_and_is_named(text: str) -> None:
    result = far(text)
    assert values(result) == ["5"] * FAR + [text, "5"]
    assert f"1 value does not read as BIGINT, at line {FAR + 2}: '{text}'; kept as text" in result.notes


@pytest.mark.parametrize(
    ("text", "usual", "kind", "value", "usually"),
    [
        ("1.5", "5", "DOUBLE", 1.5, 5.0),
        ("1e3", "5", "DOUBLE", 1000.0, 5.0),
        ("99999999999999999999", "5", "DECIMAL(38,0)", Decimal("99999999999999999999"), Decimal(5)),
        ("NA", "5", "BIGINT", None, 5),
        ("-", "2.5", "DOUBLE", None, 2.5),
        ("NaN", "2.5", "DOUBLE", None, 2.5),
        (" 7 ", "5", "BIGINT", 7, 5),
        ("1e300", "2.5", "DOUBLE", 1e300, 2.5),
        ("N/A", "2013-01-01", "DATE", None, date(2013, 1, 1)),
        ("TRUE", "false", "BOOLEAN", True, False),
        ("null", "true", "BOOLEAN", None, True),
    ],
)
def test_a_value_far_down_can_widen_a_column(text: str, usual: str, kind: str, value: Any, usually: Any) -> None:
    result = far(text, usual)
    assert result.types[0] == kind
    assert values(result) == [usually] * FAR + [value, usually]


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("2013-01-01 10:00", "2013-01-01"),
        ("2013-02-30", "2013-01-01"),
        ("infinity", "2013-01-01"),
        ("2013-01-01 05:00+02", "2013-01-01 05:00:00"),
        ("2013-01-01 05:00:00Z", "2013-01-01 05:00:00"),
        ("2013-01-01 05:00:5Z", "2013-01-01 05:00:00"),
        ("2013-01-01 05:00:00.123456789", "2013-01-01 05:00:00"),
        ("epoch", "2013-01-01 05:00:00"),
        ("01/02/13", "31/12/2013"),
        ("25:00", "05:00"),
        ("yes", "true"),
        ("0.5x", "2.5"),
        ("1_0.5", "2.5"),
        ("00.5", "2.5"),
        ("12345678901234567", "2.5"),
    ],
)
def test_a_text_far_down_that_a_cast_would_change_stays_as_it_is(text: str, usual: str) -> None:
    result = far(text, usual)
    assert values(result) == [usual] * FAR + [text, usual]
    assert f"at line {FAR + 2}: '{text}'; kept as text" in result.notes


def test_lines_are_named_rightly_when_values_span_lines() -> None:
    result = ingest("t,n\n" + '"a\nb",5\n' * FAR + "c,abc\n")
    assert values(result) == ["a\nb"] * FAR + ["c"]
    assert f"at line {2 * FAR + 2}: 'abc'" in result.notes


def test_words_for_missing_values_keep_a_column_of_numbers() -> None:
    result = column("1", "NA", "3", "null", "?", "")
    assert (result.types[0], values(result)) == ("BIGINT", [1, None, 3, None, None, None])
    assert "3 cells hold 'NA' or 'null' or '?', read as NULL" in result.notes


def test_words_for_missing_values_stay_in_a_column_of_texts_and_are_counted() -> None:
    result = column("a", "NA", "-", "", "NA", " NA", "NAN A")
    assert values(result) == ["a", "NA", "-", None, "NA", " NA", "NAN A"]
    assert result.notes == ""
    assert result.profile("x")["null_words"] == [["NA", 2], ["-", 1]]
    assert result.profile("n")["null_words"] == []


def test_words_in_a_column_of_very_many_texts_are_counted_too() -> None:
    result = column(*(f"text {n}" for n in range(15_000)), "NULL", "n/a", "n/a")
    assert result.profile("x")["null_words"] == [["n/a", 2], ["NULL", 1]]


@pytest.mark.parametrize(
    ("word", "usual", "kind"),
    [
        *((word, "5", "BIGINT") for word in ("na", "Na", "n/A", "NONE", "#n/a", ".", "--", "\\N")),
        *(
            (word, usual, kind)
            for word in ("Null", "nAn")
            for usual, kind in (("2.5", "DOUBLE"), ("2013-01-01", "DATE"))
        ),
    ],
)
def test_words_for_missing_values_count_in_any_case_wherever_they_stand(word: str, usual: str, kind: str) -> None:
    near, away = column(usual, word, usual), far(word, usual)
    assert (near.types[0], values(near)[1]) == (away.types[0], values(away)[FAR]) == (kind, None)
    for result in (near, away):
        assert f"1 cell holds '{word}', read as NULL (--text x keeps the column as text)" in result.notes


def wished(data: str, **options: str) -> Result:
    return ingest(data, delimiter=",", **options)


def test_a_column_of_texts_has_null_for_the_words_where_the_person_says_so() -> None:
    data = "tail,country\n" + "N1,NA\nNA,DE\n-,FR\nN2,NA\n" * 2_000
    result = wished(data, null="tail")
    assert result.rows == [("N1", "NA"), (None, "DE"), (None, "FR"), ("N2", "NA")] * 2_000
    assert result.notes == "Column 'tail': 4,000 cells were read as NULL, as --null says."
    assert result.profile("tail")["null_words"] == []
    assert result.profile("country")["null_words"] == [["NA", 4_000]]


def test_one_text_of_any_sort_can_mean_null() -> None:
    result = wished("a,b,c\nx,-999,unknown\nunknown,5,NA\n", null="b=-999\nC=unknown\nc= NA ")
    assert (result.types, result.rows) == (["VARCHAR", "BIGINT", "VARCHAR"], [("x", None, None), ("unknown", 5, None)])


@pytest.mark.parametrize("memory", [700, 64])
def test_such_a_text_far_down_costs_a_column_its_type_no_more(memory: int) -> None:
    data = "n,t\n" + "5,x\n" * 200_000 + "none given,x\n"
    result = ingest(data, delimiter=",", null="n=none given", memory=memory << 20)
    assert (result.types[0], result.rows[-1]) == ("BIGINT", (None, "x"))
    assert "Column 'n': 1 cell was read as NULL, as --null says." in result.notes


def test_a_text_that_means_null_is_no_misfit_when_others_are() -> None:
    result = wished("n,t\n" + "5,x\n" * FAR + "gone,x\nabc,x\n", null="n=gone")
    assert values(result) == ["5"] * FAR + [None, "abc"]
    assert "'abc'; kept as text" in result.notes
    assert "Column 'n': 1 cell was read as NULL, as --null says." in result.notes


def test_a_column_stays_text_where_the_person_says_so() -> None:
    result = wished("zip,n\n1234,NA\nNA,5\n", text="zip\nN")
    assert (result.types, result.rows) == (["VARCHAR", "VARCHAR"], [("1234", "NA"), ("NA", "5")])


def test_a_name_with_an_equals_sign_is_found_as_it_stands() -> None:
    result = wished("a=b,a\nNA,NA\nx,x\n", null="a=b")
    assert result.rows == [(None, "NA"), ("x", "x")]
    assert wished("a=b,a\nNA,NA\nx,x\n", null="a=b=x").rows == [("NA", "NA"), (None, "x")]


def test_a_file_on_the_slow_road_is_read_with_the_same_wishes() -> None:
    result = wished("tail,n\nNA,1\n\nx\n", null="tail", text="n")
    assert (result.types, result.rows) == (["VARCHAR", "VARCHAR"], [(None, "1"), ("x", None)])


def test_an_option_about_a_column_that_is_not_there_is_a_typed_fault() -> None:
    wrong = fault("tail,n\nNA,1\n", null="tial")
    assert (wrong.code, wrong.hint) == ("unknown_column", "There is: 'tail'.")
    assert fault('[{"a": "NA"}]', "json", null="a").code == "option_not_for_format"


def test_a_column_of_nothing_but_such_words_stays_text() -> None:
    assert values(column("NA", "-", "NA")) == ["NA", "-", "NA"]


def test_an_empty_text_is_null_quoted_or_not() -> None:
    assert values(column("a", "", '""')) == ["a", None, None]


def test_a_column_without_any_value_is_text() -> None:
    assert (column("", "").types[0], values(column("", ""))) == ("VARCHAR", [None, None])


def test_mostly_numbers_name_the_text_among_them() -> None:
    result = column(*[str(i) for i in range(30)], "abc")
    assert values(result) == [*map(str, range(30)), "abc"]
    assert "1 value does not read as BIGINT, at line 32: 'abc'" in result.notes


# --- dates, decimals that can be read in two ways -----------------------------------------------------


def test_the_order_of_day_and_month_is_told_by_the_data_and_stated() -> None:
    day_first, month_first = column("13/04/2013", "01/02/2013"), column("04/13/2013", "01/02/2013")
    assert values(day_first) == [date(2013, 4, 13), date(2013, 2, 1)]
    assert values(month_first) == [date(2013, 4, 13), date(2013, 1, 2)]
    assert "day, month, year" in day_first.notes
    assert "month, day, year" in month_first.notes


def test_the_order_is_looked_for_in_the_whole_file() -> None:
    result = far("28/02/2013", "03/04/2013")
    assert values(result) == [date(2013, 4, 3)] * FAR + [date(2013, 2, 28), date(2013, 4, 3)]


def test_dates_that_can_be_read_both_ways_stay_text() -> None:
    result = column("03/04/2013", "01/02/2013")
    assert values(result) == ["03/04/2013", "01/02/2013"]
    assert "both as day/month and as month/day" in result.notes


def test_dates_in_both_orders_stay_text() -> None:
    result = column("31/01/2013", "01/31/2013")
    assert values(result) == ["31/01/2013", "01/31/2013"]
    assert "kept as text" in result.notes


def test_dates_in_both_orders_far_apart_stay_text() -> None:
    result = far("12/31/2013", "31/12/2013")
    assert values(result) == ["31/12/2013"] * FAR + ["12/31/2013", "31/12/2013"]


def test_years_of_two_digits_stay_text_with_advice() -> None:
    result = column("1/2/13", "12/31/13")
    assert values(result) == ["1/2/13", "12/31/13"]
    assert "two digits" in result.notes


def test_times_in_utc_lose_the_letter_z_and_that_is_stated() -> None:
    result = column("2013-01-01T05:00:00Z", "2013-01-01 05:00:01.5Z")
    assert result.types[0] == "TIMESTAMP"
    assert values(result) == [datetime(2013, 1, 1, 5), datetime(2013, 1, 1, 5, 0, 1, 500_000)]
    assert "in UTC (ending in Z)" in result.notes


def test_a_zone_far_down_makes_times_instants() -> None:
    result = far("2013-01-01T05:00:00+02:00", "2013-01-01T05:00:00Z")
    early, late = datetime(2013, 1, 1, 3, tzinfo=UTC), datetime(2013, 1, 1, 5, tzinfo=UTC)
    assert values(result) == [late] * FAR + [early, late]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("7", "BIGINT", 7),
        ("2.5", "DOUBLE", 2.5),
        ("2013-01-31", "DATE", date(2013, 1, 31)),
        ("2013-01-31 05:00:00", "TIMESTAMP", datetime(2013, 1, 31, 5)),
        ("true", "BOOLEAN", True),
        ("007", "VARCHAR", "007"),
        ("abc", "VARCHAR", "abc"),
    ],
)
@pytest.mark.parametrize("blank", ["", "NA"])
def test_a_column_that_starts_empty_is_typed_by_what_comes_late(text: str, kind: str, value: Any, blank: str) -> None:
    result = far(text, blank)
    empty = blank if kind == "VARCHAR" and blank else None
    assert (result.types[0], values(result)) == (kind, [empty] * FAR + [value, empty])


def test_a_column_that_is_empty_throughout_is_text() -> None:
    assert far("", "").types[0] == "VARCHAR"
    assert values(far("NA", "NA")) == ["NA"] * (FAR + 2)


def test_times_with_a_zone_become_instants() -> None:
    result = column("2013-01-01T05:00:00Z", "2013-01-01T05:00:00+02:00")
    assert result.types[0] == "TIMESTAMP WITH TIME ZONE"
    assert values(result) == [datetime(2013, 1, 1, 5, tzinfo=UTC), datetime(2013, 1, 1, 3, tzinfo=UTC)]
    assert "instants in UTC" in result.notes


def test_a_decimal_comma_is_read_where_the_delimiter_is_another_and_stated() -> None:
    result = column("1,5", "-2,25", "3", delimiter=";")
    assert (result.types[0], values(result)) == ("DOUBLE", [1.5, -2.25, 3.0])
    assert "decimal comma" in result.notes


def test_a_comma_before_three_digits_could_be_either_and_stays_text() -> None:
    result = column("1,500", "2,250", delimiter=";")
    assert values(result) == ["1,500", "2,250"]
    assert "decimal or mark thousands" in result.notes


def test_decimal_points_among_decimal_commas_stay_text() -> None:
    assert values(column("1,5", "1.234,50", delimiter=";")) == ["1,5", "1.234,50"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["$1,234.50", "$5"], "currency"),
        (["1,234", "5,678,901"], "thousands"),
        (["12%", "3.5 %"], "percentages"),
        (["01234", "98765"], "leading zeros"),
    ],
)
def test_numbers_in_disguise_stay_text_with_advice(texts: list[str], said: str) -> None:
    result = column(*[f'"{text}"' for text in texts])
    assert values(result) == texts
    assert said in result.notes


# --- profile ------------------------------------------------------------------------------------------


def test_the_profile_counts_nulls_and_distinct_values_exactly() -> None:
    result = ingest("a,b\n" + "".join(f"{i % 7},{'x' if i % 3 else ''}\n" for i in range(2_000)))
    assert result.profile("a") == {
        "name": "a",
        "type": "BIGINT",
        "nulls": 0,
        "distinct": 7,
        "minimum": "0",
        "maximum": "6",
        "values": [],
        "all_values": False,
        "words": [],
        "null_words": [],
    }
    assert result.profile("b") | {"nulls": 667, "distinct": 1, "values": ["x"]} == result.profile("b")


def test_frequent_texts_come_first_and_say_whether_they_are_all() -> None:
    few = ingest("a,n\n" + "x,1\n" * 3 + "y,1\n" * 5 + "z,1\n")
    assert (few.profile("a")["values"], few.profile("a")["all_values"]) == (["y", "x", "z"], True)
    many = ingest("a,n\n" + "".join(f"t{i},1\n" for i in range(60)) + "t7,1\n")
    assert many.profile("a")["values"][0] == "t7"
    assert (len(many.profile("a")["values"]), many.profile("a")["all_values"]) == (50, False)
    assert many.profile("a")["distinct"] == 60


def test_long_texts_are_cut_in_the_profile_only() -> None:
    result = ingest(f"a,n\n{'x' * 500},1\n")
    assert result.profile("a")["values"] == ["x" * 200]
    assert result.rows == [("x" * 500, 1)]


def test_many_different_texts_are_sampled_and_that_is_said() -> None:
    result = ingest("a,n\n" + "".join(f"t{i},1\n" for i in range(40_000)))
    assert "come from a sample" in result.notes
    assert abs(result.profile("a")["distinct"] - 40_000) < 4_000


def test_the_words_of_truth_values_are_reported() -> None:
    assert column("TRUE", "FALSE", "TRUE").profile("x")["words"] == ["TRUE", "FALSE"]


def test_a_report_of_very_many_columns_stays_small() -> None:
    cells = ",".join(f"{'y' * 190}{i}" for i in range(1_000))
    result = ingest(",".join(f"{'n' * 200}{i}" for i in range(1_000)) + f"\n{cells}\n")
    assert len(result.reply.report["columns"]) == 1_000
