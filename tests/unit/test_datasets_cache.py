"""A cache entry is whole or it is not there, whoever writes, crashes or damages it."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.datasets.cache import Cache, Entry, cache_key
from csvanalyst_ext.errors import DataError, RunnerMisbehaved, StorageError

ROOT = Path(__file__).resolve().parents[2]
KEY = cache_key("f" * 64, "csv", "", {}, "1")
OTHER = cache_key("e" * 64, "csv", "", {}, "1")
REPORT: dict[str, Any] = {"rows": 1, "columns": [{"name": "a", "type": "BIGINT"}]}
TABLE = b"PAR1" + b"x" * 100 + b"PAR1"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def put(cache: Cache, key: str = KEY, table: bytes = TABLE) -> Entry:
    with cache.writer(key) as writer:
        for start in range(0, len(table), 7):
            writer.write(table[start : start + 7])
        return writer.commit(REPORT)


def left(cache: Cache) -> list[str]:
    """All files below the cache."""
    return sorted(str(path.relative_to(cache.root)) for path in cache.root.rglob("*") if path.is_file())


# --- keys -----------------------------------------------------------------------------------------


def test_the_key_depends_on_everything_that_decides_the_result() -> None:
    keys = [
        cache_key("f", "csv", "", {}, "1"),
        cache_key("g", "csv", "", {}, "1"),
        cache_key("f", "tsv", "", {}, "1"),
        cache_key("f", "csv", "gzip", {}, "1"),
        cache_key("f", "csv", "", {"header": True}, "1"),
        cache_key("f", "csv", "", {"header": False}, "1"),
        cache_key("f", "csv", "", {"quote": "True"}, "1"),
        cache_key("f", "csv", "", {}, "2"),
    ]
    assert len(set(keys)) == len(keys)


def test_the_order_of_options_does_not_matter() -> None:
    assert cache_key("f", "csv", "", {"a": "1", "b": "2"}, "1") == cache_key("f", "csv", "", {"b": "2", "a": "1"}, "1")


@pytest.mark.parametrize("key", ["", "..", "../../etc", "F" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_keys_are_keys(cache: Cache, key: str) -> None:
    with pytest.raises(ValueError, match="not a cache key"):
        cache.get(key)
    with pytest.raises(ValueError, match="not a cache key"), cache.writer(key):
        pass


# --- writing and reading --------------------------------------------------------------------------


def test_what_was_committed_is_found_by_another_cache(cache: Cache, tmp_path: Path) -> None:
    written = put(cache)
    found = Cache(tmp_path).get(KEY)
    assert found == written
    assert found is not None
    assert found.path.read_bytes() == TABLE
    assert (found.size, found.report["rows"]) == (len(TABLE), 1)


def test_an_entry_that_was_never_written_is_missing(cache: Cache) -> None:
    assert cache.get(KEY) is None


def test_without_commit_nothing_stays(cache: Cache) -> None:
    with cache.writer(KEY) as writer:
        writer.write(TABLE)
    assert cache.get(KEY) is None
    assert list(cache.root.iterdir()) == []


def test_an_error_in_the_middle_leaves_nothing(cache: Cache) -> None:
    with pytest.raises(KeyboardInterrupt), cache.writer(KEY) as writer:
        writer.write(TABLE)
        raise KeyboardInterrupt
    assert list(cache.root.iterdir()) == []


def test_a_bad_report_is_refused_and_leaves_nothing(cache: Cache) -> None:
    with pytest.raises(RunnerMisbehaved), cache.writer(KEY) as writer:
        writer.write(TABLE)
        writer.commit({"rows": "many", "columns": []})
    assert list(cache.root.iterdir()) == []


@pytest.mark.parametrize("table", [b"", b"PAR1", b"a,b\n1,2\n", b"PAR1" + b"x" * 50, b"x" * 50 + b"PAR1"])
def test_what_is_not_parquet_is_refused(cache: Cache, table: bytes) -> None:
    with pytest.raises(RunnerMisbehaved) as caught, cache.writer(KEY) as writer:
        writer.write(table)
        writer.commit(REPORT)
    assert caught.value.code == "bad_table"


def test_a_table_over_the_cap_is_stopped_and_leaves_nothing(cache: Cache) -> None:
    with pytest.raises(DataError) as caught, cache.writer(KEY, max_bytes=100) as writer:
        for _ in range(1000):
            writer.write(bytes(10))
    assert caught.value.code == "data_too_large"
    assert list(cache.root.iterdir()) == []


def test_only_this_user_can_enter_the_cache(cache: Cache) -> None:
    entry = put(cache)
    assert stat.S_IMODE(cache.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry.path.stat().st_mode) == 0o444  # the sandbox's user reads it through a link


# --- damage ---------------------------------------------------------------------------------------


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped byte": lambda d: rewrite(d / "table.parquet", TABLE.replace(b"xx", b"xy", 1)),
    "a shorter table": lambda d: rewrite(d / "table.parquet", TABLE[:-1]),
    "no table": lambda d: (d / "table.parquet").unlink(),
    "no record": lambda d: (d / "entry.json").unlink(),
    "a record that is not JSON": lambda d: (d / "entry.json").write_bytes(b"\xff{"),
    "a record that is a list": lambda d: (d / "entry.json").write_text("[]"),
    "a record nested without end": lambda d: (d / "entry.json").write_text("[" * 100_000),
    "another version": lambda d: edit(d / "entry.json", lambda raw: raw.update(version=0)),
    "a size that is text": lambda d: edit(d / "entry.json", lambda raw: raw.update(size="110")),
    "a report that does not fit": lambda d: edit(d / "entry.json", lambda raw: raw["report"].update(rows=-1)),
    "a report that is gone": lambda d: edit(d / "entry.json", lambda raw: raw.pop("report")),
    "a table that is a link": lambda d: relink(d / "table.parquet"),
}


def rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def relink(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_deleted_and_can_be_written_again(cache: Cache, damage: Callable[[Path], object]) -> None:
    entry = put(cache)
    damage(entry.path.parent)
    assert cache.get(KEY) is None
    assert not entry.path.parent.exists()
    assert cache.get(KEY) is None
    put(cache)
    assert cache.get(KEY) is not None


def test_a_damaged_entry_does_not_stop_a_writer(cache: Cache) -> None:
    entry = put(cache)
    DAMAGE["a shorter table"](entry.path.parent)
    assert put(cache).path.read_bytes() == TABLE
    assert cache.get(KEY) is not None


# --- several writers ------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from csvanalyst_ext.datasets.cache import Cache
home, key, letter = sys.argv[1:]
table = b"PAR1" + letter.encode() * 200_000 + b"PAR1"
with Cache(Path(home)).writer(key) as writer:
    writer.write(table[:100_000])
    print("writing", flush=True)
    sys.stdin.readline()
    writer.write(table[100_000:])
    entry = writer.commit({"rows": 1, "columns": [{"name": letter, "type": "BIGINT"}]})
print(entry.sha256, flush=True)
"""


def test_two_processes_that_write_the_same_key_both_succeed_and_one_wins(cache: Cache, tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), KEY, letter],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for letter in "ab"
    ]
    try:
        for process in writers:
            assert process.stdout is not None
            assert process.stdout.readline() == "writing\n"
        for process in writers:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        results = [process.communicate()[0].strip() for process in writers]
    finally:
        for process in writers:
            process.kill()
    assert [process.returncode for process in writers] == [0, 0]
    entry = cache.get(KEY)
    assert entry is not None
    assert results == [entry.sha256, entry.sha256]
    content = entry.path.read_bytes()
    assert content[4:-4] in (b"a" * 200_000, b"b" * 200_000)
    assert entry.report["columns"][0]["name"] == content[4:5].decode()
    assert len(left(cache)) == 2


def test_what_a_killed_writer_left_is_invisible_and_pruned_a_day_later(cache: Cache, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), KEY, "a"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate()
    (rest,) = cache.root.iterdir()
    assert cache.get(KEY) is None
    cache.prune(0)
    assert rest.exists()
    cache.prune(0, now=rest.stat().st_mtime + 2 * 24 * 3600)
    assert list(cache.root.iterdir()) == []


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system does not let the tests mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tiny_disk: Path) -> None:
    cache = Cache(tiny_disk)
    with pytest.raises(StorageError) as caught, cache.writer(KEY) as writer:
        for _ in range(100):
            writer.write(bytes(100_000))
    assert caught.value.code == "disk_full"
    assert list(cache.root.iterdir()) == []
    put(cache)
    assert cache.get(KEY) is not None


# --- pruning --------------------------------------------------------------------------------------


def total(cache: Cache) -> int:
    return sum((cache.root / name).stat().st_size for name in left(cache))


def used(entry: Entry, when: float) -> None:
    os.utime(entry.path.with_name("entry.json"), (when, when))


def test_pruning_deletes_what_was_used_longest_ago_until_the_rest_fits(cache: Cache) -> None:
    old, new = put(cache, KEY), put(cache, OTHER)
    used(old, 1000.0)
    used(new, 2000.0)
    freed = cache.prune(total(cache) - 1)
    assert freed > len(TABLE)
    assert cache.get(KEY) is None
    assert cache.get(OTHER) is not None


def test_using_an_entry_makes_it_young(cache: Cache) -> None:
    old, new = put(cache, KEY), put(cache, OTHER)
    used(old, 1000.0)
    used(new, 2000.0)
    cache.get(KEY)
    cache.prune(total(cache) - 1)
    assert cache.get(KEY) is not None
    assert cache.get(OTHER) is None


def test_pruning_keeps_what_is_in_use_and_what_fits(cache: Cache) -> None:
    put(cache)
    assert cache.prune(10**9) == 0
    assert cache.prune(0, keep=frozenset({KEY})) == 0
    assert cache.get(KEY) is not None
    assert cache.prune(0) > 0
    assert cache.get(KEY) is None


def test_pruning_where_nothing_is_does_nothing(tmp_path: Path) -> None:
    assert Cache(tmp_path / "nowhere").prune(0) == 0


def test_what_a_living_writer_makes_is_not_pruned_and_what_a_dead_one_left_is_after_a_minute(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.writer(KEY) as writer:
        writer.write(b"PAR1")
        [directory] = cache.root.glob("tmp-*")
        later = directory.stat().st_mtime + 3600
        cache.prune(0, now=later)
        assert directory.is_dir()
        fcntl.flock(writer._out, fcntl.LOCK_UN)  # as the kernel does for one that was killed
        cache.prune(0, now=directory.stat().st_mtime + 30)
        assert directory.is_dir()
        cache.prune(0, now=later)
        assert not directory.exists()
