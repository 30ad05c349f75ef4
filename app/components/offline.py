"""The site kept for visits without a server, new versions of it, and files opened with it."""

import dom


class Offline:
    """The badge, and the question whether to go on with a new version.

    The service worker is registered when the database is there, or cannot be: it fetches the whole
    site, which would be in the way of a start.
    """

    def __init__(self, state, status, importer):
        self._state = state
        self._status = status
        self._notice = dom.by_id("update-notice")
        self._begun = False
        self._waits = False
        # Also where this version cannot start: a newer one may.
        for name in ("ready", "failed"):
            state.watch(name, self._begin)
        dom.on_click(dom.by_id("update-take"), lambda: self._update())
        dom.on_click(dom.by_id("update-later"), lambda: self._hide())
        dom.on_opened_with(importer.add)

    def retry(self, restart):
        """After a failure: goes on with a newer version if one is there, else ``restart()``."""
        if self._waits:
            return self._take_or(restart)
        restart()
        return None

    async def _take_or(self, restart):
        if await dom.take_update():
            restart()

    def _begin(self, is_so):
        if is_so and not self._begun:
            self._begun = True
            dom.spawn(dom.keep_offline(self._on_word))

    def _on_word(self, word):
        if word == "kept":
            self._state["offline"] = True
            dom.by_id("offline").hidden = False
        else:
            self._waits = True
            self._notice.hidden = False

    def _hide(self):
        self._notice.hidden = True

    async def _update(self):
        if not self._status.may_begin():
            return
        if self._state["in_transaction"]:
            self._status.say("A transaction is open: COMMIT or ROLLBACK it, then update")
            return
        if self._state["unexported"]:
            self._status.say("Databases in memory have changes: export them, then update")
            return
        self._state["updating"] = True
        refusal = await dom.take_update()
        if refusal:
            self._state["updating"] = False
            self._status.say(refusal)
