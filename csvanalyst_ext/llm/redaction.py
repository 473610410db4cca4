"""Keeps keys out of every message that leaves the gateway.  Runs on the host; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_SECRET_NAMES: Final = ("_API_KEY", "_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_CREDENTIALS")
_SHORTEST: Final = 6
_LOOKS_SECRET: Final = re.compile(
    r"""(?ix)
    \b(?:sk|pk|rk|xai|gsk|hf|ghp|glpat|AIza)[-_]?[A-Za-z0-9][A-Za-z0-9_*.-]{7,}
    | (?<=bearer\ )\S+
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)
    """
)
HIDDEN: Final = "[hidden]"


def redact(text: str, environment: Mapping[str, str]) -> str:
    """``text`` without any value of a secret variable and without anything that looks like a key."""
    secrets = {
        value for name, value in environment.items() if name.upper().endswith(_SECRET_NAMES) and len(value) >= _SHORTEST
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _LOOKS_SECRET.sub(HIDDEN, text)
