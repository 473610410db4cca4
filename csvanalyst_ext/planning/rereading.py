"""Second readings of a question that has none as it stands.  Pure.

Each takes the question for another one and has that read by the same rules: with a noun for the rows that the table
does not name, with a direction in place of "best", without the unit that the answer is wanted in.  What was taken for
granted is said in the answer; what cannot be taken for granted is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from . import lexicon, thesaurus
from .link import Linker, table_nouns
from .outcomes import NotUnderstood, Understood
from .paraphrase import reworded
from .schema import Column, Table
from .units import converted
from .words import Token, forms, is_plural, same

Read = Callable[[tuple[Token, ...], tuple[Table, ...]], Understood | NotUnderstood]
Meant = Understood | NotUnderstood | None


def second(words: tuple[Token, ...], tables: tuple[Table, ...], read: Read, known: frozenset[str]) -> Meant:
    """What the question means in another reading; ``None`` when it has none.  ``known`` are the words of grammar."""
    for reread in (_in_other_words, _rows_called, _which_way, _in_unit):
        if (meant := reread(words, tables, read, known)) is not None:
            return meant
    return None


def _in_other_words(words: tuple[Token, ...], tables: tuple[Table, ...], read: Read, known: frozenset[str]) -> Meant:
    """ "The cartoons and their directors": "the cartoons and the directors"."""
    plain = reworded(words, tables)
    meant = read(plain, tables) if plain is not None else None
    return meant if isinstance(meant, Understood) or (meant is not None and meant.reason == "open") else None


# --- nouns for rows ---------------------------------------------------------------------------------

_NAMELESS: Final = lexicon.GENERIC_TABLE_PIECES | lexicon.words("""
    result record entry row log sheet item standing ranking score register roster directory payroll census survey
    registration signup enrollment attendance marathon race tournament olympics championship championships conference
    competition cup workshop festival contest event roll exam
    test quiz season output input query download report dump book page untitled
    new old copy part final version
""")
"""Words in a table's name that say nothing about what a row is."""
_PERSONS: Final = lexicon.PEOPLE | {
    word for family in thesaurus.NOUNS if family & lexicon.PEOPLE for word in family if " " not in word
}
_ROLES: Final = lexicon.words("""
    teacher manager doctor physician nurse professor instructor owner director agent author artist singer actor writer
    speaker scientist professional driver pilot faculty
""")
"""Who may be some of the persons in a table, or other people than those: not taken for all rows unasked."""
_AGENTS: Final = ("er", "or", "ist", "ian", "ee", "ant", "ent", "man", "woman", "mate")
"""Endings of nouns for who does something."""
_NAMES: Final = frozenset({"name", "fullname", "firstname", "lastname", "surname"})
_NUMBERS: Final = frozenset({"id", "bib", "number", "no", "nr", "code", "key"})
_TRAITS: Final = (
    frozenset({"age"}), frozenset({"sex", "gender"}), frozenset({"dob", "birthdate", "birthday", "birth", "born"}),
)  # fmt: skip


def _rows_called(words: tuple[Token, ...], tables: tuple[Table, ...], read: Read, known: frozenset[str]) -> Meant:
    """ "Runners" of a table ``results`` whose rows have a name and an age: its rows."""
    if len(tables) != 1 or not _of_persons(tables[0]):
        return None
    (table,) = tables
    linker = Linker(table, words)
    said = [
        token
        for at, token in enumerate(words)
        if token.kind == "word" and token.norm not in known and not linker.touches(at) and _person(token.norm)
    ]
    if not said or any(not same(said[0].norm, other.norm) for other in said):
        return None
    noun = said[0].norm
    meant = read(words, (replace(table, synonyms=(*table.synonyms, noun)),))
    if isinstance(meant, NotUnderstood):
        return meant if meant.reason == "open" and _nameless(table) else None
    plural = noun if is_plural(noun) else f"{noun}s"
    sure = forms(noun) & _PERSONS and not forms(noun) & _ROLES
    if sure and _nameless(table) and _one_each(table):
        note = f"{plural.capitalize()} are taken to be the rows of {table.name}."
        return replace(meant, tables=(table,), texts=(*meant.texts, *sorted(forms(noun))), note=note)
    other = tuple(_as_rows(token) if same(token.norm, noun) else token for token in words)
    again = isinstance(read(other, tables), Understood)
    choices = (" ".join(token.text for token in other).replace(" 's", "'s"),) if again else ()
    return NotUnderstood("open", f"Are {plural} the rows of {table.name}?", choices)


def _as_rows(token: Token) -> Token:
    word = "rows" if is_plural(token.norm) else "row"
    return Token("word", word, word)


def _person(word: str) -> bool:
    return any(form in _PERSONS or (len(form) > 4 and form.endswith(_AGENTS)) for form in forms(word))


def _of_persons(table: Table) -> bool:
    """Whether the columns are those of a person, and the name is not that of something else."""
    if forms_of(table) & (lexicon.PEOPLE - _NAMELESS):
        return False
    traits = sum(any(trait & {*column.pieces} for column in table.columns) for trait in _TRAITS)
    return traits > 1 or (traits == 1 and any(_names(column) for column in table.columns))


def forms_of(table: Table) -> frozenset[str]:
    return frozenset(form for noun, _ in table_nouns(table.name) for word in noun for form in forms(word))


def _names(column: Column) -> bool:
    return column.kind == "text" and column.pieces[-1] in _NAMES


def _nameless(table: Table) -> bool:
    return not table.synonyms and all(
        forms(piece) & _NAMELESS for noun, _ in table_nouns(table.name) for piece in noun if not piece.isdigit()
    )


def _one_each(table: Table) -> bool:
    """Whether each row is a person of its own: nobody's number is there twice, and hardly a name."""
    numbers = [c for c in table.columns if c.pieces[-1] in _NUMBERS and c.kind in ("number", "text")]
    numbered = any(table.unique(column) is True for column in numbers)
    names = [column for column in table.columns if _names(column)]
    if any(table.unique(column) is True for column in names):
        return True
    often = any(10 * column.distinct < 9 * (table.rows - column.nulls) for column in names if len(names) == 1)
    return not often and (numbered or not any(column.pieces[-1] == "id" for column in numbers))


# --- best and worst -----------------------------------------------------------------------------------

_OPEN: Final = frozenset({"best", "worst"})


def _which_way(words: tuple[Token, ...], tables: tuple[Table, ...], read: Read, known: frozenset[str]) -> Meant:
    """ "The worst score": the highest or the lowest?  Nothing in the data says it."""
    places = [at for at, token in enumerate(words) if token.kind == "word" and token.norm in _OPEN]
    if len(places) != 1:
        return None
    (at,) = places
    choices = []
    for way in ("highest", "lowest"):
        other = (*words[:at], Token("word", way, way), *words[at + 1 :])
        if isinstance(read(other, tables), Understood):
            choices.append(" ".join(token.text for token in other).replace(" 's", "'s"))
    if not choices:
        return None
    question = f"Is the {words[at].norm} the highest or the lowest? Nothing in the data says which."
    return NotUnderstood("open", question, tuple(choices))


# --- units ----------------------------------------------------------------------------------------------


def _in_unit(words: tuple[Token, ...], tables: tuple[Table, ...], read: Read, known: frozenset[str]) -> Meant:
    """ "Average finish time in hours", where the column is in minutes."""
    for at, unit in _units(words):
        meant = read((*words[:at], *words[at + 2 :]), tables)
        if isinstance(meant, Understood) and (found := converted(meant, unit)) is not None:
            return found
    return None


def _units(words: Sequence[Token]) -> Iterator[tuple[int, str]]:
    for at in range(len(words) - 1):
        if words[at].norm == "in" and words[at + 1].kind == "word":
            yield at, words[at + 1].norm
