"""Whether a written number is a value: rounding, hedges, signs, percent, units, and the column that is meant.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .results import Column, stem
from .tokens import Reading, Token

if TYPE_CHECKING:
    import numpy as np

_WORDS: Final = re.compile(r"[^\W\d_]+|%")
_SPELT: Final = 0.05
"""How far a small number in words, of no unit, may lie off."""
_LOOSE: Final = 0.1
"""How far "about" may lie off, as a share of the number."""


# --- one value ------------------------------------------------------------------------------------


def interval(token: Token, reading: Reading) -> tuple[float, float]:
    """What the written number may stand for, without its sign."""
    value, half = reading.value, reading.half
    slack = 1e-9 * max(1.0, abs(value))
    unit = _round_unit(value, 2 * half)
    if token.form == "fraction":
        near = 0.1 * value if token.hedge == "about" else min(0.02, 0.1 * value)
        if token.hedge == "below":
            return value * (1 - _LOOSE), value + slack
        if token.hedge == "above":
            return value - slack, value * (1 + 2 * _LOOSE)
        return value - near, value + near
    if token.hedge == "below":
        return value - max(unit, 2 * half), value + slack
    if token.hedge == "above":
        return value - slack, value + max(unit, 2 * half)
    if token.hedge == "about":
        if token.form in ("percent", "times") and value >= 5:
            unit = max(unit, 2.0 * (value % 5 == 0))
        near = max(half, min(unit / 2, _LOOSE * value))
        return value - near - slack, value + near + slack
    if token.form == "times" and token.text[:1].isalpha():
        return value * 0.95, value * 1.05
    if token.form == "count" and not token.unit and value < 100:
        half = min(half, _SPELT)  # "five of them" are not 5.2
    if unit >= 1000 * 2 * half and value / unit >= 10:
        half = unit / 2  # 8,300,000
    return value - half - slack, value + half + slack


def _round_unit(value: float, unit: float) -> float:
    """The place of the last digit that is not zero: 10,000 for 120,000; a 5 there counts as two."""
    if value == 0 or unit < 1e-12:
        return unit
    digits = round(value / unit)
    size = unit
    while digits and digits % 10 == 0:
        digits //= 10
        size *= 10
    return size * (2 if digits % 10 == 5 and size == unit and value >= 10 * unit and unit >= 1 else 1)


def fits(token: Token, values: np.ndarray[Any, Any], *, down: bool = False, up: bool = False) -> np.ndarray[Any, Any]:
    """Which values the number may stand for.  ``down`` and ``up`` are directions that the words give."""
    import numpy as np

    hit = np.zeros(values.shape, dtype=bool)
    for reading in token.readings:
        low, high = interval(token, reading)
        if token.sign:
            hit |= (values * token.sign >= low) & (values * token.sign <= high)
            continue
        if not (down and not up):
            hit |= (values >= low) & (values <= high)
        if down or (not up and not reading.value):
            hit |= (-values >= low) & (-values <= high)
    return hit


def distinct_share(token: Token, values: np.ndarray[Any, Any]) -> float:
    """How likely a number written like this one would be among ``values`` by chance, from 0 to 1."""
    import numpy as np

    target = abs(token.value) or 1.0
    low, high = interval(token, token.readings[0])
    width = max(high - low, 1e-12)
    size = np.abs(values)
    near = size[(size >= target / 3) & (size <= target * 3)]
    buckets = np.unique(np.floor(near / width)).size if near.size else 0
    return float(min(1.0, buckets * width / (target * 8 / 3)))


# --- a column -------------------------------------------------------------------------------------


def scaled(token: Token, column: Column, question: str) -> Iterator[tuple[np.ndarray[Any, Any], str]]:
    """The column's values as the number would write them, and how they were turned into that."""
    values = column.values
    if values is None:
        return
    if token.form in ("percent", "fraction"):
        yield from _as_percent(token, column, values, question)
        return
    if token.form == "times":
        if column.words & {"ratio", "time", "multiple", "factor", "fold", "x"}:
            yield values, ""
        return
    if token.unit and column.unit and token.unit != column.unit:
        mine, theirs = lex.UNITS[token.unit], lex.UNITS[column.unit]
        if mine[0] == theirs[0]:
            factor = theirs[1] / mine[1]
            yield values * factor, "" if factor == 1 else f"{column.unit} as {token.unit}"
        return
    if token.unit and not column.unit and _other_unit_asked(token.unit, question):
        return
    yield values, ""
    if column.scale != 1.0:
        yield values / column.scale, ""
    if column.words & lex.PERCENTISH and token.form == "number" and token.value < 1 and not token.whole:
        yield values / 100, "percent as a fraction"
    if token.points:
        yield values * 100, "fraction as percentage points"


def _as_percent(
    token: Token, column: Column, values: np.ndarray[Any, Any], question: str
) -> Iterator[tuple[np.ndarray[Any, Any], str]]:
    import numpy as np

    known = values[~np.isnan(values)]
    named = bool(column.words & lex.PERCENTISH) or "100" in column.name
    asked = bool(re.search(r"(?i)percent|%|share|proportion|\brate\b|fraction|growth|\bpct\b|portion", question))
    small = bool(known.size and np.all(np.abs(known) <= 1.0))
    fractional = bool(known.size and np.any(known != np.floor(known)))
    one = 100.0 if token.form == "percent" else 1.0
    if (named or small or (asked and fractional)) and not (column.unit and column.unit not in ("%",)):
        if small or (named and bool(known.size and np.abs(known).max() <= 5)):
            yield values * one, "fraction as percent" if one > 1 else ""
        if named or asked:
            yield values * (one / 100.0), ""


def _other_unit_asked(unit: str, question: str) -> bool:
    kind = lex.UNITS[unit][0]
    asked = set(re.findall(r"[a-z°/]+|[$€£¥]", question.lower()))
    found = {u for w in asked for u in (w, w.rstrip("s")) if u in lex.UNITS and len(u) > 1}
    group = next((g for g in lex.EXCLUSIVE if kind in g), {kind})
    same = {u for u in found if lex.UNITS[u][0] in group}
    return bool(same) and all(lex.UNITS[u] != lex.UNITS[unit] for u in same)


def stems(text: str) -> list[str]:
    return [stem(word) for word in _WORDS.findall(text)]


def noun_end(prose: str, token: Token, stop: int) -> int:
    """Where the words end that directly follow a number and say what it counts."""
    at = token.end
    for m in re.finditer(r"([ *_\u00a0\u202f-]+)([^\W\d_]+(?:['’-][^\W\d_]+)*)", prose[at : min(stop, at + 60)]):
        if m.start() != at - token.end or m[2].lower() in lex.STOP or (at - token.end) > 40:
            break
        at = token.end + m.end()
    return at


def claimed(before: str, after: str, columns: Sequence[Column], unit: str = "") -> set[str] | None:
    """The columns that the words around a number name, by their names; ``None`` when they name none."""
    measured: set[str] = set()
    if unit:
        kind = lex.UNITS[unit][0]
        measured = {c.name for c in columns if c.unit and lex.UNITS[c.unit][0] == kind}
        if measured and kind in lex.EXCLUSIVE[0]:  # the currency may be in one name and not in the others
            measured |= {c.name for c in columns if not c.unit and c.words & lex.MONEY}
        if measured:
            columns = [c for c in columns if c.name in measured]
    follow = [w for w in stems(after) if not unit or w != stem(unit)]
    one = _best(follow, columns)
    two = _best(stems(before), columns)
    if one is None and two is None:
        return {c.name for c in columns} if unit and measured else None
    return (one or set()) | (two or set()) | nearest(stems(before), columns)


def spoken_of(words: AbstractSet[str], spoken: AbstractSet[str]) -> AbstractSet[str]:
    """Which of a column's words were said, also in a longer form: ``conc`` by "concentrated"."""
    return {w for w in words if w in spoken or (len(w) > 3 and any(s.startswith(w) for s in spoken))}


def nearest(said: list[str], columns: Sequence[Column]) -> set[str]:
    """The columns of the last word that belongs to any."""
    for word in reversed(said):
        found = {c.name for c in columns if spoken_of(c.words - lex.AGGREGATES, {word})}
        if found:
            return found
    return set()


def _best(said: list[str], columns: Sequence[Column]) -> set[str] | None:
    spoken = set(said)
    scores: dict[str, tuple[int, bool, int]] = {}
    for column in columns:
        content = column.words - lex.AGGREGATES - {stem(column.unit)}
        hits = len(spoken_of(content, spoken)) if content else len(column.words & spoken)
        if hits:
            whole = bool(content) and spoken_of(content, spoken) == content
            full = column.words <= spoken or (whole and not column.words & lex.AGGREGATES)
            scores[column.name] = (hits, full, len(column.words & spoken & lex.AGGREGATES))
    if not scores:
        told = spoken & _TELLING
        return {c.name for c in columns if c.words & told} or None
    best = max(scores.values())
    return {name for name, score in scores.items() if score == best}


_TELLING: Final = frozenset({"average", "median", "deviation", "percent"})
"""Aggregates that say which column is meant also without its other words."""
_RIVALS: Final = frozenset({"average", "median", "maximum", "minimum"})


def rival(before: str, column: Column, columns: Sequence[Column]) -> bool:
    """Whether the words claim another aggregate than the column's: a median that is a mean."""
    own = column.words & lex.AGGREGATES
    said = set(stems(before)) & _RIVALS
    return bool(own & _RIVALS and said and not said & own)
