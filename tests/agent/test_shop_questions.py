"""Questions about one table of orders, as people say them: the answers are those of the SQL beside the question."""

from __future__ import annotations

import pytest

from csvanalyst_ext.planning.compile import compile_plan
from csvanalyst_ext.planning.schema import Table
from csvanalyst_ext.planning.understand import NotUnderstood, Understood, understand

from .bench import DuckDBWorkbench
from .test_relational_questions import holds, known, rows

SHOP = """
    SELECT * FROM (VALUES
        (1, 'Ada Poe', 'Lamp', 2, 20.0, DATE '2021-01-03', 'yes'),
        (2, 'Bob Ray', 'Chair', 1, 85.0, DATE '2021-01-20', 'no'),
        (3, 'Ada Poe', 'Chair', 4, 85.0, DATE '2021-02-07', 'yes'),
        (4, 'Cy Fox', 'Desk', 1, 150.0, DATE '2022-02-09', 'yes'),
        (5, 'Ada Poe', 'Pen', 10, 2.5, DATE '2022-02-09', NULL),
        (6, 'Cy Fox', 'Lamp', 3, 20.0, DATE '2022-03-01', 'no'),
        (7, 'Di Orr', 'Lamp', 1, 20.0, DATE '2022-03-15', 'yes'),
        (8, 'Cy Fox', 'Pen', 5, 2.5, DATE '2022-05-02', 'yes')
    ) t("order_id", "Customer Name", "Product", "Qty", "Unit Price", "Order Date", "Shipped")
"""
WEATHER = """
    SELECT * FROM (VALUES (DATE '2024-01-01', 'rain', 3.5), (DATE '2024-01-02', 'sun', 1.0),
        (DATE '2024-01-03', 'sun', 6.0), (DATE '2024-01-04', 'snow', 2.0)) t("date", "weather", "wind")
"""
NATIONS = """
    SELECT * FROM (VALUES ('Chad', 2000, 8.0, 47.5), ('Chad', 2010, 12.0, 52.0), ('Peru', 2000, 26.0, 70.5),
        ('Peru', 2010, 29.0, 73.4)) t("country", "year", "pop_millions", "lifeExp")
"""
ANSWERS = [
    ("shop", "What share of orders were shipped?", "SELECT 62.5"),
    ("shop", "What proportion of orders in 2022 were shipped?", "SELECT 60.0"),
    ("shop", "What percentage of lamps were shipped?", "SELECT 200 / 3"),
    ("shop", "percentage of rows where Qty is over 2", "SELECT 50.0"),
    ("shop", "List the customers who bought both a lamp and a chair", "SELECT 'Ada Poe'"),
    ("shop", "Which customers bought a lamp but not a chair?", "SELECT unnest(['Cy Fox', 'Di Orr'])"),
    ("shop", "How many customers bought both lamps and chairs?", "SELECT 1"),
    ("shop", "which customers have ordered more than 2 different products?", "SELECT unnest(['Ada Poe', 'Cy Fox'])"),
    ("shop", "Who is the second most frequent customer?", "SELECT unnest(['Bob Ray', 'Di Orr']), 1"),
    ("shop", "Who is the most frequent customer?", "SELECT unnest(['Ada Poe', 'Cy Fox']), 3"),
    ("shop", "How many customers are there?", "SELECT 4"),
    ("shop", "how many different products were ordered?", "SELECT 4"),
    ("shop", "what kinds of product are there", "SELECT DISTINCT \"Product\" FROM shop"),
    ("shop", "By how much did total qty grow from 2021 to 2022?", "SELECT 13"),
    ("shop", "By how many percent did the number of orders grow from 2021 to 2022?", "SELECT 200 / 3"),
    ("shop", "percentage growth of total qty from 2021 to 2022", "SELECT 1300 / 7"),
    ("shop", "year over year change in total qty", "SELECT * FROM (VALUES (2021, 7, NULL), (2022, 20, 13))"),
    (
        "shop",
        "month over month change of total qty",
        """SELECT * FROM (VALUES (DATE '2021-01-01', 3, NULL), (DATE '2021-02-01', 4, 1), (DATE '2022-02-01', 11, NULL),
           (DATE '2022-03-01', 4, -7), (DATE '2022-05-01', 5, NULL))""",
    ),
    ("shop", "90th percentile of unit price", 'SELECT quantile_cont("Unit Price"::DOUBLE, 0.9) FROM shop'),
    (
        "shop",
        "95th percentile of qty for lamps",
        "SELECT quantile_cont(\"Qty\", 0.95) FROM shop WHERE \"Product\" = 'Lamp'",
    ),
    ("shop", "upper quartile of qty by product", 'SELECT "Product", quantile_cont("Qty", 0.75) FROM shop GROUP BY 1'),
    (
        "shop",
        "interquartile range of unit price",
        'SELECT quantile_cont("Unit Price"::DOUBLE, 0.75) - quantile_cont("Unit Price"::DOUBLE, 0.25) FROM shop',
    ),
    ("shop", "On how many days were there orders?", "SELECT 7"),
    ("shop", "On how many days were lamps ordered?", "SELECT 3"),
    ("shop", "which year had the most orders?", "SELECT 2022, 5"),
    ("shop", "In which year were there the most orders?", "SELECT 2022, 5"),
    (
        "shop",
        "List the products with their unit price, cheapest first.",
        'SELECT "Product", "Unit Price" FROM shop',
    ),
    ("weather", "How many sun days were there?", "SELECT 2"),
    ("weather", "how many more sun days than rain days were there?", "SELECT 1"),
    ("weather", "On how many days was the wind below average?", "SELECT 2"),
    ("weather", "share of days by weather", "SELECT weather, 25.0 * count(*) FROM weather GROUP BY 1"),
    ("nations", "average life expectancy in 2010", "SELECT 62.7"),
    ("nations", "percentage growth of the population of Chad from 2000 to 2010", "SELECT 50.0"),
]  # fmt: skip
ASKED = [
    ("shop", "how many orders were returned?"),
    ("shop", "customers who returned both a lamp and a chair"),
    ("shop", "customers who never returned a lamp"),
    ("shop", "On how many days were lamps returned?"),
    ("shop", "Which month had the most orders?"),
    ("shop", "120th percentile of qty"),
    ("shop", "what fraction of the lamps are chairs?"),
    ("shop", "how many lamps by product?"),
    ("shop", "90th percentile of product"),
    ("shop", "customers who bought both a lamp and a piano"),
    ("shop", "how many days did the sun shine?"),
    ("nations", "percentage growth of life expectancy of Chad from 2000 to 2010"),
]  # fmt: skip


@pytest.fixture(scope="module")
def benches() -> dict[str, tuple[DuckDBWorkbench, list[Table]]]:
    found = {}
    for name, sql in {"shop": SHOP, "weather": WEATHER, "nations": NATIONS}.items():
        bench = DuckDBWorkbench({name: sql})
        found[name] = bench, known(bench)
    return found


@pytest.mark.parametrize(("table", "question", "sql"), ANSWERS, ids=[q for _, q, _ in ANSWERS])
def test_the_answer_is_that_of_the_sql(
    benches: dict[str, tuple[DuckDBWorkbench, list[Table]]], table: str, question: str, sql: str
) -> None:
    bench, tables = benches[table]
    meaning = understand(question, tables)
    assert isinstance(meaning, Understood), meaning
    found, wanted = (rows(bench, text) for text in (compile_plan(meaning.plan), sql))
    assert holds(found, wanted), (compile_plan(meaning.plan), found, wanted)


@pytest.mark.parametrize(("table", "question"), ASKED, ids=[q for _, q in ASKED])
def test_what_is_not_said_is_asked_back(
    benches: dict[str, tuple[DuckDBWorkbench, list[Table]]], table: str, question: str
) -> None:
    assert isinstance(understand(question, benches[table][1]), NotUnderstood)
