"""A number that was computed from a result in one simple step: difference, ratio, share, change, sum, mean.

Runs on the host; pure.  What is tried is bounded, and words nearby must say the step: among many pairs any
short number would be found by chance.  ``LIMITS`` says how likely a chance hit may be, by how much the
sentence narrows what is meant.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .comparing import distinct_share, interval, stems
from .context import Context, Hit
from .marks import Where
from .mentions import Mention
from .reading import Token
from .results import Column, Source

if TYPE_CHECKING:
    import numpy as np

MOST_LABELS: Final = 5
MOST_MEASURES: Final = 6
MOST_SCALARS: Final = 8

_SHARE: Final = frozenset((
    "share", "account", "accounts", "accounted", "represent", "represents", "represented", "make", "makes",
    "made", "comprise", "comprises", "proportion", "portion", "percentage", "percent", "of", "fraction",
    "contribute", "contributes", "contributed", "constitutes", "cover", "covers",
))  # fmt: skip
_TOTAL: Final = frozenset((
    "total", "totals", "totalling", "totaling", "totalled", "sum", "sums", "together", "combined", "altogether",
    "overall", "add", "adds", "added", "adding", "summed", "all", "aggregate", "both", "jointly",
))  # fmt: skip
_MEAN: Final = frozenset((
    "average", "averages", "averaged", "averaging", "mean", "median", "typical", "typically", "per", "each",
))  # fmt: skip
_REST: Final = frozenset(["not", "other", "others", "remaining", "rest", "without", "neither"])
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
    compare = compare or bool(near & _REST)
    return Said(
        compare=compare,
        share=token.form in ("percent", "fraction") and (bool(near & _SHARE) or not compare),
        total=bool(near & _TOTAL) or bool(re.search(r"\bof (?:the |all |its |these )*[*$€£]*$", before)),
        mean=bool(near & _MEAN),
        median="median" in near,
        ratio=token.form == "times" or bool(clause & _RATIO),
        words=near,
    )


def derived(ctx: Context, token: Token) -> Hit | None:
    """How the number follows from the results, if it does."""
    import numpy as np

    if token.form in ("clock", "year"):
        return None
    words = said(ctx, token)
    for tier, limit in LIMITS:
        candidates = list(tier(ctx, token, words))
        if any(_contradicts(ctx, token, candidate) for candidate in candidates):
            return None
        for candidate in candidates:
            if _is(ctx, token, candidate):
                if distinct_share(token, np.array([c.value for c in candidates])) > limit:
                    break
                where = Where(candidate.source, None, candidate.column) if candidate.source else None
                return Hit("derived", where, candidate.how, candidate.value)
    return None


def _is(ctx: Context, token: Token, candidate: Candidate) -> bool:
    value = candidate.value
    if value != value:
        return False
    down, up = ctx.direction(token)
    for reading in token.readings:
        low, high = interval(token, reading)
        if token.sign and candidate.oriented:
            ok = low <= value * token.sign <= high
        elif candidate.oriented and down != up:
            ok = low <= (-value if down else value) <= high
        else:
            ok = low <= abs(value) <= high
        if ok:
            return True
    return False


def _contradicts(ctx: Context, token: Token, candidate: Candidate) -> bool:
    """Whether it is this number, but the words say the other direction."""
    if not candidate.oriented or _is(ctx, token, candidate) or not candidate.value:
        return False
    return _is(ctx, token, replace(candidate, oriented=False))


# --- two values -----------------------------------------------------------------------------------


def _combine(
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
        factor = 100.0 if token.points and percent else 1.0
        yield Candidate((a - b) * factor, f"{one} − {two}", *at, oriented)
    if not b:
        return
    one_hundred = 100.0 if token.form == "percent" else 1.0
    if token.form in ("percent", "fraction") and not token.points:
        if words.compare:
            yield Candidate((a - b) / abs(b) * one_hundred, f"({one} − {two}) / {two}", *at, oriented)
        if words.share or not words.compare:
            yield Candidate(a / b * one_hundred, f"{one} / {two}", *at)
    if token.form == "times" or (token.form == "number" and words.ratio):
        yield Candidate(a / b, f"{one} / {two}", *at)


def _named(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """From the rows that the sentence names."""
    import numpy as np

    here = ctx.here(token)
    binding = ctx.bound(token)
    for number, source in enumerate(ctx.sources):
        for column in _measures(ctx, token, source):
            values = column.values
            assert values is not None
            percent = _is_fraction(values)
            for key in dict.fromkeys(m.column for m in here):
                if ctx.labels.rows(number, key, "") is None:
                    continue
                mentions = _distinct([m for m in here if m.column == key])[:MOST_LABELS]
                others = {c: keys for c, keys in binding.items() if c != key}
                rest, _ = ctx.mask(number, others)
                cells: list[tuple[Mention, float]] = []
                for mention in mentions:
                    rows = ctx.labels.rows(number, key, mention.key)
                    if rows is None or rows.size != source.rows:
                        continue
                    picked = values[rows & rest]
                    picked = picked[~np.isnan(picked)]
                    if picked.size == 1 or (picked.size and words.total) or (picked.size and words.share):
                        cells.append((mention, float(picked.sum())))
                    elif picked.size and words.mean:
                        cells.append((mention, float(picked.mean())))
                    if picked.size > 1:
                        yield from _one(token, words, picked, source, column.name)
                        if picked.size <= 366 and words.compare:
                            yield from _combine(
                                token,
                                words,
                                picked[-1],
                                picked[0],
                                ("last", "first"),
                                source,
                                column.name,
                                oriented=True,
                                percent=percent,
                            )
                yield from _between(ctx, token, words, cells, source, column.name, percent)
                whole = float(np.nansum(values))
                mean = float(np.nanmean(values)) if values.size else 0.0
                for mention, value in cells:
                    name = ctx.prose[mention.start : mention.end]
                    if words.share and not source.result.truncated:
                        yield from _combine(token, words, value, whole, (name, "total"), source, column.name)
                    if words.compare and "average" in words.words:
                        yield from _combine(
                            token, words, value, mean, (name, "mean"), source, column.name, oriented=True
                        )
                    if words.compare and source.rows > 1 and len(cells) == 1 and source.rows <= 100:
                        yield from _neighbours(token, words, values, value, name, source, column.name, percent)
        # Two columns of the row that is meant.
        mask, tied = ctx.mask(number, binding)
        if tied and 1 <= int(mask.sum()) <= 2:
            row = int(np.flatnonzero(mask)[0])
            yield from _across(token, words, source, row)


def _neighbours(
    token: Token,
    words: Said,
    values: np.ndarray[Any, Any],
    value: float,
    name: str,
    source: Source,
    column: str,
    percent: bool,
) -> Iterator[Candidate]:
    """Against the next lower and the next higher value, the highest, the lowest and the other of two."""
    import numpy as np

    known = np.unique(values[~np.isnan(values)])
    at = int(np.searchsorted(known, value))
    for other in dict.fromkeys((at - 1, at + 1, 0, known.size - 1)):
        if 0 <= other < known.size and other != at:
            b = float(known[other])
            yield from _combine(token, words, value, b, (name, f"{b:,.10g}"), source, column, percent=percent)


def _between(
    ctx: Context,
    token: Token,
    words: Said,
    cells: Sequence[tuple[Mention, float]],
    source: Source,
    column: str,
    percent: bool,
) -> Iterator[Candidate]:
    for (one, a), (two, b) in itertools.permutations(cells, 2):
        names = ctx.prose[one.start : one.end], ctx.prose[two.start : two.end]
        first, last = min(one, two, key=lambda m: m.start), max(one, two, key=lambda m: m.start)
        oriented = False
        if len(cells) == 2:
            between = ctx.prose[first.end : last.start].lower()
            if re.search(r"\b(?:than|above|below|behind|ahead of|over|under|exceed\w*|trail\w*)\b", between) or (
                token.form == "times" and re.search(r"\bas\b", between)
            ):
                if one is not first:
                    continue
                oriented = True
            elif one.rank in (1, 2):
                if not _later(one, two):
                    continue
                oriented = True
        yield from _combine(token, words, a, b, names, source, column, oriented=oriented, percent=percent)
    if len(cells) > 1:
        values = [value for _, value in cells]
        if words.total or token.form == "percent":
            yield from _sum(token, words, sum(values), "sum of the rows named", source, column)
        if words.mean:
            yield Candidate(sum(values) / len(values), "mean of the rows named", source.result.name, column)


def _later(one: Mention, two: Mention) -> bool:
    return _time(one.key) > _time(two.key)


def _time(key: str) -> tuple[float, ...]:
    return tuple(float(part) for part in re.findall(r"\d+(?:\.\d+)?", key))


def _sum(token: Token, words: Said, value: float, how: str, source: Source, column: str) -> Iterator[Candidate]:
    import numpy as np

    if token.form in ("number", "count"):
        yield Candidate(value, how, source.result.name, column)
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
                value * (100.0 if _is_fraction(values) and token.form == "percent" else 1.0),
                how,
                source.result.name,
                column,
            )


def _one(token: Token, words: Said, values: np.ndarray[Any, Any], source: Source, column: str) -> Iterator[Candidate]:
    """Sum, mean, median, lowest, highest and range of several values, as the words say."""
    import numpy as np

    at = (source.result.name, column)
    if not values.size or token.form not in ("number", "count", "percent"):
        return
    scale = 100.0 if token.form == "percent" and _is_fraction(values) else 1.0
    if words.total and token.form != "percent":
        yield Candidate(float(values.sum()), "sum", *at)
    if words.mean:
        yield Candidate(float(values.mean()) * scale, "mean", *at)
    if words.median:
        yield Candidate(float(np.median(values)) * scale, "median", *at)
    spoken = words.words
    if spoken & {"range", "spread", "gap", "difference"} and token.form != "percent":
        yield Candidate(float(values.max() - values.min()), "highest − lowest", *at)
    if spoken & {"deviation"}:
        yield Candidate(float(values.std(ddof=1)) if values.size > 1 else 0.0, "standard deviation", *at)


# --- from the prose itself ------------------------------------------------------------------------


def _stated(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """From two numbers that the same or the previous sentence states and that were confirmed."""
    span = ctx.sentence(token.start)
    at = ctx.sentences.index(span) if span in ctx.sentences else 0
    start = ctx.sentences[max(0, at - 1)][0]
    pool = [
        (t, h) for t, h in ctx.stated.items() if start <= t.start < span[1] and t is not token and h.value is not None
    ]
    pool = pool[-6:]
    for (one, a), (two, b) in itertools.permutations(pool, 2):
        if a.value is None or b.value is None:
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
            yield from _combine(
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
    if len(pool) > 1 and words.total and token.form in ("number", "count", "percent"):
        yield Candidate(sum(h.value or 0.0 for _, h in pool), "sum of the numbers stated")


# --- from a whole result --------------------------------------------------------------------------


def _whole(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    import numpy as np

    if re.search(
        r"\b(?:top|first|largest|biggest|leading) (?:\d+|\w+)\b", ctx.prose[slice(*ctx.sentence(token.start))].lower()
    ):
        yield from _top(ctx, token, words)
    binding = ctx.bound(token)
    for number, source in enumerate(ctx.sources):
        if source.rows < 2:
            continue
        _, tied = ctx.mask(number, binding)
        timed = any(c.kind in ("date", "year") for c in source.columns)
        for column in _measures(ctx, token, source):
            values = column.values
            assert values is not None
            values = values[~np.isnan(values)]
            if values.size < 2:
                continue
            percent = _is_fraction(values)
            yield from _one(token, words, values, source, column.name)
            ordered = np.sort(values)[::-1]
            if tied:
                continue
            if timed and words.compare:
                start, end = _ends(source, values)
                yield from _combine(
                    token, words, end, start, ("last", "first"), source, column.name, oriented=True, percent=percent
                )
            elif words.compare or words.ratio:
                yield from _combine(
                    token, words, ordered[0], ordered[-1], ("highest", "lowest"), source, column.name, percent=percent
                )
                yield from _combine(
                    token, words, ordered[0], ordered[1], ("highest", "second"), source, column.name, percent=percent
                )
            if words.share and not source.result.truncated:
                yield from _combine(
                    token, words, ordered[0], float(values.sum()), ("highest", "total"), source, column.name
                )


def _ends(source: Source, values: np.ndarray[Any, Any]) -> tuple[float, float]:
    """First and last value in time, whichever way the rows are ordered."""
    import numpy as np

    key = next(c for c in source.columns if c.kind in ("date", "year"))
    moments = (
        key.values
        if key.values is not None
        else key.parts[0] * 372 + np.nan_to_num(key.parts[1]) * 31 + np.nan_to_num(key.parts[2])
    )
    descending = moments.size > 1 and moments[0] > moments[-1]
    return (float(values[-1]), float(values[0])) if descending else (float(values[0]), float(values[-1]))


def _top(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """Of the first rows: "the top three make up 60 %"."""
    import numpy as np

    sentence = ctx.prose[slice(*ctx.sentence(token.start))].lower()
    found = re.search(r"\b(?:top|first|largest|biggest|leading) (\d+|\w+)\b", sentence)
    if found is None:
        return
    many = int(found[1]) if found[1].isdigit() else lex.CARDINALS.get(found[1], 0)
    for source in ctx.sources:
        if not 2 <= many <= source.rows:
            continue
        for column in _measures(ctx, token, source):
            values = column.values
            assert values is not None
            ordered = np.sort(values[~np.isnan(values)])[::-1][:many]
            yield from _sum(token, words, float(ordered.sum()), f"sum of the top {many}", source, column.name)
            if words.mean and token.form == "number":
                yield Candidate(float(ordered.mean()), f"mean of the top {many}", source.result.name, column.name)


def _across(token: Token, words: Said, source: Source, row: int) -> Iterator[Candidate]:
    measures = [c for c in source.measures if c.values is not None][:MOST_MEASURES]
    for one, two in itertools.permutations(measures, 2):
        assert one.values is not None and two.values is not None
        if one.unit != two.unit and not (words.ratio and token.form == "number"):
            continue
        a, b = float(one.values[row]), float(two.values[row])
        percent = _is_fraction(one.values)
        yield from _combine(token, words, a, b, (one.name, two.name), source, one.name, percent=percent)
    if words.total and len(measures) > 1 and token.form == "number":
        yield Candidate(
            sum(float(c.values[row]) for c in measures if c.values is not None), "sum of the row", source.result.name
        )


def _scalars(ctx: Context, token: Token, words: Said) -> Iterator[Candidate]:
    """From results of one row: the columns of one, or one against another."""
    for source in ctx.sources:
        if source.rows == 1:
            yield from _across(token, words, source, 0)
    pool = [(s, c, float(c.values[0])) for s in ctx.sources if s.rows == 1 for c in s.columns if c.values is not None]
    for (s, c, a), (t, d, b) in itertools.permutations(pool[-MOST_SCALARS:], 2):
        if s is not t:
            yield from _combine(
                token, words, a, b, (f"{c.name} of {s.result.name}", f"{d.name} of {t.result.name}"), s, c.name
            )
    binding = ctx.bound(token)
    import numpy as np

    for number, source in enumerate(ctx.sources):
        mask, tied = ctx.mask(number, binding)
        if source.rows < 2 or not tied or int(mask.sum()) != 1:
            continue
        row = int(np.flatnonzero(mask)[0])
        for column in _measures(ctx, token, source):
            assert column.values is not None
            for t, d, b in pool[-MOST_SCALARS:]:
                yield from _combine(
                    token,
                    words,
                    float(column.values[row]),
                    b,
                    (column.name, f"{d.name} of {t.result.name}"),
                    source,
                    column.name,
                )


# --- help -----------------------------------------------------------------------------------------


def _measures(ctx: Context, token: Token, source: Source) -> list[Column]:
    allowed = {c.name for c in ctx.columns(token, source)}
    return [c for c in source.measures if c.values is not None and c.name in allowed][:MOST_MEASURES]


def _is_fraction(values: np.ndarray[Any, Any]) -> bool:
    import numpy as np

    known = values[~np.isnan(values)]
    return bool(known.size and np.abs(known).max() <= 1.0)


def _distinct(mentions: Sequence[Mention]) -> list[Mention]:
    return list({m.key: m for m in reversed(mentions)}.values())[::-1]


LIMITS: Final = ((_named, 0.6), (_stated, 0.6), (_whole, 0.3), (_scalars, 0.3))
"""The steps in the order in which they are tried, and how likely a chance hit may be."""

__all__ = ["derived", "stems"]
