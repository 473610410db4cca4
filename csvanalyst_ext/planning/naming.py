"""Whether words are the name of a column, and how far from it: in any number, without units, written out.  Pure."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Final

from . import lexicon, thesaurus
from .schema import Column
from .words import akin, forms, same, stems

SMALL_WORDS: Final = frozenset({"of", "the", "in", "per", "a"})
_SWITCH_SUFFIXES: Final = frozenset({"flag", "indicator", "ind", "yn", "bool"})
_SWITCH_PREFIXES: Final = frozenset({"is", "has", "was", "had", "are", "did"})
NO_PARTIAL_HEADS: Final = frozenset(
    {"number", "count", "value", "total", "id", "no", "num", "key", "code", "index", "flag"}
)


def column_cost(
    said: tuple[str, ...], column: Column, nouns: tuple[tuple[tuple[str, ...], int], ...] = ()
) -> int | None:
    """How far the words ``said`` are from the column's name; ``None`` when they do not name it."""
    named = column.pieces
    if not named or not said:
        return None
    if equal(said, named):
        return 0
    if named[0] in _SWITCH_PREFIXES and equal(said, named[1:]):
        return 1
    if "or" in named[1:-1]:  # "Country or region"
        at = named.index("or")
        if equal(said, named[:at]) or equal(said, named[at + 1 :]):
            return 1
    if column.kind == "number" and equal(_without_number_of(said), named):  # "total number of horses"
        return 1
    plain = _without_small_words(said)
    if plain != said:
        if plain and equal(plain, _without_small_words(named)):
            return 1
        if expands(plain, named):
            return 2
    if "of" in named[1:-1] and "of" not in said:  # "membership level" of ``level_of_membership``
        at = named.index("of")
        turned = (*named[at + 1 :], *named[:at])
        if equal(said, turned) or expands(said, turned):
            return 1
    if "of" in said[1:-1]:
        at = said.index("of")
        turned = _without_small_words((*said[at + 1 :], *said[:at]))
        if (cost := column_cost(turned, column)) is not None and cost < 4:
            return cost + 1
        return None
    short = core(column) if has_unit(column) else named
    if short != named and equal(said, short):
        return 1
    if len(named) > 1 and named[-1] == "name" and column.kind == "text" and equal(said, named[:-1]):
        return 1
    if len(named) > 1 and named[-1] in _SWITCH_SUFFIXES and column.switch is not None and equal(said, named[:-1]):
        return 1
    if len(named) > 1 and named[-1] in ("id", "code") and equal(said, named[:-1]):
        return 3
    if expands(said, named):
        return 2
    if short != named and expands(said, short):
        return 3
    if len(said) == 1 and len(named) == 1 and column.kind == "text" and said[0] in thesaurus.family(named[0]):
        return 2  # "nation" of ``country``
    if len(named) > 1 and _derived(said, named):
        return 2
    if named[-1] == "by" and len(named) == 2 and len(said) == 1 and said[0].rstrip("s").endswith(("er", "or")):
        return 1 if akin(said[0], named[0]) else None  # "director" of ``directed_by``
    return _partial(said, column, nouns)


@cache
def _derived(said: tuple[str, ...], named: tuple[str, ...]) -> bool:
    """Whether only the form of one word differs, as in "opening year" of ``open_year``."""
    if len(said) != len(named):
        return False
    other = [(one, two) for one, two in zip(said, named, strict=True) if not same(one, two)]
    return len(other) == 1 and akin(*other[0])


@cache
def _without_number_of(said: tuple[str, ...]) -> tuple[str, ...]:
    """``total horses`` of "total number of horses"; no words where nothing is left out."""
    at = said.index("number") if "number" in said[:-2] else -1
    return (*said[:at], *said[at + 2 :]) if at >= 0 and said[at + 1] == "of" else ()


@cache
def _without_small_words(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in SMALL_WORDS)


def has_unit(column: Column) -> bool:
    """Whether the last word of the name is a unit that a question may leave out."""
    return column.kind == "number" and len(core(column)) < len(column.pieces)


def core(column: Column) -> tuple[str, ...]:
    """The words of the name without units and scales at its end: ``gdp`` of ``gdp_billion_usd``."""
    return _core(column.bare_pieces if column.kind == "number" else column.pieces)


@cache
def _core(named: tuple[str, ...]) -> tuple[str, ...]:
    if "per" in named[1:-1] and named[named.index("per") - 1] in lexicon.PRICES:
        named = named[: named.index("per")]  # "price_per_night", but not "gdp_per_capita"
    if len(named) > 2 and named[-1] in ("2", "3") and named[-2] in lexicon.UNITS:
        named = named[:-2]  # areas and volumes: "land_area_km2"
    if len(named) > 2 and named[-2:] in lexicon.RATES:
        named = named[:-2]  # "wind speed km/h"
    if len(named) > 2 and named[-1] in lexicon.CURRENCIES and named[-2] in lexicon.SHORT_SCALES:
        named = named[:-2]  # "market_value_m_eur"
    while len(named) > 1 and (named[-1] in lexicon.SCALES or _unit_at_end(named)):
        named = named[:-1]
    return named


def _unit_at_end(named: tuple[str, ...]) -> bool:
    *front, last = named
    return last in lexicon.UNITS and (last not in lexicon.UNIT_FRONTS or bool(lexicon.UNIT_FRONTS[last] & set(front)))


def scale(column: Column) -> float:
    """What a number of the column stands for: 1,000,000 in ``population_millions``."""
    tail = column.pieces[len(core(column)) :]
    if len(tail) == 2 and tail[1] in lexicon.CURRENCIES and tail[0] in lexicon.SHORT_SCALES:
        return lexicon.SHORT_SCALES[tail[0]]
    words = set(tail)
    return next((factor for word, factor in lexicon.SCALES.items() if word in words), 1)


def _partial(said: tuple[str, ...], column: Column, nouns: tuple[tuple[tuple[str, ...], int], ...]) -> int | None:
    """The last words of a longer name.  For a number only when the first words say nothing but what the
    rows are: "delay" is no name for an arrival delay, "age" is one for a passenger's age."""
    name = core(column) if has_unit(column) else column.pieces
    if len(said) >= len(name) or not equal(said, name[-len(said) :]) or name[-1] in NO_PARTIAL_HEADS:
        return None
    front = name[: -len(said)]
    owned = any(len(front) == len(noun) and all(map(same, front, noun)) for noun, _ in nouns)
    if owned:
        return 2
    return 4 if column.kind in ("text", "date") or column.is_year else None


@cache
def vocabulary(named: tuple[str, ...]) -> frozenset[str]:
    """Every word of a name in all its forms, written out where it is short, and the words put together."""
    found = {form for piece in named for form in forms(piece)}
    found |= {form for piece in named for long in lexicon.ABBREVIATIONS.get(piece, ()) for form in forms(long)}
    for start in range(len(named)):
        for end in range(start + 1, len(named) + 1):
            found.add("".join(named[start:end]))
            found |= forms("".join(named[start:end]))
    found |= thesaurus.family(named[0]) if len(named) == 1 else frozenset()
    if named[1:] == ("by",):
        found |= {root + ending for root in stems(named[0]) for ending in ("or", "er", "r")}
    return frozenset(found)


@cache
def equal(said: tuple[str, ...], named: tuple[str, ...]) -> bool:
    if not said or not named:
        return False
    if len(said) == len(named) and all(map(same, said, named)):
        return True
    one, other = "".join(said), "".join(named)
    return one == other or same(one, other)


@cache
def expands(said: tuple[str, ...], named: tuple[str, ...]) -> bool:
    """Whether ``said`` is ``named`` with known abbreviations written out."""
    options = [(piece, *lexicon.ABBREVIATIONS.get(piece, ())) for piece in named]
    if all(len(option) == 1 for option in options) or len(named) > 5:
        return False
    wanted = "".join(said)
    last = {wanted[: len(wanted) - len(said[-1])] + form for form in forms(said[-1])}
    return any("".join(choice) in last for choice in product(*options) if choice != named)
