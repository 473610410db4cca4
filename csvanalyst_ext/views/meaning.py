"""The page of what a data set means: its columns, keys, references, measures, and what its dictionary says.

Runs on the host; pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..rendering import text
from .boundary import TOLD
from .sheet import Block, Sheet, block, code, sheet

if TYPE_CHECKING:
    from ..datasets.model import ColumnProfile
    from ..datasets.policy import Policy
    from ..session.described import Described

_MOST_COLUMNS: Final = 60


def meaning(found: Described, policy: Policy) -> Sheet:
    """All that is known of a data set and was said about it."""
    dataset, said = found.dataset, found.dictionary
    facts: list[tuple[str, object]] = [
        ("meaning", said.description),
        ("a row may be called", ", ".join(said.synonyms)),
        ("key", ", ".join(found.key)),
        ("source", dataset.source),
        ("policy", f"{policy}: a model elsewhere may be told {TOLD[policy.name]}"),
    ]
    title = f"{dataset.name}: {text.count(dataset.rows, 'row')} × {text.count(len(dataset.columns), 'column')}"
    parts = [block(("fact", "value"), [fact for fact in facts if fact[1]]), _columns(found)]
    parts += [_links(found)] if found.links else []
    if said.measures:
        rows = [(m.name, m.formula, m.unit, _described(m.description, m.synonyms)) for m in said.measures]
        parts.append(block(("measure", "formula", "unit", "meaning"), rows, title="Measures"))
    notes = [*without_effect(found), *(f"Waiting in the dictionary: {one}" for one in found.waiting), *dataset.notes]
    if dataset.dictionary is None:
        notes.append(
            f"It has no data dictionary. `%analyst describe {dataset.name} --write FILE` writes one to start from, "
            f"`%analyst describe {dataset.name} --dictionary FILE` puts it in force."
        )
    return sheet(title, *parts, notes=notes)


def _columns(found: Described) -> Block:
    columns = found.dataset.columns
    rows = []
    for column in columns[:_MOST_COLUMNS]:
        entry = found.dictionary.column(column.name)
        about = _described(entry.description, entry.synonyms)
        shown = (column.name, column.type, entry.unit, column.nulls, column.distinct, _range(column), about)
        rows.append(shown)
    more = f"{len(columns) - _MOST_COLUMNS:,} more columns" if len(columns) > _MOST_COLUMNS else ""
    headers = ("column", "type", "unit", "NULLs", "distinct", "range or most frequent", "meaning")
    return block(headers, rows, title="Columns", note=more)


def _range(column: ColumnProfile) -> str:
    if not column.values:
        return "" if column.minimum is None else f"{column.minimum} … {column.maximum}"
    rest = "" if column.all_values and len(column.values) <= 5 else ", …"
    return ", ".join(column.words or column.values[:5]) + rest


def _links(found: Described) -> Block:
    rows = []
    for link in found.links:
        own = link.source == found.dataset.name
        there = f"{link.target} ({', '.join(link.keys)})"
        back = f"{link.source} ({', '.join(link.columns)})"
        columns = ", ".join(link.columns if own else link.keys)
        how = "declared" if link.declared else "found by name and type"
        rows.append((columns, f"refers to {there}" if own else f"is referred to by {back}", how))
    return block(("columns", "relationship", "known from"), rows, title="Relationships")


def _described(description: str, synonyms: tuple[str, ...]) -> str:
    also = f"also called {', '.join(synonyms)}" if synonyms else ""
    return "; ".join(filter(None, (description, also)))


def without_effect(found: Described) -> list[str]:
    """Entries of the dictionary that do nothing, as notes."""
    return [f"Without effect in the dictionary: {problem}" for problem in found.without_effect]


def as_yaml(found: Described, dictionary: str) -> Sheet:
    """A data dictionary to start from."""
    return sheet(found.dataset.name, code(dictionary), notes=without_effect(found))


def written(found: Described, path: str) -> Sheet:
    note = f"Change it, then: %analyst describe {found.dataset.name} --dictionary {path}"
    return sheet(f"Written: {path}", notes=(note, *without_effect(found)))
