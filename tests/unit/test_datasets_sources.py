"""What is added by a text: a path, a pattern, a shipped data set or a variable, in a stated order."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from csvanalyst_ext.datasets import sources
from csvanalyst_ext.datasets.formats import Format, format_of, stem_of
from csvanalyst_ext.datasets.sources import FileSource, FrameSource, resolve
from csvanalyst_ext.errors import DataError, UsageError

FRAME = pd.DataFrame({"a": [1]})


def files(text: str, cwd: Path, variables: dict[str, Any] | None = None) -> list[str]:
    found = resolve(text, cwd=cwd, variables=variables or {})
    assert all(isinstance(source, FileSource) for source in found)
    return [str(source.path.relative_to(cwd)) for source in found if isinstance(source, FileSource)]


def error(text: str, cwd: Path, variables: dict[str, Any] | None = None) -> DataError | UsageError:
    with pytest.raises((DataError, UsageError)) as caught:
        resolve(text, cwd=cwd, variables=variables or {})
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.csv", "a.csv", "c.parquet", "deep/d.csv", "deep/er/e.csv", "my file.csv", "odd[1].csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x\n1\n")
    return tmp_path


# --- paths ----------------------------------------------------------------------------------------


def test_a_path_is_relative_to_the_current_directory(folder: Path) -> None:
    assert files("a.csv", folder) == ["a.csv"]
    assert files("./deep/d.csv", folder) == ["deep/d.csv"]
    assert files("my file.csv", folder) == ["my file.csv"]


def test_an_absolute_path_and_one_in_the_home_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert files(str(folder / "a.csv"), folder) == ["a.csv"]
    assert files("~/a.csv", folder) == ["a.csv"]
    assert files("~/deep/*.csv", folder) == ["deep/d.csv"]


def test_the_home_of_an_unknown_user_is_a_clear_error(folder: Path) -> None:
    assert error("~nobody-of-that-name/a.csv", folder).code == "data_not_found"


def test_a_source_says_what_was_asked_for_and_suggests_a_name(folder: Path) -> None:
    (source,) = resolve("deep/d.csv", cwd=folder, variables={})
    assert (source.label, source.stem) == ("deep/d.csv", "d")


def test_a_missing_file_names_files_that_look_like_it(folder: Path) -> None:
    problem = error("bb.csv", folder)
    assert problem.code == "data_not_found"
    assert "'b.csv'" in problem.hint


def test_a_missing_directory_is_said(folder: Path) -> None:
    assert "does not exist" in error("nowhere/a.csv", folder).message


def test_a_directory_asks_for_a_pattern(folder: Path) -> None:
    problem = error("deep/", folder)
    assert problem.code == "data_is_directory"
    assert "deep/*.csv" in problem.hint


def test_a_link_is_left_for_staging_to_refuse(folder: Path) -> None:
    (folder / "link.csv").symlink_to(folder / "gone.csv")
    assert files("link.csv", folder) == ["link.csv"]


@pytest.mark.parametrize("text", ["https://example.org/a.csv", "s3://bucket/a.parquet", "FTP://x/y.csv"])
def test_a_remote_address_is_refused(text: str, folder: Path) -> None:
    assert error(text, folder).code == "data_remote"


@pytest.mark.parametrize("text", ["", "   ", "a\0.csv"])
def test_nothing_is_a_usage_error(text: str, folder: Path) -> None:
    assert error(text, folder).code == "no_source"


def test_a_name_that_is_too_long_for_the_disk_is_not_found(folder: Path) -> None:
    assert error("x" * 5000, folder).code == "data_not_found"


# --- patterns -------------------------------------------------------------------------------------


def test_a_pattern_gives_its_files_in_order(folder: Path) -> None:
    assert files("[ab].csv", folder) == ["a.csv", "b.csv"]
    assert files("?.csv", folder) == ["a.csv", "b.csv"]
    assert files("**/*.csv", folder) == ["a.csv", "b.csv", "deep/d.csv", "deep/er/e.csv", "my file.csv", "odd[1].csv"]


def test_a_pattern_does_not_match_directories(folder: Path) -> None:
    assert files("d*", folder / "deep") == ["d.csv"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    assert files("odd[1].csv", folder) == ["odd[1].csv"]


def test_a_pattern_without_files_says_what_is_there(folder: Path) -> None:
    problem = error("*.tsv", folder)
    assert problem.code == "data_not_found"
    assert "a.csv" in problem.hint


def test_a_pattern_that_meets_another_kind_of_file_says_which(folder: Path) -> None:
    (folder / "book.xlsx").touch()
    problem = error("b*", folder)
    assert problem.code == "format_not_supported"
    assert "book.xlsx" in problem.message


def test_a_pattern_for_too_many_files_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILES", 2)
    assert error("**/*.csv", folder).code == "too_many_files"


# --- shipped data sets ----------------------------------------------------------------------------


def test_a_group_adds_all_its_tables(tmp_path: Path) -> None:
    found = resolve("nycflights13", cwd=tmp_path, variables={})
    assert [source.stem for source in found] == ["airlines", "airports", "flights", "planes", "weather"]
    assert [source.label for source in found][:2] == ["shipped:airlines", "shipped:airports"]


def test_one_table_of_a_group_has_a_name_too(tmp_path: Path) -> None:
    (source,) = resolve("Flights", cwd=tmp_path, variables={})
    assert isinstance(source, FileSource)
    assert source.format == Format("csv", "gzip")
    assert source.shipped is not None
    with gzip.open(source.path, "rt") as text:
        assert text.readline().startswith("year,month,day")


def test_a_misspelt_name_is_corrected(tmp_path: Path) -> None:
    assert "'penguins'" in error("pengiuns", tmp_path).hint
    assert "'penguins'" in error("shipped:pengiuns", tmp_path).hint


# --- variables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (FRAME, "pandas DataFrame"),
        (FRAME["a"], "pandas Series"),
        (pl.DataFrame({"a": [1]}), "polars DataFrame"),
        (pl.Series("a", [1]), "polars Series"),
        (pa.table({"a": [1]}), "Arrow Table"),
        (pa.record_batch({"a": [1]}), "Arrow RecordBatch"),
        (pa.table({"a": [1]}).to_reader(), "Arrow RecordBatchReader"),
    ],
)
def test_a_frame_is_added_by_the_name_of_its_variable(value: Any, kind: str, tmp_path: Path) -> None:
    (source,) = resolve("df", cwd=tmp_path, variables={"df": value})
    assert isinstance(source, FrameSource)
    assert (source.kind, source.label, source.stem) == (kind, "variable df", "df")
    assert source.value is value


def test_a_variable_that_is_no_frame_says_what_it_is(tmp_path: Path) -> None:
    problem = error("n", tmp_path, {"n": 3})
    assert problem.code == "data_not_frame"
    assert "int" in problem.message


def test_a_lazy_frame_is_asked_to_be_collected(tmp_path: Path) -> None:
    assert "lf.collect()" in error("lf", tmp_path, {"lf": pl.LazyFrame({"a": [1]})}).hint


def test_a_misspelt_variable_is_corrected(tmp_path: Path) -> None:
    variables = {"sales_frame": FRAME, "sales_fram": 3, "_sales_frame_": FRAME}
    for text in ("sales_frme", "variable:sales_frme"):
        problem = error(text, tmp_path, variables)
        assert (problem.code, problem.hint) == ("data_not_found", "Did you mean 'sales_frame'?")


# --- which meaning wins ---------------------------------------------------------------------------


def test_a_file_wins_over_a_variable_and_a_shipped_set_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "flights").write_bytes(b"x\n1\n")
    (source,) = resolve("flights", cwd=tmp_path, variables={"flights": FRAME})
    assert isinstance(source, FileSource)
    assert source.path == tmp_path / "flights"
    assert any("variable:flights" in note for note in source.notes)
    assert any("shipped:flights" in note for note in source.notes)


def test_a_frame_wins_over_a_shipped_set_and_says_so(tmp_path: Path) -> None:
    (source,) = resolve("flights", cwd=tmp_path, variables={"flights": FRAME})
    assert isinstance(source, FrameSource)
    assert any("shipped:flights" in note for note in source.notes)


def test_each_meaning_can_be_said_outright(tmp_path: Path) -> None:
    (tmp_path / "flights").write_bytes(b"x\n1\n")
    (shipped,) = resolve("shipped:flights", cwd=tmp_path, variables={"flights": FRAME})
    assert isinstance(shipped, FileSource)
    assert shipped.shipped is not None
    (frame,) = resolve("variable:flights", cwd=tmp_path, variables={"flights": FRAME})
    assert isinstance(frame, FrameSource)
    (file,) = resolve("./flights", cwd=tmp_path, variables={"flights": FRAME})
    assert isinstance(file, FileSource)
    assert file.notes == ()


def test_a_directory_or_a_plain_value_does_not_hide_a_shipped_set(tmp_path: Path) -> None:
    (tmp_path / "flights").mkdir()
    (source,) = resolve("flights", cwd=tmp_path, variables={"flights": 3})
    assert isinstance(source, FileSource)
    assert source.shipped is not None


# --- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "format_", "compression"),
    [
        ("a.csv", "csv", ""),
        ("A.CSV", "csv", ""),
        ("a.txt", "csv", ""),
        ("a.dat", "csv", ""),
        ("a", "csv", ""),
        ("a.2024", "csv", ""),
        ("a.tsv", "tsv", ""),
        ("a.tab", "tsv", ""),
        ("a.psv", "csv", ""),
        ("a.json", "json", ""),
        ("a.jsonl", "json", ""),
        ("a.ndjson", "json", ""),
        ("a.parquet", "parquet", ""),
        ("a.pq", "parquet", ""),
        ("a.arrow", "arrow", ""),
        ("a.feather", "arrow", ""),
        ("a.ipc", "arrow", ""),
        ("a.csv.gz", "csv", "gzip"),
        ("a.tsv.GZ", "tsv", "gzip"),
        ("a.jsonl.gz", "json", "gzip"),
        ("a.gz", "csv", "gzip"),
        (".csv", "csv", ""),
    ],
)
def test_the_suffix_says_the_format(name: str, format_: str, compression: str) -> None:
    found = format_of(Path(name))
    assert (found.format, found.compression) == (format_, compression)


def test_a_psv_file_is_separated_by_bars() -> None:
    assert dict(format_of(Path("a.psv.gz")).options) == {"delimiter": "|"}


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.xlsx", "CSV"),
        ("a.zip", "Unpack"),
        ("a.tar.gz", "Unpack"),
        ("a.db", "Export"),
        ("a.csv.bz2", "gzip"),
        ("a.csv.zst", "gzip"),
        ("a.parquet.gz", "Decompress"),
        ("a.pkl", "pandas"),
        ("a.xlsx.gz", "CSV"),
    ],
)
def test_another_kind_of_file_is_refused_with_advice(name: str, advice: str) -> None:
    with pytest.raises(DataError) as caught:
        format_of(Path(name))
    assert caught.value.code == "format_not_supported"
    assert advice in caught.value.hint


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.csv.gz", "a"),
        ("a.2024.csv", "a.2024"),
        ("sales.2024", "sales.2024"),
        ("a", "a"),
        ("a.gz", "a"),
        ("A.PARQUET", "A"),
    ],
)
def test_the_stem_loses_only_suffixes_that_say_the_format(name: str, stem: str) -> None:
    assert stem_of(Path(name)) == stem
