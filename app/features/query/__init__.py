"""The editor, the running of its SQL, and the results."""

from core import dom
from features.query.editor import Editor
from features.query.last_visit import LastVisit
from features.query.results import Results
from features.query.runner import Runner

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any

    from core.console import Console
    from features.query.export import Export
    from features.query.plan import Plan


_exports: "list[Export]" = []  # the one, once it was used
_plans: "list[Plan]" = []  # likewise


def _export(console: "Console", runner: "Runner", results: "Results") -> "Any":
    """Return a coroutine that exports the shown result; its code is loaded at the first use."""
    if not _exports:
        from features.query.export import Export

        _exports.append(Export(console, runner, results))
    return None if results.shown is None else _exports[0].ask(results.shown)


def _plan(console: "Console", editor: "Editor", runner: "Runner", results: "Results") -> "Plan":
    """Return what shows plans; its code is loaded at the first use."""
    if not _plans:
        from features.query.plan import Plan

        _plans.append(Plan(console, editor, runner, results))
    return _plans[0]


def setup(console: "Console") -> "Results":
    """Shows the editor and the results, adds their commands, and returns the Results."""

    def explain() -> "Any":
        database = console.state["database"]
        return _plan(console, editor, runner, results).explain(editor.chosen(), database)

    def explain_shown() -> "Any":
        shown = results.shown
        if shown is None:
            return None
        plan = _plan(console, editor, runner, results)
        return plan.explain(shown.statement(), shown.database)

    _plans.clear()
    results = Results(console)
    editor = Editor(console, dom.guarded(lambda script: runner.run_script(script)))
    runner = Runner(console, editor, results)
    LastVisit(console, results)
    on = console.events.on
    on("waiting", runner.take_wait)
    on("running", runner.take_progress)
    on("browsed", dom.guarded(runner.run_text))
    on("schema", editor.know)
    on("started", dom.guarded(editor.learn))
    on("opened", results.reset)
    on("changed", results.grow_old)
    on("paused", results.grow_old)
    console.state.watch("schema", results.welcome)
    add = console.commands.add
    add("query.run", runner.run, runner.refusal, "Mod-Enter")
    add("query.run-all", runner.run_all, runner.refusal, "Mod-Shift-Enter")
    add("query.run-whole", runner.run_whole, runner.whole_refusal)
    add("query.cancel", runner.cancel, runner.idle, "Escape")
    add("query.sample", runner.load_sample, console.state.busy)
    add("query.explain", explain, console.state.busy)
    add("results.plan", explain_shown, console.state.busy)
    add("results.more", runner.load_more)
    add("results.copy", results.copy)
    add("results.export", lambda: _export(console, runner, results), console.state.busy)
    return results
