"""The scratch directory: emptied between requests, whatever was left in it.

Runs in the sandbox, in the supervisor.  Standard library only.
"""

from __future__ import annotations

import os
import stat


def empty(directory: str) -> None:
    """Remove everything in ``directory``.  Deep trees are flattened first, so that neither the path
    length nor the recursion limit can stop it.  Follows no link.  Raises ``OSError``."""
    while names := os.listdir(directory):
        for name in names:
            path = os.path.join(directory, name)
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                os.unlink(path)
                continue
            os.chmod(path, 0o700)
            for inner in os.listdir(path):
                inner_path = os.path.join(path, inner)
                if stat.S_ISDIR(os.lstat(inner_path).st_mode):
                    os.chmod(inner_path, 0o700)  # a directory can be moved only by who may write it
                    # A name that could be foreseen could be taken.
                    os.rename(inner_path, os.path.join(directory, f".emptying-{os.urandom(16).hex()}"))
                else:
                    os.unlink(inner_path)
            os.rmdir(path)
