"""Follow-up questions: "and by month?", "only for 2013", "sort by the second column".  Pure.

A follow-up is the question before it with a part exchanged or added.  What comes out is a whole question,
understood by the same rules as any other; the caller shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from . import lexicon
from .labels import labels
from .link import Linker
from .plan import Order, Plan, simple
from .schema import Table
from .understand import Understood, understand
from .words import pieces, tokens

_CLAUSE: Final = re.compile(
    r"(?i)^(?:and |but |now )*(?:who|which|that|whose\s+\w+)\s+"
    r"(?:is|are|was|were|have|has|had|do|did|does|live|work|earn|cost|weigh|start|end|contain)\b"
)
_SUPERLATIVE: Final = re.compile(r"(?i)\b(?:most|least|fewest|highest|lowest|first|last|second|third|\w{3,}est)\b")
_PRONOUN: Final = re.compile(
    r"(?i)^(?:(?:and|but|what is|what are|what was|what were|how many of|which of|who of|list|show)\s+)*"
    r"(their|them|they|these|those|its)\b"
)
_SHARE: Final = re.compile(r"(?i)^(?:as|in)\s+(?:a\s+)?(?:percent(?:age)?s?|shares?|proportions?|%)$")
_COUNTED: Final = re.compile(r"(?i)^(?:(?:what is |show |give me )?(?:the )?(?:number|count) of|how many)\b")
_CUT: Final = re.compile(r"(?i)^(?:only\s+|just\s+)?(?:the\s+)?(top|bottom|first|last)\s+(\w+)$")
MOST_EARLIER: Final = 6
_MOST_WORDS: Final = 14
_CUES: Final = re.compile(
    r"(?i)^(and|but|so|now|then|ok|okay|also|only|just|what about|how about|same|the same|instead|by|per|for|in|with"
    r"|without|excluding|except|not|sort|sorted|order|ordered|show|as|from|of|limit|those|these)\b"
)
_LEADING: Final = re.compile(
    r"(?i)^(?:(?:and|but|so|now|then|ok|okay|also|please|what about|how about|same|the same|instead|"
    r"show(?: me)?(?: it| that| them)?|do (?:it|that)|make (?:it|that))\b[\s,]*)+"
)
_ONLY: Final = re.compile(r"(?i)^(?:only|just|those|these|restricted to|limited to|limit to)\b[\s,]*(?:those\b[\s,]*)?")
_GROUP: Final = re.compile(
    r"(?i)^(?:broken down |split |grouped )?(by|per|for each|in each|for every|in every|of each|at each|from each)\b"
)
_GROUPED: Final = re.compile(
    r"(?i)[\s,]*\b(?:broken down |split |grouped )?"
    r"(?:by|per|for each|in each|for every|in every|of each|at each|from each)\b"
)
_NTH: Final = re.compile(
    r"(?i)^(?:sort|sorted|order|ordered)(?: it| them| this| that)?(?: by)?(?: the)?"
    r" (first|second|third|fourth|fifth|last) column[\s,]*(.*)$"
)
_SORT: Final = re.compile(r"(?i)^(?:sort|sorted|order|ordered)(?: it| them| this| that)?\b\s*(.*)$")
_FUNCTIONS: Final = re.compile(
    rf"(?i)\b(?:{'|'.join(sorted(map(re.escape, lexicon.AGGREGATES), key=len, reverse=True))})\b"
)
_PLACES: Final = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_DOWN: Final = ("desc", "highest", "largest", "most", "decreasing", "reverse")
_PREPOSITIONS: Final = ("", "for", "in", "from", "with", "of")


def is_follow_up(text: str) -> bool:
    """Whether the text may lean on what was asked before."""
    return (bool(_CUES.match(text.strip())) or leans(text)) and len(text.split()) <= _MOST_WORDS


def points_back(text: str) -> bool:
    """Whether the text has a word for what was asked before: "their", "of them"."""
    return bool(_PRONOUN.match(text.strip()))


def leans(text: str) -> bool:
    """Whether the text cannot stand alone: "who are older than 25", "and their average age?"."""
    said = text.strip()
    return bool(_PRONOUN.match(said)) or (bool(_CLAUSE.match(said)) and not _SUPERLATIVE.search(said))


def follow_up(asked: Sequence[str], tables: Sequence[Table]) -> tuple[Understood, str] | None:
    """What the last of the questions ``asked`` means after those before it, and how it was read; ``None`` when
    it is no follow-up or one that is not understood."""
    text = asked[-1].strip().rstrip("?!. ")
    if len(asked) < 2 or not is_follow_up(text):
        return None
    before = whole(asked[-MOST_EARLIER - 1 : -1], tables)
    if before is None:
        return None
    previous, meaning = before
    if leans(text):
        return _narrowed(previous, meaning, text, tables)
    rest = _LEADING.sub("", text)
    if (cut := _CUT.match(rest)) is not None and (places := _first_places(previous, meaning, cut)) is not None:
        return places
    if (nth := _NTH.match(rest)) is not None:
        return _sorted(previous, meaning, nth[1].lower(), nth[2])
    for candidate in dict.fromkeys(_candidates(previous, rest, tables)):
        found = understand(candidate, tables)
        if isinstance(found, Understood):
            return found, candidate
    return None


def whole(asked: Sequence[str], tables: Sequence[Table]) -> tuple[str, Understood] | None:
    """The last of the questions, made whole by those before it."""
    if not asked:
        return None
    text = asked[-1].strip().rstrip("?!. ")
    alone = understand(text, tables)
    if isinstance(alone, Understood):
        return text, alone
    led = follow_up(asked, tables)
    return None if led is None else (led[1], led[0])


def _narrowed(previous: str, before: Understood, text: str, tables: Sequence[Table]) -> tuple[Understood, str] | None:
    """The question asked of the rows that the one before was about."""
    rows = " ".join(pieces(before.plan.table))
    owned = _PRONOUN.match(text)
    said = text
    if owned is not None:
        instead = "the" if owned[1].lower() in ("their", "its") else rows
        said = f"{text[: owned.start(1)]}{instead}{text[owned.end(1) :]}"
    said = re.sub(r"(?i)^(?:and|but|now)\s+", "", said)
    for candidate in (said, re.sub(r"(?i)^(?:who|which|that|whose)\b", f"which {rows}", said)):
        found = understand(candidate, tables)
        if not isinstance(found, Understood):
            continue
        old, new = before.plan, found.plan
        if not (_plain(old) and _plain(new)) or old.table != new.table or old.first or old.limit or old.place:
            return None
        fixed = {f.column for f in simple(old.filters)} & {f.column for f in simple(new.filters)}
        if fixed or old.having or (old.grouped and not _PRONOUN.match(text)):
            return None  # "Who is in Sales?" after a number is a question of its own
        filters = tuple(dict.fromkeys((*old.filters, *new.filters)))
        return replace(found, plan=replace(new, filters=filters)), f"{previous}, {text}"
    return None


def _plain(plan: Plan) -> bool:
    return not (plan.joins or plan.source or plan.sets or plan.derived)


def _first_places(previous: str, meaning: Understood, cut: re.Match[str]) -> tuple[Understood, str] | None:
    """ "Only the top 3" of groups that were measured."""
    plan = meaning.plan
    number = tokens(cut[2])[0].number
    if not isinstance(number, int) or number < 1 or not _plain(plan) or len(plan.measures) != 1 or not plan.dimensions:
        return None
    if plan.first is not None or plan.place is not None or cut[1].lower() not in ("top", "bottom"):
        return None
    order = Order(cut[1].lower() == "top", measure=0)
    return replace(meaning, plan=replace(plan, order=order, first=number)), f"{previous}, {cut[1]} {number}"


def _candidates(previous: str, rest: str, tables: Sequence[Table]) -> Iterator[str]:
    if _GROUP.match(rest):
        for cut in [*_GROUPED.finditer(previous)][::-1]:
            yield f"{previous[: cut.start()]} {rest}"
        yield f"{previous} {rest}"
        return
    if (sort := _SORT.match(rest)) is not None:
        yield f"{previous} sorted {sort[1]}"
        yield f"{previous} {sort[1]}"
        return
    if _SHARE.match(rest):
        yield _COUNTED.sub("share of", previous) if _COUNTED.match(previous) else f"share of {previous}"
        return
    if (function := re.sub(r"(?i)^the\s+", "", rest).lower()) in lexicon.AGGREGATES:
        for earlier in _FUNCTIONS.finditer(previous):
            if earlier[0].lower() != function:
                yield f"{previous[: earlier.start()]}{function}{previous[earlier.end() :]}"
                return
    condition = _ONLY.sub("", rest)
    yield from _exchanged(previous, condition, tables)
    either = re.sub(r"(?i)\s+and\s+", " or ", condition)
    for said in dict.fromkeys((condition, either)):
        for preposition in _PREPOSITIONS:
            yield " ".join(part for part in (previous, preposition, said) if part)


def _exchanged(previous: str, said: str, tables: Sequence[Table]) -> Iterator[str]:
    """ "What about JFK?": the value of the same column in the question before is exchanged."""
    old, new = tokens(previous), tokens(said)
    for table in tables:
        before, now = Linker(table, old), Linker(table, new)
        for start in range(len(new)):
            for link in now.values(start):
                if link.end != len(new) or any(t.norm not in _PREPOSITIONS and t.norm != "the" for t in new[:start]):
                    continue
                for place in range(len(old)):
                    for earlier in before.values(place):
                        if earlier.column.name == link.column.name and earlier.value != link.value:
                            words = [f'"{t.text}"' if t.kind == "quoted" else t.text for t in old]
                            value = " ".join(t.text for t in new[start:])
                            yield " ".join([*words[:place], value, *words[earlier.end :]])
    years = [t.text for t in new if t.number is not None and len(t.text) == 4]
    if len(years) == 1 and all(t.norm in (*_PREPOSITIONS, years[0]) for t in new):
        found = list(re.finditer(r"\b(1[89]|20)\d\d\b", previous))
        if len(found) == 1:
            yield previous[: found[0].start()] + years[0] + previous[found[0].end() :]


def _sorted(previous: str, meaning: Understood, place: str, rest: str) -> tuple[Understood, str] | None:
    """By a column of the result before, counted from the left."""
    plan: Plan = meaning.plan
    names = labels(plan)
    at = _PLACES[place]
    if not names or not -len(names) <= at < len(names) or plan.first is not None or plan.source is not None:
        return None
    at %= len(names)
    down = any(word in rest.lower() for word in _DOWN)
    if plan.grouped:
        groups = len(plan.dimensions)
        order = Order(down, column=names[at]) if at < groups else Order(down, measure=at - groups)
    else:
        order = Order(down, column=plan.select[at])
    said = f"{previous} sorted by {names[at]}{' in descending order' if down else ''}"
    return replace(meaning, plan=replace(plan, order=order)), said
