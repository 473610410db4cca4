"""Hostile files through a session: an error that says what is wrong, or all of the data; the next question works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from csvanalyst_ext.errors import AnalystError

from .asking import Asking
from .file_cases import CASES, FileCase
from .ground import Canaries
from .score import Score


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    directory = tmp_path_factory.mktemp("files")
    (directory / "good.csv").write_text("name,amount\na,1\nb,2\n")
    made = Asking(directory / "home")
    made.add(directory / "good.csv")
    yield made
    made.close()


def require_right(asking: Asking, canaries: Canaries) -> None:
    assert asking.rows("SELECT sum(amount) AS s FROM good") == [{"s": 3}]
    canaries.require_untouched()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_hostile_file_is_an_error_or_all_of_its_data(
    case: FileCase, asking: Asking, canaries: Canaries, score: Score, tmp_path: Path
) -> None:
    line = score.begin(case.number, case.name, *case.contained_by)
    before = {dataset.name for dataset in asking.session.datasets}
    path = case.make(tmp_path)
    if case.codes:
        with pytest.raises(AnalystError) as caught:
            asking.add(path)
        assert caught.value.code in case.codes, caught.value
        assert {dataset.name for dataset in asking.session.datasets} == before, "half of it was registered"
        outcome = caught.value.code
    else:
        dataset = asking.add(path)
        quoted = dataset.name.replace('"', '""')
        assert asking.rows(f'FROM "{quoted}"') == case.rows
        outcome = "loaded, unchanged"
    require_right(asking, canaries)
    score.hold(line, outcome)


def test_a_file_that_is_swapped_for_a_link_is_not_followed(
    asking: Asking, canaries: Canaries, score: Score, tmp_path: Path
) -> None:
    line = score.begin(61, "swapped for a link after it was added", "host")
    path = tmp_path / "moving.csv"
    path.write_text("a\n1\n")
    asking.add(path)
    path.unlink()
    path.symlink_to(canaries.file)
    run = asking.ask("SQL: FROM moving")
    shown = "" if run.result is None or run.result.table is None else str(run.result.table.to_pydict())
    assert canaries.secret not in f"{shown} {run.error} {run.notes}"
    path.unlink()
    path.write_text("a\n1\n")
    require_right(asking, canaries)
    score.hold(line, run.status)


def test_staged_files_are_the_session_s_own(asking: Asking, score: Score) -> None:
    """What a question can read of the data directory is what was registered, and nothing that was only staged."""
    line = score.begin(61, "what was staged and failed is gone", "host")
    listed = asking.ask("PYTHON: import os\n' '.join(os.listdir('/data/incoming'))").raise_for_status().result
    assert listed is not None
    assert listed.table is not None
    assert listed.table.to_pylist() == [{"result": ""}]
    score.hold(line, "nothing left")
