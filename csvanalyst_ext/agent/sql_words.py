"""SQL as words, just well enough to see its texts, its names and how it ends.

Runs on the host; pure.  This is no parser and decides nothing about what may run: that is the gate's, in the
sandbox.  Where a statement is not of the simple shape that is looked for, the answer is ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_WORDS: Final = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*")"""
    r"""|(?P<word>[^\W\d]\w*)|(?P<number>\d+(?:\.\d+)?)|(?P<other>.)""",
    re.DOTALL,
)
_SETS: Final = frozenset({"UNION", "INTERSECT", "EXCEPT"})
_MOST_TIED: Final = 1000


@dataclass(frozen=True, slots=True)
class Word:
    """``kind`` is ``text``, ``name`` (quoted), ``word``, ``number`` or ``other``; ``depth`` counts open brackets."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def key(self) -> str:
        """An unquoted word in capitals; anything else as it is."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def value(self) -> str:
        """A text or a quoted name without its quotes."""
        quote = self.text[0] if self.kind in ("text", "name") else ""
        return self.text[1:-1].replace(quote * 2, quote) if quote else self.text


def words(sql: str) -> list[Word]:
    found, depth = [], 0
    for match in _WORDS.finditer(sql):
        kind = str(match.lastgroup)
        if kind == "space":
            continue
        if match[0] in ")]}":
            depth -= 1
        found.append(Word(kind, match[0], match.start(), match.end(), depth))
        if match[0] in "([{":
            depth += 1
    while found and found[-1].text == ";":
        found.pop()
    return found


@dataclass(frozen=True, slots=True)
class Tail:
    """How a statement ``… ORDER BY … LIMIT n`` can be asked for one row more and for what it is ordered by.

    ``sql`` gives the same rows, one more, and after the columns the keys that are not among them.  ``keys`` are the
    places of all keys in its rows, negative ones counted from the end.
    """

    limit: int
    sql: str
    keys: tuple[int, ...]


def tail(sql: str) -> Tail | None:
    """The end of a plain ``SELECT … ORDER BY … LIMIT n``; ``None`` for any other statement."""
    found = words(sql)
    top = [place for place, word in enumerate(found) if word.depth == 0]
    keys = [found[place].key for place in top]
    if len(found) < 6 or found[-2].key != "LIMIT" or found[-1].kind != "number" or _SETS & set(keys):
        return None
    limit = int(found[-1].text) if found[-1].text.isdigit() else 0
    orders = [place for place in top if found[place].key == "ORDER"]
    selects = [place for place in top if found[place].key == "SELECT"]
    froms = [place for place in top if found[place].key == "FROM" and selects and place > selects[-1]]
    if not 0 < limit <= _MOST_TIED or not orders or not froms or orders[-1] < froms[0]:
        return None
    start = orders[-1] + 2
    if found[start - 1].key != "BY":
        return None
    added: list[str] = []
    places: list[int] = []
    for item in _split(found[start:-2]):
        item = _undirected(item)
        if not item or item[0].key == "ALL" or any(word.key == "COLLATE" for word in item):
            return None
        if len(item) == 1 and item[0].kind == "number":
            places.append(int(float(item[0].text)) - 1)
        else:
            added.append(sql[item[0].start : item[-1].end])
    put = "".join(f", ({key}) AS tie_{number}" for number, key in enumerate(added, 1))
    before, after = found[froms[0]].start, found[-1]
    more = f"{sql[:before].rstrip()}{put} {sql[before : after.start]}{limit + 1}"
    return Tail(limit, more, (*places, *range(-len(added), 0)))


def _split(found: Sequence[Word]) -> list[list[Word]]:
    items: list[list[Word]] = [[]]
    for word in found:
        if word.text == "," and word.depth == 0:
            items.append([])
        else:
            items[-1].append(word)
    return items


def _undirected(item: list[Word]) -> list[Word]:
    """A sort key without its direction."""
    kept = list(item)
    if len(kept) > 2 and kept[-2].key == "NULLS":
        kept = kept[:-2]
    if len(kept) > 1 and kept[-1].key in ("ASC", "DESC", "ASCENDING", "DESCENDING"):
        kept = kept[:-1]
    return kept
