"""A number that was computed from a result in one simple step: difference, ratio, share, change, sum, mean.

Runs on the host; pure.  What is tried is bounded, and words nearby must say the step: among many pairs any
short number would be found by chance.  ``LIMITS`` says how likely a chance hit may be, by how much the
sentence narrows what is meant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .comparing import distinct_share, interval
from .context import Context, Hit
from .marks import Where
from .named import named
from .steps import Candidate, said
from .tokens import Token
from .wholes import scalars, stated, whole

LIMITS: Final = ((named, 0.6), (stated, 0.6), (whole, 0.3), (scalars, 0.3))
"""The steps in the order in which they are tried, and how likely a chance hit may be."""


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
