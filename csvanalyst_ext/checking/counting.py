"""A number that counts: rows, different labels, rows that pass a threshold, things that a sentence lists.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .comparing import interval, scaled
from .context import Context, Hit
from .marks import Where
from .periods import pairs
from .results import Source
from .tokens import Token

if TYPE_CHECKING:
    import numpy as np

_ROWS: Final = frozenset((
    "row", "record", "result", "entry", "value", "group", "item", "line", "observation", "of", "are", "have",
    "show", "other", "remaining", "listed", "match", "more", "with", "were", "that",
))  # fmt: skip
_FELL: Final = "fell|fall|declin|decreas|drop|shrank|shrunk|shrink|lost|loss"
_ROSE: Final = "rose|rise|grew|grow|increas|gain|climb"
_OPEN: Final = frozenset((
    "", "of", "are", "have", "were", "with", "show",
))  # fmt: skip


def counted(ctx: Context, token: Token) -> Hit | None:
    """What the number counts, if it does.  Only whole numbers without percent count."""
    if token.form == "times":
        return _appearances(ctx, token)
    if token.form not in ("number", "count") or not token.whole or token.sign or ctx.margin(token) == "clear":
        return None
    for value, how, source in _counts(ctx, token):
        low, high = interval(token, token.readings[0])
        if low <= value <= high:
            return Hit("derived", Where(source.result.name) if source else None, how, float(value))
    return None


_APPEARS: Final = re.compile(
    r"(?i)\b(?:appear|occur|show|turn|list|feature|figure)\w*(?: up)?(?: (?:exactly|only|just))? *[*_]*$"
)


def _appearances(ctx: Context, token: Token) -> Hit | None:
    """ "X appears twice": the rows of a label."""
    if not _APPEARS.search(ctx.prose[max(0, token.start - 40) : token.start]):
        return None
    binding = ctx.bound(token)
    for number, source in enumerate(ctx.sources):
        mask, tied = ctx.mask(number, binding)
        if tied and int(mask.sum()) == token.value:
            return Hit("derived", Where(source.result.name), "rows of the label", token.value)
    return None


def _counts(ctx: Context, token: Token) -> Iterator[tuple[int, str, Source | None]]:
    noun = ctx.noun(token)
    words = ctx.words(ctx.sentence(token.start))
    for source in reversed(ctx.sources):
        keys = frozenset().union(*(c.words for c in source.keys)) if source.keys else frozenset()
        measured = (
            frozenset().union(*(c.words - lex.AGGREGATES for c in source.measures)) if source.measures else frozenset()
        )
        if token.before in ("all", "both", "across") and not noun & keys and len(source.measures) > 1:
            yield len(source.measures), "columns of numbers", source
        if "column" in noun or "field" in noun:
            yield len(source.columns), "number of columns", source
        # "3 flights" is a value of the column of flights, not the number of rows.
        if noun & measured - keys - _ROWS and not noun & keys:
            continue
        if source.rows > 1 or noun & _ROWS:
            yield source.rows, "number of rows", source
            if source.result.total is not None:
                yield source.result.total, "number of rows before the cut", source
        for column in source.keys:
            yield column.distinct, f"different values of {column.name}", source
        yield from _passing(ctx, token, source, words)
        for mention in ctx.here(token):
            rows = ctx.labels.rows(ctx.sources.index(source), mention.column, mention.key)
            if rows is not None and source.rows > 1 and rows.size == source.rows and int(rows.sum()) > 1:
                yield int(rows.sum()), f"rows of {ctx.prose[mention.start : mention.end]}", source
    yield from _listed(ctx, token, words)


def _passing(ctx: Context, token: Token, source: Source, words: list[str]) -> Iterator[tuple[int, str, Source | None]]:
    import numpy as np

    if source.rows < 2:
        return
    sentence = ctx.prose[slice(*ctx.sentence(token.start))].lower()
    limits = [
        t
        for t in ctx.tokens
        if t is not token and t.hedge in ("above", "below") and ctx.sentence(t.start) == ctx.sentence(token.start)
    ]
    yield from _between_columns(source, sentence)
    for column in source.measures:
        values = column.values
        assert values is not None
        for limit in limits:
            if column not in ctx.columns(limit, source):
                continue
            for scale, _ in scaled(limit, column, ctx.question):
                yield int(_beyond(scale, limit).sum()), f"rows with {column.name} {limit.hedge} {limit.text}", source
        mean = column.mean
        if re.search(r"\b(?:above|over|higher than|exceed\w*|more than)\b.{0,24}\b(?:average|mean)", sentence):
            yield int((values > mean).sum()), f"rows with {column.name} above the mean", source
        if re.search(r"\b(?:below|under|lower than|less than)\b.{0,24}\b(?:average|mean)", sentence):
            yield int((values < mean).sum()), f"rows with {column.name} below the mean", source
        for word, hits in (
            ("positive", values > 0),
            ("negative", values < 0),
            ("missing", np.isnan(values)),
            ("zero", values == 0),
        ):
            if word in words:
                yield int(hits.sum()), f"rows with {word} {column.name}", source
        timed = any(c.parts or c.kind == "year" for c in source.columns)
        changes = np.diff(values) if timed else np.array([])
        if re.search(rf"\b(?:{_FELL})", sentence):
            yield (
                int((values < 0).sum() if column.words & lex.CHANGEISH else (changes < 0).sum()),
                f"rows where {column.name} fell",
                source,
            )
        if re.search(rf"\b(?:{_ROSE})", sentence):
            yield (
                int((values > 0).sum() if column.words & lex.CHANGEISH else (changes > 0).sum()),
                f"rows where {column.name} rose",
                source,
            )


def _between_columns(source: Source, sentence: str) -> Iterator[tuple[int, str, Source | None]]:
    for one, two in pairs(source.measures):
        assert one.values is not None and two.values is not None
        if re.search(rf"\b(?:{_FELL})", sentence):
            yield int((one.values < two.values).sum()), f"rows with {one.name} < {two.name}", source
        if re.search(rf"\b(?:{_ROSE})", sentence):
            yield int((one.values > two.values).sum()), f"rows with {one.name} > {two.name}", source


def _beyond(values: np.ndarray[Any, Any], limit: Token) -> np.ndarray[Any, Any]:
    import numpy as np

    bound = limit.value * (limit.sign or 1)
    hits = values > bound if limit.hedge == "above" else values < bound
    if limit.before in ("least", "most", "to"):
        hits = hits | (values == bound)
    return np.asarray(hits)


_MORE: Final = re.compile(r"(?i)[\s*_]*(?:more|others?)\b(?! than)")
"""After a number of rows that a list leaves out: "A, B and 3 more"."""


def _listed(ctx: Context, token: Token, words: list[str]) -> Iterator[tuple[int, str, Source | None]]:
    """Labels that this sentence, or the list after it, names."""
    span = ctx.sentence(token.start)
    at = ctx.sentences.index(span) if span in ctx.sentences else 0
    spans = [span]
    if at + 1 < len(ctx.sentences):
        spans.append((span[0], ctx.sentences[at + 1][1]))
    if ctx.prose[slice(*span)].rstrip().endswith(":"):
        spans.append((span[1], len(ctx.prose)))
    left = {"other", "remaining", "rest"} & set(words) or _MORE.match(ctx.prose, token.end)
    for part in spans:
        here = ctx.labels.within(part)
        for column in dict.fromkeys(m.column for m in here):
            many = len({m.key for m in here if m.column == column})
            if many > 1:
                yield many, "the labels named", None
                if left:
                    for source in ctx.sources:
                        yield source.rows - many, "the rows not named", source
        if len({m.key for m in here}) == 1 and {"other", "others", "remaining", "rest"} & set(words):
            for source in ctx.sources:
                yield source.rows - 1, "the rows not named", source


def threshold(ctx: Context, token: Token) -> Hit | None:
    """A bound of which the sentence says how many pass it: "all have more than 100,000 flights"."""
    if token.hedge not in ("above", "below") or token.form not in ("number", "percent", "count"):
        return None
    span = ctx.sentence(token.start)
    words = set(ctx.words(span))
    counts = [t.value for t in ctx.tokens if t is not token and span[0] <= t.start < span[1] and t.whole]
    for number, source in enumerate(ctx.sources):
        if source.rows < 2:
            continue
        for column in ctx.columns(token, source):
            values = column.values
            if values is None or column.kind != "number":
                continue
            scales = [scale for scale, _ in scaled(token, column, ctx.question)]
            if not scales:
                continue
            hits = _beyond(scales[0], token)
            many = int(hits.sum())
            named = [ctx.labels.rows(number, m.column, m.key) for m in ctx.here(token)]
            rows = [r for r in named if r is not None and r.size == source.rows]
            everything = many == source.rows and bool(words & {"all", "every", "each", "both"})
            nothing = many == 0 and bool(words & {"no", "none", "neither", "nobody"})
            exactly = bool(rows) and {i for r in rows for i in r.nonzero()[0].tolist()} == set(
                hits.nonzero()[0].tolist()
            )
            if everything or nothing or exactly or (0 < many < source.rows and many in counts):
                how = f"{many} of {source.rows} rows have {column.name} {token.hedge} {token.text}"
                return Hit("derived", Where(source.result.name, None, column.name), how)
    return None
