"""How prose sets out numbers: Markdown tables, lists of numbers beside lists of labels, numbered ranks, ranges.

Runs on the host; pure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final

from .mentions import Mention
from .tokens import Token

_RULE: Final = re.compile(r"^\s*\|?[\s:|-]*-{2,}[\s:|-]*$")
_BETWEEN: Final = re.compile(
    r"(?i)^(?:[\s,;/&()*_%$€£¥°]|\band\b|\bvs\.?|\bversus\b|\bcompared (?:with|to)\b|\bagainst\b)+$"
)
_FROM: Final = re.compile(
    r"(?i)\b(?:rang\w+|span\w*|var(?:y|ies|ied)|values?|anywhere|all(?: \w+){0,3})\s+(?:(?:lie|lies|lay|are|is)\s+)?"
    r"(?:from|between)\s+[*_$€£¥−-]*$"
)  # fmt: skip
_TO: Final = re.compile(r"(?i)^[\s*_%°\w]{0,14}?\s(?:to|and)\s+[*_$€£¥−-]*$")
_RISE: Final = re.compile(
    r"(?i)\b(?:rose|risen|rises|grew|grown|grows|climbed|increased|jumped|surged|expanded|soared)\b"
)
_FALL: Final = re.compile(
    r"(?i)\b(?:fell|fallen|falls|dropped|declined|decreased|shrank|shrunk|collapsed|plunged|plummeted|sank|slid)\b"
)
_ITEM: Final = re.compile(r"(?:^|\n|[:;,.]\s)[ \t]*\(?(\d{1,2})[.)]\s+(?=[*_\"'“]*\w)")


def heading(prose: str, at: int) -> str | None:
    """The head of the column of a Markdown table in which ``at`` lies; ``None`` outside of one."""
    start = prose.rfind("\n", 0, at) + 1
    line = prose[start : prose.find("\n", at) if "\n" in prose[at:] else len(prose)]
    if line.count("|") < 2 and not line.lstrip().startswith("|"):
        return None
    above = prose[:start].splitlines()
    for number in range(len(above) - 1, 0, -1):
        if "|" not in above[number]:
            return None
        if _RULE.match(above[number]):
            heads = above[number - 1].strip().strip("|").split("|")
            lead = line.lstrip()
            place = prose[start:at].count("|") - lead.startswith("|")
            return heads[place].strip(" *_") if 0 <= place < len(heads) else None
    return None


def partner(prose: str, token: Token, tokens: Sequence[Token], labels: Sequence[Mention]) -> str:
    """The label of a number in a list of as many numbers as labels were named before it: "A's is higher than B's
    (5 vs. 3)"; else nothing."""
    run = listing(prose, token, tokens)
    if len(run) < 2:
        return ""
    names = list(dict.fromkeys(m.key for m in labels if m.end <= run[0].start))
    if len(names) != len(run) or any(run[0].start <= m.start < run[-1].end for m in labels):
        return ""
    return names[run.index(token)]


def listing(prose: str, token: Token, tokens: Sequence[Token]) -> Sequence[Token]:
    """The numbers that stand one after the other around ``token``, with nothing else between them."""
    if token not in tokens:
        return ()
    first = last = tokens.index(token)
    while first and _next_to(prose, tokens[first - 1], tokens[first]):
        first -= 1
    while last + 1 < len(tokens) and _next_to(prose, tokens[last], tokens[last + 1]):
        last += 1
    return tokens[first : last + 1]


def _next_to(prose: str, one: Token, two: Token) -> bool:
    """Whether two numbers of one kind stand side by side; "300 (5 %)" are two of the same thing."""
    return (one.form == "percent") == (two.form == "percent") and bool(_BETWEEN.match(prose[one.end : two.start]))


def extreme(prose: str, token: Token, tokens: Sequence[Token]) -> str:
    """``low`` or ``high`` for the ends of "values range from 5 to 9"; else nothing."""
    at = tokens.index(token) if token in tokens else -1
    if at >= 0 and _FROM.search(prose[max(0, token.start - 60) : token.start]):
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        return "low" if after and _TO.match(prose[token.end : after.start]) else ""
    if at > 0:
        one = tokens[at - 1]
        if _TO.match(prose[one.end : token.start]) and _FROM.search(prose[max(0, one.start - 60) : one.start]):
            return "high"
    return ""


def backwards(prose: str, token: Token, tokens: Sequence[Token], start: int) -> bool:
    """Whether "rose from 9 to 5" contradicts itself at ``token``, its second number.  ``start``: of the clause."""
    at = tokens.index(token) if token in tokens else 0
    if not at:
        return False
    one = tokens[at - 1]
    lead = prose[max(start, one.start - 40) : one.start]
    if not re.search(r"(?i)\bfrom\s+[*_$€£¥(−-]*$", lead) or not re.match(
        r"(?i)^[^.;\d]{0,30}?\bto\s+[*_$€£¥(−-]*$", prose[one.end : token.start]
    ):
        return False
    a, b = (t.value * (t.sign or 1) for t in (one, token))
    rise, fall = bool(_RISE.search(lead)), bool(_FALL.search(lead))
    return rise != fall and one.form == token.form and (b < a if rise else b > a)


def numbered(prose: str) -> list[list[tuple[int, int]]]:
    """The numbered lists, in lines or within a sentence: where each item's text begins and ends."""
    lists: list[list[tuple[int, int]]] = []
    items = list(_ITEM.finditer(prose))
    for m, following in itertools.zip_longest(items, items[1:]):
        number, span = int(m[1]), (m.end(), following.start() if following else len(prose))
        if number == 1:
            lists.append([span])
        elif lists and number == len(lists[-1]) + 1:
            lists[-1].append(span)
    return [one for one in lists if len(one) > 1]
