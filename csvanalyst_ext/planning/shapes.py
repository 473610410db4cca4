"""The shape of JSON values: each one is read, written and described (as JSON Schema) by one object.  Pure.

``language`` puts the query plan together from these.  A reader raises ``PlanError`` with the path of the value.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ..errors import PlanError

MAX_TEXT: Final = 4_000
MAX_ITEMS: Final = 1_000
MAX_INTEGER: Final = 2**63 - 1
ABSENT: Final = object()


class Shape(Protocol):
    def read(self, raw: Any, path: str) -> Any: ...
    def write(self, value: Any) -> Any: ...
    def schema(self) -> dict[str, Any]: ...


def problem(code: str, path: str, message: str, hint: str = "", valid: Sequence[str] = ()) -> PlanError:
    """The error for the place ``path`` of a plan."""
    listed = list(valid)[:50]
    if listed and not hint:
        hint = f"There is: {', '.join(listed[:20])}{' …' if len(valid) > 20 else ''}."
    place = f"{path}: " if path else ""
    return PlanError(code, f"{place}{message}", hint, path=path, valid=listed)


def close(name: str, known: Sequence[str], number: int = 3) -> list[str]:
    """Those of ``known`` that look like ``name``."""
    folded = {one.casefold(): one for one in reversed(known)}
    return [folded[one] for one in difflib.get_close_matches(name.casefold(), folded, number, 0.6)]


def kind_of(raw: Any) -> str:
    if raw is None:
        return "null"
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(raw), type(raw).__name__)


def _wrong(path: str, raw: Any, wanted: str) -> PlanError:
    return problem("plan_type", path, f"This must be {wanted}, and is {kind_of(raw)}.")


# --- single values --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    about: str = ""

    def read(self, raw: Any, path: str) -> str:
        if not isinstance(raw, str):
            raise _wrong(path, raw, "a text")
        if not raw or len(raw) > MAX_TEXT:
            raise problem("plan_range", path, f"This must be a text of 1 to {MAX_TEXT:,} characters.")
        check_characters(raw, path)
        return raw

    def write(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, Any]:
        return _about({"type": "string", "minLength": 1, "maxLength": MAX_TEXT}, self.about)


def check_characters(text: str, path: str) -> None:
    """Raises for what no statement can carry."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise problem("plan_text", path, "The text holds a NUL character or half a character.", "Remove it.")


@dataclass(frozen=True, slots=True)
class Whole:
    low: int = 1
    high: int = 1_000_000
    about: str = ""

    def read(self, raw: Any, path: str) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise _wrong(path, raw, "a whole number")
        if not self.low <= raw <= self.high:
            raise problem("plan_range", path, f"This must be a whole number from {self.low:,} to {self.high:,}.")
        return raw

    def write(self, value: int) -> int:
        return value

    def schema(self) -> dict[str, Any]:
        return _about({"type": "integer", "minimum": self.low, "maximum": self.high}, self.about)


@dataclass(frozen=True, slots=True)
class Fraction:
    """A number from 0 to 1."""

    about: str = ""

    def read(self, raw: Any, path: str) -> float:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise _wrong(path, raw, "a number")
        if not 0 <= raw <= 1:
            raise problem("plan_range", path, "This must be a number from 0 to 1.")
        return float(raw)

    def write(self, value: float) -> float:
        return value

    def schema(self) -> dict[str, Any]:
        return _about({"type": "number", "minimum": 0, "maximum": 1}, self.about)


@dataclass(frozen=True, slots=True)
class Flag:
    about: str = ""

    def read(self, raw: Any, path: str) -> bool:
        if not isinstance(raw, bool):
            raise _wrong(path, raw, "true or false")
        return raw

    def write(self, value: bool) -> bool:
        return value

    def schema(self) -> dict[str, Any]:
        return _about({"type": "boolean"}, self.about)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words.  ``synonyms`` are read too, and never written."""

    words: tuple[str, ...]
    synonyms: Mapping[str, str] = field(default_factory=dict)
    about: str = ""

    def read(self, raw: Any, path: str) -> str:
        if isinstance(raw, str) and raw in self.words:
            return raw
        if isinstance(raw, str) and raw in self.synonyms:
            return self.synonyms[raw]
        said = f"{raw[:80]!r} is not possible here." if isinstance(raw, str) else f"This is {kind_of(raw)}."
        near = close(raw, self.words, 1) if isinstance(raw, str) else []
        hint = f"{f'Did you mean {near[0]!r}? ' if near else ''}It is one of: {', '.join(self.words)}."
        raise problem("plan_choice", path, said, hint, self.words)

    def write(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, Any]:
        return _about({"enum": [*self.words, *self.synonyms]}, self.about)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, true or false.  A date is written as a text, ``2013-05-06`` or with a time; what it
    is meant for says that it is one."""

    def read(self, raw: Any, path: str) -> Any:
        if isinstance(raw, str):
            if len(raw) > MAX_TEXT:
                raise problem("plan_range", path, f"This text is longer than {MAX_TEXT:,} characters.")
            check_characters(raw, path)
        elif not isinstance(raw, bool | int | float):
            raise _wrong(path, raw, "a text, a number, true or false")
        elif isinstance(raw, float) and not math.isfinite(raw):
            raise problem("plan_range", path, "This number is not finite.")
        elif isinstance(raw, int) and abs(raw) > MAX_INTEGER:
            raise problem("plan_range", path, "This whole number is too large.")
        return raw

    def write(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.date) else value

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean"], "maxLength": MAX_TEXT}


# --- several values -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Many:
    """A list; one value alone stands for a list of it where ``single`` allows."""

    item: Shape
    low: int = 0
    single: bool = False
    about: str = ""

    def read(self, raw: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            if not self.single:
                raise _wrong(path, raw, "a list")
            return (self.item.read(raw, path),)
        if not self.low <= len(raw) <= MAX_ITEMS:
            raise problem("plan_range", path, f"This list must have {self.low} to {MAX_ITEMS:,} entries.")
        return tuple(self.item.read(one, f"{path}[{place}]") for place, one in enumerate(raw))

    def write(self, value: Sequence[Any]) -> list[Any]:
        return [self.item.write(one) for one in value]

    def schema(self) -> dict[str, Any]:
        listed: dict[str, Any] = {"type": "array", "items": self.item.schema(), "maxItems": MAX_ITEMS}
        if self.low:
            listed["minItems"] = self.low
        return _about({"anyOf": [listed, self.item.schema()]} if self.single else listed, self.about)


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of an object.  ``default`` is what ``take`` gives when the entry is not to be written."""

    name: str
    shape: Shape
    default: Any = None
    required: bool = False


Make = Callable[[dict[str, Any], str], Any]
Take = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with certain keys.  ``make`` gets the values by key, absent ones as their default, and the
    path; ``take`` gives them back."""

    keys: tuple[Key, ...]
    make: Make
    take: Take
    about: str = ""

    def read(self, raw: Any, path: str) -> Any:
        if not isinstance(raw, dict):
            raise _wrong(path, raw, "an object")
        known = [key.name for key in self.keys]
        for name in raw:
            if name not in known:
                shown = name[:80] if isinstance(name, str) else str(name)[:80]
                near = close(shown, known, 1)
                hint = f"{f'Did you mean {near[0]!r}? ' if near else ''}It has: {', '.join(known)}."
                raise problem("plan_unknown_key", join(path, shown), f"There is no entry {shown!r} here.", hint, known)
        values = {}
        for key in self.keys:
            given = raw.get(key.name)
            if given is None and key.required:
                raise problem("plan_missing_key", path, f"The entry {key.name!r} is missing here.", valid=known)
            values[key.name] = key.default if given is None else key.shape.read(given, join(path, key.name))
        return self.make(values, path)

    def write(self, value: Any) -> dict[str, Any]:
        taken = self.take(value)
        return {
            key.name: key.shape.write(taken[key.name])
            for key in self.keys
            if key.required or taken[key.name] != key.default
        }

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": "object",
            "properties": {
                key.name: key.shape.schema() if key.required else {"anyOf": [key.shape.schema(), {"type": "null"}]}
                for key in self.keys
            },
            "additionalProperties": False,
        }
        if required := [key.name for key in self.keys if key.required]:
            found["required"] = required
        return _about(found, self.about)


def join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


@dataclass(frozen=True, slots=True)
class Short:
    """A value that also has a short form: ``applies`` to a raw value says that it is one, ``read`` with
    ``make``; ``cut`` gives the short form of a value, or ``ABSENT``."""

    whole: Shape
    short: Shape
    applies: Callable[[Any], bool]
    make: Callable[[Any], Any]
    cut: Callable[[Any], Any]

    def read(self, raw: Any, path: str) -> Any:
        return self.make(self.short.read(raw, path)) if self.applies(raw) else self.whole.read(raw, path)

    def write(self, value: Any) -> Any:
        short = self.cut(value)
        return self.whole.write(value) if short is ABSENT else self.short.write(short)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.short.schema(), self.whole.schema()]}


@dataclass(frozen=True, slots=True)
class OneOf:
    """Objects of several kinds, told apart by a key that each alone has."""

    kinds: Mapping[str, tuple[type, Shape]]
    what: str

    def read(self, raw: Any, path: str) -> Any:
        if not isinstance(raw, dict):
            raise _wrong(path, raw, f"{self.what}, an object")
        fitting = [key for key in self.kinds if key in raw]
        if not fitting:
            hint = f"It has one of: {', '.join(self.kinds)}."
            raise problem("plan_missing_key", path, f"This is not {self.what}.", hint, list(self.kinds))
        return self.kinds[fitting[0]][1].read(raw, path)

    def write(self, value: Any) -> Any:
        return next(shape for kind, shape in self.kinds.values() if isinstance(value, kind)).write(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [shape.schema() for _, shape in self.kinds.values()]}


@dataclass(frozen=True, slots=True)
class Named:
    """A shape that is described once and may hold itself."""

    name: str
    shape: Callable[[], Shape]

    def read(self, raw: Any, path: str) -> Any:
        return self.shape().read(raw, path)

    def write(self, value: Any) -> Any:
        return self.shape().write(value)

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}


def _about(schema: dict[str, Any], about: str) -> dict[str, Any]:
    return {**schema, "description": about} if about else schema
