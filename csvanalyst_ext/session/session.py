"""One analyst session: settings, sandbox, data sets, conversation, capsules.

Runs on the host, on one event loop.  It has no thread of its own and knows of no front end.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from ..agent.events import Event
from ..capsules.store import Store, new_id
from ..config import OFFLINE_MODEL, Settings
from ..datasets import staging
from ..datasets.cache import Cache
from ..datasets.model import Dataset
from ..datasets.policy import Policy
from ..datasets.sources import Source, resolve
from ..errors import AnalystError, Failed, Refused, UsageError
from ..execution.base import Executor, Outcome
from ..llm.boundary import Boundary
from ..protocol import Fault, Request, protocol_hash
from . import dictionaries, explicit
from .bench import Bench
from .early import EarlyStart
from .figures import Figures
from .intake import Intake, image_version
from .keeping import Keeper
from .question import Question
from .replay import Known, recipe
from .results import NamedResults
from .run import Run, error_of, without_locals
from .shelf import Emit, Shelf
from .underway import Underway

if TYPE_CHECKING:
    from ..agent.loop import Streams
    from ..llm.chat import Message
    from ..llm.preview import Preview
    from .described import Described
    from .draft import Draft

REMEMBERED: Final = 6
"""Questions of the conversation that the model sees again."""


def _unseen(event: Event) -> None:
    """For callers that do not watch."""


class AnalystSession:
    """Add data, ask, reset, close.  All methods belong to one loop; one call at a time."""

    def __init__(
        self,
        settings: Settings,
        *,
        executor: Executor,
        workspace: staging.Workspace,
        cache: Cache,
        store: Store,
        gateway: Streams | None = None,
        ingest_version: Callable[[], str] = protocol_hash,
    ) -> None:
        self.settings = settings
        self.store = store
        self.last: Run | None = None
        self._executor = EarlyStart(executor)
        self._workspace = workspace
        self.boundary = Boundary(settings)
        self._gateway = gateway
        intake = Intake(settings, workspace, cache, self._executor, ingest_version)
        self._shelf = Shelf(self._executor, workspace, intake)
        self._history: list[Sequence[Message]] = []
        self._keeper = Keeper(store, settings)
        self._results = NamedResults()
        self._figures = Figures()

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """A session with the real parts.  Starts no sandbox.  Raises ``UsageError`` or ``StorageError``."""
        from ..execution import factory

        staging.sweep(settings.home)
        store = Store(settings.home / "capsules")
        store.sweep()
        session_id = secrets.token_hex(6)
        workspace = staging.Workspace.create(settings.home, session_id)
        try:
            executor = factory.create(settings, session_id=session_id, data_dir=workspace.path)
        except BaseException:
            workspace.remove()
            raise
        return cls(
            settings,
            executor=executor,
            workspace=workspace,
            cache=Cache(settings.home),
            store=store,
            ingest_version=image_version(settings),
        )

    # --- data ---------------------------------------------------------------------------------------

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return self._shelf.registry.datasets

    def dataset(self, name: str) -> Dataset:
        """Raises ``DataError`` (``data_unknown``)."""
        return self._shelf.registry.find(name).dataset

    async def add(
        self,
        text: str,
        *,
        name: str | None = None,
        variables: Mapping[str, Any] | None = None,
        cwd: Path | None = None,
        options: Mapping[str, str | bool] | None = None,
        dictionary: Path | None = None,
        policy: Policy | None = None,
        emit: Emit = _unseen,
    ) -> tuple[Dataset, ...]:
        """Register what ``text`` means (see ``datasets.sources``), all of it or nothing.

        A file or variable that is registered already is renewed under its name, unless ``name``
        asks for another one.  ``options`` override what the ingest would detect; ``dictionary`` is
        a file about the data (see ``session.dictionaries``), else the one beside it.  ``policy`` is the
        data policy, by default the setting, or the one it had.  Raises
        ``UsageError``, ``DataError``, ``StorageError``, ``SandboxError`` or a ``QuestionError``.
        """
        sources = await asyncio.to_thread(resolve, text, cwd=cwd or Path.cwd(), variables=variables or {})
        if name is not None and len(sources) > 1:
            message = f"{text!r} stands for {len(sources)} tables, and --as names one."
            raise UsageError("bad_option", message, "Add them one by one.")
        await self._restore_workspace()
        self._executor.begin()
        added = await self._shelf.add(sources, name, options or {}, emit, dictionary)
        for dataset in added:
            self.boundary.know(dataset.name)
            if policy is not None:
                self.boundary.choose(dataset.name, policy)
        return added

    async def add_source(
        self, source: Source, name: str, options: Mapping[str, str | bool], emit: Emit
    ) -> tuple[Dataset, ...]:
        """Register one resolved source under ``name``.  Raises like ``add``."""
        self._executor.begin()
        added = await self._shelf.add((source,), name, options, emit)
        self.boundary.know(name)
        return added

    @property
    def known(self) -> tuple[Known, ...]:
        """Where the registered data come from: what a replay looks for its data among."""
        return tuple(
            Known(item.source, self._shelf.options(item.dataset.name), item.dataset.fingerprint)
            for item in self._shelf.registry
        )

    async def run(self, request: Request) -> Outcome:
        """One request as it is, without a capsule.  Raises ``SandboxError``."""
        await self._restore_workspace()
        return await self._executor.run(request)

    @property
    def policies(self) -> dict[str, Policy]:
        """The data policy of every registered data set."""
        return {dataset.name: self.boundary.policy(dataset.name) for dataset in self.datasets}

    def choose_policy(self, name: str, policy: Policy) -> Dataset:
        """Put the data set ``name`` under ``policy``, at once.  Raises ``DataError`` (``data_unknown``)."""
        dataset = self.dataset(name)
        self.boundary.choose(dataset.name, policy)
        return dataset

    def describe(self, name: str) -> Described:
        """All that is known of a data set and was said about it.  Raises ``DataError`` (``data_unknown``)."""
        from .described import describe

        return describe(self.dataset(name), self.datasets)

    async def attach(self, name: str, file: Path) -> Dataset:
        """Put the data dictionary in ``file`` in force for a data set, in the place of the one that it has.

        Raises ``DataError`` (``data_unknown``, ``dictionary_not_found``, ``bad_dictionary``); then all is as before.
        """
        self.dataset(name)
        return self._shelf.attach(name, await asyncio.to_thread(dictionaries.read, file))

    async def forget(self) -> None:
        """Make no data set visible any more, and forget what was said about them.  Sandbox and cache stay."""
        await self._shelf.clear()
        self._history.clear()
        self.boundary.clear()

    # --- questions ----------------------------------------------------------------------------------

    async def ask(self, question: Question, emit: Emit = _unseen) -> Run:
        """The run of ``question``, kept in a capsule, whatever came of it.

        An error of the question, the model or the sandbox is in ``Run.error``.  Raises
        ``CancelledError``, and what is a fault of this package, both after the capsule was written.
        """
        model = question.model or self.settings.model
        limits = self.settings.limits(max_rows=question.max_rows, timeout=question.timeout)
        moment = dt.datetime.now(dt.UTC)
        run = Run(
            new_id(moment), question, model if question.mode == "auto" else "", "error", limits=limits, started=moment
        )
        underway = Underway(run)
        self.boundary.begin()
        try:
            await self._answer(underway, emit)
        except asyncio.CancelledError:
            underway.run = replace(underway.run, status="cancelled", error=error_of("cancelled", _STOPPED))
            self.last = self._keeper.keep(self._finished(underway))
            raise
        except AnalystError as error:
            underway.run = replace(underway.run, status=error.status, error=without_locals(error))
        except Exception as error:
            message = f"CSV Analyst itself failed ({type(error).__name__})."
            underway.run = replace(underway.run, error=Failed("internal_error", message, "Please report it."))
            self.last = self._keeper.keep(self._finished(underway))
            raise
        self.last = await asyncio.to_thread(self._keeper.keep, self._finished(underway))
        if self.last.capsule is not None:
            self._keeper.tidy()
        return self.last

    async def _answer(self, underway: Underway, emit: Emit) -> None:
        question = underway.run.question
        names = (
            self._shelf.registry.names
            if question.datasets is None
            else tuple(self.dataset(n).name for n in question.datasets)
        )
        await self._restore_workspace()
        notes = await self._shelf.refresh(names, emit)
        visible = [self.dataset(name) for name in names]
        underway.run = replace(
            underway.run, notes=tuple(notes), datasets={dataset.name: dataset.fingerprint for dataset in visible}
        )
        if question.mode == "python" and not self.settings.python_enabled:
            hint = "Ask in SQL or in words; ENABLE_PYTHON_EXECUTION=true allows it."
            raise Refused("python_disabled", "Python is switched off by ENABLE_PYTHON_EXECUTION.", hint)
        tables = None if question.datasets is None else names
        underway.bench = bench = Bench(
            self._executor,
            visible,
            self._results,
            tables=tables,
            limits=underway.run.limits,
            python_enabled=self.settings.python_enabled,
            boundary=self.boundary if question.mode == "auto" and self._leaves(underway.run.model) else None,
        )
        if question.mode == "auto":
            await self._answer_by_agent(underway, bench, emit)
        else:
            underway.concluded(await explicit.answer(question, bench, emit, underway.conclude))

    def _leaves(self, model: str) -> bool:
        """Whether anything of a question to ``model`` can leave this machine, also by a fallback."""
        fallbacks = (name.strip() for name in self.settings.fallback_models.split(","))
        return any(self.boundary.leaves(name) for name in (model, *fallbacks) if name)

    async def _answer_by_agent(self, underway: Underway, bench: Bench, emit: Emit) -> None:
        from ..agent import loop
        from ..agent.limits import AgentLimits
        from ..agent.tools import toolbox

        self._executor.begin()
        question = underway.run.question
        history = self._earlier(question)

        # The offline planner asks where it does not understand; it has no reading that it could assume.
        may_ask = question.may_ask or underway.run.model == OFFLINE_MODEL
        conclusion = await loop.answer(
            question.text,
            gateway=self._models(),
            model=underway.run.model,
            toolbox=toolbox(bench, may_ask=may_ask),
            limits=AgentLimits.of(self.settings, max_steps=question.max_steps, max_cost=question.max_cost),
            history=history,
            emit=emit,
            keep=underway.conclude,
            review=self._figures.review(question, underway.run.model),
        )
        if conclusion.status in ("ok", "clarify") and not question.alone:
            self._history = [*self._history, conclusion.messages[1 + len(history) :]][-REMEMBERED:]
        underway.concluded(conclusion)

    def _earlier(self, question: Question) -> list[Message]:
        return [] if question.alone else [message for asked in self._history for message in asked]

    async def draft(self, question: Question) -> Draft:
        """What asking ``question`` would send and run.  Nothing is sent, read again or run."""
        from . import draft

        names = self._shelf.registry.names if question.datasets is None else question.datasets
        visible = [self.dataset(name) for name in names]
        return await draft.make(
            question,
            self.settings,
            visible,
            self._earlier(question),
            self._models(),
            self.boundary,
            self._results.tables,
        )

    async def preview(self, question: Question) -> Preview:
        """The first request that asking ``question`` would send, byte by byte.  Nothing is sent.

        Raises ``UsageError`` (``bad_option``) for SQL and Python, which ask no model, and ``ModelError``.
        """
        from ..llm import preview
        from .draft import opening

        if question.mode != "auto":
            raise UsageError("bad_option", "SQL and Python are sent to no model.", "Preview a question in words.")
        names = self._shelf.registry.names if question.datasets is None else question.datasets
        visible = [self.dataset(name) for name in names]
        messages, tools = opening(question, self.settings, visible, self._earlier(question))
        model = question.model or self.settings.model
        return await preview.preview(self.settings, self.boundary, model, messages, tools)

    async def undo(self) -> str | None:
        """Take the last question and what followed out of the conversation; its text, or ``None``.  Its named results
        stay readable."""
        if not self._history:
            return None
        return str(self._history.pop()[0]["content"])

    def _finished(self, underway: Underway) -> Run:
        recipes = self._recipes(underway.run.datasets)
        return underway.finished(self._executor.facts(), self.boundary, self._figures, recipes)

    def _recipes(self, names: Iterable[str]) -> dict[str, Any]:
        registered = {item.dataset.name: item.source for item in self._shelf.registry}
        return {name: recipe(registered[name], self._shelf.options(name)) for name in names if name in registered}

    async def _restore_workspace(self) -> None:
        """Make the session's directory again if somebody has deleted it.  Raises ``StorageError``."""
        if not self._workspace.whole:
            await self._executor.close()  # it looks into the directory that is gone
            await asyncio.to_thread(self._workspace.restore)

    # --- life -----------------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, Any]:
        """What runs where, as far as it has started."""
        return self._executor.facts()

    async def reset(self) -> None:
        """Forget the conversation and the data sets, and remove the sandbox; the next question gets a new one."""
        self._results = NamedResults()
        self._figures = Figures()
        await self._executor.close()
        await self.forget()

    async def close(self) -> None:
        """Remove the sandbox and the session's directory.  Cache and capsules stay."""
        try:
            await self._executor.close()
        finally:
            self._workspace.remove()

    def warm_model(self, model: str | None = None) -> None:
        """Load what talks to ``model`` (by default that of the settings), in the background."""
        warm = getattr(self._models(), "warm", None)
        if warm is not None:
            warm(model or self.settings.model)

    def _models(self) -> Streams:
        if self._gateway is None:
            from ..llm.gateway import Gateway

            self._gateway = Gateway(self.settings, boundary=self.boundary)
        return self._gateway


_STOPPED: Final = Fault("cancelled", "Stopped; what was running was killed.")
