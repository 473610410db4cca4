"""Plans as JSON or YAML text.  Runs on the host, on texts of a person or a model; pure.

Only plain values come out of a document: no tags, no anchors, no aliases, and of YAML's words only
``true``, ``false`` and ``null`` mean something other than themselves (a country may be called ``NO``).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

from ..errors import PlanError
from .language import PLAN
from .plan import VERSION, Plan
from .shapes import problem

MAX_CHARACTERS: Final = 100_000
MAX_DEPTH: Final = 40
MAX_NODES: Final = 10_000


def read_plan(text: str) -> Plan:
    """The plan that ``text`` is, not yet held against any data.  Raises ``PlanError``."""
    return plan_of(parse(text))


def plan_of(document: Any) -> Plan:
    """The plan in JSON values.  Raises ``PlanError``."""
    _measure_up(document)
    if isinstance(document, dict):
        version = document.get("version")
        if isinstance(version, int) and version > VERSION:
            message = f"This plan is of version {version}, and only versions up to {VERSION} are understood."
            raise problem("plan_version", "version", message, "Update CSV Analyst.")
    plan = PLAN.read(document, "")
    assert isinstance(plan, Plan)
    return plan


def document_of(plan: Plan) -> dict[str, Any]:
    """``plan`` as JSON values, with its version."""
    return {"version": plan.version, **PLAN.write(plan)}


def to_json(plan: Plan) -> str:
    return json.dumps(document_of(plan), ensure_ascii=False, indent=2)


def to_yaml(plan: Plan) -> str:
    text = yaml.dump(document_of(plan), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)
    assert isinstance(text, str)
    return text


def parse(text: str) -> Any:
    """The values of a JSON or YAML text.  Raises ``PlanError`` (``plan_too_large``, ``plan_syntax``)."""
    if len(text) > MAX_CHARACTERS:
        message = f"The plan is longer than {MAX_CHARACTERS:,} characters."
        raise problem("plan_too_large", "", message, "Shorten it.")
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
        except RecursionError:
            raise _too_deep() from None
        except ValueError as error:
            try:  # a YAML mapping may start with a brace too
                return _yaml(text)
            except PlanError:
                if not isinstance(error, json.JSONDecodeError):
                    raise
                place = f"line {error.lineno}, column {error.colno}"
                bad = problem("plan_syntax", "", f"This is not JSON: {error.msg} ({place}).", _EXAMPLE)
                raise _at(bad, error.lineno) from None
    return _yaml(text)


_EXAMPLE: Final = "A plan is an object, such as {from: flights, group_by: [carrier], measures: [count]}."


def lines_of(text: str) -> dict[str, int]:
    """The lines (from 1) of the entries of a YAML or JSON text that ``parse`` takes, by their place: ``a.b[2].c``."""
    try:
        todo = [("", yaml.compose(text, Loader=_Loader))]
    except yaml.YAMLError:
        return {}  # JSON that is no YAML, such as with tabs
    found: dict[str, int] = {}
    while todo:
        place, node = todo.pop()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = f"{place}.{key.value}" if place else str(key.value)
                found[inner] = key.start_mark.line + 1
                todo.append((inner, value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                found[f"{place}[{number}]"] = value.start_mark.line + 1
                todo.append((f"{place}[{number}]", value))
    return found


def _yaml(text: str) -> Any:
    try:
        depth = 0
        for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise problem(
                    "plan_syntax", "", "Anchors and aliases (& and *) are not possible here.", "Write it out."
                )
            if getattr(event, "tag", None):
                raise problem(
                    "plan_syntax", "", "Tags (!) are not possible here.", "Leave them out, or quote the text."
                )
            starts = isinstance(event, yaml.CollectionStartEvent)
            depth += starts - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH or number > 2 * MAX_NODES:
                raise _too_deep()
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader: plain values only)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        said = getattr(error, "problem", None) or "it cannot be read"
        hint = "Operators such as > and texts such as a: b need quotes in YAML."
        bad = problem("plan_syntax", "", f"This is not YAML: {said}{place}.", hint)
        raise _at(bad, mark.line + 1 if mark else None) from None
    except (ValueError, RecursionError):
        raise problem("plan_syntax", "", "This is neither JSON nor YAML.", _EXAMPLE) from None


def _at(error: PlanError, line: int | None) -> PlanError:
    """The error with its line among the details."""
    return error if line is None else PlanError(error.code, error.message, error.hint, **error.details, line=line)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _twice(next(name for name in names if names.count(name) > 1))
    return found


def _twice(name: Any) -> PlanError:
    return problem("plan_syntax", "", f"The entry {str(name)[:80]!r} stands twice in one object.", "Keep one.")


def _constant(name: str) -> Any:
    raise problem("plan_syntax", "", f"{name} is not a number of JSON.")


def _too_deep() -> PlanError:
    message = f"The plan has more than {MAX_DEPTH} levels or {MAX_NODES:,} values."
    return problem("plan_too_large", "", message, "Split the question into smaller ones.")


def _measure_up(document: Any) -> None:
    todo, nodes = [(document, 0)], 0
    while todo:
        value, depth = todo.pop()
        nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise _too_deep()
        if isinstance(value, dict):
            todo += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            todo += [(inner, depth + 1) for inner in value]


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Plain values in the manner of YAML 1.2: ``no``, ``on``, ``12:30`` and dates are texts."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own way of setting them)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for place, name in enumerate(names):
            if not isinstance(name, str):
                raise problem("plan_syntax", "", f"The entry {str(name)[:80]!r} must be a text.", "Quote it.")
            if name in names[:place]:
                raise _at(_twice(name), node.value[place][0].start_mark.line + 1)
        found = super().construct_mapping(node, deep=deep)
        assert isinstance(found, dict)
        return found


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes such that any YAML reader takes it as meant."""


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"[-+]?\d+", "-+0123456789"),
    ("float", r"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
