"""The editor, the running of its SQL, and the results."""

from core import dom
from core.lazy import Lazy
from features.query.editor import Editor
from features.query.last_visit import LastVisit
from features.query.results import Results
from features.query.runner import Runner
from features.query.transaction import Transaction

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from typing import Any

    from core.console import Console
    from features.query.copying import Copying
    from features.query.export import Export
    from features.query.inspector import Inspector
    from features.query.plan import Plan
    from features.query.sorting import Sorting


def _load_copying(console: "Console", runner: "Runner", results: "Results") -> "Copying":
    from features.query.copying import Copying

    return Copying(console, runner, results)


def _load_export(console: "Console", runner: "Runner", results: "Results") -> "Export":
    from features.query.export import Export

    return Export(console, runner, results)


def _load_inspector(console: "Console", results: "Results") -> "Inspector":
    from features.query.inspector import Inspector

    return Inspector(console, results)


def _load_plan(
    console: "Console", editor: "Editor", runner: "Runner", results: "Results"
) -> "Plan":
    from features.query.plan import Plan

    return Plan(console, editor, runner, results)


def _load_sorting(
    console: "Console", editor: "Editor", runner: "Runner", results: "Results"
) -> "Sorting":
    from features.query.sorting import Sorting

    return Sorting(console, editor, runner, results)


def setup(console: "Console") -> "Results":
    """Shows the editor and the results, adds their commands, and returns the Results."""
    results = Results(console)
    editor = Editor(console, lambda script: runner.run_script(script))
    runner = Runner(console, editor, results)
    LastVisit(console, results)
    copying = Lazy(lambda: _load_copying(console, runner, results))
    Transaction(console, editor, runner, results)
    export = Lazy(lambda: _load_export(console, runner, results))
    inspector = Lazy(lambda: _load_inspector(console, results))
    plan = Lazy(lambda: _load_plan(console, editor, runner, results))

    def explain() -> "Any":
        return plan.get().explain(editor.chosen(), console.state["database"])

    def explain_shown() -> "Any":
        shown = results.shown
        return None if shown is None else plan.get().explain(shown.statement(), shown.database)

    sorting = Lazy(lambda: _load_sorting(console, editor, runner, results))
    results.on_sort(lambda index, add: sorting.get().by(index, add))

    results.grid.watch(
        dom.guarded(lambda told: copying.get().show(told)),
        dom.guarded(lambda x, y: copying.get().open_menu(x, y)),
        dom.guarded(lambda is_many: copying.get().by_key(is_many)),
    )
    dom.listen(dom.by_id("copy-menu"), "beforetoggle", lambda event: copying.get().name(event))
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
    add("query.format", editor.format, key="Alt-Shift-F")
    add("query.explain", explain, console.state.busy)
    add("results.plan", explain_shown, console.state.busy)
    add("results.edit", lambda: results.edit(editor))
    add("results.as-sql", lambda: sorting.get().show_sql(), results.no_sql)
    add("results.more", runner.load_more)
    add("results.inspect", lambda: inspector.get().open())
    add("results.copy", lambda: copying.get().copy_sheet(True))
    busy = console.state.busy
    add("results.copy-csv", lambda: copying.get().copy_as("csv"), busy)
    add("results.copy-json", lambda: copying.get().copy_as("json"), busy)
    add("results.copy-markdown", lambda: copying.get().copy_as("markdown"), busy)
    add("results.copy-insert", lambda: copying.get().copy_as("sql"), busy)
    add("results.copy-list", lambda: copying.get().copy_as("in-list"), busy)
    add(
        "results.export",
        lambda: None if results.shown is None else export.get().ask(results.shown),
        console.state.busy,
    )
    return results
