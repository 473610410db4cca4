"""A kept run once more, without a model: the same data by their content, the same code, compared step by step."""

import json
import struct
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from csvanalyst_ext.agent import charts
from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.capsules import archive
from csvanalyst_ext.capsules.store import Store
from csvanalyst_ext.config import Settings
from csvanalyst_ext.errors import DataError, UsageError
from csvanalyst_ext.execution.base import Artefact
from csvanalyst_ext.session import comparing
from csvanalyst_ext.session.question import parse
from tests.support.local_engine import open_local


class Desk:
    """An analyst over the runner's own code, without a sandbox."""

    def __init__(self, home, directory):
        self.directory = directory
        self.settings = Settings(home=home, model_access="offline")
        self.opened = []
        self.analyst = Analyst(self.settings, make=self._open)

    def _open(self, settings):
        self.opened.append(open_local(settings))
        return self.opened[-1]

    def write(self, text, name="sales.csv"):
        path = self.directory / name
        path.write_text(text)
        return path

    def ask(self, text):
        return self.analyst.ask(parse(text))


SALES = "city,amount\nRome,1\nOslo,2\nRome,5\n"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Desk(tmp_path / "home", tmp_path)
    yield made
    made.analyst.close()


def verdicts(done):
    return [(step.tool, step.verdict) for step in done.steps]


def test_a_run_over_the_same_data_is_the_same(desk):
    desk.analyst.add(str(desk.write(SALES)))
    desk.ask("SQL: SELECT city, sum(amount) AS total FROM sales GROUP BY city")
    done = desk.analyst.replay("last")
    assert (done.verdict, verdicts(done)) == ("same", [("run_sql", "same")])


def test_an_answer_of_the_planner_is_replayed_without_any_model(desk):
    desk.analyst.add(str(desk.write(SALES)))
    answer = desk.ask("What is the total amount per city?")
    assert answer.status == "ok"
    desk.opened.clear()
    done = desk.analyst.replay(answer.capsule.name)
    assert done.verdict == "same"
    assert desk.opened[0]._gateway is None, "no model was set up"


def test_a_replay_runs_in_a_session_of_its_own_that_is_closed(desk):
    desk.analyst.add(str(desk.write(SALES)))
    desk.ask("SQL: SELECT 1 AS a")
    desk.analyst.replay("last")
    mine, fresh = desk.opened
    assert fresh.executor.closes >= 1 and not fresh.workspace.path.exists()
    assert [dataset.name for dataset in mine.datasets] == ["sales"]


def test_python_with_what_it_printed_is_compared(desk):
    desk.analyst.add(str(desk.write(SALES)))
    desk.ask("PYTHON: print(len(sales))\nsales.groupby('city').amount.sum()")
    assert desk.analyst.replay("last").verdict == "same"
    desk.ask("PYTHON: import time\nprint(time.time_ns())")
    done = desk.analyst.replay("last")
    assert (done.verdict, done.steps[0].why) == ("different", "It printed something else.")


def test_an_error_is_the_same_when_its_code_is(desk):
    desk.analyst.add(str(desk.write(SALES)))
    desk.ask("SQL: SELECT nothing FROM sales")
    done = desk.analyst.replay("last")
    assert done.verdict == "same" and "sql_unknown_column" in done.steps[0].why


def test_chance_makes_a_difference_that_is_told(desk):
    desk.ask("SQL: SELECT random() AS r")
    done = desk.analyst.replay("last")
    assert done.verdict == "different" and "1 of 1 rows differ" in done.steps[0].why


def test_data_that_changed_cannot_be_replayed_and_that_is_said(desk):
    path = desk.write(SALES)
    desk.analyst.add(str(path))
    desk.ask("SQL: SELECT count(*) FROM sales")
    desk.write(SALES + "Bonn,7\n")
    other = Desk(desk.settings.home, desk.directory)
    done = other.analyst.replay("last")
    assert done.verdict == "cannot" and "changed" in done.steps[0].why
    path.unlink()
    done = other.analyst.replay("last")
    assert done.verdict == "cannot" and "not here" in done.steps[0].why
    other.analyst.close()


def test_data_are_known_by_their_content_under_any_name(desk):
    path = desk.write(SALES)
    desk.analyst.add(str(path))
    desk.ask("SQL: SELECT sum(amount) FROM sales")
    path.unlink()
    other = Desk(desk.settings.home, desk.directory)
    other.analyst.add(str(desk.write(SALES, "renamed.csv")), name="elsewhere")
    assert other.analyst.replay("last").verdict == "same"
    other.analyst.close()


def test_a_step_that_reads_another_questions_result_cannot_be_replayed(desk):
    desk.analyst.add(str(desk.write(SALES)))
    answer = desk.ask("SQL: SELECT count(*) AS n FROM sales")
    store = Store(desk.settings.home / "capsules")
    capsule = store.load(answer.capsule.name)
    step = {**capsule.record["steps"][0], "code": "SELECT * FROM r7"}
    new = "20990101-000000-abcdef"
    store.save({**capsule.record, "id": new, "steps": [step]}, {"result-1.arrow": pa.table({"n": [3]})}, id=new)
    done = desk.analyst.replay("last")
    assert done.verdict == "cannot" and "r7" in done.steps[0].why


def test_a_run_without_code_cannot_be_replayed(desk):
    desk.ask("Please sing a song")
    done = desk.analyst.replay("last")
    assert (done.verdict, done.steps) == ("cannot", ())


@pytest.mark.parametrize(
    ("then", "now", "verdict", "why"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}, "same", ""),
        ({"a": [1, 2]}, {"a": [2, 1]}, "same", "order"),
        ({"a": [0.1 + 0.2]}, {"a": [0.3]}, "same", "last digits"),
        ({"a": [float("nan")]}, {"a": [float("nan")]}, "same", ""),
        ({"a": [1, 2]}, {"a": [1, 3]}, "different", "1 of 2 rows"),
        ({"a": [1]}, {"a": [1, 1]}, "different", "1 rows, now 2"),
        ({"a": [1]}, {"b": [1]}, "different", "columns"),
        ({"a": [1]}, {"a": ["1"]}, "different", "columns"),
        ({"a": [None]}, {"a": [None]}, "same", ""),
        ({"a": [[1.0, 2.0]]}, {"a": [[1.0, 2.0 + 1e-12]]}, "same", "last digits"),
    ],
)
def test_tables_are_the_same_up_to_order_and_last_digits(then, now, verdict, why):
    found, said = comparing.tables(pa.table(then), pa.table(now))
    assert found == verdict and why in said


# --- figures --------------------------------------------------------------------------------------

CHART = {"mark": "bar", "encoding": {"x": {"field": "city"}, "y": {"field": "total"}}}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*rows, level=6, remark=b"", interlaced=0):
    """Rows of grey pixels as a PNG file."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, interlaced)
    packed = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), level)
    said = chunk(b"tEXt", remark) if remark else b""
    parts = chunk(b"IHDR", header) + said + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def picture(data):
    return Artefact("image/png", "figure 1", data)


@pytest.mark.parametrize(
    ("then", "now", "verdict", "why"),
    [
        (png([1, 2]), png([1, 2]), "same", ""),
        (png([1, 2] * 500), png([1, 2] * 500, level=0, remark=b"drawn later"), "same", "packed in another way"),
        (png([1, 2]), png([1, 3]), "different", "Figure 1: It is another picture."),
        (png([1, 2]), png([1], [2]), "different", "Then the picture had 2 × 1 pixels, now 1 × 2."),
        (png([1, 2]), png([1, 2], interlaced=1), "cannot", "too unusual"),
        (png([1, 2]), png([1, 2])[:-26], "cannot", "too unusual"),
    ],
)
def test_pictures_are_compared_by_what_they_show(then, now, verdict, why):
    found, said = comparing.figures([then], [picture(now)])
    assert found == verdict and why in said


def test_a_picture_that_claims_to_be_huge_is_not_unpacked():
    huge = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", huge) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000_000))
    assert comparing.figures([png([1])], [picture(bomb)])[0] == "cannot"


def test_all_figures_of_a_step_are_compared_and_the_worst_is_told():
    found = comparing.figures([png([1]), png([2])], [picture(png([1])), picture(png([9]))])
    assert found == ("different", "Figure 2: It is another picture.")
    assert comparing.figures([png([1])], []) == ("different", "Then it drew 1 figure, now 0 figures.")


@pytest.mark.parametrize(
    ("rows", "spec", "verdict", "why"),
    [
        ({"city": ["Oslo", "Rome"], "total": [2.0, 6.0]}, CHART, "same", ""),
        ({"city": ["Rome", "Oslo"], "total": [6.0, 2.0]}, CHART, "same", "another order"),
        ({"city": ["Oslo", "Rome"], "total": [2.0, 6.0 + 1e-12]}, CHART, "same", "last digits"),
        ({"city": ["Oslo", "Rome"], "total": [2.0, 7.0]}, CHART, "different", "1 of 2 drawn rows differ"),
        ({"city": ["Oslo"], "total": [2.0]}, CHART, "different", "drawn of 2 rows, now of 1"),
        ({"city": ["Oslo", "Rome"], "total": [2.0, 6.0]}, {**CHART, "mark": "line"}, "different", "specified"),
    ],
)
def test_charts_are_the_same_up_to_order_and_last_digits(rows, spec, verdict, why):
    kept = charts.drawn(CHART, pa.table({"city": ["Oslo", "Rome"], "total": [2.0, 6.0]}))
    found, said = comparing.figures([kept.data], [charts.drawn(spec, pa.table(rows))])
    assert found == verdict and why in said


# --- export ---------------------------------------------------------------------------------------


def test_an_exported_run_is_replayed_elsewhere(desk, tmp_path):
    desk.analyst.add(str(desk.write(SALES)))
    desk.ask("SQL: SELECT city, sum(amount) AS total FROM sales GROUP BY city")
    path = desk.analyst.export("last", tmp_path / "run.zip")
    other = Desk(tmp_path / "elsewhere", desk.directory)
    other.analyst.add("sales.csv")
    assert other.analyst.replay(str(path)).verdict == "same"
    other.analyst.close()


def test_an_export_is_the_same_every_time_and_tells_no_place(desk, tmp_path):
    desk.analyst.add(str(desk.write(SALES)))
    desk.ask("SQL: SELECT sum(amount) FROM sales")
    first = desk.analyst.export("last", tmp_path / "one.zip").read_bytes()
    assert first == desk.analyst.export("last", tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as made:
        record = json.loads(made.read("capsule.json"))
        assert sorted(made.namelist()) == ["capsule.json", "messages.json", "result-1.arrow"]
    assert "sources" not in record and str(tmp_path / "sales.csv") not in json.dumps(record)


def test_an_export_needs_a_zip_and_a_run(desk, tmp_path):
    with pytest.raises(UsageError) as caught:
        desk.analyst.export("last", tmp_path / "run.zip")
    assert caught.value.code == "capsule_unknown"
    desk.ask("SQL: SELECT 1")
    with pytest.raises(UsageError):
        desk.analyst.export("last", tmp_path / "run.tar")


def changed(path, target, change):
    with zipfile.ZipFile(path) as made, zipfile.ZipFile(target, "w") as other:
        for name in made.namelist():
            new_name, data = change(name, made.read(name))
            other.writestr(new_name, data)
    return target


@pytest.mark.parametrize(
    "change",
    [
        lambda name, data: (name, data + b" ") if name == "messages.json" else (name, data),
        lambda name, data: ("../" + name, data) if name == "messages.json" else (name, data),
        lambda name, data: (name, b"[]") if name == "capsule.json" else (name, data),
        lambda name, data: (
            (name, data.replace(b"messages.json", b"../x/etc.json")) if "capsule" in name else (name, data)
        ),
        lambda name, data: ("x" + name, data),
        lambda name, data: (name, data.replace(b'"files": {', b'"files": [') if "capsule" in name else data),
    ],
)
def test_a_changed_export_is_refused(desk, tmp_path, change):
    desk.ask("SQL: SELECT 1")
    path = desk.analyst.export("last", tmp_path / "run.zip")
    with pytest.raises(DataError) as caught, archive.opened(changed(path, tmp_path / "bad.zip", change)):
        pass
    assert caught.value.code == "capsule_damaged"
    assert not list(tmp_path.rglob("etc.json"))


def test_a_file_that_is_no_export_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"nonsense")
    for name, code in (("x.zip", "capsule_damaged"), ("gone.zip", "data_not_found")):
        with pytest.raises(DataError) as caught, archive.opened(tmp_path / name):
            pass
        assert caught.value.code == code


def test_an_error_of_the_reader_is_not_taken_for_a_damaged_file(desk, tmp_path):
    desk.ask("SQL: SELECT 1")
    path = desk.analyst.export("last", tmp_path / "run.zip")
    with pytest.raises(ValueError, match="mine"), archive.opened(path):
        raise ValueError("mine")


def test_a_capsule_says_where_the_data_came_from(desk):
    path = desk.write("city;amount\nRome;1\n")
    desk.analyst.add(str(path), options={"delimiter": ";"})
    answer = desk.ask("SQL: SELECT 1")
    record = Store(desk.settings.home / "capsules").load(answer.capsule.name).record
    assert record["sources"] == {"sales": {"source": str(path), "options": {"delimiter": ";"}}}
    assert Path(record["sources"]["sales"]["source"]).is_absolute()
