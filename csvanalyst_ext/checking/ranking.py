"""Ranked names: "X has the most", "the second highest is Y" against the order of the result.

Runs on the host; pure.  A claim is *not found* only when a result could tell and no reading of the claim
holds there.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .claims import Claim, claims
from .comparing import claimed, nearest, stems
from .context import Context, positive
from .marks import CheckedNumber, Where
from .mentions import Mention, Span
from .results import Column, Source, stem
from .steps import MOST_MEASURES

if TYPE_CHECKING:
    import numpy as np

_ONE_NAME: Final = re.compile(r"(?:-\w+)?[ ,/·–-]{1,3}")
_RANKS: Final = frozenset({"rank", "ranking", "position", "place", "standing", "pos"})
_IN_TIME: Final = frozenset({"most recent", "latest", "newest", "earliest", "oldest", "youngest"})
MOST_CLAIMS: Final = 40


def ranked(ctx: Context) -> list[CheckedNumber]:
    marks: list[CheckedNumber] = []
    for claim in itertools.islice(claims(ctx), MOST_CLAIMS):
        mark = _check(ctx, claim)
        if mark is not None:
            marks += [m for m in mark if all(m.span != other.span or m.status != other.status for other in marks)]
    return _one_each(marks)


def _one_each(marks: Sequence[CheckedNumber]) -> list[CheckedNumber]:
    """One mark for a name: what is wrong wins."""
    best: dict[Span, CheckedNumber] = {}
    for mark in marks:
        if mark.span not in best or mark.status == "not found":
            best[mark.span] = mark
    return [best[span] for span in sorted(best)]


def _check(ctx: Context, claim: Claim) -> list[CheckedNumber] | None:
    judged = False
    for number in range(len(ctx.sources) - 1, -1, -1):
        source = ctx.sources[number]
        if source.result.about:
            continue
        columns = _measures(ctx, claim, source)
        for column in columns:
            verdicts = [_verdict(ctx, number, source, column, claim, name) for name in claim.names]
            if any(v is None for v in verdicts):
                continue
            judged = True
            if all(v for v in verdicts):
                return [
                    _mark(
                        ctx,
                        name,
                        "derived",
                        Where(source.result.name, v[1] + 1 if v else None, column.name),
                        _how(claim, source),
                    )
                    for name, v in zip(claim.names, verdicts, strict=True)
                ]
        if claim.said == "top" and (first := _first_rows(ctx, claim, number, source)):
            return first
    if not judged:
        return None
    wrong = [*claim.names, *_beside(ctx, claim.names)]
    return [_mark(ctx, name, "not found", None, f"the results do not show it as {claim.said}") for name in wrong]


def _first_rows(ctx: Context, claim: Claim, number: int, source: Source) -> list[CheckedNumber]:
    """The marks of names that are the first rows of the result, as it is ordered."""
    rows = [ctx.labels.rows(number, name.column, name.key) for name in claim.names]
    places = [int(r.argmax()) for r in rows if r is not None and r.size == source.rows and int(r.sum()) == 1]
    if sorted(places) != list(range(len(claim.names))):
        return []
    return [
        _mark(ctx, name, "derived", Where(source.result.name, place + 1, name.column), "the first rows of the result")
        for name, place in zip(claim.names, places, strict=True)
    ]


def _beside(ctx: Context, names: Sequence[Mention]) -> list[Mention]:
    """The labels of other columns that name the same row with one of ``names``."""
    found = []
    for name in names:
        for other in ctx.labels.within(ctx.sentence(name.start)):
            if other.column != name.column and _one_name(ctx, name, other):
                found.append(other)
    return found


def _one_name(ctx: Context, one: Mention, other: Mention) -> bool:
    first, second = sorted((one, other), key=lambda m: m.start)
    return _ONE_NAME.fullmatch(ctx.prose, first.end, second.start) is not None


def _how(claim: Claim, source: Source) -> str:
    return f"{claim.said}, of {source.rows:,} row{'s' * (source.rows != 1)}"


def _mark(ctx: Context, name: Mention, status: Any, where: Where | None, how: str) -> CheckedNumber:
    return CheckedNumber(ctx.prose[name.start : name.end], (name.start, name.end), "name", status, where, how)


def _measures(ctx: Context, claim: Claim, source: Source) -> list[Column]:
    measures = [c for c in source.columns if c.values is not None and c.kind in ("number", "year", "key")]
    said = stem(claim.said.split()[-1])
    if any(said in c.words or (lex.SYNONYMS.get(said, said)) in c.words for c in measures if len(measures) > 1):
        measures = [c for c in measures if not c.words & {"maximum", "minimum"}] or measures
    ranks = [c for c in measures if c.words & _RANKS]
    if claim.bare and ranks:
        return ranks[:1]
    numeric = [c for c in measures if c.kind == "number"]
    about = lex.ADJECTIVES.get(positive(said), frozenset())
    meant = [c for c in numeric if c.words & about or (c.unit and stem(c.unit) in about)]
    if meant:
        return meant
    dated = [c for c in source.columns if c.parts]
    if len(dated) == 1 and claim.said in _IN_TIME:
        return [replace(dated[0], values=dated[0].moments)]
    named = claimed("", claim.words, numeric)
    if named is None and not claim.loose:
        named = nearest(stems(claim.before), numeric) or claimed("", claim.before, numeric)
    if named is not None:
        return [c for c in measures if c.name in named]
    return numeric[:MOST_MEASURES] or [c for c in measures if c.kind == "year"]


def _verdict(
    ctx: Context, number: int, source: Source, column: Column, claim: Claim, name: Mention
) -> tuple[bool, int] | tuple[()] | None:
    """Whether ``name`` holds the place, and in which row; empty when not, ``None`` when this cannot be told."""
    import numpy as np

    rows = ctx.labels.rows(number, name.column, name.key)
    if rows is None or rows.size != source.rows:
        return None
    if source.rows == 1:
        return (True, 0) if rows.any() else (() if source.column(name.column) is not None else None)
    if source.column(name.column) is None:
        return None
    rest = np.ones(source.rows, dtype=bool)
    own = (name.column, column.name.casefold())
    others = [m for m in ctx.labels.within(ctx.sentence(name.start)) if m.column not in own]
    beside = {m.column: m for m in others if _one_name(ctx, name, m)}
    for other in {**{m.column: m for m in others}, **beside}.values():
        mask = ctx.labels.rows(number, other.column, other.key)
        if mask is None or mask.size != source.rows or not (mask & rows).any():
            continue
        if other.column in beside:
            rows = rows & mask  # both name one row: "high-priority Billing"
        else:
            rest &= mask
    assert column.values is not None
    if (group := _each(source, claim)) is not None and (rows & rest).any():
        rest &= group.codes == group.codes[int((rows & rest).argmax())]
    mine = rows & rest
    if not mine.any():
        return ()
    many = len(claim.names)
    ways = claim.ways
    if ways == ("high", "low") and not column.words & lex.LOWER_IS_BETTER and claim.said in ("best", "worst"):
        ways = ("high",) if claim.said == "best" else ("low",)
    if claim.bare and column.words & _RANKS:
        placed = bool(np.any(column.values[mine] == claim.place)) and many == 1
        return (True, int(np.flatnonzero(mine)[0])) if placed else ()
    for way in ways:
        if _holds(source, column, name, mine, rest, claim.place, way, many):
            return True, int(np.flatnonzero(mine)[0])
    return ()


_EACH: Final = re.compile(r"(?i)\b(?:of|in|for|per|at|from) (?:each|every) (\w+)")


def _each(source: Source, claim: Claim) -> Column | None:
    """The column within whose groups a place is held: "the highest of each country"."""
    m = _EACH.search(claim.words)
    found = [c for c in source.keys if m is not None and stem(m[1]) in c.words]
    return found[0] if len(found) == 1 else None


def _holds(
    source: Source,
    column: Column,
    name: Mention,
    mine: np.ndarray[Any, Any],
    rest: np.ndarray[Any, Any],
    place: int,
    way: str,
    many: int,
) -> bool:
    """Whether the rows ``mine`` have the place among the rows ``rest``: as one row, or as a group by their highest
    value, sum or mean."""
    import numpy as np

    key, values = source.column(name.column), column.values
    if values is None or key is None or np.isnan(values[mine]).all():
        return False
    sign = 1.0 if way == "high" else -1.0
    if int(mine.sum()) == 1:
        pools = iter([(values[rest] * sign, float(values[mine][0]) * sign)])
    else:
        own = key.codes[mine][0]
        pools = (
            (pool, float(pool[codes == own][0]))
            for pool, codes in _grouped(values * sign, key.codes, rest & ~np.isnan(values))
        )
    for pool, value in pools:
        above = int((np.unique(pool) > value).sum()), int((pool > value).sum())
        if (above[0] < many + place - 1) if many > 1 else place - 1 in above:
            return True
    return False


def _grouped(
    values: np.ndarray[Any, Any], codes: np.ndarray[Any, Any], rest: np.ndarray[Any, Any]
) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """The sum, the mean and the highest value of each group, with the groups' codes."""
    import numpy as np

    picked, groups = values[rest], codes[rest] + 1
    counts = np.bincount(groups)
    known = np.flatnonzero(counts)
    sums = np.bincount(groups, weights=picked)[known]
    yield sums, known - 1
    yield sums / counts[known], known - 1
    highest = np.full(counts.size, -np.inf)
    np.maximum.at(highest, groups, picked)
    yield highest[known], known - 1
