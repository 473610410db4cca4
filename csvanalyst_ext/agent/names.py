"""Names of columns that a model can write without a slip: ``happiness_score`` for ``Happiness Score``.

Runs on the host; pure.  The person always sees the columns' own names: what a model wrote is put back before it
runs, so that the query that is shown and kept, and the columns of its result, have them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from . import sql_words

if TYPE_CHECKING:
    from ..datasets.model import Dataset

_SIMPLE: Final = re.compile(r"[a-z_][a-z0-9_]*")
_APART: Final = re.compile(r"[\W_]+")
_RESERVED: Final = frozenset(
    """
    all analyse analyze and any array as asc asymmetric between both by case cast check collate column constraint
    create cross date default deferrable desc describe distinct do else end except exists extract false fetch filter for
    foreign from full grant group having in initially inner interval intersect into is join lambda lateral leading left
    like limit natural not null offset on only or order outer pivot pivot_longer pivot_wider placing positional primary
    qualify references returning right rows select semi anti show similar some struct summarize symmetric table then
    time timestamp to trailing true union unique unpivot using variadic when where window with
    """.split()  # noqa: SIM905
)
"""Words that are no names in a query, or mean something else there."""


def simple(name: str) -> str:
    """``name`` in lower case letters, digits and underscores; ``""`` when nothing usable is left."""
    made = _APART.sub("_", name.casefold()).strip("_")
    made = f"c_{made}" if made[:1].isdigit() else made
    return made if _SIMPLE.fullmatch(made) and made not in _RESERVED else ""


def own_names(datasets: Sequence[Dataset]) -> Mapping[str, str]:
    """The column's own name for each simple one.  A simple name stands for one name in all data sets, and is no
    column's and no table's own."""
    columns = [column.name for dataset in datasets for column in dataset.columns]
    taken = {name.casefold() for name in columns} | {dataset.name.casefold() for dataset in datasets}
    found: dict[str, set[str]] = {}
    for name in dict.fromkeys(columns):
        if (made := simple(name)) and made not in taken:
            found.setdefault(made, set()).add(name)
    return {made: names.pop() for made, names in found.items() if len({name.casefold() for name in names}) == 1}


def put_back(sql: str, own: Mapping[str, str]) -> str:
    """``sql`` with the columns' own names, quoted, for their simple ones.  Texts, comments and functions stay."""
    if not own:
        return sql
    found = sql_words.words(sql)
    parts, end = [], 0
    for place, word in enumerate(found, 1):
        name = own.get(word.value.casefold()) if word.kind in ("word", "name") else None
        called = word.kind == "word" and place < len(found) and found[place].text == "("
        if name is None or called:
            continue
        parts += [sql[end : word.start], '"' + name.replace('"', '""') + '"']
        end = word.end
    return "".join([*parts, sql[end:]])
