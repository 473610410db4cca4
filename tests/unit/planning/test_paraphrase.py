"""Questions in plainer words: what is left out, and what never is."""

from __future__ import annotations

import pytest

from csvanalyst_ext.planning.paraphrase import reworded
from csvanalyst_ext.planning.schema import Column, Table
from csvanalyst_ext.planning.words import tokens

ORDERS = Table(
    "orders",
    3,
    (
        Column("order_id", "BIGINT", distinct=3),
        Column("status", "VARCHAR", distinct=2, values=("cancelled", "open"), complete=True),
        Column("delivery_date", "DATE", distinct=3),
    ),
)

PLAINER = [
    ("the shops and their owners", "the shops and the owners"),
    ("the singers and the songs they have performed", "the singers and the songs"),
    ("the number of channels it has", "the number of channels"),
    ("who visited some museums", "who visited museums"),
    ("list the name as well as the age", "list the name and the age"),
    ("which shop has the greatest number of orders", "which shop has the most orders"),
    ("the names, and order the results by age", "the names , sorted by age"),
    ("concerts in or after 2014", "concerts since 2014"),
    (
        "How many models does each maker produce? List the full name and the number.",
        "list the full name and the number of models for each maker",
    ),
    (
        "Which country has the most channels? List the country and the number of channels it has.",
        "which country has the most channels",
    ),
]
KEPT = [
    "list some orders",  # a part of them
    "customers and the number of orders they cancelled",  # a value
    "customers and the orders they delivered",  # the verb of a date
    "the average age of each owner's dogs",  # a number for each
    "what share of flights depart from Oslo",  # of all flights
    "orders with status 'their own'",  # quoted
    "owners who currently have a dog",
    "how many orders are there",
]


@pytest.mark.parametrize(("question", "plain"), PLAINER, ids=[question for question, _ in PLAINER])
def test_a_question_is_said_plainer(question: str, plain: str) -> None:
    found = reworded(tokens(question), (ORDERS,))
    assert found is not None
    assert " ".join(token.norm for token in found) == plain


@pytest.mark.parametrize("question", KEPT)
def test_no_word_that_may_restrict_is_left_out(question: str) -> None:
    assert reworded(tokens(question), (ORDERS,)) is None
