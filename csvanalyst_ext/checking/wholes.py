"""Steps within a whole result, between results of one row, and between numbers that the prose states.

Runs on the host; pure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .comparing import scaled, stems
from .context import Context, Hit, content
from .results import Column, Source, stem
from .steps import MOST_SCALARS, Candidate, Said, across, additive, combine, measures, one_of, sum_of
from .tokens import Token

if TYPE_CHECKING:
    import numpy as np

_TOP: Final = re.compile(r"\b(?:top|first|largest|biggest|leading) (\d+|\w+)\b")


def stated(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """From two numbers that the same or the previous sentence states and that were confirmed."""
    span = ctx.sentence(token.start)
    at = ctx.sentences.index(span) if span in ctx.sentences else 0
    start = ctx.sentences[max(0, at - 1)][0]
    pool = [
        (t, h) for t, h in ctx.stated.items() if start <= t.start < span[1] and t is not token and h.value is not None
    ]
    pool = pool[-6:]
    for (one, a), (two, b) in itertools.permutations(pool, 2):
        if a.value is None or b.value is None or (one.form == "percent") != (two.form == "percent"):
            continue
        text = ctx.prose[min(one.start, two.start) - 8 : max(one.start, two.start)].lower()
        oriented = False
        if re.search(r"\bfrom\b", text) and re.search(r"\bto\b", text):
            if one.start < two.start:
                continue
            oriented = True
        where = next((s for s in ctx.sources if a.where and s.result.name == a.where.result), None)
        if where is None:
            continue
        for value, other in {(a.value, b.value), (one.value, two.value)}:
            percent = one.form == "percent"
            yield from combine(
                token,
                words,
                value,
                other,
                (one.text, two.text),
                where,
                "",
                oriented=oriented,
                percent=percent and abs(value) <= 1,
            )
    if token.form in ("percent", "fraction"):
        yield from _of_its(ctx, token, [h for t, h in pool if t.start < token.start])
    if len(pool) > 1 and words.total and token.form in ("number", "count", "percent"):
        yield Candidate(sum(h.value or 0.0 for _, h in pool), "sum of the numbers stated")


_OF_ITS: Final = re.compile(r"(?i)^[\s*_]*of (?:its|their|the|that|his|her|this) ([^\d.,;:()]{3,30})")


def _of_its(ctx: Context, token: Token, pool: Sequence[Hit]) -> Iterator[Candidate]:
    """ "…, a fifth of its budget": the number before, as a share of the column that is named, in the row meant."""
    import numpy as np

    found = _OF_ITS.match(ctx.prose[token.end : token.end + 50])
    if found is None or not pool:
        return
    value, name = pool[-1].value, set(stems(found[1]))
    binding = ctx.bound(token)
    for number, source in enumerate(ctx.sources):
        mask, tied = ctx.mask(number, binding)
        if not tied or int(mask.sum()) != 1:
            continue
        row = int(np.flatnonzero(mask)[0])
        for column in source.measures:
            if column.values is not None and column.words & name and column.values[row] and value is not None:
                share = value / float(column.values[row]) * (100.0 if token.form == "percent" else 1.0)
                yield Candidate(share, f"share of {column.name}", source.result.name, column.name)


def whole(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:

    yield from _top(ctx, token, words)
    yield from _totals(ctx, token, words)
    binding = ctx.bound(token)
    for number, source in enumerate(ctx.sources):
        _, tied = ctx.mask(number, binding)
        timed = any(c.parts or c.kind == "year" for c in source.columns)
        for column in measures(ctx, token, source):
            if column.known.size < 2:
                continue
            if not (tied and _of_a_row(ctx, token)):
                yield from one_of(token, words, column.known, source, column.name)
            if tied:
                continue
            if token.form == "number" and token.whole and not words.total and countable(column):
                yield Candidate(column.total, "sum", source.result.name, column.name)
            yield from _ends_of(token, words, source, column, timed)
            if words.share and not source.result.truncated:
                ends = float(column.ordered[0]), column.total
                yield from combine(token, words, *ends, ("highest", "total"), source, column.name)


_OF_A_ROW: Final = re.compile(r"(?i)^[\s*_]*(?:[\w%]+\s+){0,2}(?:in|for|at|on)\s+(?:the\s+)?[*_]*$")


def _of_a_row(ctx: Context, token: Token) -> bool:
    """Whether the label of a row follows: "5.9 days in June" is of that row and not of the whole."""
    following = next((m for m in ctx.here(token) if m.start >= token.end), None)
    return following is not None and bool(_OF_A_ROW.match(ctx.prose[token.end : following.start]))


def countable(column: Column) -> bool:
    """Whether the sum of a column is what a bare number may be: it counts things."""
    return (
        not column.words & lex.AVERAGED
        and column.kind == "number"
        and bool((column.known == column.known.round()).all())
    )


def _ends_of(token: Token, words: Said, source: Source, column: Column, timed: bool) -> Iterator[Candidate]:
    """Last against first in time; else highest against lowest and second."""
    percent = column.fraction
    if timed and words.compare:
        first, last = _ends(source, column.known)
        names = "last", "first"
        yield from combine(token, words, last, first, names, source, column.name, oriented=True, percent=percent)
    elif words.compare or words.ratio:
        for place, name in ((-1, "lowest"), (1, "second")):
            ends = float(column.ordered[0]), float(column.ordered[place])
            yield from combine(token, words, *ends, ("highest", name), source, column.name, percent=percent)


def _ends(source: Source, values: np.ndarray[Any, Any]) -> tuple[float, float]:
    """First and last value in time, whichever way the rows are ordered."""
    key = next(c for c in source.columns if c.parts or c.kind == "year")
    descending = key.moments.size > 1 and key.moments[0] > key.moments[-1]
    return (float(values[-1]), float(values[0])) if descending else (float(values[0]), float(values[-1]))


def _totals(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """One named column against another, both in all: "wheat beat maize by 1,415"."""
    if not words.compare or ctx.here(token):
        return
    start, end = ctx.clause(token.start)
    for source in ctx.sources:
        order: list[Column] = []
        for m in re.finditer(r"[^\W\d_]+", ctx.prose[start:end]):
            order += [c for c in source.measures if c not in order and additive(c) and stem(m[0]) in content(c)]
        if len(order) != 2 or source.result.truncated:
            continue
        one, two = order
        names = f"total of {one.name}", f"total of {two.name}"
        yield from combine(token, words, one.total, two.total, names, source, one.name, oriented=True)


def _top(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """Of the first rows: "the top three make up 60 %"."""

    sentence = ctx.prose[slice(*ctx.sentence(token.start))].lower()
    found = _TOP.search(sentence)
    if found is None:
        return
    many = int(found[1]) if found[1].isdigit() else lex.CARDINALS.get(found[1], 0)
    for source in ctx.sources:
        if not 2 <= many <= source.rows:
            continue
        for column in measures(ctx, token, source):
            ordered = column.ordered[:many]
            yield from sum_of(token, words, float(ordered.sum()), f"sum of the top {many}", source, column.name)
            if words.mean and token.form == "number":
                yield Candidate(float(ordered.mean()), f"mean of the top {many}", source.result.name, column.name)


def _rest(token: Token, source: Source) -> Iterator[Candidate]:
    """What one row leaves: those of all that are not the part ("7 of 10 stayed" where 3 left), and their share."""
    for one, two in itertools.permutations(source.measures, 2):
        if one.values is not None and two.values is not None and countable(one) and countable(two):
            a, b = float(one.values[0]), float(two.values[0])
            if token.form in ("number", "count") and not one.unit and not two.unit and a > b >= 0:
                yield Candidate(a - b, f"{one.name} − {two.name}", source.result.name, one.name)
    for column in source.measures if token.form in ("percent", "fraction") else ():
        for values, _ in scaled(token, column, column.name):
            whole = 100.0 if token.form == "percent" else 1.0
            if 0 <= values[0] <= whole and column.words & lex.PERCENTISH:
                yield Candidate(whole - float(values[0]), f"the rest to {column.name}", source.result.name, column.name)


_EACH: Final = re.compile(r"(?i)[\s*_]*(?:[\w%]+\s+){0,2}?(?:an?|per|each|every)\s+(day|week|month|quarter)\b")
_PER_YEAR: Final = {"day": (365.0, 366.0), "week": (52.0,), "month": (12.0,), "quarter": (4.0,)}


def _per_time(ctx: Context, token: Token, source: Source) -> Iterator[Candidate]:
    """ "About 4,000 a month" of what was counted in one year."""
    each = _EACH.match(ctx.prose, token.end)
    year = re.search(r"\b(?:19|20)\d\d\b", " ".join((ctx.question, source.result.code)))
    if each is None or year is None or token.form not in ("number", "count"):
        return
    for column in source.measures:
        if countable(column) and column.values is not None:
            for many in _PER_YEAR[each[1].lower()]:
                how = f"{column.name} / {many:g}"
                yield Candidate(float(column.values[0]) / many, how, source.result.name, column.name)


def scalars(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """From results of one row: the columns of one, or one against another."""
    for source in ctx.sources:
        if source.rows == 1:
            yield from across(token, words, source, 0)
            yield from _rest(token, source)
            yield from _per_time(ctx, token, source)
    pool = [(s, c, float(c.values[0])) for s in ctx.sources if s.rows == 1 for c in s.columns if c.values is not None]
    for (s, c, a), (t, d, b) in itertools.permutations(pool[-MOST_SCALARS:], 2):
        if s is not t:
            yield from combine(
                token, words, a, b, (f"{c.name} of {s.result.name}", f"{d.name} of {t.result.name}"), s, c.name
            )
    binding = ctx.bound(token)
    import numpy as np

    for number, source in enumerate(ctx.sources):
        mask, tied = ctx.mask(number, binding)
        if source.rows < 2 or not tied or int(mask.sum()) != 1:
            continue
        row = int(np.flatnonzero(mask)[0])
        for column in measures(ctx, token, source):
            assert column.values is not None
            for t, d, b in pool[-MOST_SCALARS:]:
                yield from combine(
                    token,
                    words,
                    float(column.values[row]),
                    b,
                    (column.name, f"{d.name} of {t.result.name}"),
                    source,
                    column.name,
                )
