"""Numbers in words: counts, fractions, multiples ("nine in ten", "two thirds", "twice", "a dozen").

Runs on the host; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from . import lexicon as lex
from .tokens import Reading, Token

_EVERY: Final = "|".join(word for word, value in lex.CARDINALS.items() if value > 1 and word != "dozen")
_WORDS: Final = re.compile(
    r"(?i)\b(?:(?P<some>one|two|three|four|five|six|seven|eight|nine) (?:in|out of) "
    r"(?P<every>" + _EVERY + r")\b(?! (?:days|weeks|months|years|hours|minutes|quarters))|"
    r"(?P<num>one|two|three|four|five|six|seven|eight|nine|an?)[ -](?P<part>half|halves|thirds?|quarters?|"
    r"fifths?|sixths?|eighths?|tenths?)\b|(?P<half>half)\b|(?P<multiple>"
    + "|".join(lex.MULTIPLES) + r")\b|(?P<tens>twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-(?P<ones>one|two|"
    r"three|four|five|six|seven|eight|nine)\b|(?P<card>" + "|".join(lex.CARDINALS) + r")\b(?P<scale>[ -](?:hundred|"
    r"thousand|million|billion|dozen|percent|per cent|times))?)"
)  # fmt: skip


def spelled(text: str) -> Iterator[Token]:
    """The numbers in words of a masked text, in order."""
    for m in _WORDS.finditer(text):
        token = _word(text, m)
        if token is not None:
            yield token


def _word(text: str, m: re.Match[str]) -> Token | None:
    after = text[m.end() : m.end() + 24].lower()
    if m["some"]:
        some, every = lex.CARDINALS[m["some"].lower()], lex.CARDINALS[m["every"].lower()]
        if some >= every:
            return None
        return Token(m[0], m.start(), m.end(), "fraction", (Reading(some / every, 0.0),))
    if m["part"] == "half" and text[: m.start()].rstrip().lower().endswith(" and"):
        return None  # an hour and a half
    if m["part"]:
        part = m["part"].lower()
        top = lex.CARDINALS.get(m["num"].lower(), 1)
        size = lex.FRACTIONS.get(part) or 0.5
        if part == "quarters" and top > 1 and not re.match(r"\s*(?:of|as)\b", after):  # of the year
            return Token(m["num"], m.start(), m.end("num"), "count", (Reading(float(top), 0.5),))
        if part.endswith("s") and top > 1:
            after = " of"
        fraction = re.match(r"\s*(?:of|the|as|that|are|is|were|was|come|have|,|\.|$)", after) or part == "half"
        if top * size >= 1 and m["num"].lower() in lex.CARDINALS:  # "five quarters" of a year
            return Token(m["num"], m.start(), m.end("num"), "count", (Reading(float(top), 0.5),))
        if not fraction:
            return None  # "a third reason"
        return Token(m[0], m.start(), m.end(), "fraction", (Reading(top * size, 0.0),))
    if m["half"]:
        if after.startswith((" an ", "-", " hour")) or text[: m.start()].rstrip().endswith(("first", "second", "last")):
            return None
        return Token(m[0], m.start(), m.end(), "fraction", (Reading(0.5, 0.0),))
    if m["multiple"]:
        return Token(m[0], m.start(), m.end(), "times", (Reading(lex.MULTIPLES[m["multiple"].lower()], 0.05),))
    if m["tens"]:
        value = lex.CARDINALS[m["tens"].lower()] + lex.CARDINALS[m["ones"].lower()]
        return Token(m[0], m.start(), m.end(), "count", (Reading(float(value), 0.5),))
    value = lex.CARDINALS[m["card"].lower()]
    scale = (m["scale"] or "").strip(" -").lower()
    if scale in ("percent", "per cent"):
        return Token(m[0], m.start(), m.end(), "percent", (Reading(float(value), 0.5),))
    if scale == "times":
        return Token(m[0], m.start(), m.end(), "times", (Reading(float(value), 0.5),))
    if scale:
        factor = 12.0 if scale == "dozen" else lex.SCALES[scale]
        return Token(m[0], m.start(), m.end(), "count", (Reading(value * factor, factor / 2),))
    single = re.search(r"(?i)(?<!the )\b(?:only|just|exactly)\s+$", text[max(0, m.start() - 16) : m.start()])
    if value == 1 and not single and not re.match(r"\s+(?:row|value|day|month|year|missing|null)\b", after):
        return None  # "the one with", "one of"
    if m["card"].lower() == "zero" and after.startswith("-"):
        return None
    if re.match(r"-[a-z]", after) or re.match(
        r"\s*(?:ways?|reasons?|things?|steps?|caveats?|notes?|points?(?! (?:more|less|fewer|higher|lower|better|worse|"
        r"ahead|behind|above|below|clear|apart)))\b",
        after,
    ):
        return None
    return Token(m[0], m.start(), m.end(), "count", (Reading(float(value), 0.5),))
