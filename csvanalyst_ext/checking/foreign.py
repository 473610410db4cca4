"""Ranked names that no result has: "Chicago has the most", where there is no Chicago.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from typing import Final

from . import lexicon as lex
from .claims import SUPERLATIVE, is_no_rank
from .context import Context
from .marks import CheckedNumber
from .results import stem

_FOREIGN: Final = (
    re.compile(
        r"^[\s*\"'“]*(?:The\s)?(?P<name>[A-Z][\w'’&-]*(?:\s+(?:of\s+)?[A-Z][\w'’&-]*){0,4})[*\"'”]*\s+"
        r"(?:has|had|is|was|leads|led|tops|ranks|recorded|saw|shows|comes|came|sold|made)\b"
    ),
    re.compile(
        r"\b(?:is|was|:|by|in"
        r"|at)\s+(?:the\s)?[*\"'“]*(?P<name>[A-Z][\w'’&-]*(?:\s+[A-Z][\w'’&-]*){0,4})[*\"'”]*(?=[\s.,;(]|$)"
    ),
)
_PRONOUNS: Final = frozenset((
    "the", "it", "this", "that", "these", "those", "there", "in", "on", "at", "of", "for", "among", "overall",
    "they", "he", "she", "we", "you", "i", "a", "an", "no", "yes", "all",
))  # fmt: skip


def foreign(ctx: Context) -> list[CheckedNumber]:
    """A capitalised name with a superlative that is in no result, nor in the question."""
    import pyarrow.compute as pc

    texts = [c.texts for s in ctx.sources for c in s.columns if c.texts is not None]
    if not texts:
        return []
    known = {stem(w) for s in ctx.sources for c in s.columns for w in re.findall(r"\w+", c.name)}
    known |= {w.lower() for w in re.findall(r"\w+", ctx.question)} | {
        w.lower() for c in ctx.codes for w in re.findall(r"\w+", c)
    }
    out = []
    for span in ctx.sentences:
        text = ctx.prose[slice(*span)]
        claims = [m for m in SUPERLATIVE.finditer(text) if not is_no_rank(text, m)]
        if not claims or ctx.labels.within(span):
            continue
        for pattern, start in ((_FOREIGN[0], 0), (_FOREIGN[1], claims[0].end())):
            m = pattern.search(text, start)
            if m is None:
                continue
            name = m["name"]
            plain = [w.lower() for w in re.findall(r"\w+", name)]
            if any(
                w in _PRONOUNS
                or w in lex.MONTHS
                or w in known
                or stem(w) in known
                or w in lex.WEEKDAYS
                or w in lex.HIGH | lex.LOW | lex.EITHER
                for w in plain
            ):
                continue
            if any(pc.any(pc.match_substring(column, name, ignore_case=True)).as_py() for column in texts):
                continue
            at = span[0] + m.start("name")
            out.append(CheckedNumber(name, (at, at + len(name)), "name", "not found", None, "no result has this name"))
            break
    return out
