"""From a question to a plan, or to what was not understood.  Pure.

The rule that everything here serves: a plan comes out only if every word of the question has a part in
it, one reading is nearer to the words than all others, and one table alone can answer.  Everything
else is a question back.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from itertools import islice, pairwise
from typing import Final

from ..errors import PlanError
from . import lexicon, quantiles, relations
from .compile import compile_plan
from .describe import title
from .doings import Doings
from .graph import graph_of
from .link import Linker
from .lower import lower
from .measures import expanded
from .outcomes import NotUnderstood as NotUnderstood
from .outcomes import Understood as Understood
from .plan import Among, Filter, Plan, simple
from .questions import Questions
from .rereading import second
from .schema import Column, Table
from .sentences import Reading
from .wording import filters_of, nodes
from .words import Token, akin, forms, key, pieces, tokens

MAX_WORDS: Final = 40
_MAX_READINGS: Final = 4000
_MAX_CHOICES: Final = 8
_MOST_COST: Final = 12
_OTHER_WORDS: Final = frozenset(
    {
        "or",
        "and",
        "both",
        "share",
        "percentage",
        "change",
        "growth",
        "grow",
        "kinds",
        "types",
        "between",
        "no",
        "without",
        "each",
        "values",
        "value",
        "missing",
        "null",
        "either",
        "top",
        "bottom",
        "before",
        "after",
        "since",
        "prior",
        "earlier",
        "later",
        "onwards",
        "old",
        "of",
        "ratio",
        "range",
        "never",
        "more",
    }
)


def understand(question: str, tables: Sequence[Table]) -> Understood | NotUnderstood:
    """What ``question`` means on these tables."""
    return _understand(question, tuple(tables))


@lru_cache(maxsize=64)  # the planner meets a question again after each reply of a tool
def _understand(question: str, tables: tuple[Table, ...]) -> Understood | NotUnderstood:
    words = tokens(question)
    if not tables:
        return NotUnderstood("no_tables", "There is no data yet. Add a file or a data frame first.")
    if len(words) > MAX_WORDS:
        return NotUnderstood("too_long", f"I understand questions of up to {MAX_WORDS} words. Ask in fewer words.")
    meant = _read(words, tables)
    if isinstance(meant, NotUnderstood) and meant.reason in ("unknown_words", "unknown_form"):
        again = second(words, tables, _read, vocabulary())
        # A text that no description shows is looked up first: another reading must not come before the data.
        meant = again if again is not None else meant
    return (_of_another_date(meant, words) or meant) if isinstance(meant, Understood) else meant


def _read(words: tuple[Token, ...], tables: tuple[Table, ...]) -> Understood | NotUnderstood:
    scopes = {table.name: Questions(table, words) for table in tables}
    together = _of_all_tables(words, tables, scopes) if len(tables) > 1 and words else None
    if isinstance(together, Understood):
        return _not_by_key(together, words, tables)
    alone = _of_one_table(words, tables, scopes)
    if len(tables) > 1:
        if isinstance(alone, Understood):
            alone = _not_by_key(alone, words, tables)
        settled = isinstance(alone, Understood) or alone.reason in ("open", "ambiguous")
        return alone if settled or together is None else together
    if isinstance(alone, Understood) or alone.reason in ("open", "ambiguous") or not words:
        return alone
    return _of_all_tables(words, tables, scopes) or alone


def _of_one_table(
    words: tuple[Token, ...], tables: Sequence[Table], scopes: Mapping[str, Questions]
) -> Understood | NotUnderstood:
    found: list[tuple[Reading, Table]] = []
    for table in tables:
        with contextlib.suppress(PlanError):  # of measures that do not go together so
            readings = best(scopes[table.name].readings(), table)
            found += [(replace(one, plan=expanded(one.plan, (table,))), table) for one in readings]
    if not found:
        return _not_understood(words, tables)
    least = min(reading.cost for reading, _ in found)
    nearest = [(reading, table) for reading, table in found if reading.cost == least]
    plans = list(dict.fromkeys(reading.plan for reading, _ in nearest if not reading.ask))
    if len(plans) > 1 or (plans and len({table.name for _, table in nearest}) > 1):
        return _ambiguous(nearest)
    asked = [reading for reading, _ in nearest if reading.ask]
    if asked:
        return NotUnderstood("open", asked[0].ask, asked[0].choices)
    reading, table = nearest[0]
    # The stricter of several readings of one plan.
    each = next((r.one_row_each for r, _ in nearest if r.one_row_each), "")
    single = all(r.one_row for r, _ in nearest)
    return Understood(reading.plan, (table,), each, single, _texts(reading.plan))


def _of_all_tables(
    words: tuple[Token, ...], tables: Sequence[Table], scopes: Mapping[str, Questions]
) -> Understood | NotUnderstood | None:
    """The reading over all tables and their references; ``None`` when there is none."""
    graph = graph_of(tuple(tables))
    meanings = [meant for meant in Doings(graph, words, scopes).meanings() if meant.cost <= _MOST_COST]
    if not meanings:
        return None
    least = min(meant.cost for meant in meanings)
    nearest = [meant for meant in meanings if meant.cost == least]
    if any(meant.ask for meant in nearest):
        asked = next(meant for meant in nearest if meant.ask)
        return NotUnderstood("open", asked.ask, asked.choices)
    try:
        lowered = [expanded(lower(meant.query, graph), tables) for meant in nearest]
    except PlanError:
        return None
    plans = {compile_plan(plan): plan for plan in lowered}
    if len(plans) > 1:
        choices = tuple(dict.fromkeys(title(plan) for plan in plans.values()))[:_MAX_CHOICES]
        return NotUnderstood("ambiguous", "This can be read in more than one way. Which do you mean?", choices)
    (plan,) = plans.values()
    used = _tables_of(plan)
    return Understood(plan, tuple(t for t in tables if t.name in used), texts=_texts(plan))


def _not_by_key(meant: Understood, words: Sequence[Token], tables: Sequence[Table]) -> Understood | NotUnderstood:
    """A question back where only keys of another table's rows would be shown and nobody asked for keys: who is wanted
    has a name there."""
    plan = meant.plan
    if plan.joins or plan.source:
        return meant
    graph = graph_of(tuple(tables))
    shown = (*plan.select, *(d.column for d in plan.dimensions))
    named = [n for n in shown if graph.refers(plan.table, n)]
    said = {form for token in words for form in forms(token.norm)}
    name = next((n for n in named if key(n) not in said and pieces(n)[-1] not in said), None)
    if name is None or any("_" in token.norm for token in words):
        return meant
    return NotUnderstood("open", f"I can only tell {name} of them. Is that what you want?", (f"by {name}",))


_THEN_A_TIME: Final = frozenset({"in", "on", "after", "before", "since", "between", "during", "from", "until"})
_LOOSELY: Final = frozenset({"in", "during"})
"""After these, the only date of the rows is meant: orders "cancelled in 2022" are orders of 2022."""


def _of_another_date(meant: Understood, words: Sequence[Token]) -> NotUnderstood | None:
    """A question back where "shipped after May" was read as a status and the date of something else."""
    filters = filters_of(meant.plan)
    values = {key(str(value)) for f in filters for value in f.values}
    dates = [f for f in filters if f.part or any(isinstance(value, dt.date) for value in f.values)]
    for token, after in pairwise(words):
        if key(token.text) not in values or after.norm not in _THEN_A_TIME or not token.norm.endswith("ed"):
            continue
        other = [f.column for f in dates if not any(akin(token.norm, piece) for piece in pieces(f.column))]
        known = [c for table in meant.tables for c in table.columns if c.kind == "date" or c.is_year]
        if other and not (after.norm in _LOOSELY and len(known) == 1):
            name = other[0].rpartition(".")[2]
            question = f'I know no date on which something was "{token.text}". Do you mean {name}?'
            return NotUnderstood("open", question, (name,))
    return None


def _tables_of(plan: Plan) -> set[str]:
    found = {plan.table, *(join.table for join in plan.joins)}
    found |= _tables_of(plan.source) if plan.source else set()
    for condition in plan.filters:
        for node in nodes(condition):
            if isinstance(node, Among):
                found |= _tables_of(node.plan)
    return found


def best(readings: Iterable[Reading], table: Table) -> list[Reading]:
    """The readings of least cost, without contradictory ones, each plan once."""
    kept: dict[tuple[Plan, str, bool, str], Reading] = {}
    for reading in islice(readings, _MAX_READINGS):
        if not _contradicts(simple(reading.plan.filters)):
            plan = replace(reading.plan, filters=_in_order(simple(reading.plan.filters)))
            if plan.distinct and any(table.unique(table.column(name)) is True for name in plan.select):
                plan = replace(plan, distinct=False)  # each row is there once anyway
            identity = (plan, reading.one_row_each, reading.one_row, reading.ask)
            if identity not in kept or kept[identity].cost > reading.cost:
                kept[identity] = replace(reading, plan=plan)
    least = min((reading.cost for reading in kept.values()), default=0)
    return [reading for reading in kept.values() if reading.cost == least]


def _in_order(filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """Equal for filters that differ in order or are said twice."""
    return tuple(sorted(set(filters), key=lambda f: (f.column, f.part, f.operator, str(f.values))))


def _contradicts(filters: tuple[Filter, ...]) -> bool:
    """Whether one column must equal two things: "from A and B" does not mean both at once."""
    fixed: dict[tuple[str, str], Filter] = {}
    for filter_ in filters:
        if filter_.operator in ("=", "in", "null"):
            place = (filter_.column, filter_.part)
            if fixed.setdefault(place, filter_) != filter_:
                return True
    missing = {f.column for f in filters if f.operator == "null"}
    return any(f.column in missing and f.operator != "null" for f in filters)


def _texts(plan: Plan) -> tuple[str, ...]:
    """The texts that are looked for as whole values."""
    found = [
        value
        for filter_ in filters_of(plan)
        if filter_.operator in ("=", "<>", "in", "not in")
        for value in filter_.values
        if isinstance(value, str)
    ]
    return tuple(dict.fromkeys(found))


# --- asking back ----------------------------------------------------------------------------------


def _ambiguous(nearest: Sequence[tuple[Reading, Table]]) -> NotUnderstood:
    several = len({table.name for _, table in nearest}) > 1
    named = [title(reading.plan) + (f" (in {table.name})" if several else "") for reading, table in nearest]
    choices = tuple(dict.fromkeys(named))[:_MAX_CHOICES]
    if several:
        return NotUnderstood("ambiguous", "More than one table can answer this. Which do you mean?", choices)
    return NotUnderstood("ambiguous", "This can be read in more than one way. Which do you mean?", choices)


def _not_understood(words: Sequence[Token], tables: Sequence[Table]) -> NotUnderstood:
    if not words:
        return NotUnderstood("unknown_form", "There is no question.", examples(tables))
    unknown_by_table = {table.name: _unknown(words, table) for table in tables}
    fewest = min(len(unknown) for unknown in unknown_by_table.values())
    likely = [table for table in tables if len(unknown_by_table[table.name]) == fewest]
    unknown = unknown_by_table[likely[0].name]
    if not unknown:
        message = (
            "I know each of these words, but not what they mean together. I answer counts, sums, averages, medians, "
            "lowest and highest values, shares, changes, groups, filters, top lists and lists."
        )
        if len(tables) > 1:
            message += " Tables are joined only by columns that refer to another table's key."
        names = [i for i, token in enumerate(words) if i and (token.kind == "quoted" or token.text[:1].isupper())]
        return NotUnderstood("unknown_form", message, examples(likely), _spans(words, names))
    said = ", ".join(f'"{words[i].text}"' for i in unknown)
    message = f"I do not understand {said}."
    if len(tables) > 1 and any(not _unknown_in_all(words[i], tables) for i in unknown):
        message += " No single table has all of what you ask for."
    close = _close(tuple(words[i] for i in unknown), likely)
    if close:
        message += " Did you mean one of these names?"
    return NotUnderstood("unknown_words", message, close or examples(likely), _spans(words, unknown))


def _unknown(words: Sequence[Token], table: Table) -> list[int]:
    linker = Linker(table, words)
    measured = {word for m in table.measures for name in (m.name, *m.synonyms) for word in pieces(name)}
    return [
        index
        for index, token in enumerate(words)
        if not (token.kind == "mark" and token.norm in (",", "'s"))
        and token.kind != "operator"
        and not (token.number is not None or token.date is not None)
        and not (token.kind == "word" and token.norm in vocabulary())
        and token.norm not in measured
        and not linker.touches(index)
    ]


def _unknown_in_all(token: Token, tables: Sequence[Table]) -> bool:
    return all(_unknown((token,), table) for table in tables)


def _spans(words: Sequence[Token], unknown: Sequence[int]) -> tuple[str, ...]:
    """Texts around unknown words that may be values: "john f kennedy intl" around "kennedy"."""
    found: dict[str, None] = {}
    for index in unknown:
        if words[index].kind == "mark":
            continue
        if words[index].kind == "quoted":
            found[key(words[index].text)] = None
            continue
        for start in range(max(0, index - 6), index + 1):
            for end in range(index + 1, min(len(words), index + 6) + 1):
                span = words[start:end]
                if end - start <= 7 and all(t.kind in ("word", "number") for t in span):
                    text = " ".join(t.text for t in span)
                    found[key(text)] = None
                    if end == index + 1 or end == len(words):
                        for form in forms(span[-1].norm) - {span[-1].norm}:
                            found[key(" ".join([*(t.text for t in span[:-1]), form]))] = None
    return tuple(text for text in found if text)


@cache
def vocabulary() -> frozenset[str]:
    """Every single word of the fixed phrases."""
    words = {word for phrases in lexicon.PHRASES for phrase in phrases for word in phrase.split()}
    return frozenset(words | _OTHER_WORDS | quantiles.WORDS | relations.VERBS)


def _close(unknown: Sequence[Token], tables: Sequence[Table]) -> tuple[str, ...]:
    """Names and values that contain an unknown word, or look like it."""
    names = [name for table in tables for c in table.columns for name in (c.name, *c.values[:20])]
    found: dict[str, None] = {}
    for token in unknown:
        said = forms(token.norm)
        found |= dict.fromkeys(name for name in names if said & _written_out(name))
        keys = {key(name): name for name in names}
        found |= {keys[k]: None for k in difflib.get_close_matches(key(token.text), list(keys), 2, 0.8)}
    return tuple(found)[:_MAX_CHOICES]


def _written_out(name: str) -> set[str]:
    words = pieces(name)
    return {*words, *(long for word in words for long in lexicon.ABBREVIATIONS.get(word, ()))}


def examples(tables: Sequence[Table]) -> tuple[str, ...]:
    """Questions that can be answered on the first of these tables; each one was tried."""
    table = tables[0]
    place = f" in {table.name}" if len(tables) > 1 else ""
    numbers = [c for c in table.columns if c.kind == "number" and c.switch is None and not _label_like(c)]
    groups = [c for c in table.columns if c.kind == "text" and c.distinct <= 50 and c.switch is None]
    tried = [f"How many rows are there{place}?"]
    if numbers:
        tried.append(f"What is the average {numbers[0].name}{place}?")
    if numbers and groups:
        tried.append(f"Which {groups[0].name} has the highest average {numbers[0].name}{place}?")
    if groups:
        tried.append(f"How many rows{place} for each {groups[0].name}?")
    words = [(text, tokens(text)) for text in tried]
    return tuple(text for text, cut in words if any(True for _ in Questions(table, cut).readings()))


def _label_like(column: Column) -> bool:
    return (
        column.is_year
        or column.is_month
        or column.is_day
        or column.pieces[-1:] == ("id",)
        or column.pieces[-1:] == ("key",)
    )
