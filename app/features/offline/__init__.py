"""Keeping the site for visits without a server, updating it, and taking files opened with it."""

from core import dom
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from core.console import Console


def setup(console: "Console") -> None:
    """Adds the commands of an update, and keeps the site once the database is open."""
    offline = Offline(console)
    console.commands.add("update.take", offline.update, offline.current)
    console.commands.add("update.later", offline.hide, offline.current)


class Offline:
    """The badge "offline", and the notice that offers a new version.

    The service worker is registered only when the database is open, or could not be opened: it
    fetches the whole site, which would slow the start down.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._notice = dom.by_id("update-notice")
        self._begun = False
        # Also where this version cannot start: a newer one may be able to.
        for name in ("ready", "failed"):
            console.state.watch(name, self._begin)
        dom.on_opened_with(lambda files: console.events.emit("brought", files))

    def current(self) -> "str | None":
        """Return why there is nothing to update to; None when there is a new version."""
        return None if self._console.state["update"] else text("offline.newest")

    def _begin(self, is_so: bool) -> None:
        if is_so and not self._begun:
            self._begun = True
            dom.spawn(dom.keep_offline(self._on_word))

    def _on_word(self, word: str) -> None:
        if word == "kept":
            self._console.state["offline"] = True
            dom.by_id("offline").hidden = False
        else:
            self._console.state["update"] = True
            self._notice.hidden = False

    def hide(self) -> None:
        """Hides the notice."""
        self._notice.hidden = True

    async def update(self) -> None:
        """Reloads the page in its new version, unless data would be lost or something runs."""
        if not self._console.may_begin():
            return
        if self._console.state["transaction"]:
            self._console.status.say(text("offline.transaction"))
            return
        if self._console.state["unexported"]:
            self._console.status.say(text("offline.in-memory"))
            return
        self._console.state["updating"] = True
        refusal = await dom.take_update()
        if refusal:
            self._console.state["updating"] = False
            self._console.status.say(refusal)
