"""Shows the plan of a statement in words, and tries what an index would do for it."""

from core import dom, format
from core.errors import RequestError, step_of
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Element, Event, Json

    from core.console import Console
    from features.query.editor import Editor
    from features.query.results import Results
    from features.query.runner import Runner

KEYS = ("ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End")
LEAST_GAIN = 1.1
"""How many times as fast a query has to be for that to be no chance."""
MOST_STEPS = 300
"""Steps that are drawn: nobody reads more, and MicroPython takes a millisecond for each."""

# What kind of work a step is, by its code; a chip says so before its words.
CHIPS = {
    "scan": "scan",
    "scan-index": "scan",
    "scan-covering": "scan",
    "scan-subquery": "scan",
    "virtual": "scan",
    "automatic": "index",
    "search-key": "search",
    "search-index": "search",
    "search-covering": "search",
    "search-end": "search",
    "in-index": "search",
    "in-rowid": "search",
    "sort": "sort",
    "sort-last": "sort",
    "group": "sort",
    "sorted-values": "sort",
    "distinct": "keep",
    "distinct-values": "keep",
    "union": "keep",
    "intersect": "keep",
    "except": "keep",
    "materialize": "keep",
}
TITLES = {
    "scan": "plan.chip-scan",
    "index": "plan.chip-index",
    "search": "plan.chip-search",
    "sort": "plan.chip-sort",
    "keep": "plan.chip-keep",
}
WHY = {
    "automatic": "plan.why-automatic",
    "scan": "plan.why-scan",
    "sort": "plan.why-sort",
}


class Plan:
    """The view of a plan, in the place of the rows: its steps as a tree, and an index to try."""

    def __init__(
        self, console: "Console", editor: "Editor", runner: "Runner", results: "Results"
    ) -> None:
        self._console = console
        self._editor = editor
        self._runner = runner
        self._results = results
        self._plan: "Json" = {}
        self._steps: "list[Json]" = []
        self._closed: "set[int]" = set()
        self._at = 0
        self._opener: "Element | None" = None  # what had the focus before
        self._sql = dom.make("span", class_="plan-sql")
        self._advice = dom.make("div", class_="advice")
        self._tree = dom.make("ul", role="tree", class_="steps", aria_label=text("plan.tree"))
        self._note = dom.make("p", class_="note")
        self._view = dom.make("section", id="plan", class_="plan", aria_label=text("plan.title"))
        head = dom.make("div", class_="plan-head")
        head.append(dom.make("h2", text("plan.title")), self._sql)
        head.append(self._button("plan.table", "table"), self._button("plan.close", "close"))
        self._view.append(head, self._advice, self._tree, self._note)
        # One listener each, for all plans that are shown.
        dom.on_acts(
            self._view,
            {
                "table": lambda _button: self._show_table(),
                "close": lambda _button: self._close(),
                "try": lambda _button: self._try(),
                "keep": lambda _button: self._keep(),
                "step": self._choose,
            },
        )
        dom.listen(self._tree, "keydown", self._press)
        dom.by_id("results").append(self._view)

    def _button(self, key: str, act: str, kind: str = "quiet") -> "Element":
        return dom.make("button", text(key), type="button", class_=kind, data_act=act)

    async def explain(self, sql: "object", database: "str | None") -> None:
        """Shows the plan of a statement, a text or a Script, in the database of that name."""
        focused = dom.focused()
        if focused is not None and not self._view.contains(focused):
            self._opener = focused
        self._console.trouble.clear()
        await self._console.state.until("ready")
        try:
            self._plan = await self._console.client.ask("plan", sql=sql, database=database)
        except RequestError as error:
            self._console.trouble.show(error.error, title=text("plan.failed"))
            self._console.status.say(text("status.failed"))
            return
        self._draw(self._plan)
        self._results.cover(self._view)
        self._console.status.say(text("plan.shown", count=len(self._plan["steps"])))
        if self._steps:
            self._rows()[0].focus()

    def _draw(self, plan: "Json") -> None:
        self._sql.textContent = format.brief(plan["sql"], 200)
        self._sql.title = format.brief(plan["sql"], 2000)
        self._steps = plan["steps"][:MOST_STEPS]
        self._closed = set()
        self._at = 0
        dom.fill(self._tree, [self._row(number) for number in range(len(self._steps))])
        left = len(plan["steps"]) - len(self._steps)
        if left:
            self._note.textContent = text("plan.more", count=left)
        else:
            self._note.textContent = "" if self._steps else text("plan.empty")
        self._mark()
        self._draw_advice([])

    def _row(self, number: int) -> "Element":
        step = self._steps[number]
        parent = self._is_parent(number)
        row = dom.make(
            "li",
            role="treeitem",
            aria_level=step["depth"] + 1,
            aria_expanded="true" if parent else None,
            data_act="step",
            data_key=number,
            style="--depth: {}".format(step["depth"]),
        )
        row.append(dom.make("span", class_="twisty", aria_hidden="true"))
        chip = CHIPS.get(step["code"])
        if chip is not None:
            row.append(dom.make("span", text(TITLES[chip]), class_="chip chip-" + chip))
        row.append(dom.shown(step_of(step), class_="said"))
        if step["code"] != "other":
            row.append(dom.shown(step["detail"], class_="detail"))
        return row

    def _is_parent(self, number: int) -> bool:
        following = self._steps[number + 1 : number + 2]
        return bool(following) and following[0]["depth"] > self._steps[number]["depth"]

    def _rows(self) -> "list[Element]":
        return dom.items(self._tree.children)

    def _shown(self) -> "list[int]":
        """Return the numbers of the steps that are not within a closed one."""
        shown = []
        hidden_below = -1
        for number, step in enumerate(self._steps):
            if hidden_below >= 0 and step["depth"] > hidden_below:
                continue
            hidden_below = step["depth"] if number in self._closed else -1
            shown.append(number)
        return shown

    def _mark(self) -> None:
        """Makes one row the one that Tab reaches, and hides those within closed ones."""
        shown = self._shown()
        for number, row in enumerate(self._rows()):
            row.tabIndex = 0 if number == self._at else -1
            row.hidden = number not in shown
            if self._is_parent(number):
                row.setAttribute("aria-expanded", "false" if number in self._closed else "true")

    def _choose(self, row: "Element") -> None:
        number = int(row.dataset.key)
        if self._is_parent(number):
            self._toggle(number, number not in self._closed)
        self._go(number)

    def _toggle(self, number: int, close: bool) -> None:
        if close:
            self._closed.add(number)
        else:
            self._closed.discard(number)

    def _go(self, number: int) -> None:
        self._at = number
        self._mark()
        self._rows()[number].focus()

    def _press(self, event: "Event") -> None:
        shown = self._shown()
        if event.key not in KEYS or self._at not in shown:
            return
        event.preventDefault()
        place = shown.index(self._at)
        parent = self._is_parent(self._at)
        if event.key == "ArrowRight" and parent and self._at in self._closed:
            self._toggle(self._at, False)
            self._mark()
        elif event.key == "ArrowRight":
            self._go(shown[place + 1] if parent else self._at)
        elif event.key == "ArrowLeft" and parent and self._at not in self._closed:
            self._toggle(self._at, True)
            self._mark()
        elif event.key == "ArrowLeft":
            depth = self._steps[self._at]["depth"]
            above = [each for each in shown[:place] if self._steps[each]["depth"] < depth]
            self._go(above[-1] if above else self._at)
        else:
            last = len(shown) - 1
            wanted = {"Home": 0, "End": last, "ArrowDown": place + 1, "ArrowUp": place - 1}
            self._go(shown[min(last, max(0, wanted[event.key]))])

    def _close(self) -> None:
        self._results.cover(None)
        if self._opener is not None:
            self._opener.focus()
        if dom.is_focus_lost():
            self._editor.focus()

    async def _show_table(self) -> None:
        """Runs EXPLAIN, whose rows are a result like any other."""
        await self._runner.run_script(self._editor.apart("EXPLAIN " + self._plan["sql"]))

    # --- indexes --------------------------------------------------------------------------------

    def _draw_advice(self, said: "list[str]", can_keep: bool = False) -> None:
        """Shows which indexes would help, what trying them has shown, and what can be done."""
        advice = self._plan["advice"]
        self._advice.hidden = advice is None
        if advice is None:
            return
        count = len(advice["indexes"])
        children = [dom.make("p", text(WHY[advice["why"]], count=count), class_="why")]
        children += [dom.make("code", index["create"]) for index in advice["indexes"]]
        children += [dom.make("p", each, role="status") for each in said]
        acts = dom.make("div", class_="acts")
        if can_keep:
            acts.append(self._button("plan.keep", "keep", "primary"))
        acts.append(self._button("plan.again" if said else "plan.try", "try", ""))
        children.append(acts)
        dom.fill(self._advice, children)

    def _creating(self) -> str:
        return ";\n".join([index["create"] for index in self._plan["advice"]["indexes"]])

    async def _work(self, said: str, op: str, **fields: object) -> "Json | None":
        """Return the reply of the worker; None where it refused, which is then shown."""
        if not self._console.may_begin():
            return None
        self._console.trouble.clear()
        try:
            return await self._runner.work(
                said, op, create=self._creating(), database=self._plan["database"], **fields
            )
        except RequestError as error:
            if error.kind == "Cancelled":
                self._console.status.say(text("plan.cancelled"))
                return None
            self._console.trouble.show(error.error, title=text("plan.not-tried"))
            self._console.status.say(text("status.failed"))
            return None

    async def _try(self) -> None:
        plan = self._plan
        reply = await self._work(text("plan.trying"), "try_indexes", sql=plan["sql"])
        if reply is None or plan is not self._plan:
            return
        count = len(plan["advice"]["indexes"])
        without, with_them = reply["without"], reply["with"]
        times = without["seconds"] / max(with_them["seconds"], 0.000001)
        before = format.short_time(without["seconds"])
        after = format.short_time(with_them["seconds"])
        if times < LEAST_GAIN:
            compared = text("plan.not-faster", before=before, after=after)
        else:
            amount = ("{:.0f}" if times >= 9.95 else "{:.1f}").format(times)
            compared = text("plan.faster", before=before, after=after, times=amount)
        said = [
            compared,
            text(
                "plan.cost",
                count=count,
                built=format.short_time(reply["built"]),
                size=format.size(reply["size"]),
                timed=text("plan.timed", count=with_them["samples"]),
            ),
        ]
        self._draw_advice(said, can_keep=True)
        self._console.status.say(text("plan.tried"))
        button = self._advice.querySelector("button")
        if button is not None:
            button.focus()

    async def _keep(self) -> None:
        plan = self._plan
        reply = await self._work(text("plan.keeping"), "keep_indexes")
        if reply is None:
            return
        self._console.opening.take_schema(reply)
        self._console.events.emit("wrote", reply["database"])
        if plan is self._plan:
            await self.explain(plan["sql"], plan["database"])
        self._console.status.say(text("plan.kept", count=len(plan["advice"]["indexes"])))
