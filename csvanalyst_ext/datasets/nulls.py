"""What may be meant as a missing value in a column of texts, offered to the person.  Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from .model import ColumnProfile

TEXT_FORMATS: Final = frozenset({"csv", "tsv"})
"""Formats in which a missing value has no form of its own, and which take the options ``null`` and ``text``."""
_MOST: Final = 5


def offers(columns: Sequence[ColumnProfile]) -> tuple[str, ...]:
    """A sentence for each text column in which such texts stand; nothing was changed there."""
    found = [column for column in columns if column.null_words]
    said = [_offer(column) for column in found[:_MOST]]
    if rest := [column.name for column in found[_MOST:]]:
        named = ", ".join(map(repr, rest[:10])) + (f" and {len(rest) - 10:,} more" if len(rest) > 10 else "")
        said.append(f"Such texts also stand in {named}.")
    return tuple(said)


def _offer(column: ColumnProfile) -> str:
    words = [f"{word!r} {'once' if count == 1 else f'{count:,} times'}" for word, count in column.null_words[:5]]
    many = sum(count for _, count in column.null_words) > 1
    return (
        f"The text column {column.name!r} holds {' and '.join(words)}, kept as text; to read "
        f"{'them' if many else 'it'} as NULL, add the data again with --null {shlex.quote(column.name)}."
    )
