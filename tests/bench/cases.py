"""The questions that every way answers, and the data that they are asked of."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

LARGE_ROWS = 5_000_000


@dataclass(frozen=True)
class Case:
    """``gives`` is what the answer is turned into: ``frame`` (pandas) or ``arrow``.  ``runs`` is for the fastest
    ways.  ``large`` results do not travel as text.  ``whole`` is a question with all that comes with it."""

    name: str
    text: str
    tables: tuple[str, ...] = ()
    language: str = "sql"
    gives: str = "frame"
    runs: int = 60
    large: bool = False
    whole: bool = False
    ours_only: bool = False
    pause: float | None = None


SELECT_1 = Case("SELECT 1", "SELECT 1 AS one", runs=100)
AT_ONCE = Case("SELECT 1, asked at once, no pause", "SELECT 1 AS one", runs=100, pause=0.0, ours_only=True)
WHOLE = Case("SELECT 1, with its run capsule", "SELECT 1 AS one", runs=40, whole=True, ours_only=True)
GROUP_BY = Case(
    "group-by over 336,776 flights",
    "SELECT carrier, count(*) AS n, avg(dep_delay) AS delay FROM flights GROUP BY carrier ORDER BY carrier",
    ("flights",),
)
JOIN = Case(
    "join of flights and planes",
    "SELECT p.manufacturer, count(*) AS n, avg(f.distance) AS distance "
    "FROM flights f JOIN planes p ON f.tailnum = p.tailnum GROUP BY p.manufacturer ORDER BY n DESC, p.manufacturer",
    ("flights", "planes"),
)
PYTHON = Case(
    "Python groupby on a registered frame",
    'frame.groupby("carrier", as_index=False)["dep_delay"].mean()',
    ("frame",),
    language="python",
)
LARGE_ARROW = Case("5 million rows to Arrow", "SELECT * FROM large", ("large",), gives="arrow", runs=15, large=True)
LARGE_FRAME = Case("5 million rows to a DataFrame", "SELECT * FROM large", ("large",), runs=15, large=True)
CASES = (SELECT_1, AT_ONCE, WHOLE, GROUP_BY, JOIN, PYTHON, LARGE_ARROW, LARGE_FRAME)


def write_large(path: Path) -> Path:
    """Five million rows of a whole number, a fraction and a moment: 120 MB as Arrow."""
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT range AS id, (range * 7919 % 1000003) / 7 AS amount, "
            "TIMESTAMP '2024-01-01' + to_seconds(range * 60) AS moment "
            f"FROM range({LARGE_ROWS})) TO '{path}' (FORMAT parquet)"
        )
    return path


def write_csv(path: Path, size: int) -> int:
    """A CSV of about ``size`` bytes with numbers, dates, words and quoted text; its real size."""
    chance = random.Random(7)
    words = ["north", "south", "east", "west", "Zürich", "São Paulo", 'said "no"', "a, b"]
    quoted = ['"' + word.replace('"', '""') + '"' if set(word) & set(',"') else word for word in words]
    block = "".join(
        f"{i},{chance.random():.6f},{quoted[chance.randrange(8)]},2024-{1 + i % 12:02}-{1 + i % 28:02},"
        f"{chance.randrange(10**6)},{quoted[chance.randrange(8)]},{chance.gauss(0, 100):.3f}\n"
        for i in range(20_000)
    ).encode()
    with path.open("wb") as file:
        file.write(b"id,share,region,day,amount,remark,delta\n")
        while file.tell() < size:
            file.write(block)
    return path.stat().st_size


def append_row(path: Path) -> None:
    """Other bytes, so that nothing comes from a cache."""
    with path.open("ab") as file:
        file.write(b"1,0.5,north,2024-01-01,5,a,0.5\n")


def linked(files: Mapping[str, Path], directory: Path) -> dict[str, Path]:
    """The files as ``directory/NAME.parquet``, for all to read; no copies."""
    directory.mkdir()
    directory.chmod(0o755)
    found = {}
    for name, file in files.items():
        found[name] = directory / f"{name}.parquet"
        found[name].hardlink_to(file)
    return found
