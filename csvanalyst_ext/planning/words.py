"""Words: how a question is cut into them, and when two of them are the same.  Pure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

TokenKind = Literal["word", "number", "date", "quoted", "operator", "mark"]


@dataclass(frozen=True, slots=True)
class Token:
    """``text`` is what was written (of a quoted text, what is inside); ``norm`` is its lower case."""

    kind: TokenKind
    text: str
    norm: str
    number: int | float | None = None
    date: dt.date | None = None


_SCANNER: Final = re.compile(
    r"""(?x)
    (?P<quoted>  (?<![^\s(=,<>]) (?: '[^']*' | "[^"]*" | ‘[^’]*’ | “[^”]*” | `[^`]*` ) (?![^\s),.?!;:<>=]) )
  | (?P<date>    \d{4}-\d{2}-\d{2} (?![\w-]) )
  | (?P<number>  (?: (?<![\w.)])[-−+] )? \$? \d+ (?:,\d{3}(?!\d))* (?:\.\d+)? (?: % | [kK](?!\w) )? (?![\w]) )
  | (?P<operator> >= | <= | != | <> | == | ≥ | ≤ | ≠ | = | > | < )
  | (?P<genitive> ['’]s\b )
  | (?P<word>    \w+ (?: \.\w+ )* )
  | (?P<mark>    [^\s] )
    """
)
_OPERATORS: Final = {"==": "=", "≥": ">=", "≤": "<=", "≠": "!=", "<>": "!="}
_DROPPED: Final = frozenset("()?!;\"'’‘“”`*")
_CONTRACTIONS: Final = (
    (re.compile(r"\b(can)not\b", re.I), r"\1 not"),
    (re.compile(r"\b(is|are|was|were|do|does|did|has|have|had)n['’]t\b", re.I), r"\1 not"),
    (re.compile(r"\b(what|who|which|where|how|that|there)['’]s\b", re.I), r"\1 is"),
    (re.compile(r"\bwhats\b", re.I), "what is"),
    (re.compile(r"\bi['’]d like\b", re.I), "i would like"),
)
_NUMBERS: Final = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""
NUMBER_WORDS: Final = {word: number for number, word in enumerate(_NUMBERS.split())}


def tokens(question: str) -> tuple[Token, ...]:
    """The words, numbers, dates, quoted texts, operators and marks of ``question``, in order.

    Question marks, brackets and a full stop at the end are dropped; a full stop elsewhere stays, since
    what follows it is another sentence.
    """
    text = question.strip().rstrip("?!. \t\n")
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    found = []
    for match in _SCANNER.finditer(text):
        kind, raw = match.lastgroup, match.group()
        if kind == "quoted":
            found.append(Token("quoted", raw[1:-1], raw[1:-1].lower()))
        elif kind == "date":
            try:
                found.append(Token("date", raw, raw, date=dt.date.fromisoformat(raw)))
            except ValueError:
                found.append(Token("mark", raw, raw))
        elif kind == "number":
            found.append(_number(raw))
        elif kind == "operator":
            found.append(Token("operator", raw, _OPERATORS.get(raw, raw)))
        elif kind == "word":
            lower = raw.lower()
            found.append(Token("word", raw, lower, number=NUMBER_WORDS.get(lower)))
        elif kind == "mark" and raw == "." and found and len(found[-1].text) <= 2 and found[-1].kind == "word":
            continue  # an initial or an abbreviation, as in "John F. Kennedy" and "St. Louis"
        elif kind == "mark" and raw == ":":
            found.append(Token("mark", ",", ","))
        elif kind == "mark" and raw not in _DROPPED and raw not in "-–—/&+":
            found.append(Token("mark", raw, raw))
        elif kind == "genitive":
            found.append(Token("mark", "'s", "'s"))
    return tuple(found)


def _number(raw: str) -> Token:
    text = raw.replace(",", "").replace("$", "").replace("−", "-")
    if text.endswith("%"):
        return Token("mark", raw, raw)  # a percentage: which scale the column has is not known
    factor = 1000 if text[-1] in "kK" else 1
    value = float(text.rstrip("kK")) * factor
    number: int | float = int(value) if value.is_integer() and "." not in text else value
    return Token("number", raw, raw.lower(), number=number)


_RUNS: Final = re.compile(r"[^\W\d_]+|\d+")


@lru_cache(maxsize=8192)
def pieces(name: str) -> tuple[str, ...]:
    """The words of a name written as ``snake_case``, ``camelCase``, ``Title Case`` or mixed."""
    found = []
    for run in _RUNS.findall(name):
        start = 0
        for place in range(1, len(run)):
            before, here, after = run[place - 1], run[place], run[place + 1 : place + 2]
            if here.isupper() and (before.islower() or (before.isupper() and after.islower())):
                found.append(run[start:place])
                start = place
        found.append(run[start:])
    return tuple(piece.lower() for piece in found)


@lru_cache(maxsize=8192)
def key(text: str) -> str:
    """Letters and digits only, in lower case: equal for texts that differ in case, spaces and marks."""
    return "".join(character for character in text.lower() if character.isalnum())


_IRREGULAR: Final = {
    "people": "person", "persons": "person", "men": "man", "women": "woman", "children": "child",
    "indices": "index", "feet": "foot", "analyses": "analysis", "criteria": "criterion", "mice": "mouse",
    "ids": "id",
}  # fmt: skip


@lru_cache(maxsize=8192)
def forms(word: str) -> frozenset[str]:
    """``word`` (lower case) and what it may be the plural of."""
    found = {word, _IRREGULAR.get(word, word)}
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.add(word[:-1])
        if word.endswith("ies"):
            found.add(word[:-3] + "y")
        if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            found.add(word[:-2])
        if word.endswith("ves"):
            found |= {word[:-3] + "f", word[:-3] + "fe"}
    return frozenset(found)


def same(one: str, other: str) -> bool:
    """Whether two words are the same but for their number."""
    return one == other or bool(forms(one) & forms(other))


def is_plural(word: str) -> bool:
    return len(forms(word)) > 1


_ONE_OR_MANY: Final = frozenset({"species", "series"})


def surely_plural(word: str) -> bool:
    """Whether the word can only mean several."""
    return is_plural(word) and word not in _ONE_OR_MANY


_IRREGULAR_STEMS: Final = {
    "born": "birth", "sold": "sale", "built": "build", "made": "make", "paid": "pay", "left": "leave", "sent": "send",
    "bought": "buy", "won": "win", "lost": "loss", "registration": "register", "begun": "begin", "written": "write",
    "taken": "take", "given": "give", "flew": "fly", "flown": "fly", "flight": "fly",
}  # fmt: skip
_SUFFIXES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("ied", ("y",)), ("ed", ("", "e")), ("ing", ("", "e")), ("ission", ("it",)), ("uction", ("uce",)),
    ("ation", ("", "e", "ate")), ("tion", ("t", "te")), ("ment", ("",)), ("ery", ("er",)), ("ure", ("", "e")),
    ("al", ("", "e")), ("er", ("", "e")), ("or", ("", "e")), ("ly", ("",)), ("y", ("",)),
)  # fmt: skip
"""Endings of verb forms, and of nouns and adjectives that come from the same word, with what stands there instead."""
_SHORTEST_STEM: Final = 3
_NO_STEMS: Final = frozenset({"department", "apartment", "moment", "document", "segment", "element", "city", "party"})
"""Words that only look as if they came from another one."""


IRREGULAR_VERBS: Final = frozenset(
    {"born", "sold", "built", "made", "paid", "left", "sent", "bought", "won", "lost", "taken", "given"}
)


@lru_cache(maxsize=4096)
def stems(word: str) -> frozenset[str]:
    """What a word may come from: ``hired`` gives ``hire``, ``admission`` gives ``admit``, ``foggy`` gives ``fog``."""
    found = set()
    for form in forms(word):
        found |= {form, _IRREGULAR_STEMS.get(form, form)}
        if form in _NO_STEMS:
            continue
        for suffix, instead in _SUFFIXES:
            root = form.removesuffix(suffix)
            if root == form or len(root) < _SHORTEST_STEM:
                continue
            found |= {root + more for more in instead}
            if "" in instead and len(root) > _SHORTEST_STEM and root[-1] == root[-2]:
                found.add(root[:-1])
    return frozenset(found)


def akin(one: str, other: str) -> bool:
    """Whether two words come from the same one: ``admitted`` and ``admissions``."""
    return bool(stems(one) & stems(other))
