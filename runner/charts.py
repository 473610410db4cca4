"""matplotlib, loaded the way the sandbox needs it: no display, and the image's ready list of fonts.

Runs in the sandbox: in the zygote ahead of time, or in a worker that was forked before that.
"""

from __future__ import annotations

from typing import Any, Final

FONT_LIST: Final = "/opt/csvanalyst/matplotlib"
"""Where the image keeps matplotlib's font list; read-only, which matplotlib's own setting does not accept."""


def load() -> Any:
    """``matplotlib.pyplot``."""
    import matplotlib

    matplotlib.get_cachedir = lambda: FONT_LIST
    matplotlib.use("agg")
    import matplotlib.pyplot

    return matplotlib.pyplot
