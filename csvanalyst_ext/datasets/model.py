"""What is known of a registered data set.  Plain data; nothing here reads a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dictionary import Dictionary


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column as the sandbox saw it at ingest.

    ``type`` is DuckDB's type name.  ``nulls`` and ``distinct`` are counts over all rows
    (``distinct`` is approximate above 10,000).  ``minimum`` and ``maximum`` are text forms, or
    ``None``.  ``values`` are up to 50 distinct texts of a text or boolean column, most frequent
    first; ``all_values`` says that there are no others.  ``words`` are the texts that the file
    itself used for a column read as BOOLEAN, such as ``("Yes", "No")``.  ``null_words`` are texts
    such as ``NA`` that stand in a text column and may mean a missing value, with the number of cells.
    """

    name: str
    type: str
    nulls: int = 0
    distinct: int = 0
    minimum: str | None = None
    maximum: str | None = None
    values: tuple[str, ...] = ()
    all_values: bool = False
    words: tuple[str, ...] = ()
    null_words: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A registered data set: one table named ``name``.

    ``source`` is what the person gave (a path, ``shipped:NAME`` or ``variable NAME``).
    ``fingerprint`` is the SHA-256 (hex) of the source's bytes.  ``file`` is the bare name of its
    Parquet file in the session's tables directory.  ``notes`` are the repairs and decisions of the
    ingest, in sentences.  ``dictionary`` is what the person said about it.
    """

    name: str
    source: str
    format: str
    fingerprint: str
    file: str
    rows: int
    bytes: int
    columns: tuple[ColumnProfile, ...]
    notes: tuple[str, ...] = ()
    dialect: Mapping[str, Any] = field(default_factory=dict)
    dictionary: Dictionary | None = None


@dataclass(frozen=True, slots=True)
class ResultTable:
    """An earlier result that can be read like a table, by its name (``r1`` …).

    ``rows`` are all of its rows; ``columns`` are names and DuckDB's types.  ``names_of_cells`` says that
    the names of columns may be cells, as those of a PIVOT are.
    """

    name: str
    rows: int
    columns: tuple[tuple[str, str], ...]
    names_of_cells: bool
