"""One analyst session for callers that wait: what the magics and the command line use.

Runs on the host, on the caller's thread.  Everything is handed to the engine's loop; the session
is made at the first use, so that holding an ``Analyst`` costs nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .config import Settings
from .engine import Engine
from .errors import Cancelled, UsageError

if TYPE_CHECKING:
    from .answer import Answer
    from .capsules.store import Capsule, Store
    from .datasets.model import Dataset
    from .datasets.policy import Policy
    from .llm.preview import Preview
    from .session.described import Described
    from .session.draft import Draft
    from .session.question import Question
    from .session.replay import Replay
    from .session.session import AnalystSession

SessionMaker = Callable[[Settings], "AnalystSession"]


class Watcher(Protocol):
    """Sees the work while it goes on; called on the waiting thread."""

    def event(self, event: Any) -> None: ...
    def tick(self) -> None: ...


def open_session(settings: Settings) -> AnalystSession:
    from .session.session import AnalystSession

    return AnalystSession.open(settings)


class Analyst:
    """Asks, adds, resets and closes, from any thread but the engine's."""

    def __init__(self, settings: Settings, *, make: SessionMaker = open_session, engine: Engine | None = None) -> None:
        self.settings = settings
        self._make = make
        self._engine = engine or Engine()
        self._session: AnalystSession | None = None

    @property
    def session(self) -> AnalystSession:
        """The session, made now if there was none.  Starts no sandbox."""
        if self._session is None:
            self._session = session = self._make(self.settings)
            self._engine.on_close(session.close)
        return self._session

    @property
    def opened(self) -> bool:
        return self._session is not None

    @property
    def store(self) -> Store:
        """The capsules, readable without a session."""
        from .capsules.store import Store

        return self._session.store if self._session is not None else Store(self.settings.home / "capsules")

    def ask(self, question: Question, watcher: Watcher | None = None) -> Answer:
        """The answer, whatever its status; ``answer.raise_for_status()`` makes a failed one an error.

        An interrupt gives an answer of the status ``cancelled``, or raises ``Cancelled`` when the
        work could not be wound up in time.
        """
        from .answer import Answer

        session = self.session
        try:
            return Answer(self._submit(lambda emit: session.ask(question, emit), watcher))
        except Cancelled:
            if session.last is None or session.last.question is not question:
                raise
            return Answer(session.last)

    def add(
        self,
        source: str,
        *,
        name: str | None = None,
        variables: Mapping[str, Any] | None = None,
        cwd: Path | None = None,
        options: Mapping[str, str | bool] | None = None,
        dictionary: Path | None = None,
        policy: Policy | None = None,
        watcher: Watcher | None = None,
    ) -> tuple[Dataset, ...]:
        """Register what ``source`` names; see ``AnalystSession.add``."""
        session = self.session
        added: tuple[Dataset, ...] = self._submit(
            lambda emit: session.add(
                source,
                name=name,
                variables=variables,
                cwd=cwd,
                options=options,
                policy=policy,
                dictionary=dictionary,
                emit=emit,
            ),
            watcher,
        )
        return added

    def choose_policy(self, name: str, policy: Policy) -> Dataset:
        """Put a data set under a data policy.  Raises ``DataError`` (``data_unknown``)."""
        session = self.session
        return session.choose_policy(name, policy)

    def describe(self, name: str, dictionary: Path | None = None) -> Described:
        """What is known of a data set, after its dictionary was put in force where one is given.

        Raises ``DataError`` (``data_unknown``, ``dictionary_not_found``, ``bad_dictionary``).
        """
        session = self.session
        if dictionary is not None:
            self._submit(lambda _: session.attach(name, dictionary), None)
        return session.describe(name)

    def preview(self, question: Question) -> Preview:
        """What the first request for ``question`` would be; nothing is sent."""
        session = self.session
        found: Preview = self._submit(lambda _: session.preview(question), None)
        return found

    def replay(self, which: str, watcher: Watcher | None = None) -> Replay:
        """Run a kept run (its id, ``last``, or an exported file) again without a model, in a sandbox of its own.

        Raises ``UsageError``, ``DataError``, ``SandboxError``.
        """
        from .session.replay import replay

        known = self._session.known if self._session is not None else ()
        with self.capsule(which) as capsule:
            fresh = self._make(self.settings)

            async def work(emit: Any) -> Replay:
                try:
                    return await replay(capsule, fresh, known, emit)
                finally:
                    await fresh.close()

            done: Replay = self._submit(work, watcher)
            return done

    def export(self, which: str, path: Path) -> Path:
        """Write a kept run as one ``.zip`` file; the path.  Raises ``UsageError``, ``DataError``, ``StorageError``."""
        from .capsules import archive

        with self.capsule(which) as capsule:
            return archive.export(capsule, path)

    @contextlib.contextmanager
    def capsule(self, which: str) -> Iterator[Capsule]:
        """The capsule of an id, of ``last``, or of an exported file."""
        from .capsules import archive

        if which.lower().endswith(archive.SUFFIX):
            with archive.opened(Path(which)) as capsule:
                yield capsule
            return
        if which == "last":
            newest = self.store.newest()
            if newest is None:
                raise UsageError("capsule_unknown", "No question has been asked yet.", "Ask one first.")
            which = newest
        yield self.store.load(which)

    def forget(self) -> None:
        """Make no data set visible any more; sandbox and cache stay warm."""
        session = self._session
        if session is not None:
            self._submit(lambda _: session.forget(), None)

    def draft(self, question: Question) -> Draft:
        """What asking ``question`` would send and run; nothing is sent and nothing runs."""
        session = self.session
        drafted: Draft = self._submit(lambda _: session.draft(question), None)
        return drafted

    def undo(self) -> str | None:
        """Take the last question out of the conversation; its text, or ``None`` without one."""
        session = self._session
        if session is None:
            return None
        undone: str | None = self._submit(lambda _: session.undo(), None)
        return undone

    def reset(self) -> None:
        """Forget data sets and conversation, and remove the sandbox."""
        session = self._session
        if session is not None:
            self._submit(lambda _: session.reset(), None)

    def close(self) -> None:
        self._engine.close()

    def _submit(self, job: Any, watcher: Watcher | None) -> Any:
        if watcher is None:
            return self._engine.submit(job)
        return self._engine.submit(job, on_event=watcher.event, on_tick=watcher.tick)
