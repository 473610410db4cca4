"""``%%analyst`` and ``%analyst``: the door for notebooks and for IPython in a terminal.

Runs on the host, in the person's kernel, on the cell's thread.  Importing this module imports
IPython, which is there already, and nothing else of weight.

IPython's ``output_can_be_silenced`` is not used: it reads the cell as Python, fails at the
apostrophe of "What's the mean?", and would take the ``;`` that ends an SQL statement for "show
nothing".  A ``;`` at the end of a question, of Python or of a command does the same here.
"""

from __future__ import annotations

import base64
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from .. import config
from ..analyst import Analyst
from . import ingest_options, options
from .progress import NoProgress, NotebookProgress, Progress, for_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ..answer import Answer
    from ..config import Settings
    from ..views.sheet import Sheet

_MAGIC = "analyst"


@magics_class
class AnalystMagics(Magics):  # type: ignore[misc]
    """Holds the one analyst session of a shell."""

    def __init__(self, shell: InteractiveShell, make: Callable[[Settings], Analyst] = Analyst) -> None:
        super().__init__(shell)
        self._make = make
        self._analyst: Analyst | None = None
        self._chosen_model: str | None = None

    @property
    def analyst(self) -> Analyst:
        """The session's front, made with the settings in force at its first use."""
        if self._analyst is None:
            self._analyst = self._make(config.resolve(self.shell.config))
        return self._analyst

    @no_var_expand  # type: ignore[untyped-decorator]
    @line_cell_magic(_MAGIC)  # type: ignore[untyped-decorator]
    def run(self, line: str, cell: str | None = None) -> Any:
        """`%%analyst` answers the question in its cell; `%analyst COMMAND` does the rest (`%analyst help`)."""
        try:
            words = [options.expand(word, self.shell.user_ns) for word in options.split(_unsilenced(line))]
            shown = self._line(words) if cell is None else self._ask(words, cell)
        except options.HelpWanted as wanted:
            from ..views.sheet import code, sheet

            return sheet("", code(str(wanted)))
        return None if cell is None and line.rstrip().endswith(";") else shown

    # --- questions --------------------------------------------------------------------------------

    def _ask(self, words: list[str], cell: str) -> Answer | Sheet | None:
        chosen = options.read_ask(words)
        from ..session.question import parse

        text = options.expand(cell, self.shell.user_ns)
        question = parse(
            text,
            mode=chosen.mode,
            model=chosen.model or self._chosen_model,
            datasets=chosen.datasets,
            max_rows=chosen.max_rows,
            timeout=chosen.timeout,
            max_steps=chosen.max_steps,
            max_cost=chosen.max_cost,
            may_ask=chosen.may_ask,
        )
        if chosen.dry_run:
            from ..views import pages

            return pages.draft(self.analyst.draft(question))
        silenced = question.mode != "sql" and cell.rstrip().endswith(";")
        progress = self._progress(chosen.quiet)
        try:
            answer = self.analyst.ask(question, progress)
        finally:
            progress.end()
        answer.raise_for_status()
        if chosen.out is not None:
            from ..rendering import values

            self.shell.push({chosen.out: values.bind(answer.arrow(), chosen.kind)})
        if chosen.quiet or silenced:
            return None
        self._draw(answer)
        return answer

    def _draw(self, answer: Answer) -> None:
        """Show the charts, each as an output of its own: beside HTML, a viewer would take the HTML."""
        from IPython.display import display

        from ..agent.charts import MIME, describe

        for chart, picture in zip(answer.charts, answer.pictures, strict=True):
            data = {MIME: chart, "text/plain": f"({describe(chart)}: see .chart)"}
            if picture is not None:
                data["image/png"] = base64.b64encode(picture).decode()
            display(data, raw=True)

    def _progress(self, quiet: bool) -> Progress:
        if quiet:
            return NoProgress()
        return NotebookProgress() if hasattr(self.shell, "kernel") else for_terminal(sys.stderr)

    # --- commands ---------------------------------------------------------------------------------

    def _line(self, words: list[str]) -> Sheet:
        name, given = options.read_command(words)
        return {
            "add": self._add,
            "datasets": self._datasets,
            "describe": self._describe,
            "profile": self._profile,
            "model": self._model,
            "status": self._status,
            "runs": self._runs,
            "show": self._show,
            "replay": self._replay,
            "export": self._export,
            "policy": self._policy,
            "preview": self._preview,
            "undo": self._undo,
            "reset": self._reset,
            "doctor": self._doctor,
            "help": self._help,
        }[name](given)

    def _add(self, given: Namespace) -> Sheet:
        from ..views import meaning, pages

        chosen = ingest_options.read(given, given.sources)
        progress = self._progress(quiet=False)
        started = time.perf_counter()
        try:
            added = [
                dataset
                for source in given.sources
                for dataset in self.analyst.add(
                    source,
                    variables=self.shell.user_ns,
                    cwd=Path.cwd(),
                    watcher=progress,
                    **chosen.arguments(),
                )
            ]
        finally:
            progress.end()
        took = time.perf_counter() - started
        self.analyst.session.warm_model(self._model_in_force())  # the first question in words comes soon
        useless = [note for dataset in added for note in meaning.without_effect(self.analyst.describe(dataset.name))]
        return pages.added(added, took, useless)

    def _datasets(self, given: Namespace) -> Sheet:
        from ..views import pages

        session = self.analyst.session
        return pages.registered(session.datasets, session.policies)

    def _describe(self, given: Namespace) -> Sheet:
        from ..session import described, dictionaries
        from ..views import meaning

        dictionary = None if given.dictionary is None else _file(given.dictionary)
        found = self.analyst.describe(given.name, dictionary)
        if given.write is not None:
            dictionaries.write(_file(given.write), described.dictionary_text(found), overwrite=given.overwrite)
            return meaning.written(found, given.write)
        if given.yaml:
            return meaning.as_yaml(found, described.dictionary_text(found))
        return meaning.meaning(found, self.analyst.session.policies[found.dataset.name])

    def _profile(self, given: Namespace) -> Sheet:
        from ..views import pages

        return pages.profile(self.analyst.session.dataset(given.word))

    def _model(self, given: Namespace) -> Sheet:
        from ..views.sheet import sheet

        if given.word is not None:
            self._chosen_model = given.word
            self.analyst.session.warm_model(given.word)
        return sheet(f"model: {self._model_in_force()}")

    def _model_in_force(self) -> str:
        return self._chosen_model or self.analyst.settings.model

    def _status(self, given: Namespace) -> Sheet:
        from ..views import boundary, pages

        session = self.analyst.session
        sent = () if session.last is None else boundary.sent_of(session.last)
        return pages.status(self.analyst.settings, session.facts(), session.datasets, self._model_in_force(), sent)

    def _runs(self, given: Namespace) -> Sheet:
        from ..views import pages

        return pages.runs(self.analyst.store.list())

    def _show(self, given: Namespace) -> Sheet:
        from ..views import pages

        with self.analyst.capsule(given.word) as capsule:
            return pages.run(capsule)

    def _replay(self, given: Namespace) -> Sheet:
        from ..views import boundary

        progress = self._progress(quiet=False)
        try:
            return boundary.replay(self.analyst.replay(given.word, progress))
        finally:
            progress.end()

    def _export(self, given: Namespace) -> Sheet:
        from ..views.sheet import sheet

        path = self.analyst.export(given.word, Path(given.file).expanduser())
        note = "It holds the question, the results and what the model was told: give it to nobody who may not see them."
        return sheet(f"Written: {path}", notes=(note,))

    def _policy(self, given: Namespace) -> Sheet:
        from ..datasets.policy import policy
        from ..views import boundary

        session = self.analyst.session
        datasets = session.datasets if given.name is None else (session.dataset(given.name),)
        if given.policy:
            session.choose_policy(given.name, policy(":".join(given.policy)))
        model = self._model_in_force()
        return boundary.policies(datasets, session.policies, model, session.boundary.leaves(model))

    def _preview(self, given: Namespace) -> Sheet:
        from ..session.question import parse
        from ..views import boundary

        question = parse(" ".join(given.words), model=given.model or self._chosen_model)
        return boundary.preview(self.analyst.preview(question))

    def _undo(self, given: Namespace) -> Sheet:
        from ..views.sheet import sheet

        undone = self.analyst.undo()
        if undone is None:
            return sheet("There is no question to take back.")
        return sheet(f"Taken out of the conversation: {' '.join(undone.split())[:200]}")

    def _reset(self, given: Namespace) -> Sheet:
        from ..views.sheet import sheet

        self.analyst.reset()
        return sheet("Data sets and conversation are forgotten; the next question gets a new sandbox.")

    def _doctor(self, given: Namespace) -> Sheet:
        from ..execution.docker_doctor import examine
        from ..views import pages

        return pages.doctor(examine(self.analyst.settings))

    def _help(self, given: Namespace) -> Sheet:
        raise options.HelpWanted(options.overview())

    def close(self) -> None:
        if self._analyst is not None:
            self._analyst.close()
            self._analyst = None


def _file(said: str) -> Path:
    return Path.cwd() / Path(said).expanduser()


def _unsilenced(line: str) -> str:
    return line.rstrip().removesuffix(";")


def load(shell: InteractiveShell) -> None:
    """Register the magics.  Starts nothing."""
    shell.register_magics(AnalystMagics(shell))


def unload(shell: InteractiveShell) -> None:
    """Close the session and take the magics away."""
    manager = shell.magics_manager
    held = manager.registry.pop(AnalystMagics.__name__, None)
    for kind in ("line", "cell"):
        manager.magics[kind].pop(_MAGIC, None)
    if isinstance(held, AnalystMagics):
        held.close()
