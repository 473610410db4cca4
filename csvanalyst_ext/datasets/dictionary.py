"""What is known about a data set beyond its profile: descriptions, synonyms, units, measures, references.

Plain data; nothing here reads a file (see ``session.dictionaries``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .shipped import Relationship, ShippedFile


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """What is known of a column.  ``synonyms`` are other names that questions may use."""

    name: str
    description: str = ""
    unit: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasureEntry:
    """A named number.  ``formula`` is such as ``sum(price * quantity)``; see ``planning.formula``."""

    name: str
    formula: str
    description: str = ""
    unit: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """``columns`` refer to ``keys`` of another ``table``, pairwise: each row to at most one row there."""

    columns: tuple[str, ...]
    table: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dictionary:
    """What is known of one table.  ``synonyms`` are what its rows may be called, ``key`` the columns whose values
    together tell its rows apart."""

    description: str = ""
    synonyms: tuple[str, ...] = ()
    columns: tuple[ColumnEntry, ...] = ()
    measures: tuple[MeasureEntry, ...] = ()
    references: tuple[Reference, ...] = ()
    key: tuple[str, ...] = ()

    def column(self, name: str) -> ColumnEntry:
        return next((entry for entry in self.columns if entry.name == name), ColumnEntry(name))


def of_shipped(file: ShippedFile, relationships: Sequence[Relationship]) -> Dictionary:
    """What the manifest says about a shipped table."""
    columns = tuple(ColumnEntry(c.name, c.description, c.unit) for c in file.columns)
    references = tuple(
        Reference(
            tuple(column.partition(".")[2] for column in relation.left),
            relation.right[0].partition(".")[0],
            tuple(column.partition(".")[2] for column in relation.right),
        )
        for relation in relationships
        if relation.left[0].partition(".")[0] == file.name
    )
    return Dictionary(file.description, (), columns, (), references, file.key)
