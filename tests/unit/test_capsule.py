"""Run capsules: complete or absent, found by id, checked when they are read."""

import datetime as dt
import errno
import json
import os
import stat
import subprocess
import sys

import pyarrow as pa
import pytest

from csvanalyst_ext.capsules import store as module
from csvanalyst_ext.capsules.store import ALWAYS_KEPT, Retention, Store, new_id
from csvanalyst_ext.errors import DataError, StorageError, UsageError

TABLE = pa.table({"n": [1, 2, 3], "s": ["a", None, "c"]})


def record(**changes):
    step = {"tool": "run_sql", "code": "SELECT 1", "status": "ok", "result": "result-1.arrow", "row_count": 3}
    whole = {
        "question": "How many?",
        "mode": "sql",
        "model": "",
        "status": "ok",
        "steps": [step],
        "timings": {"total": 1.5},
    }
    return {**whole, **changes}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "capsules")


def test_an_id_is_the_time_in_utc_and_sorts_by_it_within_a_second():
    moment = dt.datetime(2026, 1, 31, 15, 22, 33, 250_000, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    first, second = new_id(moment), new_id(moment + dt.timedelta(milliseconds=1))
    assert first.startswith("20260131-142233-4000")
    assert len(first) == len("20260131-142233-3fa9c1")
    assert first < second
    assert len({new_id(moment) for _ in range(500)}) > 1, "two at the same moment differ"


def test_what_is_saved_is_loaded(store):
    path = store.save(record(), {"result-1.arrow": TABLE}, {"figure-1.png": b"png"}, messages=({"role": "user"},))
    capsule = store.load(path.name)
    assert sorted(file.name for file in path.iterdir()) == [
        "capsule.json",
        "figure-1.png",
        "messages.json",
        "result-1.arrow",
    ]
    assert capsule.record["question"] == "How many?"
    assert capsule.table("result-1.arrow").equals(TABLE)
    assert capsule.messages() == [{"role": "user"}]
    assert capsule.record["files"]["result-1.arrow"]["rows"] == 3


def test_only_its_owner_may_read_a_capsule(store):
    path = store.save(record(), {"result-1.arrow": TABLE})
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}


def test_a_unique_prefix_or_the_random_digits_are_enough(store):
    path = store.save(record(), id="20260131-142233-3fa9c1")
    store.save(record(), id="20260201-142233-aaaaaa")
    assert store.load("202601").path == path
    assert store.load("3fa9c1").path == path


def test_an_unknown_id_and_an_ambiguous_prefix_are_usage_errors(store):
    store.save(record(), id="20260131-142233-3fa9c1")
    store.save(record(), id="20260131-142234-3fa9c2")
    for prefix, code in (("2027", "capsule_unknown"), ("", "capsule_unknown"), ("2026", "capsule_ambiguous")):
        with pytest.raises(UsageError) as caught:
            store.load(prefix)
        assert caught.value.code == code


@pytest.mark.parametrize("prefix", ["../../etc", "/etc/passwd", "..", "."])
def test_an_id_is_no_path(store, prefix):
    store.save(record())
    with pytest.raises(UsageError):
        store.load(prefix)


@pytest.mark.parametrize("file", ["result-1.arrow", "messages.json", "figure-1.png"])
def test_a_file_that_was_changed_is_noticed(store, file):
    path = store.save(record(), {"result-1.arrow": TABLE}, {"figure-1.png": b"png"})
    with (path / file).open("ab") as stream:
        stream.write(b"!")
    with pytest.raises(DataError) as caught:
        store.load(path.name)
    assert (caught.value.code, file in str(caught.value)) == ("capsule_damaged", True)


def test_a_file_that_is_missing_or_became_a_link_is_noticed(store, tmp_path):
    path = store.save(record(), {"result-1.arrow": TABLE})
    target = tmp_path / "elsewhere"
    (path / "result-1.arrow").rename(target)
    for prepare in (lambda: None, lambda: (path / "result-1.arrow").symlink_to(target)):
        prepare()
        with pytest.raises(DataError):
            store.load(path.name)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id": "other", "files": {}}'])
def test_a_record_that_is_no_record_is_damage_and_the_list_shows_it(store, text):
    path = store.save(record())
    (path / "capsule.json").write_text(text)
    with pytest.raises(DataError) as caught:
        store.load(path.name)
    assert caught.value.code == "capsule_damaged"
    assert [item.status for item in store.list()] == ["damaged"]


def test_a_record_of_another_format_says_so(store):
    path = store.save(record())
    raw = json.loads((path / "capsule.json").read_text())
    (path / "capsule.json").write_text(json.dumps({**raw, "format": 99}))
    with pytest.raises(DataError) as caught:
        store.load(path.name)
    assert caught.value.code == "capsule_version"


def test_a_record_cannot_name_a_file_outside_its_directory(store):
    path = store.save(record())
    raw = json.loads((path / "capsule.json").read_text())
    (path / "capsule.json").write_text(json.dumps({**raw, "files": {"../x": {"sha256": "0"}}}))
    with pytest.raises(DataError):
        store.load(path.name)


def test_the_list_is_newest_first_and_tells_the_question_and_its_rows(store):
    store.save(record(question="old"), {"result-1.arrow": TABLE}, id="20260131-142233-3fa9c1")
    store.save(record(question="new", status="error"), id="20260201-142233-3fa9c1")
    assert [(item.question, item.status, item.rows, item.seconds) for item in store.list()] == [
        ("new", "error", 3, 1.5),
        ("old", "ok", 3, 1.5),
    ]


def test_a_store_without_a_directory_is_empty(store):
    assert (list(store.list()), store.sweep()) == ([], 0)


def test_a_write_that_fails_leaves_nothing_behind(store, monkeypatch):
    def full(path, table):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_write_table", full)
    with pytest.raises(StorageError) as caught:
        store.save(record(), {"result-1.arrow": TABLE})
    assert (caught.value.code, list(store.root.iterdir())) == ("disk_full", [])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount")
def test_a_full_disk_is_a_storage_error_with_nothing_half_written(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        small = Store(place / "capsules")
        kept = small.save(record())
        big = pa.table({"n": list(range(200_000))})
        with pytest.raises(StorageError) as caught:
            small.save(record(), {"result-1.arrow": big})
        assert caught.value.code == "disk_full"
        assert list(small.root.iterdir()) == [kept]
        assert small.save(record()).is_dir()
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_home_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Store(tmp_path / "file" / "capsules").save(record())


def test_what_a_dead_writer_left_is_swept_and_what_a_living_one_writes_is_not(store):
    store.save(record())
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    (store.root / f".writing-{dead.stdout.strip()}-x").mkdir()
    (store.root / f".writing-{os.getpid()}-x").mkdir()
    assert store.sweep() == 1
    assert [item.name for item in store.root.iterdir() if item.name.startswith(".")] == [f".writing-{os.getpid()}-x"]


@pytest.mark.parametrize("name", ["../x", "capsule.json", "a/b", "", "A b"])
def test_files_have_plain_names(store, name):
    with pytest.raises(ValueError, match="file name"):
        store.save(record(), {}, {name: b""})


# --- retention ------------------------------------------------------------------------------------

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
ALL = Retention(days=36_500, runs=10_000, size=2**60)


def fill(store, count, *, data=b""):
    """Runs of one a day, the last of them now."""
    for age in range(count):
        store.save(record(), {}, {"figure-1.png": data}, id=new_id(NOW - dt.timedelta(days=age, seconds=1)))


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        (ALL, 40),
        (Retention(days=25, runs=10_000, size=2**60), 25),
        (Retention(days=36_500, runs=30, size=2**60), 30),
        (Retention(days=1, runs=1, size=1), ALWAYS_KEPT),
    ],
)
def test_the_oldest_runs_go_and_the_newest_stay(store, retention, left):
    fill(store, 40)
    before = [item.id for item in store.list()]
    assert store.prune(retention, NOW) == 40 - left
    assert [item.id for item in store.list()] == before[:left]
    assert len(list(store.root.iterdir())) == left


def test_runs_go_by_their_size_too(store):
    fill(store, 30, data=b"x" * 10_000)
    store.prune(Retention(days=36_500, runs=10_000, size=25 * 11_000), NOW)
    assert ALWAYS_KEPT <= len(store.list()) < 30


def test_pruning_without_a_directory_or_with_a_damaged_run_is_no_error(store):
    assert store.prune(ALL) == 0
    fill(store, 25)
    (store.root / store.list()[-1].id / "capsule.json").unlink()
    assert store.prune(Retention(days=1, runs=1, size=1), NOW) == 5


def test_what_a_remover_left_that_died_half_way_is_swept(store):
    fill(store, 1)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    (store.root / f".removing-{dead.stdout.strip()}-x").mkdir()
    assert store.sweep() == 1
