"""CSV Analyst: questions about data in a notebook, answered by SQL and Python in a sealed sandbox.

Runs on the host, in the person's kernel.  ``%load_ext csvanalyst_ext`` adds ``%analyst`` and
``%%analyst``.  Importing this module imports nothing heavy, and no code written by a model ever
runs in this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__version__: Final = "0.1.0"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magics to ``shell``.  Starts nothing."""
    from .frontends.magic import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Close the session of ``shell``, remove its sandbox, and take the magics away."""
    from .frontends.magic import unload

    unload(shell)
