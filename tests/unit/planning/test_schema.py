"""The published JSON Schema: it is the reader's own, and takes and refuses what the reader does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csvanalyst_ext.errors import PlanError
from csvanalyst_ext.planning.document import document_of, parse, plan_of
from tests import plan_schema
from tests.support.plan_strategies import plans

from .test_meaning import PLANS

SCHEMA = json.loads(plan_schema.PUBLISHED.read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "plan.md"


def read(document: Any) -> bool:
    try:
        plan_of(document)
    except PlanError:
        return False
    return True


def test_the_published_schema_is_current() -> None:
    assert plan_schema.PUBLISHED.read_text("utf-8") == plan_schema.text(), "run: python -m tests.plan_schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [text for _, text, _ in PLANS])
def test_plans_fit_the_schema(text: str) -> None:
    VALIDATOR.validate(parse(text))


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
def test_the_examples_of_the_documentation_are_plans(text: str) -> None:
    document = parse(text)
    VALIDATOR.validate(document)
    assert read(document)


@settings(max_examples=60, deadline=None)
@given(plans())
def test_generated_plans_fit_the_schema(plan: Any) -> None:
    VALIDATOR.validate(document_of(plan))


@settings(max_examples=200, deadline=None)
@given(plans(), st.data())
def test_what_is_broken_is_refused_by_both_or_neither(plan: Any, data: st.DataObject) -> None:
    document = document_of(plan)
    places = list(_places(document))
    holder, key = data.draw(st.sampled_from(places))
    odd = st.sampled_from([None, 7, -1, 0.5, True, "", "nonsense", [], ["x"], {}, {"x": 1}, {"column": "region"}])
    if isinstance(holder, dict) and data.draw(st.booleans()):
        holder[data.draw(st.sampled_from(["nonsense", "value", "where", "column", "limit"]))] = data.draw(odd)
    else:
        holder[key] = data.draw(odd)
    # Beside shapes the reader also minds which entries go together; that the schema need not know.
    if read(document):
        VALIDATOR.validate(document)
    elif VALIDATOR.is_valid(document):
        with pytest.raises(PlanError) as caught:
            plan_of(document)
        assert caught.value.code == "plan_shape"


def _places(value: Any) -> Any:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield value, key
        yield from _places(inner)
