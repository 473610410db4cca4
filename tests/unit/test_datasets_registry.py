"""The registry finds data sets by name, notices changed files, and never changes itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from csvanalyst_ext.datasets.model import Dataset
from csvanalyst_ext.datasets.opening import signature
from csvanalyst_ext.datasets.registry import Registered, Registry
from csvanalyst_ext.datasets.sources import FileSource, FrameSource, resolve
from csvanalyst_ext.errors import DataError


def registered(name: str, path: Path) -> Registered:
    path.write_bytes(b"x\n1\n")
    (source,) = resolve(str(path), cwd=path.parent, variables={})
    dataset = Dataset(name, str(path), "csv", "f", f"{name}.parquet", 1, 4, ())
    return Registered(dataset, source, signature(path), key=f"key of {name}")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    first, second = registered("sales", tmp_path / "s.csv"), registered("Stores", tmp_path / "t.csv")
    return Registry().add(first).add(second)


def test_adding_gives_a_new_registry(registry: Registry, tmp_path: Path) -> None:
    more = registry.add(registered("x", tmp_path / "x.csv"))
    assert (registry.names, more.names) == (("sales", "Stores"), ("sales", "Stores", "x"))


def test_names_ignore_case(registry: Registry) -> None:
    assert registry.find("STORES").dataset.name == "Stores"
    assert "SALES" in registry
    assert "sale" not in registry


def test_an_unknown_name_shows_names_that_look_like_it(registry: Registry) -> None:
    with pytest.raises(DataError, match="Did you mean 'sales'") as caught:
        registry.find("sale")
    assert caught.value.code == "data_unknown"
    with pytest.raises(DataError, match="There are: sales, Stores"):
        registry.find("zzz")
    with pytest.raises(DataError, match="None has been added"):
        Registry().find("sales")


def test_adding_a_name_again_replaces_it_in_its_place(registry: Registry, tmp_path: Path) -> None:
    again = registry.add(registered("SALES", tmp_path / "new.csv"))
    assert again.names == ("SALES", "Stores")
    assert again.find("sales").dataset.source.endswith("new.csv")


def test_removing_gives_a_registry_without_it(registry: Registry) -> None:
    assert registry.remove("SALES").names == ("Stores",)
    assert len(registry) == 2
    with pytest.raises(DataError):
        registry.remove("other")


def test_tables_map_names_to_files(registry: Registry) -> None:
    assert registry.tables() == {"sales": "sales.parquet", "Stores": "Stores.parquet"}
    assert registry.tables(("stores",)) == {"Stores": "Stores.parquet"}
    with pytest.raises(DataError):
        registry.tables(("other",))
    assert registry.cache_keys == {"key of sales", "key of Stores"}


def test_files_as_they_were_read_have_not_changed(registry: Registry) -> None:
    assert registry.changed() == ()


@pytest.mark.parametrize("how", ["longer", "touched", "replaced by one of the same size and time"])
def test_a_changed_file_is_noticed(how: str, registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    before = path.stat()
    if how == "longer":
        path.write_bytes(b"x\n1\n2\n")
    elif how == "touched":
        os.utime(path, ns=(1, 1))
    else:
        (tmp_path / "n.csv").write_bytes(b"x\n2\n")
        os.utime(tmp_path / "n.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
        (tmp_path / "n.csv").replace(path)
    (change,) = registry.changed()
    assert (change.registered.dataset.name, change.what) == ("sales", "changed")


def test_a_deleted_file_is_missing(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "t.csv").unlink()
    (change,) = registry.changed()
    assert (change.registered.dataset.name, change.what) == ("Stores", "missing")


def test_a_variable_never_counts_as_changed(registry: Registry) -> None:
    frame = FrameSource("df", object(), "pandas DataFrame")
    more = registry.add(Registered(Dataset("df", frame.label, "arrow", "f", "d.parquet", 1, 4, ()), frame))
    assert more.changed() == ()


def test_the_same_source_is_recognised(registry: Registry, tmp_path: Path) -> None:
    (source,) = resolve("s.csv", cwd=tmp_path, variables={})
    found = registry.of_source(source)
    assert found is not None
    assert found.dataset.name == "sales"
    assert registry.of_source(FrameSource("sales", object(), "x")) is None
    (tmp_path / "other.csv").touch()
    (other,) = resolve("other.csv", cwd=tmp_path, variables={})
    assert isinstance(other, FileSource)
    assert registry.of_source(other) is None
