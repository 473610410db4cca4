"""Workspaces of dead processes are swept; those of living ones never are.  Real processes are killed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from csvanalyst_ext.datasets.owners import started
from csvanalyst_ext.datasets.staging import Workspace, sweep

ROOT = Path(__file__).resolve().parents[2]
OWNER = """
import sys
from pathlib import Path
from csvanalyst_ext.datasets.staging import Workspace
workspace = Workspace.create(Path(sys.argv[1]), "theirs")
(workspace.tables / "t.parquet").write_bytes(b"PAR1")
print("ready", flush=True)
sys.stdin.read()
workspace.remove()
"""


@contextmanager
def owner(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process with a workspace, ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_workspace_of_a_killed_process_is_swept(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        assert sweep(tmp_path) == ()
        assert (tmp_path / "sessions" / "theirs" / "tables" / "t.parquet").exists()
        process.kill()
        process.wait()
        assert sweep(tmp_path) == ("theirs",)
    assert list((tmp_path / "sessions").iterdir()) == []


def test_a_process_that_ends_well_leaves_nothing_to_sweep(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        process.communicate()
        assert process.returncode == 0
    assert list((tmp_path / "sessions").iterdir()) == []
    assert sweep(tmp_path) == ()


def test_a_living_workspace_stays_also_when_its_own_process_sweeps(tmp_path: Path) -> None:
    with Workspace.create(tmp_path, "mine") as workspace:
        assert sweep(tmp_path) == ()
        assert workspace.tables.is_dir()


def test_a_process_id_that_is_used_again_does_not_keep_a_dead_workspace(tmp_path: Path) -> None:
    with Workspace.create(tmp_path, "mine"):
        record = json.loads((tmp_path / "sessions" / "mine.owner").read_text())
    assert record == {"pid": os.getpid(), "started": started(os.getpid())}
    (tmp_path / "sessions" / "old").mkdir()
    (tmp_path / "sessions" / "old.owner").write_text(json.dumps({**record, "started": "long ago"}))
    assert sweep(tmp_path) == ("old",)


def test_a_running_process_without_a_lock_keeps_its_workspace(tmp_path: Path) -> None:
    """Some network disks have no locks."""
    (tmp_path / "sessions" / "theirs").mkdir(parents=True)
    record = {"pid": os.getpid(), "started": started(os.getpid())}
    (tmp_path / "sessions" / "theirs.owner").write_text(json.dumps(record))
    assert sweep(tmp_path) == ()


def test_a_locked_workspace_stays_though_its_process_cannot_be_seen(tmp_path: Path) -> None:
    """Its owner may run in another container that shares the home directory."""
    with Workspace.create(tmp_path, "theirs"):
        (tmp_path / "sessions" / "theirs.owner").write_text(json.dumps({"pid": 1, "started": "elsewhere"}))
        assert sweep(tmp_path) == ()


def test_a_directory_without_an_owner_is_swept(tmp_path: Path) -> None:
    (tmp_path / "sessions" / "orphan").mkdir(parents=True)
    assert sweep(tmp_path) == ("orphan",)


def test_a_damaged_owner_file_does_not_keep_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "sessions" / "broken").mkdir(parents=True)
    (tmp_path / "sessions" / "broken.owner").write_bytes(b"\xff{")
    assert sweep(tmp_path) == ("broken",)


def test_what_is_not_a_workspace_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "sessions" / "notes.txt").touch()
    assert sweep(tmp_path) == ()
    assert (tmp_path / "elsewhere").is_dir()
    assert (tmp_path / "sessions" / "notes.txt").exists()


def test_sweeping_where_nothing_is_does_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "nowhere") == ()


def test_a_forked_child_does_not_remove_its_parents_workspace(tmp_path: Path) -> None:
    with Workspace.create(tmp_path, "mine") as workspace:
        child = os.fork()
        if not child:
            try:
                workspace.remove()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert workspace.tables.is_dir()
        assert sweep(tmp_path) == ()


def test_a_process_that_does_not_run_has_no_start_time() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert started(process.pid) == ""
    assert started(os.getpid())
