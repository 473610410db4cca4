"""The data sets that come with CSV Analyst: where they lie and what their manifest says.

Runs on the host.  Reads the manifest only; the data files are opened by staging, like any file.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import DataError
from .naming import fold

MANIFEST: Final = "manifest.toml"


@dataclass(frozen=True, slots=True)
class ShippedColumn:
    """``type`` is DuckDB's type name; ``unit`` is empty where there is none."""

    name: str
    type: str
    description: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ShippedFile:
    """One table of a shipped data set.

    ``missing`` is the text that stands for a missing value, besides an empty field.  ``key`` are the
    columns whose values together are unique, if any.
    """

    name: str
    path: Path
    description: str
    rows: int
    bytes: int
    sha256: str
    missing: str
    key: tuple[str, ...]
    columns: tuple[ShippedColumn, ...]


@dataclass(frozen=True, slots=True)
class Relationship:
    """Columns (``table.column``) that refer to columns of another table, pairwise.  ``complete`` says that
    every value that is present on the left is found on the right."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class ShippedSet:
    """A data set: one table or several that belong together.  ``license`` is an SPDX expression."""

    name: str
    title: str
    description: str
    license: str
    license_note: str
    package: str
    package_version: str
    origin: str
    changes: str
    files: tuple[ShippedFile, ...]
    relationships: tuple[Relationship, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All shipped data sets.  Names ignore case."""

    sets: tuple[ShippedSet, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Names that ``find`` knows: data sets first, then single tables of sets with several."""
        sets = [item.name for item in self.sets]
        return (*sets, *(file.name for item in self.sets for file in item.files if file.name not in sets))

    def find(self, name: str) -> tuple[ShippedFile, ...] | None:
        """The tables of that data set, or that one table; ``None`` when there is neither."""
        wanted = fold(name)
        for item in self.sets:
            if fold(item.name) == wanted:
                return item.files
        files = (file for item in self.sets for file in item.files if fold(file.name) == wanted)
        return next(((file,) for file in files), None)

    def relationships(self, tables: frozenset[str]) -> tuple[Relationship, ...]:
        """The relationships of which both sides are among these table names."""
        return tuple(
            relation
            for item in self.sets
            for relation in item.relationships
            if {column.partition(".")[0] for column in (*relation.left, *relation.right)} <= tables
        )

    def close_names(self, name: str) -> tuple[str, ...]:
        """Up to three known names that look like it."""
        return tuple(difflib.get_close_matches(fold(name), self.names(), n=3, cutoff=0.6))


def directory() -> Path | None:
    """Where the shipped files lie: beside the package in a checkout, inside it when installed; ``None`` if nowhere."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "_context" / "datasets", package.parent / "datasets"):
        if (place / MANIFEST).is_file():
            return place
    return None


def catalogue(place: Path | None = None) -> Catalogue:
    """The shipped data sets; none when this installation has no data files.

    Raises ``DataError`` (``bad_manifest``) when the manifest cannot be understood.
    """
    place = place or directory()
    if place is None:
        return Catalogue()
    try:
        raw = tomllib.loads((place / MANIFEST).read_text("utf-8"))
        if raw["version"] != 1:
            raise ValueError(f"version {raw['version']!r} is not known")
        return Catalogue(tuple(_set(item, place) for item in raw["dataset"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "bad_manifest",
            f"The manifest of the shipped data sets cannot be read ({type(error).__name__}: {error}).",
            "Install the package again.",
        ) from error


def _set(raw: Mapping[str, Any], place: Path) -> ShippedSet:
    words = ("name", "title", "description", "license", "license_note")
    origin = ("package", "package_version", "origin", "changes")
    return ShippedSet(
        **{key: str(raw[key]) for key in (*words, *origin)},
        files=tuple(_file(table, place) for table in raw["table"]),
        relationships=tuple(
            Relationship(tuple(item["from"]), tuple(item["to"]), bool(item["complete"]))
            for item in raw.get("relationship", ())
        ),
    )


def _file(raw: Mapping[str, Any], place: Path) -> ShippedFile:
    if Path(raw["file"]).name != raw["file"]:
        raise ValueError(f"{raw['file']!r} is not a bare file name")
    return ShippedFile(
        name=raw["name"],
        path=place / raw["file"],
        description=raw["description"],
        rows=int(raw["rows"]),
        bytes=int(raw["bytes"]),
        sha256=raw["sha256"],
        missing=raw["missing"],
        key=tuple(raw["key"]),
        columns=tuple(ShippedColumn(**column) for column in raw["columns"]),
    )
