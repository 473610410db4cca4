"""A file that was hashed before is not hashed again, unless it may have been written to."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from csvanalyst_ext.datasets import known
from csvanalyst_ext.datasets.known import RESTED_NS, Known, rested
from csvanalyst_ext.datasets.opening import Signature, signature

HASH = "a" * 64


def looks(path: Path) -> Signature:
    found = signature(path)
    assert found is not None
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_what_was_remembered_is_found_by_another_process(tmp_path: Path, file: Path) -> None:
    Known(tmp_path).remember(looks(file), HASH)
    assert Known(tmp_path).find(looks(file)) == HASH


def test_nothing_is_known_at_first(tmp_path: Path, file: Path) -> None:
    assert Known(tmp_path).find(looks(file)) is None


def test_a_file_written_in_place_with_its_time_set_back_is_another_one(tmp_path: Path, file: Path) -> None:
    before = looks(file)
    Known(tmp_path).remember(before, HASH)
    time.sleep(0.02)  # the clock of file times is coarser than the one of the machine
    file.write_text("a,b\n3,4\n")
    os.utime(file, ns=(before.mtime_ns, before.mtime_ns))
    assert looks(file).same_bytes(before)
    assert Known(tmp_path).find(looks(file)) is None


def test_a_file_written_just_before_it_was_read_has_not_rested(file: Path) -> None:
    found = looks(file)
    assert not rested(found, found.mtime_ns + RESTED_NS - 1)
    assert rested(found, found.mtime_ns + RESTED_NS)
    assert not rested(found, found.mtime_ns - 10**12), "a time in the future says nothing"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"sha256": 5}', b"\xff", b'{"sha256": "' + b"a" * 64 + b'"}'])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, file: Path, damage: bytes) -> None:
    memory = Known(tmp_path)
    memory.remember(looks(file), HASH)
    (written,) = memory.root.iterdir()
    written.write_bytes(damage)
    assert memory.find(looks(file)) is None


def test_the_oldest_are_forgotten(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_MOST", 8)
    memory, first = Known(tmp_path), looks(file)
    for inode in range(20):
        memory.remember(replace(first, inode=inode), HASH)
        os.utime(memory._place(replace(first, inode=inode)), ns=(inode, inode))
    assert len(list(memory.root.iterdir())) <= 9
    assert memory.find(replace(first, inode=19)) == HASH
    assert memory.find(replace(first, inode=0)) is None
