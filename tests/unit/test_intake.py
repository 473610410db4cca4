"""From a file to a table: what is read how often, what is kept, what is told meanwhile."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csvanalyst_ext.config import Settings
from csvanalyst_ext.datasets import staging
from csvanalyst_ext.datasets.cache import Cache
from csvanalyst_ext.datasets.formats import format_of
from csvanalyst_ext.datasets.sources import FileSource
from csvanalyst_ext.errors import AnalystError, RunnerMisbehaved
from csvanalyst_ext.execution.base import Outcome
from csvanalyst_ext.protocol import Fault, IngestRequest
from csvanalyst_ext.session.intake import Intake

OLD = time.time_ns() - 60 * 10**9


def parquet(rows: int = 2) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"a": list(range(rows))}), out)
    return out.getvalue()


def report(state: str = "whole", **column: Any) -> dict[str, Any]:
    plain = {"name": "a", "type": "BIGINT", "nulls": 0, "distinct": 0, "minimum": None, "maximum": None}
    columns = [{**plain, "values": [], "all_values": False, "words": [], **column}]
    return {"rows": 2, "columns": columns, "notes": [], "repairs": [], "dialect": {}, "state": state}


Answer = Callable[[IngestRequest, bytes], tuple[Outcome, bytes]]


class Runner:
    """Answers each request with the next of ``answers``."""

    def __init__(self, workspace: Path, *answers: Answer) -> None:
        self.incoming = workspace / "incoming"
        self.answers = list(answers)
        self.requests: list[IngestRequest] = []

    async def run(self, request: Any, *, progress: Any = None, body: Any = None) -> Outcome:
        self.requests.append(request)
        data = (self.incoming / request.source).read_bytes()
        if progress is not None:
            progress(1, len(data) // 2)
            progress(2, len(data))
        outcome, sent = self.answers.pop(0)(request, data)
        if sent:
            body(sent)
        await asyncio.sleep(0.05)
        return outcome


def good(request: IngestRequest, _: bytes) -> tuple[Outcome, bytes]:
    return Outcome("ok", report=report()), parquet()


class Case:
    def __init__(self, home: Path, *answers: Answer) -> None:
        self.home = home
        self.workspace = staging.Workspace.create(home, f"s{time.monotonic_ns()}")
        self.runner = Runner(self.workspace.path, *answers)
        self.progress: list[tuple[int, int]] = []
        settings = replace(Settings(), home=home)
        runner: Any = self.runner
        self.intake = Intake(settings, self.workspace, Cache(home), runner, lambda: "test")

    def take(self, path: Path, options: Mapping[str, str | bool] | None = None) -> Any:
        source = FileSource(path, format_of(path), str(path), path.stem)
        told = self.intake.take(source, "t", options or {}, lambda rows, size: self.progress.append((rows, size)))
        return asyncio.run(told)


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., Case]:
    return lambda *answers: Case(tmp_path / "home", *answers)


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "LINK_LEAST", 1)


def write(path: Path, data: bytes = b"a\n1\n2\n") -> Path:
    path.write_bytes(data)
    path.chmod(0o644)
    os.utime(path, ns=(OLD, OLD))
    return path


def test_a_large_file_is_read_where_it_lies(case: Callable[..., Case], tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    inodes: list[int] = []

    def look(request: IngestRequest, data: bytes) -> tuple[Outcome, bytes]:
        inodes.append((made.runner.incoming / request.source).stat().st_ino)
        return good(request, data)

    made = case(look)
    taken = made.take(path)
    assert inodes == [path.stat().st_ino]
    assert path.stat().st_nlink == 1, "nothing of it stays"
    assert taken.dataset.rows == 2


@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_a_file_that_the_sandbox_could_not_read_or_could_write_is_copied(
    case: Callable[..., Case], tmp_path: Path, mode: int
) -> None:
    path = write(tmp_path / "a.csv")
    path.chmod(mode)
    inodes: list[int] = []

    def look(request: IngestRequest, data: bytes) -> tuple[Outcome, bytes]:
        inodes.append((made.runner.incoming / request.source).stat().st_ino)
        return good(request, data)

    made = case(look)
    made.take(path)
    assert inodes != [path.stat().st_ino]


def test_a_file_written_to_while_it_is_read_is_refused_and_nothing_is_kept(
    case: Callable[..., Case], tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv")

    def change(request: IngestRequest, data: bytes) -> tuple[Outcome, bytes]:
        path.write_bytes(b"a\n3\n4\n")
        return good(request, data)

    made = case(change)
    with pytest.raises(AnalystError) as caught:
        made.take(path)
    assert caught.value.code == "data_changed"
    assert list(Cache(made.home).root.rglob("*.parquet")) == []
    assert list(made.runner.incoming.iterdir()) == []


def test_the_second_time_nothing_is_read(case: Callable[..., Case], tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    first = case(good).take(path)
    again = case()
    second = again.take(path)
    assert again.runner.requests == []
    assert second.dataset.fingerprint == first.dataset.fingerprint


def test_the_same_bytes_under_another_name_are_not_ingested_again(case: Callable[..., Case], tmp_path: Path) -> None:
    first = case(good).take(write(tmp_path / "a.csv"))
    copy = write(tmp_path / "b.csv")
    other = case(good)
    second = other.take(copy)
    assert second.key == first.key


def test_changed_bytes_are_read_again_even_when_size_and_time_are_the_same(
    case: Callable[..., Case], tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv")
    first = case(good).take(path)
    time.sleep(0.02)
    write(path, b"a\n7\n8\n")
    other = case(good)
    assert other.take(path).dataset.fingerprint != first.dataset.fingerprint
    assert len(other.runner.requests) == 1


def test_a_value_that_shows_too_late_leads_to_one_more_ingest_that_proves_everything(
    case: Callable[..., Case], tmp_path: Path
) -> None:
    def late(request: IngestRequest, _: bytes) -> tuple[Outcome, bytes]:
        return Outcome("error", Fault("ingest_again", "Too late.", "Again.")), b"PAR1 half a table"

    made = case(late, good)
    assert made.take(write(tmp_path / "a.csv")).dataset.rows == 2
    assert [request.options for request in made.runner.requests] == [{}, {"exact": True}]
    never = case(late, late)
    with pytest.raises(AnalystError) as caught:
        never.take(write(tmp_path / "b.csv", b"a\n5\n"))
    assert caught.value.code == "ingest_again"


def test_a_table_that_was_sent_unprofiled_is_profiled_from_the_finished_file(
    case: Callable[..., Case], tmp_path: Path
) -> None:
    def streamed(request: IngestRequest, _: bytes) -> tuple[Outcome, bytes]:
        return Outcome("ok", report={**report("unprofiled", words=["true"]), "notes": ["one"]}), parquet()

    def profile(request: IngestRequest, data: bytes) -> tuple[Outcome, bytes]:
        assert request.format == "parquet"
        assert data == parquet()
        return Outcome("ok", report={**report("as_is", distinct=2, maximum="1"), "notes": ["two"]}), b""

    made = case(streamed, profile)
    dataset = made.take(write(tmp_path / "a.csv")).dataset
    (column,) = dataset.columns
    assert (column.distinct, column.maximum, column.words) == (2, "1", ("true",))
    assert dataset.notes == ("one", "two")
    assert made.progress[-1] == (2, 6)
    assert list(made.runner.incoming.iterdir()) == []


@pytest.mark.parametrize("lie", [{"rows": 3}, {"columns": []}, {"columns": None}, {}])
def test_a_profile_of_another_table_is_refused(case: Callable[..., Case], tmp_path: Path, lie: dict[str, Any]) -> None:
    def profile(request: IngestRequest, _: bytes) -> tuple[Outcome, bytes]:
        return Outcome("ok", report={**report("as_is"), **lie} if lie else {}), b""

    made = case(lambda *_: (Outcome("ok", report=report("unprofiled")), parquet()), profile)
    with pytest.raises(RunnerMisbehaved):
        made.take(write(tmp_path / "a.csv"))


def test_a_parquet_file_that_is_good_as_it_is_becomes_the_table(case: Callable[..., Case], tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", parquet())
    made = case(lambda *_: (Outcome("ok", report=report("as_is")), b""))
    taken = made.take(path)
    assert made.runner.requests[0].options == {"exact": True}
    entry = Cache(made.home).get(taken.key)
    assert entry is not None
    assert entry.path.read_bytes() == parquet()
    assert entry.sha256 == taken.dataset.fingerprint
    assert entry.path.stat().st_ino != path.stat().st_ino, "the cache never shares bytes with a person's file"


def test_only_parquet_can_be_kept_as_it_is(case: Callable[..., Case], tmp_path: Path) -> None:
    made = case(lambda *_: (Outcome("ok", report=report("as_is")), b""))
    with pytest.raises(RunnerMisbehaved):
        made.take(write(tmp_path / "a.csv", b"PAR1 is not all it takes PAR1"))


def test_progress_never_goes_back_over_all_parts(case: Callable[..., Case], tmp_path: Path) -> None:
    def late(request: IngestRequest, _: bytes) -> tuple[Outcome, bytes]:
        return Outcome("error", Fault("ingest_again", "Too late.", "Again.")), b""

    for data, mode in ((b"a\n1\n2\n", 0o644), (b"a\n1\n3\n", 0o600)):
        made = case(late, good)
        path = write(tmp_path / "a.csv", data)
        path.chmod(mode)
        made.take(path)
        assert made.progress == sorted(made.progress)
        assert made.progress[-1] == (2, 5)
