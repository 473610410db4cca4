"""What prose claims of ranked names: "X has the most", "the second highest is Y", "followed by Z".

Runs on the host; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from . import lexicon as lex
from .context import Context
from .listing import numbered
from .mentions import Mention, Span
from .results import stem

SUPERLATIVE: Final = re.compile(
    r"(?i)\b(?:(?P<place>second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d{1,2}(?:st|nd|rd|th))"
    r"[ -]+)?(?P<word>" + "|".join(sorted(lex.HIGH | lex.LOW | lex.EITHER, key=len, reverse=True)) + "|"
    r"(?<=the )(?!(?:rest|west|forest|interest|request|test|contest|guest|nearest|latest|harvest)\b)\w{3,}est)\b"
)
_NOUNS: Final = frozenset({"peak", "peaks", "trough", "lead", "leads", "leader", "low", "high"})
"""Superlatives that are also the name of a quantity: of a column "peak flow" nothing is claimed by "the peak"."""
_PLACE: Final = re.compile(
    r"(?i)\b(?:(?:ranks?|ranked|are|were|comes?|came|placed|finish(?:es|ed)|ended|is|was|in|takes?|took)\s+(?:in\s+)?(?:at\s+)?(?:the\s+)?"
    r"(?P<place>first|second|third|fourth|fifth|\d{1,2}(?:st|nd|rd|th)|number (?:one|two|three|1|2|3)"
    r"|#\s?\d{1,2}|runners?-up)(?:\s+place|\s+position)?"
    r"|(?P<placed>first|second|third|fourth|fifth|\d{1,2}(?:st|nd|rd|th)) place (?:goes|went|belongs?|fell|falls) to)"
    r"(?=[ ,.;:)]|$)"
)
_SECOND_ONLY: Final = re.compile(r"(?i)\bsecond only to (?:the )?")
_WON: Final = re.compile(r"(?i)\b(?:won|wins)(?= (?:in|with|by|at|the (?:race|final|title|gold|cup|event))\b)")
_NOT_A_RANK: Final = re.compile(
    r"(?i)(?:\bat|\bone of the|\bamong the|\bnot the|\bn['’]t the|\bits|\btheir|\bhis|\bher|\bown|['’]s|\bfrom"
    r"|\bmuch|\bsorted|\b(?:to|from|over|behind) the|"
    r"\bordered|\bto|\bthan the|\bby|\bat the|\ba|\bthe very|\bsome of the|\bneither)\s+(?:\w+\s+by\s+)?$"
)
_TO_NAME: Final = re.compile(
    r"(?i)^(?:(?:(?!\b(?:has|had|and|but|while|followed|ahead|than|then|before|over|against)\b)[^.;:(]){0,80}?"
    r"(?:\b(?:is|was|are|were|belongs? to|goes to|went to|by|being|from|occurred (?:on|in)|in|at|on|of|for|"
    r"among(?: people aged)?|left(?: from)?|came in|falls? on|held by|recorded (?:by|in|on)|seen in)|[:—–])\s*"
    r"(?:the\s+)?(?:year\s+|month of\s+)?)?\s*[*\"'“(]*$"
)
_VALUE: Final = re.compile(r"(?i)[*\"'”)]*\s*(?:is|was|were|are|reached|stood at|amounted to|came to)\b[^.;,a-z]*\d")
_AT: Final = re.compile(r"\s+(?:at|in|for|on|among|with)\s+(?:the\s+)?[*\"'“(]*")
_PRONOUN: Final = re.compile(r"(?i)\b(?:it|its|they|their|he|his|she|her|also|both|which)\b")
_STRONG: Final = re.compile(r"(?i)(?:\b(?:is|was|are|were|belongs? to|goes to|by|being)|[:—–])\s*(?:the\s+)?[*\"'“(]*$")
_LIST: Final = re.compile(
    r"(?i)^(?:\s|[,;&()*\"'“”%$€£+−-]|\band\b|\bthen\b|\bor\b|\bwith\b|\bat\b|\d[\d,.]*\d?|[a-z]{1,8}\b(?=\)))*$"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """``names`` hold place ``place`` (all of the first places when there are several) of the ``way`` end."""

    names: tuple[Mention, ...]
    place: int
    ways: tuple[str, ...]
    words: str
    said: str
    before: str = ""
    bare: bool = False  # "came third": a place without what is ranked
    loose: bool = True  # the words before the superlative may only name what is ranked


def claims(ctx: Context) -> Iterator[Claim]:
    """What the prose says of names and places, in no order."""
    yield from _numbered(ctx)
    told = {c.name.casefold() for s in ctx.sources if not s.result.about for c in s.columns}
    told |= {name for s in ctx.sources for name in s.fixed}
    nouns = {word for s in ctx.sources for c in s.measures for word in c.words}
    for span in ctx.sentences:
        text = ctx.prose[slice(*span)]
        here = [m for m in ctx.labels.within(span) if m.column in told]
        if not here:
            continue
        found: list[tuple[int, int, int, tuple[str, ...], str]] = []
        for m in SUPERLATIVE.finditer(text):
            if not is_no_rank(text, m) and not (m["word"].lower() in _NOUNS and stem(m["word"]) in nouns):
                found.append((m.start(), m.end(), _place(m["place"]), _ways(m["word"].lower()), m[0].lower()))
        for m in _WON.finditer(text) if not {"win", "winner"} & nouns else ():
            found.append((m.start(), m.end(), 1, ("high", "low"), m[0].lower()))
        for m in _PLACE.finditer(text):
            if not any(a < m.end() and m.start() < b for a, b, *_ in found) and not re.match(
                r"\s+(?:quarter|half|class|row|column|time|day|year)", text[m.end() :]
            ):
                ways = next((w for a, _, _, w, _ in reversed(found) if a < m.start()), ("high", "low"))
                found.append((m.start(), m.end(), _place(m["place"] or m["placed"]), ways, m[0].lower()))
        for m in _SECOND_ONLY.finditer(text):
            first = next((x for x in here if x.start >= span[0] + m.end()), None)
            if first is not None and not re.search(r"\w", ctx.prose[span[0] + m.end() : first.start]):
                yield Claim((first,), 1, ("high", "low"), "", m[0].lower(), text[: m.start()], loose=False)
        found.sort()
        taken = 0
        for index, (start, end, place, ways, said) in enumerate(found):
            left = max(taken, span[0] + (found[index - 1][1] if index else 0))
            right = span[0] + (found[index + 1][0] if index + 1 < len(found) else len(text))
            names = _subject(ctx, span, span[0] + start, span[0] + end, here, left, right)
            if names:
                taken = names[-1].end
                words = re.split(r"[,;:(]", ctx.prose[span[0] + start : min(right, span[0] + end + 60)])[0]
                before = ctx.prose[max(left, span[0] + start - 60) : span[0] + start]
                loose = names[-1].end <= span[0] + start or len(ways) == 2
                bare = _PLACE.fullmatch(text, start, end) is not None
                yield Claim(tuple(names), place, ways, words, said, before, bare, loose)
        yield from _followed(ctx, span, here, found)


def _numbered(ctx: Context) -> Iterator[Claim]:
    """ "The largest by population: 1. Oslo, 2. Helsinki": each item holds its place."""
    for items in numbered(ctx.prose):
        start = max(0, items[0][0] - 160)
        lead = re.split(r"[.!?]\s|\n\s*\n", ctx.prose[start : items[0][0]].rstrip("1.() \n"))[-1]
        high = SUPERLATIVE.search(lead)
        if high is None and not re.search(r"(?i)\b(?:rank\w*|order(?:ed)? by|sorted)\b", lead):
            continue
        ways = _ways(high["word"].lower()) if high else ("high", "low")
        said = high[0].lower() if high else "rank"
        for place, (begin, end) in enumerate(items, 1):
            names = [m for m in ctx.labels.within((begin, min(end, begin + 60))) if m.rank == 0]
            if names and not re.search(r"\w", ctx.prose[begin : names[0].start]):
                yield Claim((names[0],), place, ways, lead, f"{place}. {said}")


def is_no_rank(text: str, m: re.Match[str]) -> bool:
    word, before, after = m["word"].lower(), text[: m.start()], text[m.end() :]
    if _NOT_A_RANK.search(before) and not (m["place"] and before.rstrip().endswith(" a")):
        return True
    if word in ("most", "least") and re.match(r"\s+(?:of|likely|part|importantly|notably|common\b.{0,1}$)", after):
        return True
    if word in ("min", "max") and re.search(r"\d\s?$", before):
        return True  # minutes
    if word in ("top", "bottom", "last", "leading") and not re.search(r"(?i)\b(?:the|at|is|comes|came)\s+$", before):
        return True
    if word in ("last", "latest") and re.match(
        r"\s+(?:year|month|week|quarter|day|row|\d|\w+ (?:years|months|days))", after
    ):
        return True
    if (
        word in ("max", "maximum", "min", "minimum", "peak", "peaks", "peaked", "lead", "leads", "led", "leader")
        and re.match(r"\s+(?:to|of)\b", after)
        and word not in ("peak",)
    ):
        return True
    return (
        bool(re.match(r"\s+(?:to|first)\b", after))
        and word in lex.HIGH | lex.LOW
        and word not in ("leads", "led", "tops")
    )


def _place(written: str | None) -> int:
    if not written:
        return 1
    if written.lower().startswith("runner"):
        return 2
    digits = re.search(r"\d+", written)
    if digits:
        return int(digits[0])
    last = written.lower().split()[-1]
    return lex.ORDINALS.get(last) or lex.CARDINALS.get(last) or 1


def _ways(word: str) -> tuple[str, ...]:
    if word in lex.EITHER:
        return ("high", "low")
    if word not in lex.HIGH | lex.LOW:
        return ("high", "low")  # the wettest, the driest
    return ("high",) if word in lex.HIGH else ("low",)


def _subject(
    ctx: Context, span: Span, start: int, end: int, here: Sequence[Mention], left: int, right: int
) -> list[Mention]:
    """The label of which the superlative speaks: right after it, or the last one before it."""
    prose = ctx.prose
    before = [m for m in here if left <= m.start and m.end <= start]
    after = [m for m in here if m.start >= end and m.start < max(right, end + 1)]
    best = min((m.rank for m in here), default=0)
    names_after = [m for m in after if m.rank == best] or after
    names_before = [m for m in before if m.rank == best] or before
    if names_after and _TO_NAME.match(prose[end : names_after[0].start]):
        beside = names_before and names_before[-1].column != names_after[0].column
        strong = bool(_STRONG.search(prose[end : names_after[0].start])) or not prose[end : names_after[0].start].strip(
            " *\"'“("
        )
        strong = strong or bool(beside and _AT.fullmatch(prose, end, names_after[0].start))
        if not strong and _VALUE.match(prose[names_after[0].end :]):
            return []  # the highest value within a group
        if strong or not names_before:
            run = [names_after[0]]
            for m in names_after[1:]:
                if m.column != run[0].column or not _LIST.match(prose[run[-1].end : m.start]):
                    break
                run.append(m)
            return run
    last = max((m.end for m in here if m.end <= start), default=start)
    if ";" in prose[last:start] and not _PRONOUN.search(prose, last, end):
        return []  # another statement, that names nothing
    if names_before:
        run = [names_before[-1]]
        for m in reversed(names_before[:-1]):
            if m.column != run[0].column or not re.fullmatch(r"(?:\s|,|and|&|\*)+", prose[m.end : run[-1].start]):
                break
            run.append(m)
        return run[::-1]
    earlier = [m for m in here if m.end <= start]
    return [earlier[-1]] if earlier and not after and len({m.key for m in earlier}) == 1 else []


def _followed(
    ctx: Context, span: Span, here: Sequence[Mention], found: Sequence[tuple[int, int, int, tuple[str, ...], str]]
) -> Iterator[Claim]:
    """ "…, followed by Y and Z": the next places."""
    text = ctx.prose[slice(*span)]
    m = re.search(r"(?i)\b(?:followed (?:closely )?by|ahead of|then)\s", text)
    firsts = [f for f in found if m is not None and f[0] < m.start()]
    if m is None or not firsts or "than" in text[: m.start()].split()[-1:]:
        return
    start, _end, place, ways, said = firsts[-1]
    at = 0
    best = min(x.rank for x in here)
    for mention in here:
        if mention.start < span[0] + m.end() or mention.rank != best:
            continue
        at += 1
        words = ctx.prose[span[0] + start : span[0] + min(len(text), m.start())]
        if m[0].lower().startswith("followed"):
            yield Claim((mention,), place + at, ways, words, f"next after {said}")
