"""The manifest of the shipped data sets is true, and names find them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from csvanalyst_ext.datasets.formats import format_of
from csvanalyst_ext.datasets.shipped import ShippedFile, catalogue, directory
from csvanalyst_ext.errors import DataError

CATALOGUE = catalogue()
FILES = [file for item in CATALOGUE.sets for file in item.files]
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


def test_the_files_are_found_in_a_checkout() -> None:
    assert directory() == Path(__file__).resolve().parents[2] / "datasets"


def test_there_are_enough_data_sets_and_some_have_several_tables() -> None:
    assert len(CATALOGUE.sets) >= 6
    assert sum(len(item.files) > 1 for item in CATALOGUE.sets) >= 2
    assert sum(bool(item.relationships) for item in CATALOGUE.sets) >= 2


def test_everything_in_the_directory_is_described() -> None:
    place = directory()
    assert place is not None
    prose = {"README.md", "NOTICE.md", "manifest.toml", "questions.toml", "suite.toml"}
    assert {path.name for path in place.iterdir()} == prose | {file.path.name for file in FILES}


def test_the_files_stay_small() -> None:
    assert sum(file.bytes for file in FILES) < 16_000_000


def test_every_data_set_says_where_it_comes_from_and_under_which_licence() -> None:
    place = directory()
    assert place is not None
    notice = (place / "NOTICE.md").read_text("utf-8")
    readme = (place / "README.md").read_text("utf-8")
    for item in CATALOGUE.sets:
        for text in (item.title, item.description, item.license, item.license_note, item.package, item.origin):
            assert text, item.name
        assert f"**{item.name}**" in notice
        assert all(f"`{file.name}`" in readme for file in item.files)


@each_file
def test_size_and_hash_are_as_stated(file: ShippedFile) -> None:
    content = file.path.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)


@each_file
def test_rows_and_columns_are_as_stated(file: ShippedFile) -> None:
    opener = gzip.open if file.path.suffix == ".gz" else open
    with opener(file.path, "rt", encoding="utf-8", newline="") as text:
        rows = csv.reader(text)
        assert next(rows) == [column.name for column in file.columns]
        assert sum(1 for _ in rows) == file.rows


@each_file
def test_the_name_of_a_file_gives_its_format_and_is_its_table_name(file: ShippedFile) -> None:
    assert format_of(file.path).format == "csv"
    assert file.path.name.partition(".")[0] == file.name


@pytest.fixture(scope="module")
def tables() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for file in FILES:
        source = f"read_csv('{file.path}', header = true, all_varchar = true, nullstr = ['', '{file.missing}'])"
        connection.execute(f'CREATE TABLE "{file.name}" AS FROM {source}')
    return connection


@each_file
def test_every_value_fits_the_stated_type(file: ShippedFile, tables: duckdb.DuckDBPyConnection) -> None:
    for column in file.columns:
        if column.name:
            tables.execute(f'SELECT count(CAST("{column.name}" AS {column.type})) FROM "{file.name}"').fetchall()


@each_file
def test_keys_are_unique(file: ShippedFile, tables: duckdb.DuckDBPyConnection) -> None:
    if file.key:
        columns = ", ".join(f'"{column}"' for column in file.key)
        found = tables.execute(f'SELECT count(*) FROM (SELECT DISTINCT {columns} FROM "{file.name}")').fetchall()
        assert found == [(file.rows,)]


@pytest.mark.parametrize(
    "relation",
    [relation for item in CATALOGUE.sets for relation in item.relationships],
    ids=lambda relation: "+".join(relation.left),
)
def test_relationships_hold(relation, tables: duckdb.DuckDBPyConnection) -> None:  # type: ignore[no-untyped-def]
    left, right = relation.left[0].partition(".")[0], relation.right[0].partition(".")[0]
    pairs = [(a.partition(".")[2], b.partition(".")[2]) for a, b in zip(relation.left, relation.right, strict=True)]
    match = " AND ".join(f'l."{a}" = r."{b}"' for a, b in pairs)
    present = " AND ".join(f'l."{a}" IS NOT NULL' for a, _ in pairs)
    query = f'SELECT count(*) FROM "{left}" l WHERE {present} AND {{}} EXISTS (SELECT 1 FROM "{right}" r WHERE {match})'
    assert tables.execute(query.format("")).fetchall() != [(0,)]
    if relation.complete:
        assert tables.execute(query.format("NOT")).fetchall() == [(0,)]


def test_a_group_name_finds_all_its_tables() -> None:
    files = CATALOGUE.find("nycflights13")
    assert files is not None
    assert [file.name for file in files] == ["airlines", "airports", "flights", "planes", "weather"]


def test_a_table_name_finds_that_table_in_any_case() -> None:
    files = CATALOGUE.find("Flights")
    assert files is not None
    assert [(file.name, file.rows) for file in files] == [("flights", 336_776)]


def test_no_name_means_two_things() -> None:
    names = CATALOGUE.names()
    assert len(names) == len({name.lower() for name in names})
    for item in CATALOGUE.sets:
        assert len(item.files) == 1 or item.name not in {file.name for file in item.files}


def test_an_unknown_name_finds_nothing_but_close_names() -> None:
    assert CATALOGUE.find("flihgts") is None
    assert "flights" in CATALOGUE.close_names("flihgts")


def test_relationships_are_those_between_the_tables_at_hand() -> None:
    assert CATALOGUE.relationships(frozenset({"flights"})) == ()
    (relation,) = CATALOGUE.relationships(frozenset({"flights", "airlines"}))
    assert (relation.left, relation.right) == (("flights.carrier",), ("airlines.carrier",))


@pytest.mark.parametrize(
    "text",
    [
        "version = 2\ndataset = []",
        "version = 1",
        "not toml at all [",
        'version = 1\n[[dataset]]\nname = "x"',
    ],
)
def test_a_broken_manifest_is_one_clear_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        catalogue(tmp_path)
    assert caught.value.code == "bad_manifest"


def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    place = directory()
    assert place is not None
    text = (place / "manifest.toml").read_text("utf-8").replace('"airlines.csv"', '"../airlines.csv"')
    (tmp_path / "manifest.toml").write_text(text, "utf-8")
    with pytest.raises(DataError, match="bare file name"):
        catalogue(tmp_path)


def test_an_installed_package_carries_its_data_inside(tmp_path: Path) -> None:
    place = directory()
    assert place is not None
    package = tmp_path / "csvanalyst_ext"
    shutil.copytree(place.parent / "csvanalyst_ext", package, ignore=shutil.ignore_patterns("__pycache__"))
    inside = package / "_context" / "datasets"
    inside.mkdir(parents=True)
    shutil.copy(place / "manifest.toml", inside)
    code = "from csvanalyst_ext.datasets.shipped import catalogue; print(catalogue().find('penguins')[0].path)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(inside / "penguins.csv")


def test_an_installation_without_data_has_no_shipped_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csvanalyst_ext.datasets.shipped.directory", lambda: None)
    assert catalogue().names() == ()
