"""Prose against the results it speaks of: what of its numbers, dates and ranked names can be confirmed.

Runs on the host; pure and deterministic: no model, no query, no clock.  It works on at most
``reading.MAX_PROSE`` characters of prose and ``MAX_RESULTS`` results.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .comparing import stems
from .context import Context, Hit
from .counting import counted, threshold
from .dating import DateToken, dates
from .deriving import derived
from .finding import flipped, found
from .foreign import foreign
from .lexicon import CONDITION, EITHER, HIGH, LOW
from .marks import CheckedNumber, Kind, Where
from .printed import table_of
from .ranking import ranked
from .reading import MAX_PROSE, masked, numbers
from .results import Result, Source, prepare
from .tokens import Token

MAX_RESULTS: Final = 16


def check(prose: str, question: str, results: Sequence[Result], codes: Sequence[str] = ()) -> tuple[CheckedNumber, ...]:
    """A mark for each number, date and ranked name of ``prose``, in order.

    ``question`` and ``codes`` (SQL and Python of the answer) are what a number may merely repeat.
    The last results count first.
    """
    import numpy as np

    with np.errstate(all="ignore"):  # data may hold anything; what cannot be computed matches nothing
        return _check(prose[:MAX_PROSE], question, results, codes)


def _check(prose: str, question: str, results: Sequence[Result], codes: Sequence[str]) -> tuple[CheckedNumber, ...]:
    text = masked(prose)
    named = dates(text)
    written = [d for d in named if d.year is not None or d.day is not None or d.quarter is not None]
    tokens = numbers(text, [(d.start, d.end) for d in written])
    if not tokens and not written and not re.search(r"[a-z]st\b|\b(?:most|least|top|best|worst|second|third)\b", prose):
        return ()
    sources = [prepare(result) for result in results[-MAX_RESULTS:]]
    sources += [prepare(table) for result in results[-MAX_RESULTS:] if (table := table_of(result)) is not None]
    if any("point" in column.words for source in sources for column in source.columns):
        tokens = [_noun_of_points(token) for token in tokens]
    ctx = Context(prose, question, sources, tokens, named, codes)
    ctx.tokens = tokens = [t for t in tokens if not _in_name(ctx, t)]
    hits: dict[Token, Hit | None] = {}
    asked = numbers(masked(question), [])
    for token in tokens:
        hit = None if ctx.backwards(token) else found(ctx, token) or _key(ctx, token) or _given(ctx, token, asked)
        hits[token] = hit
        if hit is not None and hit.value is not None and token not in ctx.keys:
            ctx.stated[token] = hit
    before = len(ctx.stated)
    for token in tokens:
        if hits[token] is None and not _contradicted(ctx, token):
            hit = counted(ctx, token) or (None if ctx.counts(token) else derived(ctx, token)) or threshold(ctx, token)
            hits[token] = hit
            if hit is not None and hit.value is not None:
                ctx.stated[token] = hit
    for token in tokens if len(ctx.stated) > before else ():  # from a number that a later place states
        if hits[token] is None and not ctx.counts(token) and not _contradicted(ctx, token):
            hits[token] = derived(ctx, token)
    marks = [_mark(token, hit) for token, hit in hits.items()]
    marks += [_date(ctx, date) for date in written if date.specific]
    names = ranked(ctx)
    names += [name for name in foreign(ctx) if all(name.span != other.span for other in names)]
    taken = {mark.span for mark in marks}
    marks = [_worse(mark, names) for mark in marks]
    marks += [name for name in names if name.span not in taken]
    return tuple(sorted(marks, key=lambda mark: mark.span))


def _noun_of_points(token: Token) -> Token:
    """ "60 points" where points are what a column counts, and not a unit of shares."""
    m = re.search(r"[ -]*points?$", token.text) if token.form == "number" and token.points else None
    if m is None:
        return token
    return replace(token, text=token.text[: m.start()], end=token.end - len(m[0]), points=False, after="points")


def _contradicted(ctx: Context, token: Token) -> bool:
    """Whether the words around a number rule out what any step could give."""
    return ctx.backwards(token) or bool(ctx.extreme(token)) or flipped(ctx, token)


def _worse(mark: CheckedNumber, names: Sequence[CheckedNumber]) -> CheckedNumber:
    """A date that stands in a result but does not hold the place that the prose gives it."""
    wrong = next((n for n in names if n.span == mark.span and n.status == "not found"), None)
    return mark if wrong is None else replace(mark, status="not found", where=None, how=wrong.how)


def _mark(token: Token, hit: Hit | None) -> CheckedNumber:
    kind: Kind = "percent" if token.form == "percent" else "date" if token.form == "year" else "number"
    span = (token.start, token.end)
    if hit is None:
        return CheckedNumber(token.text, span, kind, "not found")
    return CheckedNumber(token.text, span, kind, hit.status, hit.where, hit.how)


def _in_name(ctx: Context, token: Token) -> bool:
    """Whether the number is a part of a label, such as "Boeing 737" or "18-24"."""
    return any(m.rank == 0 and m.start <= token.start and token.end <= m.end for m in ctx.labels.mentions)


def _key(ctx: Context, token: Token) -> Hit | None:
    """A year or number that names rows: "in 2007", "8 cylinders"."""
    if token not in ctx.keys:
        return None
    for mention in ctx.labels.mentions:
        if mention.start != token.start:
            continue
        for number, source in enumerate(ctx.sources):
            rows = ctx.labels.rows(number, mention.column, mention.key)
            column = source.column(mention.column)
            if rows is not None and rows.any():
                if column is None:
                    return Hit("given", None, "the query")
                row = int(rows.argmax()) + 1
                return Hit("found", Where(source.result.name, row, column.name), "", token.value)
    return None


# --- what only repeats ----------------------------------------------------------------------------

_LITERAL: Final = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


def _given(ctx: Context, token: Token, asked: Sequence[Token]) -> Hit | None:
    """Whether the number repeats one of the question, in the same place of a phrase, or a condition of the query."""
    after = ctx.noun(token) - {""}
    follows = set(stems(token.after))
    condition = token.before in CONDITION or bool(token.hedge) or _bracketed(ctx, token) or _of_the_first(ctx, token)
    for other in asked:
        if abs(other.value - token.value) > 1e-9 * max(1.0, abs(token.value)) or (other.form == "percent") != (
            token.form == "percent"
        ):
            continue
        same = bool(follows & set(stems(other.after))) or (
            token.before == other.before and token.before not in ("", "is", "was", "are")
        )
        if condition or same or after & set(stems(other.after)):
            return Hit("given", None, "the question")
    if condition or (token.before == "the" and after) or token.form == "fraction":
        for code in ctx.codes:
            for m in _LITERAL.finditer(code[:20_000]):
                if float(m[0]) in (token.value, token.value / 100 if token.form == "percent" else token.value):
                    return Hit("given", None, "the query")
    if token.before == "per" or (token.form == "percent" and token.value == 100 and token.before in ("to", "of")):
        return Hit("given", None, "a unit")
    return None


def _of_the_first(ctx: Context, token: Token) -> bool:
    """ "The 3 with the most orders", "the top 5 countries"."""
    if not token.whole or token.form not in ("number", "count") or token.before not in ("the", "top", "bottom"):
        return False
    said = ctx.words((token.end, token.end + 40))[:4]
    return token.before != "the" or bool(set(said) & (HIGH | LOW | EITHER))


def _bracketed(ctx: Context, token: Token) -> bool:
    return (
        token.form == "year"
        and ctx.prose[token.start - 1 : token.start] == "("
        and ctx.prose[token.end : token.end + 1] == ")"
    )


# --- dates ----------------------------------------------------------------------------------------


def _date(ctx: Context, date: DateToken) -> CheckedNumber:
    span = (date.start, date.end)
    token = Token(date.text, date.start, date.end, "number", ())
    binding = ctx.bound(token)
    for mention in ctx.labels.mentions:
        if mention.start <= date.start and date.end <= mention.end:
            for number, source in enumerate(ctx.sources):
                rows = ctx.labels.rows(number, mention.column, mention.key)
                others = {c: keys for c, keys in binding.items() if c != mention.column and len(keys) == 1}
                if rows is None or rows.size != source.rows or not (rows & ctx.mask(number, others)[0]).any():
                    continue
                if _same_year(source, rows, date):
                    column = source.column(mention.column)
                    where = Where(source.result.name, int(rows.argmax()) + 1, column.name if column else mention.column)
                    return CheckedNumber(date.text, span, "date", "found", where)
    parts = {(d.year, d.quarter, d.month, d.day) for d in dates(masked(ctx.question))}
    own = (date.year, date.quarter, date.month, date.day)
    if own in parts or ((None, *own[1:]) in parts and (date.year is None or str(date.year) in ctx.question)):
        return CheckedNumber(date.text, span, "date", "given", None, "the question")
    for code in ctx.codes:
        if own in {(d.year, d.quarter, d.month, d.day) for d in dates(code[:20_000])}:
            return CheckedNumber(date.text, span, "date", "given", None, "the query")
    for source in ctx.sources:
        for d in dates(" ".join(source.result.dates)):
            if own == (d.year, d.quarter, d.month, d.day):
                return CheckedNumber(date.text, span, "date", "found", Where(source.result.name))
    return CheckedNumber(date.text, span, "date", "not found")


def _same_year(source: Source, rows: object, date: DateToken) -> bool:
    """A month column without a year says nothing of the year."""
    import numpy as np

    years = [c for c in source.columns if c.kind == "year" and c.values is not None]
    dated = any(c.parts for c in source.columns)
    if date.year is None or dated or not years:
        return True
    return any(bool(np.any(np.asarray(c.values)[np.asarray(rows)] == date.year)) for c in years)
