"""A file many times the sandbox's memory becomes a table in constant memory, whole and in order.  Sizes and limits
are scaled down together; `make large` has the real ones."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from csvanalyst_ext.agent.events import Event, ToolProgress
from csvanalyst_ext.config import MIB
from csvanalyst_ext.datasets.cache import Cache
from csvanalyst_ext.errors import DataError
from tests.sandbox.test_survival import Asking
from tests.support.cgroup import Memory

ROWS = 8_000_000
CSV = """
    SELECT i AS id, (hash(i) % 100000) / 100.0 AS price, DATE '2015-01-01' + (hash(i) % 3650)::INT AS day,
        ['north', 'south', 'Zürich'][1 + (hash(i + 2) % 3)::INT] AS region, md5(i::VARCHAR) AS token,
        CASE WHEN i % 10 = 0 THEN 'two' || chr(10) || 'lines, "quoted"' END AS remark
    FROM range({}) t(i)"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 550 MB."""
    path = tmp_path_factory.mktemp("scale") / "big.csv"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({CSV.format(ROWS)}) TO '{path}' (HEADER)")
    path.chmod(0o644)
    old = time.time() - 60
    os.utime(path, (old, old))
    return path


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    made = Asking(tmp_path_factory.mktemp("home"), memory=512 * MIB, scratch=64 * MIB)
    yield made
    made.close()


def test_a_file_larger_than_the_memory_limit_becomes_a_table_with_every_row(tight: Asking, source: Path) -> None:
    seen: list[ToolProgress] = []

    def watch(event: Event) -> None:
        if isinstance(event, ToolProgress):
            seen.append(event)

    loop, session = tight.loop, tight.session
    loop.run_until_complete(session._executor.start())
    with Memory(session.facts()["container"]) as used:
        (dataset,) = tight.add(source, name="big", emit=watch)
    assert dataset.rows == ROWS
    assert used.peak is None or used.peak < 512
    assert tight.value("SELECT sum(id)::BIGINT FROM big") == ROWS * (ROWS - 1) // 2
    assert tight.value("SELECT count(*) FROM big WHERE remark LIKE '%' || chr(10) || '%'") == ROWS // 10
    assert tight.value("SELECT id FROM big LIMIT 1 OFFSET 2000000") == 2_000_000
    columns = {column.name: column for column in dataset.columns}
    assert columns["region"].values == tuple(sorted(columns["region"].values, key=columns["region"].values.index))
    assert set(columns["region"].values) == {"north", "south", "Zürich"}
    assert (columns["id"].minimum, columns["id"].maximum) == ("0", str(ROWS - 1))
    assert columns["remark"].nulls == ROWS - ROWS // 10

    sizes, rows = [event.bytes for event in seen], [event.rows for event in seen]
    assert sizes == sorted(sizes)
    assert rows == sorted(rows)
    assert len(set(sizes)) > 2
    assert max(sizes) <= source.stat().st_size
    assert max(rows) <= ROWS


def test_the_second_time_is_instant_in_this_session_and_the_next(
    tight: Asking, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight.add(source, name="big")

    def unread(*_: Any) -> Any:
        raise AssertionError("the file is not read again")

    monkeypatch.setattr("csvanalyst_ext.datasets.staging.Workspace.hash_file", unread)
    monkeypatch.setattr("csvanalyst_ext.datasets.staging.Workspace.stage_file", unread)
    monkeypatch.setattr("csvanalyst_ext.datasets.cache.hashlib.file_digest", unread)
    (again,) = tight.add(source, name="again")
    assert again.rows == ROWS
    other = Asking(tight.home, memory=512 * MIB, scratch=64 * MIB)
    try:
        (third,) = other.add(source, name="third")
    finally:
        other.close()
    assert third.fingerprint == again.fingerprint


@pytest.mark.parametrize("tail", ["last,1.5,2020-01-01,north,t,r\n", '7,1.5,2020-01-01,north,t,"never closed\n'])
def test_what_is_wrong_at_the_very_end_is_found_with_its_line(
    tight: Asking, source: Path, tmp_path: Path, tail: str
) -> None:
    path = tmp_path / "end.csv"
    with source.open("rb") as whole, path.open("wb") as file:
        while data := whole.read(MIB):
            file.write(data)
        file.write(tail.encode())
    lines = ROWS + ROWS // 10 + 2
    if tail.startswith("last"):
        (dataset,) = tight.add(path, name=f"tail_{tail[0]}")
        assert dataset.rows == ROWS + 1
        assert dataset.columns[0].type == "VARCHAR"
        assert any(f"at line {lines}" in note and "'last'" in note for note in dataset.notes), dataset.notes
    else:
        with pytest.raises(DataError) as caught:
            tight.add(path, name=f"tail_{tail[0]}")
        assert caught.value.code == "csv_quotes"
        assert str(lines) in caught.value.message.replace(",", "")


def test_a_large_parquet_file_is_proved_and_kept_as_it_is(tight: Asking, tmp_path: Path) -> None:
    path = tmp_path / "big.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({CSV.format(ROWS)}) TO '{path}' (FORMAT parquet)")
    (dataset,) = tight.add(path, name="whole")
    assert dataset.rows == ROWS
    assert dataset.columns[0].maximum == str(ROWS - 1)
    kept = [entry for entry in Cache(tight.home).root.rglob("*.parquet") if entry.stat().st_size == path.stat().st_size]
    assert [entry.read_bytes() == path.read_bytes() for entry in kept] == [True]
    assert tight.value("SELECT count(*) FROM whole WHERE region = 'Zürich'") > 0


def test_a_gzip_file_is_unpacked_in_the_sandbox_only(tight: Asking, tmp_path: Path) -> None:
    path = tmp_path / "big.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"id,name\n")
        for start in range(0, 1_500_000, 1000):
            file.write(b"".join(b"%d,name of number %d\n" % (i, i) for i in range(start, start + 1000)))
    (dataset,) = tight.add(path, name="packed")
    assert dataset.rows == 1_500_000


def test_no_room_is_said_before_the_sandbox_reads_a_byte(
    tight: Asking, source: Path, monkeypatch: pytest.MonkeyPatch, new_requests: Callable[[], int]
) -> None:
    before = new_requests()
    path = source.with_name("other.csv")
    path.write_bytes(b"a,b\n" + b"1,2\n" * 10)
    monkeypatch.setattr("csvanalyst_ext.datasets.forecast.free_bytes", lambda _: MIB)
    with pytest.raises(Exception, match="Nothing was read") as caught:
        tight.add(path, name="other")
    assert getattr(caught.value, "code", "") == "disk_full"
    assert new_requests() == before


@pytest.fixture
def new_requests(tight: Asking, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many requests the sandbox was sent."""
    count = [0]
    run = tight.session._executor.run

    async def counted(*given: Any, **more: Any) -> Any:
        count[0] += 1
        return await run(*given, **more)

    monkeypatch.setattr(tight.session._executor, "run", counted)
    return lambda: count[0]
