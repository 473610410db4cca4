"""A whole session meets bad luck: one clear typed error each time, the next question works, nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from csvanalyst_ext.errors import AnalystError, DataError, EngineUnavailable, StorageError
from csvanalyst_ext.execution import docker_client
from tests.support.asking import Asking


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    directory = tmp_path_factory.mktemp("asking")
    (directory / "good.csv").write_text("name,amount\na,1\nb,2\n")
    made = Asking(directory / "home")
    made.add(directory / "good.csv")
    yield made
    made.close()


def still_works(asking: Asking) -> None:
    assert asking.value("SELECT sum(amount) FROM good") == 3


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"", {"data_empty"}),
        (b"\n\n  \n", {"data_empty"}),
        (
            b",".join(b"c%d" % i for i in range(100_000)) + b"\n" + b",".join([b"1"] * 100_000),
            {"data_too_many_columns"},
        ),
        (b'a,b\n1,"open\n2,3\n', {"csv_quotes"}),
        (b"a,b\n1,2\n3,4,5\n", {"csv_ragged"}),
        (b"PK\x03\x04 not a csv at all \x00\xff", {"data_unreadable", "data_encoding", "csv_ragged", "csv_quotes"}),
    ],
    ids=["zero bytes", "blank", "100,000 columns", "open quote", "ragged", "binary"],
)
def test_a_bad_file_is_one_clear_error(asking: Asking, tmp_path: Path, content: bytes, codes: set[str]) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    try:
        asking.add(path)
    except DataError as error:
        assert error.code in codes
        assert error.message
    else:
        assert b"PK" in content, "only the bytes of the last case may read as some text"
        asking.loop.run_until_complete(asking.session.forget())
        asking.add(asking.home.parent / "good.csv")
    assert "good" in [dataset.name for dataset in asking.session.datasets]
    still_works(asking)


def test_nul_bytes_are_kept_or_named(asking: Asking, tmp_path: Path) -> None:
    path = tmp_path / "nul.csv"
    path.write_bytes(b"a,b\n1,x\x00y\n2,z\n")
    [dataset] = asking.add(path, name="with_nul")
    assert asking.value("SELECT b FROM with_nul WHERE a = 1") == "x\x00y"
    assert any("NUL" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("question", "status", "timeout"),
    [
        ("PYTHON: bytearray(8 << 30).count(1)", "memory", 30.0),
        ("PYTHON: import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "timeout", 3.0),
        ("PYTHON: while True: print('x' * 100_000)", "timeout", 3.0),
        ("SQL: SELECT max(hash(i)) FROM range(1000000000000) t(i)", "timeout", 3.0),
        ("SQL: SELECT list_transform(range(0, 100000000), lambda x: x + 1)", "memory", 30.0),
    ],
)
def test_a_question_that_takes_too_much_ends_and_the_next_works(
    asking: Asking, question: str, status: str, timeout: float
) -> None:
    run = asking.ask(question, timeout=timeout)
    assert run.status == status
    assert run.capsule is not None
    still_works(asking)


def test_a_billion_rows_are_cut_and_said_to_be(asking: Asking) -> None:
    run = asking.ask("SQL: SELECT * FROM range(1000000000)")
    assert run.result is not None
    assert (run.result.row_count, run.result.truncated) == (100_000, ("rows",))


def test_a_file_that_changed_is_read_again(asking: Asking, tmp_path: Path) -> None:
    path = tmp_path / "moving.csv"
    path.write_text("x\n1\n")
    asking.add(path)
    assert asking.value("SELECT sum(x) FROM moving") == 1
    path.write_text("x\n1\n41\n")
    run = asking.ask("SQL: SELECT sum(x) FROM moving")
    assert run.result is not None
    assert run.result.table is not None
    assert run.result.table.column(0)[0].as_py() == 42
    assert any("moving" in note for note in run.notes)


def test_no_engine_is_an_error_and_never_another_place_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
        asking = Asking(tmp_path / "home")
        with pytest.raises(EngineUnavailable):
            asking.add(tmp_path / "a.csv")
        run = asking.ask("PYTHON: 1 + 1")
        assert run.error is not None
        assert run.error.code == "sandbox_no_engine"
        assert run.result is None
    asking.add(tmp_path / "a.csv")
    assert asking.value("SELECT x FROM a") == 1
    asking.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    target = tmp_path / "small"
    target.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(target)], check=True)
    yield target
    subprocess.run(["umount", "-l", str(target)], check=True)


def test_a_full_disk_is_one_error_and_nothing_half_written_is_left(small_disk: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.csv"
    big.write_text("x,y\n" + "".join(f"{i},{i * 7919 % 100_003}\n" for i in range(3_000_000)))
    small = tmp_path / "small.csv"
    small.write_text("x\n1\n2\n")
    asking = Asking(small_disk / "home")
    with pytest.raises(StorageError) as caught:
        asking.add(big)
    assert caught.value.code == "disk_full"
    asking.add(small)
    assert asking.value("SELECT sum(x) FROM small") == 3
    asking.close()


def test_a_disk_that_fills_costs_the_capsule_but_not_the_answer(small_disk: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.csv"
    small.write_text("x\n1\n2\n")
    asking = Asking(small_disk / "home")
    asking.add(small)
    filler = small_disk / "filler"
    with filler.open("wb") as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"\0" * 65536)
            file.flush()
    run = asking.ask("SQL: SELECT sum(x) AS s FROM small")
    assert run.status == "ok"
    assert run.capsule is None
    assert any("not kept" in note for note in run.notes)
    filler.unlink()
    assert asking.ask("SQL: SELECT 1").capsule is not None
    asking.close()


def test_resetting_and_closing_leave_no_container(tmp_path: Path) -> None:
    client = docker_client.connect()

    def count() -> int:
        return len(client.api.containers(all=True, filters={"label": [f"csvanalyst.session={session}"]}))

    asking = Asking(tmp_path / "home")
    asking.ask("SQL: SELECT 1").raise_for_status()
    session = next(path.name for path in (tmp_path / "home" / "sessions").iterdir() if path.is_dir())
    assert count() == 1
    asking.loop.run_until_complete(asking.session.reset())
    assert count() == 0
    asking.ask("SQL: SELECT 1").raise_for_status()
    asking.close()
    assert count() == 0
    client.close()


def test_every_error_is_typed(asking: Asking) -> None:
    for text in (
        "SQL: SELEC 1",
        "SQL: SELECT nothing FROM good",
        "SQL: FROM nowhere",
        "PYTHON: 1/0",
        "SQL: DROP TABLE good",
    ):
        error = asking.ask(text).error
        assert isinstance(error, AnalystError)
        assert error.code
        assert error.hint
    still_works(asking)


def counted(call: Callable[[], object]) -> int:
    """How many descriptors of this process ``call`` leaves open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    call()
    return len(list(Path("/proc/self/fd").iterdir())) - before


def test_questions_leave_no_descriptors_behind(asking: Asking) -> None:
    still_works(asking)
    assert counted(lambda: [asking.ask("SQL: SELECT 1") for _ in range(20)]) <= 0
