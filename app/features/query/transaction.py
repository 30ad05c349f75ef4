"""The transaction that is open, in the header: since when, what it has changed, how to end it."""

from core import dom
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json

    from core.console import Console
    from features.query.editor import Editor
    from features.query.results import Results
    from features.query.runner import Runner


class Transaction:
    """Shows the open transaction, and commits or rolls it back."""

    def __init__(
        self, console: "Console", editor: "Editor", runner: "Runner", results: "Results"
    ) -> None:
        self._console = console
        self._editor = editor
        self._runner = runner
        self._results = results
        self._bar = dom.by_id("transaction")
        self._said = dom.by_id("transaction-said")
        self._seconds = -1.0
        self._began = ""
        console.state.watch("transaction", self._show)
        add = console.commands.add
        add("query.commit", self._commit, self._refusal)
        add("query.rollback", self._roll_back, self._refusal)

    def _refusal(self) -> "str | None":
        """Return why no transaction can be ended now; None when one can."""
        if not self._console.state["transaction"]:
            return text("query.no-transaction")
        return self._console.state.busy()

    def _show(self, transaction: "Json | None") -> None:
        self._bar.hidden = transaction is None
        if transaction is None:
            self._seconds = -1.0
            return
        if transaction["seconds"] < self._seconds or self._seconds < 0:
            self._began = dom.clock(transaction["seconds"])
        self._seconds = transaction["seconds"]
        changes = transaction["changes"]
        self._said.textContent = (
            text("transaction.changed", time=self._began, count=changes)
            if changes
            else text("transaction.unchanged", time=self._began)
        )

    async def _commit(self) -> None:
        if await self._runner.end_transaction("COMMIT"):
            self._console.status.say(text("transaction.committed"))
            self._go_on()

    async def _roll_back(self) -> None:
        if await self._runner.end_transaction("ROLLBACK"):
            self._results.grow_old(None)
            self._console.status.say(text("transaction.rolled-back"))
            self._go_on()

    def _go_on(self) -> None:
        """Puts the focus, which was on a button that is gone, where SQL is written."""
        focused = dom.focused()
        if focused is None or dom.is_focus_lost() or self._bar.contains(focused):
            self._editor.focus()
