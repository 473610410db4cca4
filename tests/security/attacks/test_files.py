"""Hostile files through a session: an error that says what is wrong, or all of the data; the next question works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from csvanalyst_ext.errors import AnalystError
from tests.support.providers import Provider

from .asking import Asking
from .file_cases import CASES, FileCase
from .ground import Canaries


@pytest.fixture(scope="module")
def asking(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    directory = tmp_path_factory.mktemp("files")
    (directory / "good.csv").write_text("name,amount\na,1\nb,2\n")
    made = Asking(directory / "home", provider)
    made.add(directory / "good.csv")
    yield made
    made.close()


def require_right(asking: Asking, canaries: Canaries) -> None:
    assert asking.rows("SELECT sum(amount) AS s FROM good") == [{"s": 3}]
    canaries.require_untouched()


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.id, marks=pytest.mark.attack(case.number, case.name)) for case in CASES]
)
def test_a_hostile_file_is_an_error_or_all_of_its_data(
    case: FileCase, asking: Asking, canaries: Canaries, held: Callable[..., None], tmp_path: Path
) -> None:
    before = {dataset.name for dataset in asking.session.datasets}
    path = case.make(tmp_path)
    if case.codes:
        with pytest.raises(AnalystError) as caught:
            asking.add(path)
        assert caught.value.code in case.codes, caught.value
        assert caught.value.message
        assert {dataset.name for dataset in asking.session.datasets} == before, "half of it was registered"
        held(*(("container",) if caught.value.code in ("out_of_memory", "sandbox_lost") else case.contained_by))
    else:
        dataset = asking.add(path)
        quoted = dataset.name.replace('"', '""')
        query = case.query.format(f'"{quoted}"')
        if case.query_code:
            error = asking.ask(f"SQL: {query}").error
            assert error is not None
            assert error.code == case.query_code
        else:
            assert asking.rows(query) == case.rows
        held(*case.contained_by)
    require_right(asking, canaries)


@pytest.mark.attack(61, "swapped for a link after it was added")
def test_a_file_that_is_swapped_for_a_link_is_not_followed(
    asking: Asking, canaries: Canaries, held: Callable[..., None], tmp_path: Path
) -> None:
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
    held("host")


@pytest.mark.attack(61, "what was staged and failed is gone")
def test_staged_files_are_the_session_s_own(asking: Asking, held: Callable[..., None], tmp_path: Path) -> None:
    """What a question can read of the data directory is what was registered, and nothing that was only staged."""
    (tmp_path / "bad.csv").write_bytes(b"")
    with pytest.raises(AnalystError):
        asking.add(tmp_path / "bad.csv")
    listed = asking.ask("PYTHON: import os\n' '.join(os.listdir('/data/incoming'))").raise_for_status().result
    assert listed is not None
    assert listed.table is not None
    assert listed.table.to_pylist() == [{"result": ""}]
    held("host")
