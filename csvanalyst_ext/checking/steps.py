"""One step from values to a number: what the words allow, and what two or more values give.

Runs on the host; pure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .comparing import stems
from .context import Context
from .periods import later
from .results import Column, Source
from .tokens import Token

if TYPE_CHECKING:
    import numpy as np

MOST_LABELS: Final = 5
MOST_NEIGHBOURS: Final = 100
MOST_PERIODS: Final = 366
MOST_MEASURES: Final = 6
MOST_SCALARS: Final = 8

_SHARE: Final = frozenset((
    "share", "account", "accounts", "accounted", "represent", "represents", "represented", "make", "makes",
    "made", "comprise", "comprises", "proportion", "portion", "percentage", "percent", "of", "fraction",
    "contribute", "contributes", "contributed", "constitutes", "cover", "covers",
))  # fmt: skip
_TOTAL: Final = frozenset((
    "total", "totals", "totalling", "totaling", "totalled", "sum", "sums", "together", "combined", "altogether",
    "overall", "add", "adds", "added", "adding", "summed", "account", "accounts", "accounted", "comprise",
    "comprises", "all", "aggregate", "both", "jointly",
))  # fmt: skip
_MEAN: Final = frozenset((
    "average", "averages", "averaged", "averaging", "mean", "median", "typical", "typically", "per", "each",
))  # fmt: skip
REST: Final = frozenset(["not", "other", "others", "remaining", "rest", "without", "neither"])
_RATIO: Final = frozenset((
    "times", "ratio", "fold", "twice", "double", "doubled", "doubles", "triple", "tripled", "per", "multiple",
    "half",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that the number could be.  ``oriented``: its sign says which way, and the words must agree."""

    value: float
    how: str
    source: str = ""
    column: str = ""
    oriented: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """The steps that the words near a number allow."""

    compare: bool
    share: bool
    total: bool
    mean: bool
    median: bool
    ratio: bool
    words: frozenset[str]


def said(ctx: Context, token: Token) -> Said:
    span = ctx.sentence(token.start)
    near = frozenset(ctx.words(span))
    hedge = (
        {"over", "under", "below", "above", "than", "more", "less", "up", "fewer"}
        if token.hedge and token.hedge != "about"
        else set()
    )
    clause = frozenset(ctx.words(ctx.clause(token.start)))
    compare = bool((clause - hedge) & (lex.UP | lex.DOWN | lex.CHANGE)) or token.points or bool(token.sign)
    before = ctx.prose[max(0, token.start - 16) : token.start].lower()
    compare = compare or bool(near & REST) or bool(ctx.margin(token))
    return Said(
        compare=compare,
        share=token.form in ("percent", "fraction") and (bool(near & _SHARE) or not compare),
        total=bool(near & _TOTAL) or bool(re.search(r"\bof (?:the |all |its |these )*[*$€£]*$", before)),
        mean=bool(near & _MEAN),
        median="median" in near,
        ratio=token.form == "times" or bool(clause & _RATIO),
        words=near,
    )


def combine(
    token: Token,
    words: Said,
    a: float,
    b: float,
    names: tuple[str, str],
    source: Source,
    column: str,
    *,
    oriented: bool = False,
    percent: bool = False,
) -> Iterator[Candidate]:
    """``a`` against ``b``, as the form of the number wants it."""
    one, two = names
    at = (source.result.name, column)
    if (
        token.points
        or (token.form == "number" and not token.points and words.compare)
        or (token.form == "count" and words.compare)
    ):
        factor = 100.0 if token.points and percent else _in_unit(token, source, column)
        yield Candidate((a - b) * factor, f"{one} − {two}", *at, oriented)
    if not b:
        return
    one_hundred = 100.0 if token.form == "percent" else 1.0
    if token.form in ("percent", "fraction") and not token.points:
        if words.compare:
            yield Candidate((a - b) / abs(b) * one_hundred, f"({one} − {two}) / {two}", *at, oriented)
        if words.share or not words.compare:
            yield Candidate(a / b * one_hundred, f"{one} / {two}", *at)
    if token.form == "times" or (token.form == "number" and (words.ratio or words.mean)):
        yield Candidate(a / b, f"{one} / {two}", *at)


def _in_unit(token: Token, source: Source, column: str) -> float:
    """What a value of the column is multiplied with to be in the unit that was written."""
    unit = next((c.unit for c in source.columns if c.name == column), "")
    if not (unit and token.unit) or lex.UNITS[unit][0] != lex.UNITS[token.unit][0]:
        return 1.0
    return lex.UNITS[unit][1] / lex.UNITS[token.unit][1]


def sum_of(token: Token, words: Said, value: float, how: str, source: Source, column: str) -> Iterator[Candidate]:
    import numpy as np

    if token.form in ("number", "count"):
        yield Candidate(value * _in_unit(token, source, column), how, source.result.name, column)
    elif token.form in ("percent", "fraction") and not source.result.truncated:
        values = next((c.values for c in source.columns if c.name == column), None)
        whole = float(np.nansum(values)) if values is not None else 0.0
        if whole:
            yield Candidate(
                value / whole * (100 if token.form == "percent" else 1), f"{how} / total", source.result.name, column
            )
        # Shares are added as they are.
        if values is not None and value:
            yield Candidate(
                value * (100.0 if is_fraction(values) and token.form == "percent" else 1.0),
                how,
                source.result.name,
                column,
            )


def one_of(token: Token, words: Said, values: np.ndarray[Any, Any], source: Source, column: str) -> Iterator[Candidate]:
    """Sum, mean, median, lowest, highest and range of several values, as the words say."""
    import numpy as np

    at = (source.result.name, column)
    if not values.size or token.form not in ("number", "count", "percent"):
        return
    scale = 100.0 if token.form == "percent" and is_fraction(values) else 1.0
    if words.total and token.form != "percent":
        yield Candidate(float(values.sum()), "sum", *at)
    if words.mean:
        yield Candidate(float(values.mean()) * scale, "mean", *at)
    if words.median:
        yield Candidate(float(np.median(values)) * scale, "median", *at)
    spoken = words.words
    if spoken & {"range", "spread", "gap", "difference", "separated", "separates", "apart"} and token.form != "percent":
        yield Candidate(float(values.max() - values.min()), "highest − lowest", *at)
    if spoken & {"deviation"}:
        yield Candidate(float(values.std(ddof=1)) if values.size > 1 else 0.0, "standard deviation", *at)


def measures(ctx: Context, token: Token, source: Source) -> list[Column]:
    allowed = {c.name for c in ctx.columns(token, source)}
    # Of what the number before it measures: "60 points, four clear of", "900 visits, an average of 30 a day".
    start = ctx.sentence(token.start)[0]
    said = [h.where.column for t, h in ctx.stated.items() if start <= t.start < token.start and h.where]
    if said and said[-1] and ctx.margin(token):
        allowed &= {said[-1]}
    elif said and "average" in stems(ctx.window(token)[0]):
        allowed |= {said[-1]}
    return [c for c in source.measures if c.values is not None and c.name in allowed][:MOST_MEASURES]


def is_fraction(values: np.ndarray[Any, Any]) -> bool:
    import numpy as np

    known = values[~np.isnan(values)]
    return bool(known.size and np.abs(known).max() <= 1.0)


def additive(column: Column) -> bool:
    """Whether the sum of the column means something: not of shares, averages, ranks or extremes."""
    return not column.words & (lex.AVERAGED | lex.PERCENTISH) and not column.fraction


def _alike(one: Column, two: Column) -> bool:
    """Whether the difference or the share of two columns can mean something."""
    if one.unit or two.unit:
        return one.unit == two.unit
    percent = [bool(c.words & lex.PERCENTISH) for c in (one, two)]
    if any(percent):
        return all(percent)  # else a share of a quantity
    shared = {w for w in (one.words & two.words) - lex.AGGREGATES if not w.isdigit()}
    return bool(shared) or all(bool((c.known == c.known.round()).all()) for c in (one, two))


def across(token: Token, words: Said, source: Source, row: int) -> Iterator[Candidate]:
    measures = [c for c in source.measures if c.values is not None][:MOST_MEASURES]
    for one, two in itertools.permutations(measures, 2):
        assert one.values is not None and two.values is not None
        rate = (words.ratio or words.mean) and token.form == "number"
        if not rate and not _alike(one, two):
            continue
        after = later(one, two)
        if after is False and token.form != "times":
            continue  # a change is of the later against the earlier
        a, b = float(one.values[row]), float(two.values[row])
        percent = is_fraction(one.values)
        names = one.name, two.name
        yield from combine(token, words, a, b, names, source, one.name, oriented=bool(after), percent=percent)
    if words.total and len(measures) > 1 and token.form == "number":
        yield Candidate(
            sum(float(c.values[row]) for c in measures if c.values is not None), "sum of the row", source.result.name
        )
