"""A data dictionary in a real kernel with a real sandbox: written, attached later, and used by plans and questions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .test_kernel import Kernel

LINES = "order_no,line,region,price,quantity\nA,1,north,2.5,2\nA,2,north,4,1\nB,1,south,10,2\nC,1,east,3,\n"
RETURNS = "order_no,line,pieces\nA,2,1\nB,1,2\n"
SAID = """
key: [order_no, line]
columns:
  region: {synonyms: [area]}
measures:
  revenue: sum(price * quantity)
"""
ABOUT_RETURNS = "references: [{columns: [order_no, line], refers_to: [lines.order_no, lines.line]}]\n"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = tmp_path_factory.mktemp("kernel")
    for name, text in {"lines.csv": LINES, "returns.csv": RETURNS, "said.yaml": SAID, "r.yaml": ABOUT_RETURNS}.items():
        (home / name).write_text(text)
    made = Kernel(home)
    made.run("%analyst add lines.csv returns.csv")
    yield made
    made.close()


def shown(kernel: Kernel, cell: str) -> str:
    done = kernel.run(cell)
    assert done["status"] == "ok", done
    return "\n".join(bundle["text/plain"] for bundle in done["bundles"])


def test_a_dictionary_given_later_is_used_by_plans_and_questions(kernel: Kernel) -> None:
    assert "has no data dictionary" in shown(kernel, "%analyst describe lines")
    assert kernel.run("%%analyst\nrevenue by area")["error"] == "NotUnderstood"
    shown(kernel, "%analyst describe returns --dictionary r.yaml")
    page = shown(kernel, "%analyst describe lines --dictionary said.yaml")
    for part in ("order_no, line", "is referred to by returns (order_no, line)", "sum(price * quantity)", "2.5 … 10"):
        assert part in page, page
    answer = shown(kernel, "%%analyst\nrevenue by area")
    assert all(part in answer for part in ("north", "9", "south", "20", "revenue"))
    plan = "%%analyst -o kept\nPLAN: {from: returns, joins: [{table: lines}], measures: [revenue]}"
    assert "24.0" in shown(kernel, plan)
    assert '"returns"."line" = "lines"."line"' in kernel.run("print(_.sql)")["text"]
    assert kernel.run("print(kept.revenue.tolist())")["text"].strip() == "[24.0]"


def test_the_dictionary_that_is_written_can_be_read(kernel: Kernel) -> None:
    shown(kernel, "%analyst describe numbers --write numbers.yaml")
    assert "Written" in shown(kernel, "%analyst describe lines --write lines.yaml")
    assert "revenue" in shown(kernel, "%analyst describe lines --dictionary lines.yaml")
    assert kernel.run("%analyst describe lines --write lines.yaml")["error"] == "UsageError"
