"""How a tool's reply is written, so that a model can tell our words from words of the data.

Runs on the host; pure.  A reply is one line of JSON that only our code fills (status, counts, error
code) and, when there is more, a block of JSON between ``<data>`` and ``</data>``.  Inside, ``<`` and
``>`` are escaped: nothing that comes from data can end the block.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

OPEN: Final = "<data>"
CLOSE: Final = "</data>"


def compose(head: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> str:
    """The reply with this head and, if there is any, this data."""
    line = _json(head)
    return line if data is None else f"{line}\n{OPEN}\n{_json(data)}\n{CLOSE}"


def parse(reply: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The head and the data of a reply that ``compose`` wrote.  Raises ``ValueError`` for other text."""
    line, _, rest = reply.partition("\n")
    block = rest.partition(OPEN)[2].partition(CLOSE)[0]
    head, data = json.loads(line), json.loads(block) if block else {}
    if not isinstance(head, dict) or not isinstance(data, dict):
        raise ValueError("not a reply")
    return head, data


def _json(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e")
