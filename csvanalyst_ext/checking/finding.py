"""A number that stands in a result: the cell where it does.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .comparing import distinct_share, fits, scaled
from .context import Context, Hit
from .marks import Status, Where
from .results import Column, Source
from .tokens import Token

if TYPE_CHECKING:
    import numpy as np

FREE_CELLS: Final = 40
"""Cells among which a number may be found without any word that says which."""
CHANCE: Final = 0.05
SHOWN: Final = 20
_EVERY: Final = frozenset({"all", "every", "each", "both", "none", "neither"})


def found(ctx: Context, token: Token) -> Hit | None:
    """The cell or fact that the number stands for; later results first."""
    if token.form == "clock":
        return _clock(ctx, token)
    if ctx.counts(token):
        return None
    binding = ctx.bound(token)
    if token.hedge in ("above", "below") and _EVERY & set(ctx.words(ctx.clause(token.start))):
        return None  # a bound for all rows
    tied_to: list[tuple[bool, Hit]] = []
    tied_somewhere = False
    for number in range(len(ctx.sources) - 1, -1, -1):
        source = ctx.sources[number]
        if (hit := _fact(source, token)) is not None:
            tied_to.append((False, hit))
        if not source.rows:
            continue
        mask, tied = ctx.mask(number, binding)
        tied_somewhere = tied_somewhere or (tied and bool(mask.any()) and not source.result.about)
        if (hit := _cell(ctx, token, source, mask, tied)) is not None:
            tied_to.append((tied, hit))
    for tied, hit in tied_to:
        if tied:
            return hit
    # Rows were named and none of them has the number: another result counts only when it is one row.
    for _, hit in tied_to:
        if not tied_somewhere or hit.where is None or hit.where.row is None or _single(ctx, hit):
            return hit
    return None


def flipped(ctx: Context, token: Token) -> bool:
    """Whether the rows that the sentence names have the number with the other sign."""
    import numpy as np

    binding, (down, up) = ctx.bound(token), ctx.direction(token)
    for number, source in enumerate(ctx.sources):
        mask, tied = ctx.mask(number, binding)
        if not tied or not mask.any():
            continue
        for column in ctx.columns(token, source):
            signed = bool(column.words & lex.CHANGEISH) or (
                column.values is not None and bool(np.any(column.known < 0))
            )
            for values, _ in scaled(token, column, ctx.question) if signed else ():
                mine = values[mask]
                if bool(np.any(fits(replace(token, sign=0), np.abs(mine)))) and not down | up | bool(token.sign):
                    return bool(np.all(mine < 0))
                if bool(np.any(fits(replace(token, sign=0), np.abs(mine)))):
                    return not bool(np.any(fits(token, mine, down=down and not up, up=up and not down)))
    return False


def _single(ctx: Context, hit: Hit) -> bool:
    source = next(s for s in ctx.sources if hit.where is not None and s.result.name == hit.where.result)
    return source.rows == 1


def _fact(source: Source, token: Token) -> Hit | None:
    if token.form not in ("number", "count", "year"):
        return None
    for name, value in source.result.facts.items():
        import numpy as np

        if fits(token, np.array([value]))[0]:
            return Hit("found", Where(source.result.name, None, name), "", value)
    return None


def _cell(ctx: Context, token: Token, source: Source, mask: np.ndarray[Any, Any], tied: bool) -> Hit | None:
    import numpy as np

    down, up = ctx.direction(token)
    extreme = ctx.extreme(token)
    allowed = ctx.columns(token, source)
    if token.form == "year":
        allowed = [c for c in allowed if c.kind == "year"] or [c for c in allowed if c.kind != "key"]
    for column in sorted(allowed, key=lambda c: c.kind != "number"):
        for values, how in scaled(token, column, ctx.question):
            values = values[: mask.size]
            changes = bool(column.words & lex.CHANGEISH)
            if changes:
                hits = fits(token, values, down=down and not up, up=up and not down)
            else:
                hits = fits(token, values, down=down and bool(np.any(values < 0)))
            if extreme and column.kind == "number" and int(mask.sum()) > 1:
                known = values[mask & ~np.isnan(values)]
                end = (known.min() if extreme == "low" else known.max()) if known.size else np.nan
                hits &= values == end
            rows = np.flatnonzero(hits & mask)
            if not rows.size:
                continue
            if not tied:
                rows = _free(ctx, token, source, column, values, rows)
            if rows.size:
                row = int(rows[0])
                status: Status = "derived" if " as " in how and "percent" not in how else "found"
                return Hit(status, Where(source.result.name, row + 1, column.name), how, float(values[row]))
    return None


def _free(
    ctx: Context, token: Token, source: Source, column: Column, values: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """The rows where a number that no label ties down may be taken from."""
    import numpy as np

    if source.rows > 1 and column.kind == "number" and (ranked := _ranked(ctx, token, values)) is not None:
        return np.asarray(rows[ranked[rows]])
    cells = source.rows * max(1, len(source.measures))
    if cells <= FREE_CELLS or column.kind in ("year", "key"):
        return rows
    if distinct_share(token, values) <= CHANCE:
        return rows
    head = rows[(rows < SHOWN) | (rows == source.rows - 1)]
    if head.size and distinct_share(token, values[:SHOWN]) <= 4 * CHANCE:
        return np.asarray(head)
    return np.array([], dtype=int)


def _ranked(ctx: Context, token: Token, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """Which rows a superlative right before the number allows: "the highest is 5"; ``None`` without one."""
    import numpy as np

    before = ctx.window(token)[0].lower()[-60:]
    said = re.findall(r"[a-z]+", before)
    high, low = (
        bool(set(said) & (lex.HIGH - {"top", "most"})),
        bool(set(said) & (lex.LOW - {"last", "least", "bottom"})),
    )
    if high == low or ctx.labels.within(ctx.sentence(token.start)) or "average" in said:
        return None
    place = next((lex.ORDINALS[w] for w in said if w in lex.ORDINALS), 1)
    start = ctx.sentence(token.start)[0]
    many = max(
        (int(t.value) for t in ctx.tokens if start <= t.start < token.start and t.whole and t.value <= 50), default=1
    )
    known = np.unique(values[~np.isnan(values)])
    if known.size < place:
        return None
    first = known[::-1] if high else known
    return np.isin(values, first[place - 1 : place - 1 + many])


def _clock(ctx: Context, token: Token) -> Hit | None:
    import pyarrow.compute as pc

    binding = ctx.bound(token)
    for number in range(len(ctx.sources) - 1, -1, -1):
        source, (mask, _) = ctx.sources[number], ctx.mask(number, binding)
        for column in source.columns:
            if column.texts is not None:
                hits = pc.fill_null(pc.match_substring(column.texts, token.text), False).to_numpy(zero_copy_only=False)
                if (hits & mask).any():
                    return Hit("found", Where(source.result.name, int((hits & mask).argmax()) + 1, column.name))
            if column.values is not None:
                factor = {"second": 60.0, "sec": 60.0, "hour": 1 / 60}.get(column.unit, 1.0)
                rows = (abs(column.values - token.value * factor) <= token.readings[0].half * factor) & mask
                if rows.any() and source.rows <= FREE_CELLS:
                    return Hit(
                        "derived",
                        Where(source.result.name, int(rows.argmax()) + 1, column.name),
                        "as hours and minutes",
                    )
    return None
