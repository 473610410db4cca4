"""Questions in other words: what a question says beyond need is left out, and what it says in a roundabout way is said
straight.  Pure.

Only for a question that has no reading as it stands, and only where the meaning stays: a pronoun for the noun that was
said, words that are said twice, an order that is asked for in a sentence of its own.  No rule leaves out a word that
could restrict anything, and none touches quoted texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from . import lexicon, relations
from .schema import Table
from .words import Token, pieces, stems

Words = tuple[Token, ...]

_PRONOUNS: Final = ("they", "it", "he", "she")
_POSSESSIVES: Final = frozenset({"their", "its", "his", "her"})
_STOPS: Final = frozenset({",", "and", "or", ".", "in", "that", "who", "which", "with", "sorted", "ordered", "for"})
_AUXILIARIES: Final = lexicon.words("have has had are is was were been do does did")
_VERBS: Final = relations.VERBS | {"have", "has", "had"}
_LIST: Final = frozenset({"list", "show", "return", "give", "find", "name"})
_GOT: Final = {"get": "were", "gets": "are", "got": "were"}


def _same() -> Iterator[tuple[str, str]]:
    """What may stand for what, word for word."""
    yield from (("along with", "and"), ("together with", "and"), ("as well as", "and"), ("his or her", "the"))
    yield from (("corresponding", ""), ("respective", ""), ("either", ""), ("values of", ""))
    yield from (("the substring", ""), ("substring", ""))
    yield from (("the numbers of", "the number of"), ("more than one time", "more than once"), ("all of the", "all"))
    for most in ("most", "the most", "the greatest", "the largest", "the highest"):
        yield f"{most} number of", "the most"
    for least in ("the least", "the fewest", "the smallest", "the lowest"):
        yield f"{least} number of", "the fewest"
    for since in ("in or after", "on or after", "after or in", "after or on", "in or since"):
        yield since, "since"
    for order in ("order", "sort"):
        yield f"and {order} by", "sorted by"
        for what in ("them", "the results", "the result", "results"):
            yield f"and {order} {what} by", "sorted by"
            yield f"{order} {what} by", "sorted by"
    yield from (
        ("in descending alphabetical order", "in reverse alphabetical order"),
        ("in ascending alphabetical order", "in alphabetical order"),
    )


def _ways() -> Iterator[tuple[str, str]]:
    for verb in ("depart", "departs", "departed", "departing", "leave", "leaves", "left", "leaving"):
        yield f"{verb} from", "from"
    for verb in ("arrive", "arrives", "arrived", "arriving", "land", "lands", "landed", "landing"):
        for place in ("in", "at"):
            yield f"{verb} {place}", "to"


def _split(pairs: Iterator[tuple[str, str]]) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    return tuple((tuple(said.split()), tuple(instead.split())) for said, instead in pairs)


_SAME: Final = _split(_same())
_WAYS: Final = _split(_ways())
_SHARES: Final = frozenset({"share", "shares", "percentage", "percent", "proportion", "fraction", "ratio", "%"})


def reworded(words: Words, tables: Sequence[Table]) -> Words | None:
    """The question in plainer words; ``None`` when there is nothing to say plainer."""
    plain = _passive(_without_pronouns(_without_some(_replaced(_one_sentence(words))), _told(tuple(tables))))
    return plain if plain != words and plain else None


@lru_cache(maxsize=16)
def _told(tables: tuple[Table, ...]) -> frozenset[str]:
    """The stems of the words in columns and values: a verb such as "cancelled" may be one of these, and restrict."""
    columns = [c for table in tables for c in table.columns if c.pieces[-1] not in ("id", "code")]
    texts = [piece for c in columns for piece in (*c.pieces, *(p for value in c.values for p in pieces(value)))]
    return frozenset(stem for text in set(texts) for stem in stems(text))


def _word(text: str) -> Token:
    return Token("mark" if text == "," else "word", text, text)


def _norms(words: Sequence[Token]) -> tuple[str, ...]:
    return tuple("\0" if token.kind == "quoted" else token.norm for token in words)


def _replaced(words: Words) -> Words:
    found: list[Token] = []
    norms, at = _norms(words), 0
    # "The share of the flights that leave from Oslo" is one of all flights: there the verb tells a part from the whole.
    same = _SAME if _SHARES & {*norms} else _SAME + _WAYS
    while at < len(words):
        for said, instead in same:
            if norms[at : at + len(said)] == said:
                found += map(_word, instead)
                at += len(said)
                break
        else:
            found.append(words[at])
            at += 1
    return tuple(found)


def _without_some(words: Words) -> Words:
    """ "Visited some museums": visited museums; "list some museums" asks for a part of them."""
    norms = _norms(words)
    kept = (at == 0 or norms[at] != "some" or norms[at - 1] in (*_LIST, "me") for at in range(len(words)))
    return tuple(word for word, keep in zip(words, kept, strict=True) if keep)


def _passive(words: Words) -> Words:
    """ "Did not get voted": were not voted."""
    norms = _norms(words)
    for at in range(len(words) - 1):
        if norms[at] in _GOT and norms[at + 1].endswith("ed"):
            negated = norms[at - 2 : at] in (("did", "not"), ("do", "not"))
            start = at - 2 if negated else at
            said = ("were", "not") if negated else (_GOT[norms[at]],)
            return (*words[:start], *map(_word, said), *words[at + 1 :])
    return words


# --- two sentences ----------------------------------------------------------------------------------


def _one_sentence(words: Words) -> Words:
    """ "How many models does each maker produce? List the maker's full name and the number": in one sentence, "list the
    maker's full name and the number of models for each maker".  "Which country has the most channels? List the country
    and the number of channels" asks again for what is shown anyway."""
    norms = _norms(words)
    at = next((i for i in range(3, len(words) - 1) if norms[i] in _LIST), None)
    if at is None:
        return words
    if norms[:2] == ("how", "many") and "each" in norms[:at]:
        return _number_listed(words, at) or words
    most = next((i for i in range(at) if norms[i] in ("most", "fewest")), None)
    if norms[0] == "which" and most is not None:
        second = tuple(norm for norm in norms[at:] if norm not in ("it", "has", "they", "have"))
        number = _ends_in_number(second, norms[most + 1 : at])
        if number is not None and set(second[1:number]) <= {*norms[1:most], "the", "and", "name", "of", ","}:
            return words[:at]
    return words


def _number_listed(words: Words, at: int) -> Words | None:
    """ "How many … does each …? List … the number" with the second sentence at ``at``; ``None`` for another form."""
    norms = _norms(words)
    each = norms.index("each")
    counted, subject = words[2 : each - 1], words[each + 1 : at]
    subject = subject[: next((i for i, norm in enumerate(_norms(subject)) if norm in _VERBS), len(subject))]
    number = _ends_in_number(norms[at:], _norms(counted))
    if number is None or norms[each - 1] not in _AUXILIARIES or not counted or not subject:
        return None
    asked = words[at : at + number]
    return (*asked, *map(_word, ("the", "number", "of")), *counted, *map(_word, ("for", "each")), *subject)


def _ends_in_number(norms: Sequence[str], counted: Sequence[str]) -> int | None:
    """Where "the number", "number of models" starts, when that is how the words end."""
    for tail in (("number",), ("number", "of", *counted)):
        if tuple(norms[-len(tail) :]) == tail:
            start = len(norms) - len(tail)
            return start - 1 if norms[start - 1] == "the" else start
    return None


# --- pronouns -------------------------------------------------------------------------------------------


def _without_pronouns(words: Words, told: frozenset[str]) -> Words:
    """ "The orchestras they have conducted", "the number of channels it has": what is said is that it belongs to the
    noun before, as it does anyway.  "Their ages" are the ages.  A verb that is ``told`` by the data is kept."""
    found: list[Token] = []
    norms, at = _norms(words), 0
    while at < len(words):
        end = _clause_of(norms, at, told) if norms[at] in _PRONOUNS and found else None
        if end is not None:
            if found[-1].norm in ("in", "that", "which"):
                found.pop()
            at = end
            continue
        mine = norms[at] in _POSSESSIVES
        if not mine or not found or found[-1].norm not in ("the", "each"):
            found.append(_word("the") if mine else words[at])
        at += 1
    return tuple(found)


def _clause_of(norms: Sequence[str], at: int, told: frozenset[str]) -> int | None:
    """Where a clause such as "they have conducted", "they are arranged to teach" ends, when it is no more than that."""
    end = at + 1
    while end < len(norms) and norms[end] not in _STOPS:
        verb = norms[end] in relations.VERBS or norms[end].endswith("ed")
        if not (norms[end] in _AUXILIARIES or norms[end] == "to" or (verb and not stems(norms[end]) & told)):
            return None
        end += 1
    if end + 1 == len(norms) and norms[end] == "in":
        end += 1
    return end if end > at + 1 else None
