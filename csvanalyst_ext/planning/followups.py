"""Follow-up questions: "and by month?", "only for 2013", "sort by the second column".  Pure.

A follow-up is the question before it with a part exchanged or added.  What comes out is a whole question,
understood by the same rules as any other; the caller shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from .labels import labels
from .link import Linker
from .plan import Order, Plan
from .schema import Table
from .understand import Understood, understand
from .words import tokens

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
_PLACES: Final = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_DOWN: Final = ("desc", "highest", "largest", "most", "decreasing", "reverse")
_PREPOSITIONS: Final = ("", "for", "in", "from", "with", "of")


def is_follow_up(text: str) -> bool:
    """Whether the text leans on what was asked before."""
    return bool(_CUES.match(text.strip())) and len(text.split()) <= _MOST_WORDS


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
    rest = _LEADING.sub("", text)
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
