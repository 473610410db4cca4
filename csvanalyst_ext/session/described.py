"""A data set as a person wants to see it: what is known of it, what was said about it, and what of that has no effect.

Runs on the host; pure.  ``describe`` gathers, ``dictionary_text`` writes a data dictionary to start from.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from ..agent.plan_tool import table_of
from ..datasets.dictionary import ColumnEntry, Dictionary, Reference
from ..datasets.model import ColumnProfile, Dataset
from ..planning.graph import Edge, comparable, graph_of
from ..planning.schema import Table, measure_of
from .dictionaries import MAX_BYTES

_MOST_COLUMNS: Final = 500
_PLAIN: Final = re.compile(r"[^\W\d_][\w ]*(?<! )")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Link:
    """``columns`` of ``source`` refer to ``keys`` of ``target``.  What no dictionary has ``declared`` was found by
    name, type and uniqueness."""

    source: str
    columns: tuple[str, ...]
    target: str
    keys: tuple[str, ...]
    declared: bool


@dataclass(frozen=True, slots=True)
class Described:
    """``key`` are columns whose values together tell the rows apart, empty where none are known.  ``links`` are
    references from and to this data set; ``without_effect`` tells of entries of the dictionary that do nothing,
    ``waiting`` of references to data sets that are not there yet."""

    dataset: Dataset
    key: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    without_effect: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    dictionary: Dictionary = field(default_factory=Dictionary)


def describe(dataset: Dataset, datasets: Sequence[Dataset]) -> Described:
    """What is known of ``dataset``, one of ``datasets``."""
    tables = tuple(map(table_of, datasets))
    graph = graph_of(tables)
    links = tuple(
        Link(edge.source, edge.columns, edge.target, edge.keys, edge in graph.declared)
        for edge in graph.edges
        if dataset.name in (edge.source, edge.target)
    )
    said, there = dataset.dictionary or Dictionary(), {table.name.casefold() for table in tables}
    problems = tuple(_without_effect(said, graph.tables[dataset.name], tables, graph.declared))
    waiting = tuple(
        f"{', '.join(one.columns)}: there is no data set {one.table!r} yet."
        for one in said.references
        if one.table.casefold() not in there
    )
    return Described(dataset, graph.key(dataset.name), links, problems, waiting, said)


# --- what has no effect -------------------------------------------------------------------------------


def _without_effect(said: Dictionary, table: Table, tables: Sequence[Table], known: Sequence[Edge]) -> Iterator[str]:
    names = [column.name for column in table.columns]
    for entry in said.columns:
        if entry.name not in names:
            yield f"columns.{entry.name}: {_no_column(entry.name, table)}"
    for measure in said.measures:
        found = measure_of(table, measure.name, measure.formula)
        if isinstance(found, str):
            yield f"measures.{measure.name}: {found}."
    if said.key and not table.key:
        missing = [name for name in said.key if name not in names]
        why = _no_column(missing[0], table) if missing else "several rows share these values."
        yield f"key: {why}"
    for place, reference in enumerate(said.references):
        target = next((one for one in tables if one.name.casefold() == reference.table.casefold()), None)
        edge = (table.name, reference.columns, reference.keys)
        if target is not None and edge not in [(e.source, e.columns, e.keys) for e in known]:
            yield f"references[{place}]: {_why_no_reference(reference, table, target)}"


def _why_no_reference(reference: Reference, table: Table, target: Table) -> str:
    for names, of in ((reference.columns, table), (reference.keys, target)):
        for name in names:
            if name not in [column.name for column in of.columns]:
                return _no_column(name, of)
    for one, other in zip(reference.columns, reference.keys, strict=True):
        left, right = table.column(one), target.column(other)
        if not comparable(left, right):
            return f"{one!r} ({left.type}) and {other!r} of {target.name} ({right.type}) cannot be equal."
    listed = ", ".join(reference.keys)
    return f"several rows of {target.name} share the same {listed}: it is no key, and a join by it would repeat rows."


def _no_column(name: str, table: Table) -> str:
    names = {column.name.casefold(): column.name for column in table.columns}
    close = difflib.get_close_matches(name.casefold(), names, 1, 0.6)
    hint = f" Did you mean {names[close[0]]!r}?" if close else ""
    return f"the table {table.name} has no column {name!r}.{hint}"


# --- a dictionary to start from -----------------------------------------------------------------------


def dictionary_text(described: Described) -> str:
    """A data dictionary in YAML: all that is declared, with an empty entry for everything that could be.

    It holds no cells.  References that were found and not declared are in it and marked.  Of very many columns, those
    without an entry at the end are left out.
    """
    most = _MOST_COLUMNS
    while len((text := _text(described, most)).encode()) > MAX_BYTES and most > 1:
        most //= 2
    return text


def _text(described: Described, most: int) -> str:
    dataset, said = described.dataset, described.dictionary
    columns = [column for n, column in enumerate(dataset.columns) if n < most or _entry(said, column)]
    lines = [
        f"# Data dictionary of {dataset.name}: what its rows and columns mean.  All entries are optional.",
        f"# %analyst describe {dataset.name} --dictionary FILE puts it in force.",
        "version: 1",
        f"description: {_scalar(said.description)}",
        f"synonyms: {_listed(said.synonyms)}  # what a row may be called",
        f"key: {_listed(said.key or described.key)}  # the columns whose values together tell the rows apart",
        "columns:",
        *(f"  {_column(column, said)}" for column in columns),
    ]
    if len(columns) < len(dataset.columns):
        lines.append(f"  # and {len(dataset.columns) - len(columns):,} more columns")
    measures = {measure.name: _measure(measure) for measure in said.measures}
    lines += ["measures:" if measures else "measures: {}  # such as revenue: sum(price * quantity)"]
    lines += [f"  {_scalar(name)}: {text}" for name, text in measures.items()]
    references = list(_references(described))
    lines += ["references:" if references else "references: []  # such as {columns: [cust], refers_to: [customers.id]}"]
    return "\n".join([*lines, *references]) + "\n"


def _column(column: ColumnProfile, said: Dictionary) -> str:
    entry = said.column(column.name)
    parts = [f"description: {_scalar(entry.description)}", f"unit: {_scalar(entry.unit)}"]
    parts.append(f"synonyms: {_listed(entry.synonyms)}")
    kind = re.sub(r"[^\w(), ]", "", column.type.partition("(")[0])
    return f"{_scalar(column.name)}: {{{', '.join(parts)}}}  # {kind}, {column.distinct:,} distinct"


def _measure(measure: Any) -> str:
    parts = {"formula": _quoted(measure.formula), "description": measure.description, "unit": measure.unit}
    shown = [f"formula: {parts['formula']}"]
    shown += [f"{name}: {_scalar(parts[name])}" for name in ("description", "unit") if parts[name]]
    if measure.synonyms:
        shown.append(f"synonyms: {_listed(measure.synonyms)}")
    return parts["formula"] if len(shown) == 1 else f"{{{', '.join(shown)}}}"


def _references(described: Described) -> Iterator[str]:
    declared = described.dictionary.references
    for one in declared:
        yield f"  - {_pairs(one.columns, one.table, one.keys)}"
    for link in described.links:
        if link.source == described.dataset.name and not link.declared:
            yield f"  - {_pairs(link.columns, link.target, link.keys)}  # found by name and type: please check"


def _pairs(columns: Sequence[str], table: str, keys: Sequence[str]) -> str:
    return f"{{columns: {_listed(columns)}, refers_to: {_listed([f'{table}.{key}' for key in keys])}}}"


def _entry(said: Dictionary, column: ColumnProfile) -> bool:
    return said.column(column.name) != ColumnEntry(column.name)


def _listed(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_scalar, texts))}]"


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    """In double quotes, on one line, with everything escaped that YAML could take otherwise."""
    written = yaml.safe_dump(text, default_style='"', allow_unicode=False, width=1 << 30)
    assert isinstance(written, str)
    return written.removesuffix("\n")
