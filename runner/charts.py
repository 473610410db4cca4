"""matplotlib, loaded the way the sandbox needs it: no display, and the image's ready list of fonts.

Runs in the sandbox: in the zygote ahead of time, or in a worker that was forked before that.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any, Final

FONT_LIST: Final = "/opt/csvanalyst/matplotlib"
"""Where the image keeps matplotlib's font list; read-only, which matplotlib's own setting does not accept."""


def load() -> Any:
    """``matplotlib.pyplot``, set up from nothing that a request could have left or be writing.

    The zygote loads it while a question may run; what it read from the scratch directory then would
    be in every later worker.
    """
    found = importlib.util.find_spec("matplotlib")
    if found is not None and found.origin is not None:
        os.environ["MATPLOTLIBRC"] = os.path.join(os.path.dirname(found.origin), "mpl-data", "matplotlibrc")
    import matplotlib

    matplotlib.get_cachedir = matplotlib.get_configdir = lambda: FONT_LIST
    matplotlib.use("agg")
    import matplotlib.pyplot

    return matplotlib.pyplot
