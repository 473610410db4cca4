"""Steps between the rows that a sentence names.

Runs on the host; pure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .context import Context
from .mentions import Mention
from .results import Column, Source
from .steps import (
    MOST_LABELS,
    MOST_NEIGHBOURS,
    MOST_PERIODS,
    REST,
    Candidate,
    Said,
    across,
    additive,
    combine,
    measures,
    one_of,
    sum_of,
)
from .tokens import Token

if TYPE_CHECKING:
    import numpy as np

_AGAINST: Final = re.compile(
    r"\b(?:than|above|below|behind|ahead of|over|under|exceed\w*|trail\w*|beats?|surpass\w*|outsells?|outsold|outran"
    r"|outruns?|outperform\w*|outscor\w*|outnumber\w*|outpac\w*|outgr[eo]w\w*|outrank\w*|top(?:s|ped)|edg(?:es|ed)|lag\w*)\b"
)
"""What says that the label before it is compared with the one behind it."""
_PLACED: Final = re.compile(r"\b(?:ahead of|behind|beats?|trail\w*|lag\w*)\b")
"""What says who is better placed, which with times and costs is the lower number."""


def named(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """From the rows that the sentence names, and from their columns."""
    import numpy as np

    here, binding = ctx.here(token), ctx.bound(token)
    for number, source in enumerate(ctx.sources):
        for column in measures(ctx, token, source):
            for key in dict.fromkeys(m.column for m in here):
                if ctx.labels.rows(number, key, "") is not None:
                    mentions = _distinct([m for m in here if m.column == key])[:MOST_LABELS]
                    rest, _ = ctx.mask(number, {c: keys for c, keys in binding.items() if c != key})
                    yield from _of_labels(ctx, token, words, number, column, mentions, rest, binding)
        mask, tied = ctx.mask(number, binding)
        if tied and 1 <= int(mask.sum()) <= 2:
            for row in np.flatnonzero(mask):
                yield from across(token, words, source, int(row))
        if words.share:
            yield from _within(ctx, token, number, mask)
        yield from _apart(token, source, here, ctx, number)


def _apart(token: Token, source: Source, here: Sequence[Mention], ctx: Context, number: int) -> Iterator[Candidate]:
    """The time between the dates of two rows that are named, or between two dates of one row."""
    import numpy as np

    if token.unit not in lex.UNITS or lex.UNITS[token.unit][0] != "time":
        return
    dated = [c for c in source.columns if c.parts]
    rows = [ctx.labels.rows(number, m.column, m.key) for m in here if m.rank == 0]
    places = {int(r.argmax()) for r in rows if r is not None and r.size == source.rows and int(r.sum()) == 1}
    moments = [(c.name, days[row]) for c in dated[:MOST_LABELS] for days in [_days(c)] for row in sorted(places)]
    if source.rows == 1:
        moments = [(c.name, _days(c)[0]) for c in dated[:MOST_LABELS]]
    factor = 86400 / lex.UNITS[token.unit][1]
    for (one, a), (two, b) in itertools.combinations(moments[:MOST_LABELS], 2):
        if not np.isnan(a) and not np.isnan(b):
            yield Candidate(abs(a - b) * factor, f"time between {one} and {two}", source.result.name, one)
            yield Candidate((abs(a - b) + 1) * factor, f"{one} to {two}, both included", source.result.name, one)


def _days(column: Column) -> np.ndarray[Any, Any]:
    """Dates as days since 1970, NaN for NULL."""
    import numpy as np

    year, month, day = (np.nan_to_num(part, nan=1.0).astype(int) for part in column.parts)
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(int) + day - 1.0
    return np.where(np.isnan(column.parts[0]), np.nan, days)


def _of_labels(
    ctx: Context,
    token: Token,
    words: Said,
    number: int,
    column: Column,
    mentions: Sequence[Mention],
    rest: np.ndarray[Any, Any],
    binding: Mapping[str, list[str]],
) -> Iterator[Candidate]:
    """From one column's cells in the rows of each label, alone, together, and against the whole column."""
    source, values, percent = ctx.sources[number], column.values, column.fraction
    assert values is not None
    cells: list[tuple[Mention, float]] = []
    for mention in mentions:
        rows = ctx.labels.rows(number, mention.column, mention.key)
        if rows is None or rows.size != source.rows:
            continue
        picked = values[rows & rest]
        picked = picked[picked == picked]
        if words.words & REST and token.form in ("number", "count") and additive(column):
            left = column.total - float(picked.sum())
            how = f"total without {ctx.prose[mention.start : mention.end]}"
            yield Candidate(left, how, source.result.name, column.name)
        # "2024" of monthly rows is their sum, where a sum means something; so is a team's of rows by team and kind.
        period = picked.size > 1 and additive(column)
        if period and not words.mean:
            how = f"sum of {ctx.prose[mention.start : mention.end]}"
            if not binding.get(mention.column) or mention.key in binding[mention.column]:
                yield from sum_of(token, words, float(picked.sum()), how, source, column.name)
        if picked.size == 1 or (picked.size and (words.total or words.share or period)):
            cells.append((mention, float(picked.sum())))
        elif picked.size and words.mean:
            cells.append((mention, float(picked.mean())))
        if picked.size > 1:
            yield from one_of(token, words, picked, source, column.name)
        if 1 < picked.size <= MOST_PERIODS and words.compare:
            ends = float(picked[-1]), float(picked[0])
            yield from combine(
                token, words, *ends, ("last", "first"), source, column.name, oriented=True, percent=percent
            )
    yield from _between(ctx, token, words, cells, source, column, percent)
    for mention, value in cells:
        name = ctx.prose[mention.start : mention.end]
        own = binding.get(mention.column, [mention.key])
        if words.share and mention.key in own and not source.result.truncated and additive(column):
            of_all = replace(words, compare=bool(words.words & REST))
            yield from combine(token, of_all, value, column.total, (name, "total"), source, column.name)
        if words.compare and "average" in words.words:
            ends, names = (value, column.mean), (name, "mean")
            if (
                mention.start >= token.end
                and "average" in ctx.prose[ctx.sentence(token.start)[0] : token.start].lower()
            ):
                ends, names = ends[::-1], names[::-1]  # "the average is 3 more than Oslo's"
            yield from combine(token, words, *ends, names, source, column.name, oriented=True)
        if words.compare and 1 < source.rows <= MOST_NEIGHBOURS and len(cells) == 1:
            before = _previous(source, column, mention, ctx.labels.rows(number, mention.column, mention.key))
            if before is None:
                yield from _neighbours(token, words, column, value, name, source)
            else:
                names = name, "the one before"
                yield from combine(
                    token, words, value, before, names, source, column.name, oriented=True, percent=percent
                )


def _within(ctx: Context, token: Token, number: int, mask: np.ndarray[Any, Any]) -> Iterator[Candidate]:
    """The rows that all labels name together, as a share of those that one of them names: "40 % of the North's
    tickets are urgent"."""
    source = ctx.sources[number]
    for column in source.measures if int(mask.sum()) and not source.result.truncated else ():
        if column.values is None or not additive(column):
            continue
        part = float(column.values[mask].sum())
        for key, named_keys in ctx.bound(token).items():
            wider, tied = ctx.mask(number, {key: named_keys})
            whole = float(column.values[wider].sum()) if tied else 0.0
            if whole and int(wider.sum()) > int(mask.sum()):
                factor = 100.0 if token.form == "percent" else 1.0
                how = f"{column.name}: share of {', '.join(named_keys)}"
                yield Candidate(part / whole * factor, how, source.result.name, column.name)


def _previous(source: Source, column: Column, mention: Mention, rows: np.ndarray[Any, Any] | None) -> float | None:
    """The value of the period before the one that is named."""
    import numpy as np

    key = source.column(mention.column)
    if key is None or rows is None or column.values is None or not (key.parts or key.kind == "year"):
        return None
    if key.distinct != source.rows or int(rows.sum()) != 1:
        return None
    order = np.argsort(key.moments)
    place = int(np.flatnonzero(order == np.flatnonzero(rows)[0])[0])
    return float(column.values[order[place - 1]]) if place else None


def _neighbours(
    token: Token, words: Said, column: Column, value: float, name: str, source: Source
) -> Iterator[Candidate]:
    """Against the next lower and the next higher value, the highest and the lowest."""
    import numpy as np

    known = np.unique(column.known)
    at = int(np.searchsorted(known, value))
    for other in dict.fromkeys((at - 1, at + 1, 0, known.size - 1)):
        if 0 <= other < known.size and other != at:
            b = float(known[other])
            names = name, f"{b:,.10g}"
            yield from combine(token, words, value, b, names, source, column.name, percent=column.fraction)


def _between(
    ctx: Context,
    token: Token,
    words: Said,
    cells: Sequence[tuple[Mention, float]],
    source: Source,
    column: Column,
    percent: bool,
) -> Iterator[Candidate]:
    for (one, a), (two, b) in itertools.permutations(cells, 2):
        names = ctx.prose[one.start : one.end], ctx.prose[two.start : two.end]
        first, last = min(one, two, key=lambda m: m.start), max(one, two, key=lambda m: m.start)
        oriented = False
        if len(cells) == 2:
            between = ctx.prose[first.end : last.start].lower()
            amid = token.form == "times" and first.end <= token.start and token.end <= last.start
            if _AGAINST.search(between) or amid:
                if one is not first:
                    continue
                oriented = not (_PLACED.search(between) and column.words & lex.LOWER_IS_BETTER)
            elif one.rank in (1, 2):
                if not _later(one, two):
                    continue
                oriented = True
        yield from combine(token, words, a, b, names, source, column.name, oriented=oriented, percent=percent)
    if len(cells) > 1:
        values = [value for _, value in cells]
        if words.total or token.form == "percent":
            yield from sum_of(token, words, sum(values), "sum of the rows named", source, column.name)
        if words.mean:
            yield Candidate(sum(values) / len(values), "mean of the rows named", source.result.name, column.name)


def _later(one: Mention, two: Mention) -> bool:
    return _time(one.key) > _time(two.key)


def _time(key: str) -> tuple[float, ...]:
    return tuple(float(part) for part in re.findall(r"\d+(?:\.\d+)?", key))


def _distinct(mentions: Sequence[Mention]) -> list[Mention]:
    return list({m.key: m for m in reversed(mentions)}.values())[::-1]
