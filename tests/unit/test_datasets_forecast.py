"""What does not fit is refused before anything is read, with the numbers and the next step."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from csvanalyst_ext.datasets import forecast, storage
from csvanalyst_ext.errors import DataError, StorageError

MIB = 1024 * 1024
LIMIT = 1024 * MIB


def sparse(path: Path, *, size: int, data: dict[int, bytes]) -> Path:
    with path.open("wb") as file:
        for place, written in data.items():
            file.seek(place)
            file.write(written)
        file.truncate(size)
    return path


def test_a_text_needs_room_for_its_table_and_its_copy_if_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" * 1000)
    linked = forecast.forecast(path, "csv", "", LIMIT, linked=True)
    copied = forecast.forecast(path, "csv", "", LIMIT, linked=False)
    assert (linked.copy, copied.copy) == (0, 4000)
    assert linked.table == copied.table == 2400
    assert copied.needed == 4000 + 2400 + storage.RESERVE


def test_a_parquet_file_becomes_its_own_table(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" * 1000)
    needs = forecast.forecast(path, "parquet", "", LIMIT, linked=False)
    assert (needs.copy, needs.table) == (4000, 0)


def test_a_gzip_file_counts_as_what_it_unpacks_to(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * MIB))
    assert forecast.forecast(path, "csv", "gzip", LIMIT, linked=True).text == 4 * MIB
    with pytest.raises(DataError) as caught:
        forecast.forecast(path, "csv", "gzip", 2 * MIB, linked=True)
    assert caught.value.code == "data_too_large"
    assert "unpacks to 4.2 MB" in caught.value.message


def test_a_stated_length_below_the_packed_one_has_wrapped_around(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(b"\x1f\x8b" + os.urandom(100_000) + (5).to_bytes(4, "little"))
    assert forecast.forecast(path, "csv", "gzip", 10 * 2**32, linked=True).text == 2**32 + 5


def test_a_file_that_is_no_gzip_counts_as_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(b"a,b\n1,2\n" * 10)
    assert forecast.forecast(path, "csv", "gzip", LIMIT, linked=True).text == 80


def test_a_text_with_a_hole_is_refused_and_the_hole_is_named(tmp_path: Path) -> None:
    path = sparse(tmp_path / "a.csv", size=200 * MIB, data={0: b"a,b\n", 150 * MIB: b"1,2\n"})
    if path.stat().st_blocks * 512 > 100 * MIB:
        pytest.skip("this file system has no holes")
    with pytest.raises(DataError) as caught:
        forecast.forecast(path, "csv", "", LIMIT, linked=True)
    assert caught.value.code == "data_sparse"
    assert caught.value.hint
    assert caught.value.details["end"] == 150 * MIB


def test_a_file_that_is_nothing_but_a_hole_is_refused(tmp_path: Path) -> None:
    path = sparse(tmp_path / "a.csv", size=100 * MIB, data={})
    if path.stat().st_blocks:
        pytest.skip("this file system has no holes")
    with pytest.raises(DataError, match="a hole"):
        forecast.forecast(path, "csv", "", LIMIT, linked=True)


def test_a_sparse_file_of_ten_terabytes_is_too_large(tmp_path: Path) -> None:
    path = sparse(tmp_path / "a.csv", size=10 * 10**12, data={0: b"a,b\n"})
    with pytest.raises(DataError) as caught:
        forecast.forecast(path, "csv", "", LIMIT, linked=True)
    assert caught.value.code == "data_too_large"


def test_too_little_room_is_said_with_all_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "free_bytes", lambda _: 3 * 10**9)
    needs = forecast.Forecast(text=10**10, copy=10**9, table=6 * 10**9)
    with pytest.raises(StorageError) as caught:
        forecast.require(needs, tmp_path / "big.csv", tmp_path)
    assert caught.value.code == "disk_full"
    for part in ("'big.csv'", "7.0 GB", "6.0 GB for the table", "1.0 GB for a copy", "3.0 GB are free", "Nothing was"):
        assert part in caught.value.message
    assert "CSVANALYST_HOME" in caught.value.hint
    assert caught.value.details == {"free": 3 * 10**9, "needed": needs.needed}


def test_enough_room_is_enough(tmp_path: Path) -> None:
    forecast.require(forecast.Forecast(text=1, copy=1, table=1), tmp_path / "a.csv", tmp_path)
