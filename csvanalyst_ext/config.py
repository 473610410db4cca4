"""Configuration: one traitlets object at the edge, one frozen ``Settings`` inside.

Runs on the host.  Values come from, weakest first: the defaults below, Jupyter/IPython
configuration (``c.CSVAnalyst.model = …``), environment variables.  Everything else in the package
takes a ``Settings`` and never looks at the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .errors import UsageError
from .protocol import Limits

if TYPE_CHECKING:
    from traitlets.config import Config

OFFLINE_MODEL: Final = "offline/planner"
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen.  Sizes are bytes, times seconds."""

    provider: str = "docker"
    model: str = OFFLINE_MODEL
    api_base: str = ""
    fallback_models: str = ""
    tool_format: str = "auto"
    model_access: str = "any"
    model_timeout: float = 120.0
    local_model: bool = False
    default_policy: str = "aggregates"
    python_enabled: bool = True
    home: Path = Path()
    image: str = ""
    docker_host: str = ""
    docker_runtime: str = ""
    carrier: str = "auto"
    memory: int = 1024 * MIB
    cpus: float = 2.0
    scratch: int = 512 * MIB
    start_timeout: float = 30.0
    idle_timeout: float = 1800.0
    queue_timeout: float = 120.0
    max_rows: int = 100_000
    max_columns: int = 2_000
    max_result: int = 256 * MIB
    timeout: float = 60.0
    max_source: int = 16 * 1024 * MIB
    max_steps: int = 12
    max_tool_calls: int = 24
    max_seconds: float = 300.0
    max_tokens: int = 400_000
    max_cost: float | None = None
    max_context: int = 100_000
    keep_days: float = 365.0
    keep_runs: int = 1000
    keep_bytes: int = 4096 * MIB

    def limits(self, **changes: Any) -> Limits:
        """The limits of one request; ``changes`` that are ``None`` keep the setting."""
        values = {"max_rows": self.max_rows, "max_columns": self.max_columns, "max_bytes": self.max_result}
        values["timeout"] = self.timeout  # type: ignore[assignment]
        return Limits(**{**values, **{k: v for k, v in changes.items() if v is not None}})


_VARIABLES: Final[Mapping[str, str]] = {
    "SANDBOX_PROVIDER": "provider",
    "CSVANALYST_MODEL": "model",
    "CSVANALYST_API_BASE": "api_base",
    "CSVANALYST_FALLBACK_MODELS": "fallback_models",
    "CSVANALYST_TOOL_FORMAT": "tool_format",
    "CSVANALYST_MODEL_ACCESS": "model_access",
    "CSVANALYST_MODEL_TIMEOUT": "model_timeout",
    "CSVANALYST_LOCAL_MODEL": "local_model",
    "CSVANALYST_DEFAULT_POLICY": "default_policy",
    "CSVANALYST_MAX_STEPS": "max_steps",
    "CSVANALYST_MAX_SECONDS": "max_seconds",
    "CSVANALYST_MAX_COST": "max_cost",
    "CSVANALYST_MAX_TOKENS": "max_tokens",
    "CSVANALYST_MAX_CONTEXT": "max_context",
    "ENABLE_PYTHON_EXECUTION": "python_enabled",
    "CSVANALYST_HOME": "home",
    "CSVANALYST_IMAGE": "image",
    "CSVANALYST_DOCKER_HOST": "docker_host",
    "CSVANALYST_DOCKER_RUNTIME": "docker_runtime",
    "CSVANALYST_CARRIER": "carrier",
    "CSVANALYST_MEMORY": "memory",
    "CSVANALYST_CPUS": "cpus",
    "CSVANALYST_SCRATCH": "scratch",
    "CSVANALYST_TIMEOUT": "timeout",
    "CSVANALYST_MAX_ROWS": "max_rows",
    "CSVANALYST_MAX_SOURCE": "max_source",
    "CSVANALYST_START_TIMEOUT": "start_timeout",
    "CSVANALYST_IDLE_TIMEOUT": "idle_timeout",
    "CSVANALYST_QUEUE_TIMEOUT": "queue_timeout",
    "CSVANALYST_KEEP_DAYS": "keep_days",
    "CSVANALYST_KEEP_RUNS": "keep_runs",
    "CSVANALYST_KEEP_BYTES": "keep_bytes",
}
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})
_UNITS: Final = {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB}


def default_home(environment: Mapping[str, str]) -> Path:
    """Where caches, staged data and capsules live: ``$XDG_CACHE_HOME/csvanalyst``."""
    chosen = environment.get("XDG_CACHE_HOME")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "csvanalyst"


def resolve(config: Config | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in force.  Raises ``UsageError`` (code ``bad_setting``) for a value that does not fit."""
    environment = os.environ if environment is None else environment
    chosen: dict[str, Any] = {"home": default_home(environment)}
    if config is not None:
        chosen.update(dict(config.get("CSVAnalyst", {})))
    for variable, name in _VARIABLES.items():
        if variable in environment:
            chosen[name] = environment[variable]
    known = Settings.__dataclass_fields__
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        raise UsageError("bad_setting", f"There is no setting {unknown[0]!r}.", f"Known: {', '.join(sorted(known))}.")
    return Settings(**{name: _convert(name, known[name].type, value) for name, value in chosen.items()})


def _convert(name: str, kind: Any, value: Any) -> Any:
    try:
        if kind == "bool":
            text = str(value).strip().lower()
            if text not in _TRUE | _FALSE:
                raise ValueError(value)
            return text in _TRUE
        if kind == "int":
            text = str(value).strip().lower().removesuffix("b").removesuffix("i")
            unit = text[-1:] if text[-1:] in "kmg" else ""
            number = float(text.removesuffix(unit)) * _UNITS[unit]
            if number <= 0 or number != int(number):
                raise ValueError(value)
            return int(number)
        if kind == "float | None" and (value is None or str(value).strip().lower() in ("", "none")):
            return None
        if kind in ("float", "float | None"):
            number = float(value)
            if not 0 < number < float("inf"):
                raise ValueError(value)
            return number
        return Path(value).expanduser().absolute() if kind == "Path" else str(value)
    except (ValueError, OverflowError, RuntimeError) as error:  # also `inf` bytes, and `~` of an unknown user
        raise UsageError(
            "bad_setting", f"The setting {name!r} cannot be {str(value)!r}.", f"It takes a {kind.partition(' ')[0]}."
        ) from error
