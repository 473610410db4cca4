"""A browser, something that listens, and a JupyterLab: what tests of the outputs' last mile need."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from playwright.sync_api import Browser, Dialog, Page, Request, sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def executable() -> str:
    """The browser: ``$CHROMIUM``, or Debian's.  ``.ci/browser`` sees to it that there is one."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.fail("There is no Chromium. Run: make browser (or set CHROMIUM to its path).")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    yield opened
    context.close()


# --- who is called ----------------------------------------------------------------------------------

_PAGE = b"<!doctype html><link rel=icon href=data:,><title>page</title>"


class Listener:
    """An address on the loopback, with an empty page at ``/page``; ``hits`` are the other paths it was asked for."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        hits = self.hits

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/page":
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html")
                    self.send_header("Content-Length", str(len(_PAGE)))
                    self.end_headers()
                    self.wfile.write(_PAGE)
                    return
                hits.append(self.path)
                self.send_response(204)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()

            do_POST = do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *_: object) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


class Watch:
    """What a page does beyond itself: the requests that it makes, and windows, dialogs and downloads."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.opened: list[str] = []
        self._page = page
        self._pending: set[Request] = set()
        self._last = time.monotonic()
        page.context.on("request", self._asked)
        page.context.on("requestfinished", self._answered)
        page.context.on("requestfailed", self._answered)
        page.context.on("page", lambda opened: self.opened.append(f"page {opened.url}"))
        page.context.on("dialog", self._dialog)
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("download", lambda download: self.opened.append(f"download {download.url}"))

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        self._pending.add(request)
        self._last = time.monotonic()

    def _answered(self, request: Request) -> None:
        self._pending.discard(request)
        self._last = time.monotonic()

    def _dialog(self, dialog: Dialog) -> None:
        self.opened.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def quiet(self, seconds: float = 0.5) -> None:
        """Wait until nothing was asked or answered for this long.  (Playwright's ``networkidle`` is only ever
        reached once, so that it says nothing of what was added to a page later.)"""
        deadline = time.monotonic() + 30
        self._last = time.monotonic()
        while self._pending or time.monotonic() - self._last < seconds:
            assert time.monotonic() < deadline, f"still asking: {[one.url for one in self._pending]}"
            self._page.wait_for_timeout(50)

    def outside(self, ours: str) -> set[str]:
        """The addresses of other origins than the one of ``ours``."""
        own = urlsplit(ours).netloc
        return {
            url for url in self.requests if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own
        }


@pytest.fixture
def watch(page: Page) -> Watch:
    return Watch(page)


# --- JupyterLab ---------------------------------------------------------------------------------------

_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Everything is drawn, also what is out of sight, and no output is left out (0, "the complete display", leaves
    # out all of them in JupyterLab 4.6).
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "maxNumberOutputs": 10_000},
}


class Lab:
    """A JupyterLab server with directories of its own, without this machine's settings or any network."""

    def __init__(self, home: Path) -> None:
        self.root = home / "work"
        self.root.mkdir()
        self._data = home / "data"
        for name, value in _SETTINGS.items():
            path = home / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))
        self._token = secrets.token_hex(16)
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(self._data),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
        command += [f"--ServerApp.root_dir={self.root}", f"--IdentityProvider.token={self._token}"]
        self._log = (home / "lab.log").open("wb")
        self._process = subprocess.Popen(command, env=environment, cwd=home, stdout=self._log, stderr=self._log)
        try:
            self.url = self._wait(home / "runtime", home / "lab.log")
        except BaseException:
            self.close()
            raise

    def _wait(self, runtime: Path, log: Path) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            for path in runtime.glob("jpserver-*.json"):
                with contextlib.suppress(ValueError, OSError):
                    return str(json.loads(path.read_text())["url"])
            time.sleep(0.1)
        raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")

    def save(self, name: str, notebook: nbformat.NotebookNode, *, trusted: bool) -> str:
        """Save a notebook, signed or not; its address."""
        nbformat.write(notebook, self.root / name)
        if trusted:
            notary = NotebookNotary(data_dir=str(self._data))
            notary.sign(nbformat.read(self.root / name, as_version=4))
        return f"{self.url}lab/tree/{name}?token={self._token}&reset"

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("lab"))
    yield made
    made.close()
