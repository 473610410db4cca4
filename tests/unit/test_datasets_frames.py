"""Frames of the notebook become plain Arrow files; what was converted is said, what cannot be is named."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from csvanalyst_ext.datasets.frames import FrameFacts, frame_kind, is_frame, write_ipc
from csvanalyst_ext.errors import DataError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def writing(value: Any, **options: Any) -> tuple[pa.Table, FrameFacts]:
        path = tmp_path / "frame.arrow"
        path.unlink(missing_ok=True)
        facts = write_ipc(value, path, **options)
        content = path.read_bytes()
        assert (facts.bytes, facts.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        table = pa.ipc.open_file(path).read_all()
        table.validate(full=True)
        assert table.num_rows == facts.rows
        assert table.schema.metadata is None
        return table, facts

    return writing


def objects(*values: Any) -> pd.DataFrame:
    return pd.DataFrame({"o": pd.Series(list(values), dtype=object)})


# --- what counts as a frame -----------------------------------------------------------------------


def test_frames_are_told_from_other_values() -> None:
    assert frame_kind(pl.DataFrame()) == "polars DataFrame"
    assert is_frame(pd.Series([1]))
    for value in (None, 3, [1], {"a": [1]}, np.zeros(3), pl.LazyFrame(), pd.DataFrame, "df"):
        assert not is_frame(value)


def test_a_class_that_only_has_the_name_is_no_frame() -> None:
    class DataFrame:
        __module__ = "pandas"

    assert not is_frame(DataFrame())


def test_asking_imports_no_frame_library() -> None:
    code = (
        "import sys; from csvanalyst_ext.datasets import frames, sources, registry;"
        "assert not frames.is_frame(3);"
        "print([name for name in ('pandas', 'polars', 'pyarrow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- pandas ---------------------------------------------------------------------------------------


def test_a_plain_frame_is_written_as_it_is(write: Any) -> None:
    table, facts = write(pd.DataFrame({"i": [1, 2], "f": [0.5, None], "s": ["x", None], "b": [True, False]}))
    assert table.to_pydict() == {"i": [1, 2], "f": [0.5, None], "s": ["x", None], "b": [True, False]}
    assert facts.notes == ()


def test_an_index_that_says_something_becomes_a_column(write: Any) -> None:
    table, facts = write(pd.DataFrame({"a": [1, 2]}, index=[7, 9]))
    assert table.to_pydict() == {"index": [7, 9], "a": [1, 2]}
    assert facts.notes == ("The index became the column 'index'.",)
    named = pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["k", None])
    table, facts = write(pd.DataFrame({"a": [1, 2]}, index=named))
    assert table.to_pydict() == {"k": [1, 2], "level_1": ["x", "y"], "a": [1, 2]}
    assert "'k', 'level_1'" in facts.notes[0]


def test_column_names_become_different_texts(write: Any) -> None:
    table, facts = write(pd.DataFrame([[1, 2, 3, 4]], columns=["a", "A", 3, ""]))
    assert table.column_names == ["a", "A_2", "3", "column_4"]
    assert len(facts.notes) == 3


def test_column_names_of_several_levels_are_joined(write: Any) -> None:
    table, facts = write(pd.DataFrame({("x", "mean"): [1], ("x", "sum"): [2]}))
    assert table.column_names == ["x_mean", "x_sum"]
    assert facts.notes


def test_a_column_name_that_is_too_long_is_cut(write: Any) -> None:
    table, _ = write(pd.DataFrame({"x" * 1000: [1], "x" * 999: [2]}))
    assert all(len(name) <= 255 for name in table.column_names)
    assert len(set(table.column_names)) == 2


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((1, "a", None, 2.5), ["1", "a", None, "2.5"]),
        ((1, True), ["1", "True"]),
        ((2**70, 1), [str(2**70), "1"]),
        ((2**60 + 1, 1.5), [str(2**60 + 1), "1.5"]),
        ((dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 5)), ["2020-01-01", "2020-01-01 05:00:00"]),
        ((uuid.UUID(int=1),), ["00000000-0000-0000-0000-000000000001"]),
        (("a\ud800",), ["a?"]),
    ],
)
def test_values_of_several_types_become_text_and_nothing_is_lost(values: Any, texts: Any, write: Any) -> None:
    table, facts = write(objects(*values))
    assert table.to_pydict() == {"o": texts}
    assert "'o'" in facts.notes[0]


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ((1, None), pa.int64()),
        ((1, 2.5), pa.float64()),
        (("x", None), pa.string()),
        ((decimal.Decimal("1.5"), None), pa.decimal128(2, 1)),
        ((dt.date(2020, 1, 1), None), pa.date32()),
        ((b"x", None), pa.binary()),
        (([1], [2, 3]), pa.list_(pa.int64())),
        (({"a": 1}, {"a": 2}), pa.struct([("a", pa.int64())])),
        ((None, None), pa.string()),
    ],
)
def test_objects_of_one_type_keep_it(values: Any, type_: pa.DataType, write: Any) -> None:
    table, facts = write(objects(*values))
    assert table.schema.field("o").type == type_
    assert facts.notes == ()


@pytest.mark.parametrize("values", [(object(),), (1, object()), (b"x", "y"), (ValueError("x"), "y"), (1j,)])
def test_objects_without_a_plain_form_are_refused_by_column(values: Any, write: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'o'") as caught:
        write(objects(*values))
    assert caught.value.code == "frame_column"
    assert list(tmp_path.iterdir()) == []


def test_objects_are_never_pickled(write: Any) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            raise AssertionError("pickled")

    with pytest.raises(DataError, match="Bomb"):
        write(objects(Bomb()))


@pytest.mark.parametrize(
    ("series", "type_", "values"),
    [
        (pd.Categorical(["a", None]), pa.large_string(), ["a", None]),
        (pd.Categorical([1, None]), pa.int64(), [1, None]),
        (pd.array([1, None], dtype="Int64"), pa.int64(), [1, None]),
        (pd.array([True, None], dtype="boolean"), pa.bool_(), [True, None]),
        (pd.array([1, 2], dtype="int64[pyarrow]"), pa.int64(), [1, 2]),
        (pd.arrays.SparseArray([0, 1]), pa.int64(), [0, 1]),
        (pd.period_range("2020-01", periods=2, freq="M"), pa.string(), ["2020-01", "2020-02"]),
        (pd.interval_range(0, 2), pa.string(), ["(0, 1]", "(1, 2]"]),
        (np.array([1.5, 2], dtype=np.float16), pa.float32(), [1.5, 2]),
        (np.array([1, 2], dtype=np.uint64), pa.uint64(), [1, 2]),
    ],
)
def test_special_columns_become_plain_ones(series: Any, type_: pa.DataType, values: Any, write: Any) -> None:
    table, _ = write(pd.DataFrame({"c": series}))
    assert (table.schema.field("c").type, table.column("c").to_pylist()) == (type_, values)


def test_times_with_a_zone_keep_their_instant(write: Any) -> None:
    table, facts = write(pd.DataFrame({"t": pd.date_range("2020-07-01", periods=1, tz="Europe/Berlin")}))
    assert table.schema.field("t").type.tz == "UTC"
    assert table.column("t").to_pylist()[0].isoformat() == "2020-06-30T22:00:00+00:00"
    assert "Europe/Berlin" in facts.notes[0]


def test_complex_numbers_are_refused_with_advice(write: Any) -> None:
    with pytest.raises(DataError, match=r"\.real"):
        write(pd.DataFrame({"z": [1j]}))


def test_a_series_is_a_frame_of_one_column(write: Any) -> None:
    assert write(pd.Series([1], name="n"))[0].to_pydict() == {"n": [1]}
    assert write(pd.Series([1]))[0].to_pydict() == {"value": [1]}
    assert write(pl.Series("n", [1]))[0].to_pydict() == {"n": [1]}


def test_a_frame_without_rows_keeps_its_columns(write: Any) -> None:
    table, facts = write(pd.DataFrame({"a": pd.Series([], dtype="int64")}))
    assert (facts.rows, table.schema.field("a").type) == (0, pa.int64())


@pytest.mark.parametrize("value", [pd.DataFrame(), pl.DataFrame(), pa.table({})])
def test_a_frame_without_columns_is_refused(value: Any, write: Any) -> None:
    with pytest.raises(DataError) as caught:
        write(value)
    assert caught.value.code == "frame_empty"


def test_the_frame_itself_does_not_change(write: Any) -> None:
    frame = pd.DataFrame({3: pd.Series([1, "a"], dtype=object), "t": pd.Categorical(["x", "y"])}, index=[5, 6])
    before = frame.copy(deep=True)
    write(frame)
    pd.testing.assert_frame_equal(frame, before)


# --- polars and Arrow -----------------------------------------------------------------------------


def test_polars_columns_become_plain_ones(write: Any) -> None:
    frame = pl.DataFrame(
        {
            "i": [1, None],
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
            "e": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y"])),
            "n": [None, None],
            "l": pl.Series([["x"], []], dtype=pl.List(pl.Categorical)),
            "s": [{"q": 1}, {"q": 2}],
        }
    )
    table, _ = write(frame)
    assert table.to_pylist()[0] == {"i": 1, "c": "x", "e": "x", "n": None, "l": ["x"], "s": {"q": 1}}
    assert not any(pa.types.is_dictionary(field.type) for field in table.schema)


@pytest.mark.parametrize("series", [pl.Series([object()], dtype=pl.Object), pl.Series([1], dtype=pl.Int128)])
def test_polars_columns_without_a_plain_form_are_refused_by_column(series: pl.Series, write: Any) -> None:
    with pytest.raises(DataError, match="'odd'"):
        write(pl.DataFrame({"odd": series}))


ARROW = pa.table(
    {
        "dictionary": pa.array(["x", "y"]).dictionary_encode(),
        "view": pa.array(["q", "r"], pa.string_view()),
        "runs": pa.RunEndEncodedArray.from_arrays([2], ["z"]),
        "nested": pa.array([["x"], ["y"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        "extension": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", "[]"])),
        "decimal": pa.array([decimal.Decimal("1.5"), None], pa.decimal256(38, 1)),
    }
)
PLAIN = {
    "dictionary": ["x", "y"],
    "view": ["q", "r"],
    "runs": ["z", "z"],
    "nested": [["x"], ["y"]],
    "extension": ["{}", "[]"],
    "decimal": [decimal.Decimal("1.5"), None],
}


@pytest.mark.parametrize("value", [ARROW, pa.concat_tables([ARROW.slice(0, 1), ARROW.slice(1)])])
def test_arrow_tables_become_plain_ones(value: Any, write: Any) -> None:
    table, _ = write(value)
    assert table.to_pydict() == PLAIN
    assert not any(isinstance(field.type, pa.BaseExtensionType) for field in table.schema)


def test_a_batch_and_a_reader_are_tables_too(write: Any) -> None:
    (batch,) = pa.table({"a": [1, 2]}).to_batches()
    assert write(batch)[0].to_pydict() == {"a": [1, 2]}
    reader = pa.RecordBatchReader.from_batches(batch.schema, [batch, batch])
    assert write(reader)[0].to_pydict() == {"a": [1, 2, 1, 2]}
    assert write(pa.RecordBatchReader.from_batches(batch.schema, []))[1].rows == 0


def test_columns_of_the_same_name_are_told_apart(write: Any) -> None:
    table, facts = write(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    assert table.column_names == ["a", "a_2"]
    assert facts.notes


def test_a_union_is_refused_by_column(write: Any) -> None:
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1]), pa.array(["x"])])
    with pytest.raises(DataError, match="'u'"):
        write(pa.table({"u": union}))


def test_types_nested_without_measure_are_refused(write: Any) -> None:
    kind = pa.int64()
    for _ in range(40):
        kind = pa.list_(kind)
    with pytest.raises(DataError, match="nested"):
        write(pa.table({"deep": pa.nulls(1, kind)}))


# --- sizes ----------------------------------------------------------------------------------------


def test_a_reader_is_stopped_at_the_cap(write: Any, tmp_path: Path) -> None:
    (batch,) = pa.table({"a": list(range(1000))}).to_batches()
    given = 0

    def many() -> Any:
        nonlocal given
        for given in range(1, 2001):  # noqa: B007 counts how far the reader was read
            yield batch

    with pytest.raises(DataError) as caught:
        write(pa.RecordBatchReader.from_batches(batch.schema, many()), max_bytes=1_000_000)
    assert caught.value.code == "data_too_large"
    assert given < 200
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_fails_leaves_nothing(write: Any, tmp_path: Path) -> None:
    (batch,) = pa.table({"a": [1]}).to_batches()

    def failing() -> Any:
        yield batch
        raise RuntimeError("the source broke")

    with pytest.raises(DataError) as caught:
        write(pa.RecordBatchReader.from_batches(batch.schema, failing()))
    assert caught.value.code == "frame_unreadable"
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine")
    with pytest.raises(Exception, match="cannot be written"):
        write_ipc(pa.table({"a": [1]}), tmp_path / "f")
    assert (tmp_path / "f").read_text() == "mine"
