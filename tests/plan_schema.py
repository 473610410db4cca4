"""Writes the published JSON Schema of query plans: ``python -m tests.plan_schema``."""

from __future__ import annotations

import json
from pathlib import Path

from csvanalyst_ext.planning.language import json_schema

PUBLISHED = Path(__file__).parents[1] / "docs" / "reference" / "plan.schema.json"


def text() -> str:
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PUBLISHED.write_text(text(), "utf-8")
