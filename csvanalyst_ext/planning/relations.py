"""The small words of relations between rows: "who have", "that were owned by", "at least two", "second".  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from . import lexicon
from .graph import Graph, Step
from .link import table_nouns
from .plan import Comparator
from .words import same, stems

if TYPE_CHECKING:
    from .nouns import Nouns

DETERMINERS: Final = (*lexicon.ARTICLES, "their", "its", "his", "her", "these", "those", "every", "some", "each of the",
                      "any of the", "all of the", "all the", "different kinds of")  # fmt: skip
VERBS: Final = lexicon.words("""
    hire hires hired hiring award awards awarded gone go goes undergo undergone underwent pay pays paid spend spends
    spent earn earns earned generate generates generated accept accepts accepted check checks checked create creates
    created sign signs signed issue issues issued request requests requested cancel invest invests invested return
    returns returned graduate graduates graduated recommend recommends recommended respond responded answer answered
    host wear wears wore contribute contributes contributed donate donates donated support supports supported face
    faces faced carry carries carried grow grows grew launch launched develop develops developed design designs
    designed represent represents represented follow follows followed like likes liked vote votes voted elect
    elected enter enters entered own owns owned owning take takes took taken taking enroll enrolls enrolled
    enrolling enrol register registers registered registering attend attends attended attending teach teaches taught
    teaching play plays played playing perform performs performed performing sing sings sang sung singing work works
    worked working belong belongs belonged belonging live lives lived living stay stays stayed staying hosts hosted
    hosting buy buys bought buying purchase purchases purchased purchasing order orders ordered ordering place
    places placed placing make makes made making write writes wrote written writing direct directs directed
    directing produce produces produced producing visit visits visited visiting participate participates
    participated participating compete competes competed competing appear appears appeared appearing act acts acted
    acting star stars starred starring contain contains contained containing include includes included including
    offer offers offered offering sell sells sold selling use uses used using manage manages managed managing lead
    leads led employ employs employed employing assign assigns assigned serve serves served serving treat treats
    treated treating prescribe prescribes prescribed borrow borrows borrowed borrowing rent rents rented renting
    review reviews reviewed rate rates rated receive receives received receiving win wins won winning publish
    publishes published publishing release releases released fly flies flew flown flying operate operates operated
    operating travel travels traveled travelled study studies studied studying speak speaks spoke spoken speaking
    hold holds held holding join joins joined ship ships shipped deliver delivers delivered supply supplies supplied
    show shows showed shown showing broadcast broadcasts air airs aired airing share shares shared sharing done cause
    causes caused lose loses lost losing land lands landed landing
    affect affects affected damage damages damaged build builds built happen happens happened occur occurs occurred
    give gives gave given get gets got keep keeps kept score scores scored run runs ran exhibit exhibits exhibited
    display displays displayed store stores stored cover covers covered consist consists involve involves involved
    record records recorded handle handles handled book books booked reserve reserves reserved watch watches watched
    read reads locate located find found associate associated relate related link linked base based come comes came
    drive drives drove driven complete completes completed submit submits submitted conduct conducts conducted coach
    coaches coached train trains trained sponsor sponsors sponsored advise advises advised supervise supervises
    supervised come comes came walk walks walked
    run used subscribe subscribes subscribed emit emits emitted measure measures measured count counts counted observe
    observes observed see sees saw seen
""")
"""Verbs that say no more than that two things belong together, where there is one way that they can."""

TAILS: Final = (
    "does it have", "do they have", "it has", "they have", "does it host", "does it offer", "did they have",
        "have been made",
    "have been placed", "has been placed", "have been recorded", "are recorded", "are recorded in total",
        "exist", "do exist",
    "are on offer", "on offer", "are available", "available", "are in the list", "in the list", "in the data",
        "are listed",
    "respectively", "on record", "on file", "in the database", "are in the database", "in our database", "in the table",
    "are in the table", "in the system",
)  # fmt: skip
"""Ends of questions that say nothing more."""

_PREPOSITIONS: Final = lexicon.words(
    "in from to at on of for with by within inside among during across into as under through via"
)
_NEGATIONS: Final = ("not", "never", "no longer")


@dataclass(frozen=True, slots=True)
class Lead:
    """The words between two nouns."""

    verb: str = ""
    preposition: str = ""
    have: bool = False
    negated: bool = False
    relative: bool = False

    @property
    def empty(self) -> bool:
        return not (self.verb or self.preposition or self.have)


def leads(phrases: Nouns, at: int) -> list[tuple[int, Lead]]:
    return phrases._once(("leads", at), lambda: _leads(phrases, at, Lead(), 0))  # type: ignore[return-value]


def _leads(phrases: Nouns, at: int, lead: Lead, depth: int) -> Iterator[tuple[int, Lead]]:
    yield at, lead
    word = phrases.norm(at)
    if depth > 7 or not word or lead.preposition:
        return
    options: list[tuple[int, Lead]] = []
    if word in ("who", "that", "which", "where", "whose") and not lead.relative and not lead.verb and not lead.have:
        options.append((at + 1, replace(lead, relative=True)))
    if word in ("do", "does", "did", "is", "are", "was", "were", "been", "being", "be", "also", "ever",
        "currently", "it", "they", "there", "he", "she"):  # fmt: skip
        options.append((at + 1, lead))
    if word in lexicon.HAVE and not lead.verb:
        options.append((at + 1, replace(lead, have=True)))
    if word in _NEGATIONS and not lead.negated:
        options.append((at + 1, replace(lead, negated=True)))
    if word in ("without", "lacking") and not lead.negated:
        options.append((at + 1, replace(lead, negated=True, have=True)))
        for more in ("any", "a", "an"):
            if phrases.norm(at + 1) == more:
                options.append((at + 2, replace(lead, negated=True, have=True)))
    if word in ("take", "takes", "took", "taking") and phrases.norm(at + 1) == "place" and not lead.verb:
        options.append((at + 2, replace(lead, verb="happen")))
    if word in ("take", "takes", "took", "taking") and phrases.norm(at + 1) == "part" and not lead.verb:
        options.append((at + 2, replace(lead, verb="participate")))
    if (word in VERBS or word in phrases.graph.reference_words) and not lead.verb:
        options.append((at + 1, replace(lead, verb=word)))
    if word in _PREPOSITIONS:
        options.append((at + 1, replace(lead, preposition=word)))
    for start, more_lead in options:
        yield from _leads(phrases, start, more_lead, depth + 1)


def fillers(phrases: Nouns, at: int) -> Iterator[int]:
    """After "whose", "with a", "that are", "who is"."""
    words = ("whose", "had", "had a", "did have", "have", "with", "with a", "with an", "that have",
        "that have a", "who have", "who have a", "that has", "have",
             "have a", "has", "has a", "have an", "has an", "that are", "who are", "that is", "who is", "which are",
                 "are", "is", "having", "having a", "having an",
             "where", "where the", "with the", "whose", "that were", "who were", "which have", "which have a",
                 "that cost",
             "in which the", "who earn", "with their", "that", "who", "which")  # fmt: skip
    yield from phrases.skip(at, words)


def quantities(phrases: Nouns, at: int) -> Iterator[tuple[int, Comparator, int]]:
    """How many of the noun that follows: "at least two", "no", "more than one"."""
    yield at, ">=", 1
    for end, word in phrases.phrase(at, ("no", "any", "some", "a", "an", "one or more", "multiple", "several",
        "only one", "only")):  # fmt: skip
        if word == "no":
            yield end, "=", 0
        elif word in ("multiple", "several"):
            yield end, ">", 1
        elif word == "only one":
            yield end, "=", 1
        elif word != "only":  # "only lamps" is not "some lamp"
            yield end, ">=", 1
    for end, word in [(at, ""), *phrases.phrase(at, lexicon.COMPARISONS), *phrases.phrase(at, ("only", "a total of"))]:
        operator = lexicon.COMPARISONS.get(word, "=")
        for last, number in phrases.any.number(end):
            if isinstance(number, int) and number >= 0:
                yield last, operator, number
                if operator == "=":
                    for final, after in phrases.phrase(last, lexicon.AFTERWARDS):
                        yield final, lexicon.AFTERWARDS[after], number


def ordinals(phrases: Nouns, at: int) -> Iterator[tuple[int, int | None]]:
    yield at, None
    for end, word in phrases.phrase(at, ("second", "third", "fourth", "fifth", "2nd", "3rd", "4th", "5th")):
        places = {"second": 2, "third": 3, "fourth": 4, "fifth": 5, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5}
        yield end, places[word]


def sort_leads(phrases: Nouns, at: int) -> Iterator[tuple[int, bool | None]]:
    for start, word in phrases.phrase(at, _SORTS):
        yield start, _SORTS[word]


_SORTS: Final[dict[str, bool | None]] = {
    **dict.fromkeys((
        "sorted by", "ordered by", "order by", "sort by", "sorted on", "sort the results by", "in order of",
        "ranked by", "in the order of", "ordered according to", "and sort by", "sorted in order of",
        "order the results by", "sort them by", "sort the list by", "sort the names by", "order them by",
        "arranged by", "ordered in",
    ), None),
    **dict.fromkeys((
        "in descending order of", "in the descending order of", "sorted in descending order of",
        "sorted in descending order by", "ordered in descending order of", "in descending order by",
        "sort in descending order of", "and sort in descending order of", "and sort in descending order by",
        "sort in descending order by", "by descending order of", "sorted by descending", "by descending",
        "ordered by descending", "in decreasing order of", "descending by",
        "in descending alphabetical order of",
    ), True),
    **dict.fromkeys((
        "and sort in ascending order of", "and sort in ascending order by", "sort in ascending order of",
        "sort in ascending order by", "in ascending order of", "in the ascending order of",
        "sorted in ascending order of", "in ascending order by", "sorted in ascending order by",
        "ordered in ascending order of", "in alphabetical order of", "by alphabetical order of",
        "in ascending alphabetical order of", "sorted in alphabetical order of", "in the alphabetical order of",
        "in lexicographical order of", "in lexicographic order of", "ordered by ascending",
        "sorted by ascending", "in increasing order of", "by ascending", "ascending by",
        "in an ascending order of", "sort by ascending",
    ), False),
}  # fmt: skip
_DIRECTIONS: Final = {
    **lexicon.DESCENDING,
    "in descending order": True, "in decreasing order": True, "from the highest to the lowest": True,
    "in ascending order": False,
    "from the lowest to the highest": False, "from low to high": False, "from large to small": True,
    "from small to large": False, "from the largest to the smallest": True, "from largest to smallest": True,
    "from smallest to largest": False, "in increasing order": False, "descendingly": True, "ascendingly": False,
    "in alphabetical order": False, "in the ascending order": False, "in the descending order": True,
    "from most to least": True, "from least to most": False, "in reverse order": True,
    "in reverse alphabetical order": True, "in lexicographical order": False, "from latest to earliest": True,
    "from earliest to latest": False, "from newest to oldest": True, "from oldest to newest": False,
    "in chronological order": False, "from longest to shortest": True, "from shortest to longest": False,
    "most first": True,
}  # fmt: skip


_OLDEST_FIRST: Final = {
    "from the oldest to the youngest": True, "from oldest to youngest": True, "from old to young": True,
    "oldest first": True, "from the youngest to the oldest": False, "from youngest to oldest": False,
    "from young to old": False, "youngest first": False,
}  # fmt: skip
"""Orders of persons: the oldest have the highest age, and the earliest date of birth."""


def directions(phrases: Nouns, at: int, *, calendar: bool = False) -> Iterator[tuple[int, bool | None]]:
    """Whether what is named before is descending; ``calendar`` says that it is a date or a year."""
    yield at, None
    for start in phrases.skip(at, (",",)):
        for end, word in phrases.phrase(start, _DIRECTIONS):
            yield end, _DIRECTIONS[word]
        for end, word in phrases.phrase(start, _OLDEST_FIRST):
            yield end, _OLDEST_FIRST[word] is not calendar


def role_cost(graph: Graph, step: Step, verb: str = "") -> int:
    """How much a reference such as ``manager_id`` says beyond "belongs to"; nothing when ``verb`` says the same."""
    named = [p for column in step.edge.columns for p in graph.tables[step.edge.source].column(column).pieces]
    core = [p for p in named if p not in ("id", "code", "key", "no", "number", "name")]
    nouns = {word for words, _ in table_nouns(step.edge.target) for word in words}
    if not core or any(same(p, noun) for p in core for noun in nouns) or step.edge.columns == step.edge.keys:
        return 0
    if verb and any(_root(v) == _root(p) for v in stems(verb) for p in core):
        return -1
    rivals = [e for e in graph.edges if e.source == step.edge.source and e.target == step.edge.target]
    rivals += [e for e in graph.edges if e.source == step.edge.target and e.target == step.edge.source]
    return 2 if len(rivals) > 1 else 0


def _root(word: str) -> str:
    for ending in ("ing", "or", "er", "ed", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
