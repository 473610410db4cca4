"""What delimited text becomes: every cell accounted for."""

from __future__ import annotations

import gzip
import random
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from csvanalyst_ext import protocol
from runner.ingest import run_ingest
from runner.ingest_engine import Delivery, Engine, Outlet, deliver
from runner.sink import Sink
from tests.unit.messy.reading import MIB, fault, ingest, run, sample

# --- line ends, encodings ---------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "name"), [("\n", "\\n"), ("\r\n", "\\r\\n"), ("\r", "\\r")])
def test_each_kind_of_line_end_gives_the_same_rows(end: str, name: str) -> None:
    result = ingest(end.join(["a,b", "1,x", "2,y", ""]))
    assert result.rows == [(1, "x"), (2, "y")]
    assert result.dialect["newline"] == name


def test_mixed_line_ends_are_read_and_stated() -> None:
    result = ingest("a,b\n1,x\r\n2,y\r3,z")
    assert result.rows == [(1, "x"), (2, "y"), (3, "z")]
    assert result.dialect["newline"] == "mixed"


def test_a_last_line_without_line_end_counts() -> None:
    assert ingest("a,b\n1,2\n3,4").rows == [(1, 2), (3, 4)]


def test_line_ends_inside_quotes_stay_in_the_value() -> None:
    rows = ingest('a,b\r\n1,"x\ny"\r\n2,"p\r\nq"\r\n3,"m\rn"\r\n').rows
    assert rows == [(1, "x\ny"), (2, "p\r\nq"), (3, "m\rn")]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    result = ingest("\ufeffa,b\n1,é\n")
    assert result.names == ["a", "b"]
    assert result.rows == [(1, "é")]
    assert result.dialect["byte_order_mark"] is True


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_wide_encodings_with_a_mark_are_read(encoding: str) -> None:
    result = ingest("name,n\nJosé,1\nŁódź,2\n".encode(encoding))
    assert result.rows == [("José", 1), ("Łódź", 2)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_its_zero_bytes(encoding: str) -> None:
    result = ingest("name,n\nJosé,1\n".encode(encoding))
    assert result.rows == [("José", 1)]
    assert encoding.upper() in result.notes


def test_windows_1252_is_read_and_the_first_line_that_is_not_utf_8_is_named() -> None:
    result = ingest("name,price\nplain,1\ncafé,“5 €”\n".encode("cp1252"))
    assert result.rows == [("plain", "1"), ("café", "“5 €”")]
    assert result.dialect["encoding"] == "cp1252"
    assert "Line 3 is the first that is not UTF-8" in result.notes


def test_bytes_that_windows_1252_lacks_make_it_latin_1() -> None:
    result = ingest(b"name,n\ncaf\xe9\x81,1\n")
    assert result.rows == [("café\x81", 1)]
    assert result.dialect["encoding"] == "latin-1"


def test_utf_8_before_the_first_wrong_byte_does_not_hide_bytes_that_windows_1252_lacks() -> None:
    data = "a,b\nÁ,1\n".encode() + b"\xff,2\n"
    assert ingest(data).rows == [("Á".encode().decode("latin-1"), 1), ("ÿ", 2)]


def test_the_option_encoding_decides() -> None:
    result = ingest("名前,値\n東京,1\n".encode("shift_jis"), encoding="shift_jis")
    assert result.names == ["名前", "値"]
    assert result.rows == [("東京", 1)]


def test_an_unknown_encoding_is_refused() -> None:
    assert fault("a,b\n1,2\n", encoding="klingon").code == "data_encoding"


@pytest.mark.parametrize("encoding", ["hex", "rot13", "base64"])
def test_a_codec_that_is_no_text_encoding_is_refused(encoding: str) -> None:
    assert fault("a,b\n1,2\n", encoding=encoding).code == "data_encoding"


def test_a_stated_encoding_that_does_not_fit_names_the_line() -> None:
    found = fault(b"a,b\n1,x\n2,\xff\n", encoding="utf-8")
    assert (found.code, found.details["lines"]) == ("data_encoding", [3])


def test_nul_bytes_are_kept_inside_values_and_their_line_is_named() -> None:
    result = ingest("a,b\n1,x\n2,p\0q\n")
    assert result.rows == [(1, "x"), (2, "p\0q")]
    assert "first at line 3" in result.notes


# --- dialect ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "\x01", "\x1f"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in (["id", "name", "v"], ["1", "x", "2.5"], ["2", "y", "3.5"]))
    result = ingest(text)
    assert result.rows == [(1, "x", 2.5), (2, "y", 3.5)]
    assert result.dialect["delimiter"] == delimiter


def test_commas_in_texts_do_not_win_over_tabs() -> None:
    rows = ingest("id\ttext\n1\tone, two\n2\tthree, four\n").rows
    assert rows == [(1, "one, two"), (2, "three, four")]


def test_a_comma_in_a_tsv_file_is_text() -> None:
    assert ingest("a,b\tc\n1,2\t3\n", "tsv").names == ["a,b", "c"]


def test_delimiters_within_quotes_do_not_count() -> None:
    rows = ingest('id,list\n1,"a;b;c"\n2,"d;e;f"\n3,"g;h;i"\n').rows
    assert rows == [(1, "a;b;c"), (2, "d;e;f"), (3, "g;h;i")]


def test_a_column_of_prose_is_one_column() -> None:
    result = ingest("text\nHello, world\nno comma\nOne, two, three\n")
    assert result.rows == [("Hello, world",), ("no comma",), ("One, two, three",)]


def test_addresses_are_one_column() -> None:
    rows = ingest("address\n12 Main St, Springfield, IL\n9 High St, Boston, MA\n").rows
    assert rows == [("12 Main St, Springfield, IL",), ("9 High St, Boston, MA",)]


def test_times_are_not_split_at_colons() -> None:
    assert ingest("12:30\n12:45\n", header=False).types == ["TIME"]


def test_the_option_delimiter_decides() -> None:
    assert ingest("a b\n1 2\n", delimiter="space").rows == [(1, 2)]


def test_the_sep_line_of_excel_is_obeyed_and_stated() -> None:
    result = ingest("sep=;\na;b\n1;x,y\n")
    assert result.rows == [(1, "x,y")]
    assert result.repairs == {"preamble": (1, [1])}


@pytest.mark.parametrize("option", ["||", "\n", "ab"])
def test_a_delimiter_of_more_than_one_character_is_refused(option: str) -> None:
    assert fault("a,b\n1,2\n", delimiter=option).code == "data_unreadable"


def test_single_quotes_are_found() -> None:
    result = ingest("a,b\n'x,1',2\n'y',3\n'it''s',4\n")
    assert result.rows == [("x,1", 2), ("y", 3), ("it's", 4)]


def test_apostrophes_are_no_quotes() -> None:
    assert ingest("a,b\n'tis,1\n'twas,2\nit's,3\n").rows == [("'tis", 1), ("'twas", 2), ("it's", 3)]


def test_without_quotes_quote_characters_are_text() -> None:
    assert ingest('a,b\n"x,1\ny",2\n', quote="").rows == [('"x', 1), ('y"', 2)]


def test_an_inch_mark_inside_a_value_is_text() -> None:
    assert ingest('size,n\n5" pipe,1\n6" pipe,2\nno,3\n').rows == [('5" pipe', 1), ('6" pipe', 2), ("no", 3)]


def test_backslashes_before_quotes_escape_them_and_other_backslashes_stay() -> None:
    rows = ingest('a,b\n"x \\"q\\" y",1\n"C:\\temp\\\\",2\n').rows
    assert rows == [('x "q" y', 1), ("C:\\temp\\", 2)]


def test_backslashes_at_the_end_of_a_quoted_value_do_not_make_it_another_dialect() -> None:
    assert ingest('path,n\n"C:\\",1\n"D:\\",2\n').rows == [("C:\\", 1), ("D:\\", 2)]


def test_blanks_between_delimiter_and_quote_are_dropped_and_stated() -> None:
    result = ingest('a, "b"\n1, "x, y"\n2, "z"\n')
    assert result.names == ["a", "b"]
    assert result.rows == [(1, "x, y"), (2, "z")]
    assert "blanks" in result.repairs


def test_blanks_around_texts_are_kept() -> None:
    assert ingest("a,b\n x ,1\ny  ,2\n").rows == [(" x ", 1), ("y  ", 2)]


def test_a_quoted_multi_line_file_is_read_whole() -> None:
    rows = ingest(sample("multiline.csv")).rows
    assert rows == [(1, "first line\nsecond line, with a comma", 5), (2, 'he said "no"', 4), (3, "plain", None)]


# --- header and names ---------------------------------------------------------------------------------


def test_years_in_the_first_line_are_a_header() -> None:
    result = ingest(sample("world_population.csv"))
    assert result.names == ["Country", "2013", "2014", "2015"]
    assert result.rows == [("France", 65.9, 66.3, 66.5), ("Niger", 18.4, 19.1, None)]
    assert "'2013'" in result.notes


def test_dates_over_numbers_are_a_header() -> None:
    result = ingest("city,1/22/20,1/23/20\nRome,1,2\nOslo,3,4\n")
    assert result.names == ["city", "1/22/20", "1/23/20"]
    assert result.rows == [("Rome", 1, 2), ("Oslo", 3, 4)]


def test_column_numbers_written_by_a_data_frame_are_a_header() -> None:
    result = ingest(",0,1,2\n0,5.5,6,7\n1,8.5,9,10\n")
    assert result.names == ["column1", "0", "1", "2"]
    assert result.rows == [(0, 5.5, 6, 7), (1, 8.5, 9, 10)]


def test_a_first_line_like_the_others_is_data_and_that_is_stated() -> None:
    result = ingest("1,abc,2.5\n2,def,3.5\n")
    assert result.names == ["column1", "column2", "column3"]
    assert result.rows == [(1, "abc", 2.5), (2, "def", 3.5)]
    assert "no header line" in result.notes


def test_years_over_years_are_data() -> None:
    assert ingest("Ann,2013,2014\nBob,2010,2012\nCid,2001,2002\n").rows[0] == ("Ann", 2013, 2014)


def test_the_option_header_decides() -> None:
    assert ingest("a,b\n1,2\n", header=False).rows == [("a", "b"), ("1", "2")]
    assert ingest("1,2\n3,4\n", header=True).names == ["1", "2"]


def test_repeated_names_are_numbered_whatever_their_case() -> None:
    result = ingest("a,b,A,a,a_2\n1,2,3,4,5\n")
    assert result.names == ["a", "b", "A_3", "a_4", "a_2"]
    assert result.rows == [(1, 2, 3, 4, 5)]
    assert "more than once" in result.notes


def test_empty_names_become_column_numbers() -> None:
    result = ingest("a,,c\n1,2,3\n")
    assert result.names == ["a", "column2", "c"]
    assert "empty in the header" in result.notes


def test_an_empty_name_does_not_take_the_name_of_another_column() -> None:
    result = ingest("column2,,c\n1,2,3\n")
    assert len(set(result.names)) == 3
    assert result.rows == [(1, 2, 3)]


def test_names_lose_blanks_and_control_characters() -> None:
    result = ingest(' a ,"b\nc",d\u202e\n1,2,3\n')
    assert result.names == ["a", "b c", "d"]
    assert "cleaned" in result.notes


def test_overlong_names_are_cut_and_stay_different() -> None:
    result = ingest(f"{'x' * 300},{'x' * 300},b\n1,2,3\n")
    assert [len(name) for name in result.names] == [255, 255, 1]
    assert len(set(result.names)) == 3
    assert "cut to 255" in result.notes


def test_a_name_may_hold_quotes_and_sql() -> None:
    result = ingest('"a""b; DROP TABLE data--","select"\n1,2\n')
    assert result.names == ['a"b; DROP TABLE data--', "select"]
    assert result.rows == [(1, 2)]


def test_lines_before_the_header_are_left_out_and_stated() -> None:
    result = ingest(sample("titled_report.csv"))
    assert result.names == ["region", "product", "units", "revenue"]
    assert result.rows == [
        ("North", "Chair, wooden", 12, "1,200.50"),
        ("South", "Table", 7, "980.00"),
        ("Total", None, 19, "2,180.50"),
    ]
    assert result.repairs == {"preamble": (3, [1, 2, 3])}
    assert "Quarterly sales report" in result.notes


def test_comment_lines_before_the_header_are_left_out_and_stated() -> None:
    result = ingest("# made by x, y and z, today\n# second\nid,n\n1,2\n")
    assert result.rows == [(1, 2)]
    assert result.repairs == {"preamble": (2, [1, 2])}


def test_lines_before_the_header_are_found_in_other_encodings_too() -> None:
    text = "Übersicht\n\nname,n\ncafé,1\n"
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
        result = ingest(text.encode(encoding))
        assert result.rows == [("café", 1)], encoding
        assert result.repairs == {"preamble": (2, [1, 2])}


def test_blank_lines_before_the_header_are_stated() -> None:
    result = ingest("\n\na,b\n1,2\n")
    assert (result.names, result.rows) == (["a", "b"], [(1, 2)])
    assert result.repairs == {"blank_lines": (2, [1, 2])}


# --- ragged rows, bad quotes --------------------------------------------------------------------------


def test_short_rows_are_padded_and_surplus_delimiters_dropped_with_their_lines() -> None:
    result = ingest(sample("ragged.csv"))
    assert result.rows == [(1, "Ada", "London"), (2, "Bob", None), (3, "Cleo", "Paris"), (4, "Dan", "Rome")]
    assert result.repairs == {"short_rows": (1, [3]), "trailing_delimiters": (1, [4])}


def test_a_surplus_delimiter_on_every_line_is_stated() -> None:
    result = ingest("a,b\n1,2,\n3,4,\n")
    assert result.rows == [(1, 2), (3, 4)]
    assert result.repairs == {"trailing_delimiters": (2, [2, 3])}


def test_rows_with_more_values_than_columns_are_refused_with_all_their_lines() -> None:
    found = fault("a,b\n1,2\n3,4,5\n6,7\n8,9,10,11\n")
    assert found.code == "csv_ragged"
    assert found.details == {"lines": [3, 5], "actual": [3, 4], "count": 2, "expected": 2}
    assert "line 3 has 3" in found.message


def test_the_count_of_ragged_rows_is_exact_beyond_the_lines_shown() -> None:
    found = fault("a,b\n" + "1,2\n3,4,5\n" * 100)
    assert found.details["count"] == 100
    assert found.details["lines"] == list(range(3, 43, 2))


def test_a_delimiter_that_changes_half_way_names_the_line() -> None:
    found = fault(sample("two_delimiters.csv"))
    assert found.code == "csv_ragged"
    assert found.details["lines"] == [4, 5]
    assert "from comma to semicolon at line 4" in found.message


def test_blank_lines_are_left_out_and_stated() -> None:
    result = ingest("a,b\n1,2\n\n3,4\n\n\n")
    assert result.rows == [(1, 2), (3, 4)]
    assert result.repairs == {"blank_lines": (3, [3, 5, 6])}


def test_lines_of_blanks_only_are_left_out_and_stated() -> None:
    result = ingest("a,b\n1,2\n   \n3,4\n")
    assert result.rows == [(1, 2), (3, 4)]
    assert result.repairs == {"blank_lines": (1, [3])}


def test_a_blank_line_in_a_file_of_one_column_is_a_missing_value() -> None:
    result = ingest("a\n1\n\n3\n\n")
    assert result.rows == [(1,), (None,), (3,)]
    assert result.repairs == {"blank_values": (1, [3]), "blank_lines": (1, [5])}


def test_a_quote_that_is_never_closed_names_the_line_where_it_opened() -> None:
    found = fault('a,b\n1,x\n2,"y\n3,z\n4,w\n')
    assert (found.code, found.details["lines"]) == ("csv_quotes", [3])
    assert "line 3" in found.message


def test_a_quote_opened_in_a_record_of_several_lines_is_found() -> None:
    found = fault('a,b,c\n1,"x\ny","never\nclosed,1\n')
    assert (found.code, found.details["lines"]) == ("csv_quotes", [3])


def test_text_after_a_closing_quote_is_refused() -> None:
    found = fault('a,b\n1,"x"y\n2,z\n')
    assert (found.code, found.details["lines"]) == ("csv_quotes", [2])


def test_line_numbers_count_the_lines_before_the_header() -> None:
    assert fault("Title\n\na,b,c\n1,2,3\n4,5,6,7\n").details["lines"] == [5]


def test_line_numbers_count_lines_inside_values() -> None:
    assert fault('a,b\n1,"x\ny\nz"\n2,3,4\n').details["lines"] == [5]


# --- limits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", gzip.compress(b"")])
def test_a_file_of_zero_bytes_is_refused(data: bytes) -> None:
    assert fault(data).code == "data_empty"


@pytest.mark.parametrize("data", [b"\n", b" \n\t\n  ", b"\xef\xbb\xbf", "\n\n".encode("utf-16")])
def test_a_file_of_blanks_is_refused(data: bytes) -> None:
    assert fault(data).code == "data_empty"


def test_a_header_without_rows_is_a_table_of_no_rows() -> None:
    result = ingest("a,b\n")
    assert (result.names, result.rows) == (["a", "b"], [])
    assert "no rows" in result.notes


@pytest.mark.parametrize("width", [5_000, 100_000])
def test_too_many_columns_are_refused(width: int) -> None:
    found = fault(",".join(f"c{i}" for i in range(width)) + "\n" + ",".join("1" * width) + "\n")
    assert found.code == "data_too_many_columns"
    assert found.details["columns"] == width


def test_a_thousand_columns_are_read() -> None:
    rows = [tuple(i * j for i in range(1_000)) for j in (1, 2)]
    result = ingest("\n".join(",".join(map(str, row)) for row in [[f"c{i}" for i in range(1_000)], *rows]))
    assert result.rows == rows
    assert "The table is wide" in result.notes


def test_a_value_of_three_million_bytes_is_read() -> None:
    assert ingest(b"a,b\n1," + b"x" * 3_000_000 + b"\n").rows == [(1, "x" * 3_000_000)]


def test_a_line_above_the_cap_is_refused() -> None:
    found = fault(b"a,b\n1,2\n1," + b"x" * (17 * MIB) + b"\n")
    assert (found.code, found.details["lines"]) == ("csv_line_too_long", [3])


def test_a_file_without_any_line_end_is_refused_beyond_the_cap() -> None:
    assert fault(b"x" * (17 * MIB)).code == "csv_line_too_long"


def test_a_quote_that_swallows_the_file_is_named() -> None:
    found = fault(b'a,b\n1,"x\n' + b"2,y\n" * (5 * MIB))
    assert (found.code, found.details["lines"]) == ("csv_quotes", [2])


# --- gzip ---------------------------------------------------------------------------------------------


def test_gzip_is_read_with_all_its_members() -> None:
    data = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")
    result = ingest(data, compression="gzip")
    assert result.rows == [(1, 2), (3, 4)]
    assert result.dialect["compression"] == "gzip"


def test_gzip_is_told_by_its_content() -> None:
    assert ingest(gzip.compress(b"a,b\n1,2\n")).rows == [(1, 2)]


@pytest.mark.parametrize("cut", [5, 12])
def test_gzip_that_is_cut_off_is_refused(cut: int) -> None:
    assert (
        fault(gzip.compress(b"a,b\n" + random.Random(1).randbytes(99).hex().encode())[:-cut]).code == "data_unreadable"
    )


def test_a_gzip_bomb_is_refused() -> None:
    assert fault(gzip.compress(b"a,b\n" + b"0,0\n" * (20 * MIB))).code == "data_bomb"


@pytest.mark.parametrize("data", [b"PK\x03\x04rest", b"PAR1rest", b"%PDF-1.7"])
def test_another_format_under_a_csv_name_is_named(data: bytes) -> None:
    found = fault(data)
    assert found.code == "data_unreadable"
    assert "not text" in found.message


# --- both roads ---------------------------------------------------------------------------------------


def test_a_bank_export_in_each_encoding_gives_the_same_rows() -> None:
    text = sample("bank_export.csv").decode()
    expected = [
        (date(2024, 1, 2), -12.5, "Miete; Januar", "0012345"),
        (date(2024, 1, 31), 1999.0, "Gehalt", "0099999"),
        (date(2024, 2, 15), -3.75, 'Bäcker "Sonne"', "0012345"),
    ]
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
        result = ingest(text.encode(encoding))
        assert result.rows == expected, encoding
        assert "decimal comma" in result.notes
        assert "leading zeros" in result.notes


def test_sensor_data_with_gaps() -> None:
    result = ingest(sample("sensor_gaps.csv"))
    start, later = datetime(2024, 1, 1), datetime(2024, 1, 1, 1)
    assert result.rows == [
        ("A1", start, 3.5, True),
        ("A1", later, None, True),
        ("B2", start, None, False),
        ("B2", later, -0.25, True),
    ]
    assert "2 cells hold 'NA' or '-'" in result.notes
    assert result.profile("ok")["words"] == ["true", "false"]


@pytest.fixture
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is too large to be held back: it is sent while it is written."""
    monkeypatch.setattr("runner.ingest_engine.HOLD_SHARE", 10**12)


@pytest.mark.usefixtures("nothing_held")
def test_a_table_too_large_to_be_held_back_is_sent_while_it_is_written_with_the_same_rows_in_order() -> None:
    rng = random.Random(7)
    rows = [(i, f"name {rng.randrange(10**9)}", rng.randrange(50) / 4) for i in range(60_000)]
    text = "id,name,x\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    for data in (text.encode(), gzip.compress(text.encode()), text.encode("utf-16")):
        result = ingest(data)
        assert result.rows == rows
        assert result.reply.report["state"] == "unprofiled"
        again = run(result.parquet, "parquet")
        assert again.reply.report["state"] == "as_is"
        assert again.reply.bodies == ()
        assert again.profile("id") | {"nulls": 0, "minimum": "0", "maximum": "59999"} == again.profile("id")
        assert abs(again.profile("id")["distinct"] - 60_000) < 6_000


def test_memory_does_not_grow_with_the_table() -> None:
    rows = [(i, f"{i:0600d}x") for i in range(200_000)]
    result = ingest("id,t\n" + "".join(f"{a},{b}\n" for a, b in rows), memory=100 * MIB)
    assert result.rows == rows


def test_a_text_that_does_not_fit_after_something_was_sent_asks_for_an_ingest_that_proves_everything_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [str(i) for i in range(60_000)]
    rows[50_000] = "x7"
    text = "id,n\n" + "".join(f"{r},{i}\n" for i, r in enumerate(rows))

    def begun(engine: Engine, query: str, row_group: int) -> Delivery:
        engine.outlet.open("table.parquet")  # as the engine does by itself only with hundreds of megabytes
        return deliver(engine, query, row_group)

    with monkeypatch.context() as patch:
        patch.setattr("runner.ingest_load.deliver", begun)
        first = run(text).reply
        assert first.fault is not None
        assert first.fault.code == "ingest_again"
    result = ingest(text, exact=True)
    assert [row[0] for row in result.rows] == rows
    assert "at line 50002: 'x7'" in result.notes


@pytest.mark.usefixtures("nothing_held")
def test_missing_value_words_are_counted_while_the_table_is_sent() -> None:
    result = ingest("id,n\n" + "1,NA\n2,5\n" * 500)
    assert result.rows == [(1, None), (2, 5)] * 500
    assert "500 cells hold 'NA', read as NULL" in result.notes


def test_a_large_messy_file_takes_the_slow_road_with_the_same_rows() -> None:
    rows = [(i, f"v{i}\n") for i in range(30_000)]
    text = "id,v\r\n" + "".join(f'{a},"{b}"\n' if a % 2 else f'{a},"{b}"\r\n' for a, b in rows)
    result = ingest(text)
    assert result.rows == rows
    assert result.dialect["newline"] == "mixed"


def test_memory_that_does_not_suffice_is_told_apart() -> None:
    width = 2_000
    text = ",".join(f"c{i}" for i in range(width)) + "\n" + (",".join(["x" * 40] * width) + "\n") * 100
    reply = run(text, memory=2 * MIB).reply
    assert reply.status == "memory"


def test_progress_says_rows_and_bytes_and_never_goes_back() -> None:
    seen: list[protocol.Frame] = []
    outlet = Outlet(Sink(3, lambda data: seen.extend(protocol.Decoder().feed(data))))
    for rows, size in ((7, 99), (8, 100), (3, 50)):
        outlet._last = -60.0
        outlet.progress(rows, size)
    outlet.progress(9, 101)  # so soon after the last that it is not sent
    assert [frame.json() for frame in seen] == [
        {"rows": 7, "bytes": 99},
        {"rows": 8, "bytes": 100},
        {"rows": 8, "bytes": 100},
    ]


@pytest.mark.parametrize("name", ["a*b", "x[1]", "{a,b}", "data?.csv", "it's", "ü ñ"])
def test_a_file_name_is_no_pattern(name: str) -> None:
    assert ingest("a,b\n1,2\n", name=name).rows == [(1, 2)]
    assert ingest(b'{"a":1}', "json", name=name).rows == [(1,)]


def test_a_missing_file_is_a_typed_fault() -> None:
    request = protocol.IngestRequest("nothing", "csv")
    with TemporaryDirectory() as place:
        reply = run_ingest(
            request, incoming=place, scratch=place, memory_limit=64 * MIB, threads=1, sink=Sink(1, lambda _: None)
        )
    assert reply.fault is not None
    assert reply.fault.code == "data_unreadable"


def test_a_sink_that_fails_ends_the_ingest_and_leaves_nothing_behind() -> None:
    def write(_: bytes) -> None:
        raise BrokenPipeError

    with TemporaryDirectory() as place:
        Path(place, "x").write_text("a,b\n1,2\n")
        with pytest.raises(BrokenPipeError):
            run_ingest(
                protocol.IngestRequest("x", "csv"),
                incoming=place,
                scratch=place,
                memory_limit=64 * MIB,
                threads=1,
                sink=Sink(1, write),
            )
        assert [path.name for path in Path(place).iterdir()] == ["x"]
