"""A Chromium for the browser tests: ``$CHROMIUM`` or the one on the path, else Debian's package is installed.

Standard library only, like ``engine.py``, whose way of installing packages it shares.
"""

import os
import shutil
import sys

import engine

PACKAGE = "chromium"


def main() -> None:
    if os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser"):
        return
    advice = f"Install it (sudo apt-get install -y {PACKAGE}), or set CHROMIUM to its path."
    if shutil.which("apt-get") is None:
        sys.exit(f"browser: there is no Chromium. {advice}")
    try:
        engine.STATE.mkdir(parents=True, exist_ok=True)
        engine.say(f"no browser is installed; installing {PACKAGE} (apt-get)")
        engine.apt_install([] if os.geteuid() == 0 else ["sudo", "-n"], (PACKAGE,))
    except engine.Unavailable as error:
        sys.exit(f"browser: {error}")


if __name__ == "__main__":
    main()
