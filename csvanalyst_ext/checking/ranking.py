"""Ranked names: "X has the most", "the second highest is Y" against the order of the result.

Runs on the host; pure.  A claim is *not found* only when a result could tell and no reading of the claim
holds there.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .comparing import claimed, nearest, stems
from .context import Context, positive
from .listing import numbered
from .marks import CheckedNumber, Where
from .mentions import Mention, Span
from .results import Column, Source, stem
from .steps import MOST_MEASURES

if TYPE_CHECKING:
    import numpy as np

SUPERLATIVE: Final = re.compile(
    r"(?i)\b(?:(?P<place>second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d{1,2}(?:st|nd|rd|th))"
    r"[ -]+)?(?P<word>" + "|".join(sorted(lex.HIGH | lex.LOW | lex.EITHER, key=len, reverse=True)) + "|"
    r"(?<=the )(?!(?:rest|west|forest|interest|request|test|contest|guest|nearest|latest|harvest)\b)\w{3,}est)\b"
)
_ONE_NAME: Final = re.compile(r"(?:-\w+)?[ ,/·–-]{1,3}")
_RANKS: Final = frozenset({"rank", "ranking", "position", "place", "standing", "pos"})
_NOUNS: Final = frozenset({"peak", "peaks", "trough", "lead", "leads", "leader", "low", "high"})
"""Superlatives that are also the name of a quantity: of a column "peak flow" nothing is claimed by "the peak"."""
MOST_CLAIMS: Final = 40
_PLACE: Final = re.compile(
    r"(?i)\b(?:(?:ranks?|ranked|are|were|comes?|came|placed|finish(?:es|ed)|ended|is|was|in|takes?|took)\s+(?:in\s+)?(?:at\s+)?(?:the\s+)?"
    r"(?P<place>first|second|third|fourth|fifth|\d{1,2}(?:st|nd|rd|th)|number (?:one|two|three|1|2|3)"
    r"|#\s?\d{1,2}|runners?-up)(?:\s+place|\s+position)?"
    r"|(?P<placed>first|second|third|fourth|fifth|\d{1,2}(?:st|nd|rd|th)) place (?:goes|went|belongs?|fell|falls) to)"
    r"(?=[ ,.;:)]|$)"
)
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


def ranked(ctx: Context) -> list[CheckedNumber]:
    marks: list[CheckedNumber] = []
    for claim in itertools.islice(_claims(ctx), MOST_CLAIMS):
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


# --- what is claimed ------------------------------------------------------------------------------


def _claims(ctx: Context) -> Iterator[Claim]:
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
    if word in ("most", "least") and re.match(
        r"\s+(?:of|recent|likely|part|importantly|notably|common\b.{0,1}$)", after
    ):
        return True
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


# --- whether it holds -----------------------------------------------------------------------------


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
            first, second = sorted((name, other), key=lambda m: m.start)
            if other.column != name.column and _ONE_NAME.fullmatch(ctx.prose, first.end, second.start):
                found.append(other)
    return found


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
    others = {m.column: m for m in ctx.labels.within(ctx.sentence(name.start)) if m.column != name.column}
    rest = np.ones(source.rows, dtype=bool)
    for other in others.values():
        mask = ctx.labels.rows(number, other.column, other.key)
        if mask is None or mask.size != source.rows or not (mask & rows).any():
            continue
        first, second = sorted((name, other), key=lambda m: m.start)
        if _ONE_NAME.fullmatch(ctx.prose, first.end, second.start):
            rows = rows & mask  # both name one row: "high-priority Billing"
        else:
            rest &= mask
    assert column.values is not None
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
