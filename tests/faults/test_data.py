"""What can happen to the files: the source, the tables of the session, the cache, the capsules."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from csvanalyst_ext.errors import AnalystError, DataError

from .conftest import Fault
from .stage import RIGHT, value_of


def test_a_source_that_is_deleted_leaves_its_table(fault: Fault) -> None:
    with fault("data source deleted") as stage:
        text = stage.source.read_text()
        stage.source.unlink()
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        assert value_of(run) == RIGHT
        assert any("gone" in note for note in run.notes)
        stage.sees("the answer, with a note that the file is gone")
        stage.source.write_text(text)


def test_a_source_that_changed_is_read_again(fault: Fault) -> None:
    with fault("data source changed") as stage:
        text = stage.source.read_text()
        stage.source.write_text(text + "6,1\n")
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        assert value_of(run) == RIGHT + 1
        assert any("read again" in note for note in run.notes)
        stage.sees("the new answer, with a note that it was read again")
        stage.source.write_text(text)


def test_a_source_that_became_unreadable_is_an_error_of_the_question(fault: Fault) -> None:
    with fault("data source changed into something broken") as stage:
        text = stage.source.read_text()
        stage.source.write_text("id,distance\n1,2\n3,4,5,6\n")
        stage.fails("SQL: SELECT sum(distance) FROM trips", "csv_ragged")
        stage.source.write_text(text)


def test_a_table_file_that_is_deleted_comes_back(fault: Fault) -> None:
    with fault("table file deleted from the session's directory") as stage:
        for file in (stage.directory / "tables").iterdir():
            file.unlink()
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        assert value_of(run.raise_for_status()) == RIGHT
        assert any("made again" in note for note in run.notes)
        stage.sees("the answer, with a note that the file was made again")


def test_a_session_directory_that_is_deleted(fault: Fault) -> None:
    with fault("session's directory deleted") as stage:
        shutil.rmtree(stage.directory)
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        assert value_of(run.raise_for_status()) == RIGHT
        stage.sees("the answer, with a note that the file was made again")


def damage(how: str) -> Callable[[Path], None]:
    def apply(table: Path) -> None:
        data = table.read_bytes()
        table.chmod(0o600)
        if how == "truncated":
            table.write_bytes(data[: len(data) // 2])
        elif how == "one bit flipped":
            table.write_bytes(data[:100] + bytes((data[100] ^ 1,)) + data[101:])
        elif how == "replaced by a link":
            table.unlink()
            table.symlink_to("/etc/passwd")
        elif how == "replaced by a directory":
            table.unlink()
            table.mkdir()
        elif how == "its record damaged":
            (table.parent / "entry.json").write_text('{"version": 1, "size": ')
        else:
            shutil.rmtree(table.parent)

    return apply


@pytest.mark.parametrize(
    "how",
    [
        "truncated",
        "one bit flipped",
        "replaced by a link",
        "replaced by a directory",
        "its record damaged",
        "deleted",
    ],
)
def test_a_damaged_cache_entry_is_made_again(fault: Fault, how: str) -> None:
    """By another session, as the next day: the one that has the table goes on with the file it has."""
    with fault(f"cache file {how}") as stage:
        stage.close_session()
        [table] = (stage.home / "cache").glob("*/*/table.parquet")
        damage(how)(table)
        stage.open()
        stage.add()
        stage.require_right()
        stage.sees("nothing: it is read again")
        [table] = (stage.home / "cache").glob("*/*/table.parquet")
        assert table.read_bytes().startswith(b"PAR1")


def cut(capsule: Path) -> None:
    (capsule / "capsule.json").write_text("{")


def flip(capsule: Path) -> None:
    [table] = capsule.glob("*.arrow")
    data = table.read_bytes()
    table.chmod(0o600)
    table.write_bytes(data[:-20] + b"\xff" + data[-19:])


def empty(capsule: Path) -> None:
    for file in capsule.iterdir():
        file.unlink()


@pytest.mark.parametrize(("what", "happen"), [("record cut off", cut), ("result changed", flip), ("emptied", empty)])
def test_a_damaged_capsule_is_said_to_be_and_hides_no_other(
    fault: Fault, what: str, happen: Callable[[Path], None]
) -> None:
    with fault(f"capsule {what}") as stage:
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        assert run.capsule is not None
        happen(run.capsule)
        listed = {item.id: item.status for item in stage.session.store.list()}
        assert len(listed) >= 2
        assert listed.pop(run.id) in ("damaged", "ok")  # that a result was changed is found when it is read
        assert set(listed.values()) == {"ok"}
        with pytest.raises(DataError) as caught:
            stage.session.store.load(run.id)
        stage.sees_error(caught.value, "capsule_damaged")


def test_a_capsule_record_with_fields_of_other_kinds_hides_no_other(fault: Fault) -> None:
    with fault("capsule record with nonsense in its fields") as stage:
        run = stage.ask("SQL: SELECT 1")
        assert run.capsule is not None
        record = run.capsule / "capsule.json"
        nonsense = '"files": {}, "steps": [1], "timings": [], "question": 5, "status": null, "mode": {}, "model": []'
        record.write_text(f'{{"format": 1, "id": "{run.id}", {nonsense}}}')
        [item] = [item for item in stage.session.store.list() if item.id == run.id]
        assert item.status == "damaged"
        stage.sees("the run is listed as damaged")


def test_a_file_that_is_no_longer_a_file_is_refused(fault: Fault) -> None:
    with fault("data source replaced by a pipe") as stage:
        text = stage.source.read_text()
        stage.source.unlink()
        os.mkfifo(stage.source)
        try:
            run = stage.ask("SQL: SELECT sum(distance) FROM trips")
            if run.error is not None:
                stage.sees_error(run.error, "data_not_regular", "data_unreadable", "data_not_file")
            else:
                stage.sees("the answer, with a note")
        finally:
            stage.source.unlink()
            stage.source.write_text(text)


def test_a_cache_entry_that_goes_between_look_up_and_use(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kernel's pruning, at the worst moment: after the entry was found, before it was linked."""
    with fault("cache entry removed at the moment of use") as stage:
        stage.close_session()
        stage.open()
        cache = stage.session._shelf._intake._cache
        whole = cache.get

        def get(key: str) -> object:
            entry = whole(key)
            if entry is not None:
                shutil.rmtree(entry.path.parent)
            return entry

        monkeypatch.setattr(cache, "get", get)
        with pytest.raises(AnalystError) as caught:
            stage.add()
        stage.sees_error(caught.value, "cache_lost")
        monkeypatch.undo()
        stage.add()
