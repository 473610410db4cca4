"""What the offline planner must not guess, and what it says in other words: on the data of the later questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from csvanalyst_ext.agent.events import Conclusion
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.config import OFFLINE_MODEL, Settings
from csvanalyst_ext.evaluation.scoring import Verdict
from csvanalyst_ext.llm.gateway import Gateway

from .bench import DuckDBWorkbench
from .conftest import Run
from .evaluation import harness

DATA = Path(__file__).parent / "evaluation" / "data"
LATER = harness.items(harness.LATER)

Ask = Callable[..., Conclusion]


@pytest.fixture(scope="module")
def benches() -> dict[str, DuckDBWorkbench]:
    names = (
        "retail",
        "hospital",
        "hr",
        "league",
        "birds",
        "clinic",
        "plants",
        "shop",
        "marathon",
        "exam",
        "inspections",
        "fitness",
        "apiary",
        "stages",
        "cartoons",
        "quartets",
        "ferries",
        "contest",
        "lessons",
        "chessclub",
        "aquarium",
        "ponies",
        "athletes",
    )
    return {name: DuckDBWorkbench({p.stem: p for p in sorted((DATA / name).glob("*.csv"))}) for name in names}


@pytest.fixture(scope="module")
def asked(run: Run, benches: dict[str, DuckDBWorkbench]) -> Ask:
    gateway = Gateway(Settings(model_access="offline"))

    def ask(data: str, *texts: str) -> Conclusion:
        history: tuple[object, ...] = ()
        for text in texts:
            conclusion = run(
                answer(
                    text, gateway=gateway, model=OFFLINE_MODEL, toolbox=toolbox(benches[data]), limits=AgentLimits(),
                    history=history, emit=lambda event: None,
                )
            )  # fmt: skip
            history = (*history, *conclusion.messages[1 + len(history) :])
        return conclusion

    return ask


UNSURE = [
    ("retail", "Which products have been ordered by all customers?"),  # all, not some
    ("retail", "customers who ordered only Furniture"),  # nothing else, not some
    ("retail", "customers who ordered every product"),
    ("hr", "which departments have only remote workers?"),
    ("retail", "customers with more than 5 products"),  # counted through orders
    ("hospital", "which patients have not been discharged yet?"),  # only their keys are at hand there
    ("retail", "orders that were shipped late"),
    ("shop", "show the orders shipped after 2023-01-01"),  # there is a status, and no date of it
    ("marathon", "how many winners are there?"),  # some of the persons, and nothing says which
    ("marathon", "how many managers are from Kenya?"),
    ("inspections", "how many runners are there?"),  # no persons at all
    ("inspections", "worst violation score of Taco Land"),  # the highest or the lowest
    ("fitness", "total monthly fee (EUR) by room"),  # through bookings, which say nothing about the fee
    ("apiary", "average queen year by honey type"),  # a hive would count once for each harvest
    ("apiary", "total honey in hours"),
    ("stages", "What is the maximum capacity and the average of all venues?"),  # the highest average, or which?
    ("quartets", "list the leaders currently working"),  # a word that may restrict is not left out
]

SAID_OTHERWISE = [
    ("marathon", "how many runners over 60 finished?", "how many rows with age over 60 and status finished"),
    ("marathon", "the oldest runner of each country", "oldest runner per country"),
    ("inspections", "How many restaurants got a C?", "How many different restaurants have grade C?"),
    ("inspections", "grades by number of inspections", "number of inspections by grade, highest first"),
    ("fitness", "How many bookings did women make?", "number of bookings of female members"),
    ("apiary", "harvests over 25 kg", "harvests with honey over 25"),
    ("retail", "customers who did not order in 2022", "which customers did not place any order in 2022?"),
    ("retail", "products with a higher price than the average", "products that cost more than the average"),
    ("plants", "Which plants have a larger capacity than the average plant?", "plants with a capacity above average"),
    ("league", "average goals by team", "average goals per team"),
    ("league", "total goals of forwards", "total goals of players with position Forward"),
    ("hospital", "patients admitted at least three times", "patients with at least three admissions"),
    ("hospital", "how many women were admitted in 2022?", "how many patients with sex F had an admission in 2022?"),
    ("birds", "heaviest species", "species with the highest avg weight"),
    ("plants", "total capacity of the gas plants", "sum of capacity (MW) where fuel type is gas"),
    # a pronoun, a word too much, an order in a sentence of its own
    ("cartoons", "List all cartoon titles and their directors", "List all cartoon titles and directors"),
    ("quartets", "names of leaders and the quartets they have led", "names of leaders and quartets"),
    ("quartets", "which leader has the largest number of quartets", "which leader has the most quartets"),
    ("stages", "How many gigs were in or after 2015?", "How many gigs were since 2015?"),
    ("ferries", "How many sailings depart from 'KRS'?", "How many sailings are from KRS?"),
    ("ferries", "How many sailings arrive at KRS?", "How many sailings to KRS?"),
    ("contest", "How many contestants did not get voted?", "How many contestants were not voted?"),
    ("lessons", "names of tutors aged either 32 or 33", "names of tutors aged 32 or 33"),
    ("lessons", "List the most common hometown of tutors", "Show the most common hometown of tutors"),
    # rows that are other rows in another role
    ("chessclub", "names of people that are not chess players", "names of people without a chess player"),
    # a name in another form
    ("cartoons", "How many cartoons have the director 'Nora Feld'?", "How many cartoons are directed by 'Nora Feld'?"),
    ("aquarium", "average membership level of visitors", "average level of membership of visitors"),
    ("stages", "What is the nation of each musician?", "What is the country of each musician?"),
    ("ponies", "average total number of ponies", "average total ponies"),
    # a noun of the table before a value of the same name
    ("ponies", "the most common status of towns", "the most common status"),
]

ORDERS = [
    ("stages", "Show name and age of musicians ordered by age from the oldest to the youngest", '"Age" DESC'),
    ("stages", "Show name and age of musicians ordered by age from young to old", '"Age" NULLS'),
    ("athletes", "List the first name of players ordered by date of birth from old to young", '"birth_date" NULLS'),
    ("athletes", "List the first name of players in order of date of birth, youngest first", '"birth_date" DESC'),
]


@pytest.mark.parametrize(("data", "question"), UNSURE, ids=[question for _, question in UNSURE])
def test_what_it_cannot_say_is_asked_back(asked: Ask, data: str, question: str) -> None:
    conclusion = asked(data, question)
    assert conclusion.status == "clarify", [step.code for step in conclusion.steps]


@pytest.mark.parametrize(("data", "one", "other"), SAID_OTHERWISE, ids=[one for _, one, _ in SAID_OTHERWISE])
def test_the_same_in_other_words_has_the_same_answer(asked: Ask, data: str, one: str, other: str) -> None:
    first, second = asked(data, one), asked(data, other)
    assert first.status == second.status == "ok"
    assert first.result is not None
    assert second.result is not None
    assert sorted(first.result.table.to_pylist(), key=str) == sorted(second.result.table.to_pylist(), key=str)


@pytest.mark.parametrize(("data", "question", "order"), ORDERS, ids=[question for _, question, _ in ORDERS])
def test_the_oldest_have_the_highest_age_and_the_earliest_birth(
    asked: Ask, data: str, question: str, order: str
) -> None:
    assert f"ORDER BY {order}" in asked(data, question).steps[-1].code


def test_a_word_before_a_noun_is_no_column_to_show(asked: Ask) -> None:
    conclusion = asked("ponies", "show the themes of shows with host towns")
    assert conclusion.status == "clarify" or "Host" not in conclusion.steps[-1].code.partition("FROM")[0]


def test_rows_that_are_tied_by_others_count_once(asked: Ask) -> None:
    conclusion = asked("clinic", "number of patients per doctor")
    assert "count(DISTINCT" in conclusion.steps[-1].code


FOLLOW_UPS = [
    (("players from Brazil", "who are older than 25"), "\"nationality\" = 'Brazil'"),
    (("How many players are from Brazil?", "and their average age?"), "\"nationality\" = 'Brazil'"),
    (("average age by position", "and the highest?"), 'max("age")'),
    (("number of players by position", "only the top 2"), "<= 2"),
]


@pytest.mark.parametrize(("texts", "kept"), FOLLOW_UPS, ids=[texts[1] for texts, _ in FOLLOW_UPS])
def test_a_follow_up_keeps_what_was_asked_before(asked: Ask, texts: tuple[str, ...], kept: str) -> None:
    conclusion = asked("league", *texts)
    assert conclusion.status == "ok"
    assert kept in conclusion.steps[-1].code
    assert conclusion.prose.startswith("Read as")


def test_a_word_for_what_was_asked_before_is_not_read_alone(asked: Ask) -> None:
    conclusion = asked("league", "total goals per team", "and their average age?")
    assert conclusion.status == "clarify"


def test_of_the_later_questions_none_is_answered_wrongly(run: Run) -> None:
    """Every fourth of them here; ``make eval`` asks all."""
    chosen = LATER[::4]
    benches = harness.Benches(chosen)
    gateway = Gateway(Settings(model_access="offline"))
    verdicts = {item.id: harness.ask(run, gateway, benches.of(item), item).verdict for item in chosen}
    assert [name for name, verdict in verdicts.items() if verdict in (Verdict.WRONG, Verdict.FAILED)] == []
    assert list(verdicts.values()).count(Verdict.RIGHT) > 0.7 * len(chosen)


def test_a_noun_that_the_table_does_not_have_is_said_to_be_taken_for_its_rows(asked: Ask) -> None:
    conclusion = asked("marathon", "average age of runners from Kenya or Ethiopia")
    assert conclusion.status == "ok"
    assert "Runners are taken to be the rows of results." in conclusion.prose


def test_where_that_is_not_sure_just_that_is_asked(asked: Ask) -> None:
    assert "Are winners the rows of results?" in asked("marathon", "how many winners are from Kenya?").prose


def test_best_and_worst_are_asked_with_both_ways_to_choose_from(asked: Ask) -> None:
    assert "the highest or the lowest" in asked("inspections", "worst violation score of Taco Land").prose


def test_another_unit_is_calculated_and_said(asked: Ask) -> None:
    hours, minutes = asked("marathon", "average finish time in hours"), asked("marathon", "average finish time")
    assert hours.result is not None
    assert minutes.result is not None
    (one,), (other,) = (list(c.result.table.to_pylist()[0].values()) for c in (hours, minutes) if c.result)
    assert one * 60 == pytest.approx(other)
    assert "divided by 60" in hours.prose


def test_first_places_of_each_group_keep_ties(asked: Ask) -> None:
    conclusion = asked("marathon", "oldest runner of each country")
    assert conclusion.result is not None
    rows = conclusion.result.table.to_pylist()
    assert len({row["country"] for row in rows}) == 5
    assert len([row for row in rows if row["country"] == "Kenya"]) == 2
