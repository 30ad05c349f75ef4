"""Questions in a <dialog>, made when they are asked and removed when they are answered."""

import asyncio

from core import dom
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Element

    Answer = asyncio.Future[tuple[str | None, str]]


class _Dialogs:
    """The element that all dialogs are in; its listeners serve all of them."""

    def __init__(self) -> None:
        # By the dialog's data-key: its text field, and the future of the answer.
        self._asked: "dict[str, tuple[Element | None, Answer]]" = {}
        self._last = 0
        self._place = dom.make("div")
        dom.on_acts(
            self._place, {"close": lambda button: button.closest("dialog").close(button.value)}
        )
        dom.on_close(self._place, self._closed)
        dom.add_to_page(self._place)

    def open(self, dialog: "Element", entry: "Element | None") -> "Answer":
        """Show a dialog above the page, and return the future of its answer."""
        self._last += 1
        answer: "Answer" = asyncio.Future()
        dialog.dataset.key = str(self._last)
        self._asked[dialog.dataset.key] = (entry, answer)
        self._place.append(dialog)
        dialog.showModal()
        return answer

    def _closed(self, dialog: "Element") -> None:
        entry, answer = self._asked.pop(dialog.dataset.key)
        value = dialog.returnValue
        entered = entry.value if entry is not None else ""
        dialog.remove()
        answer.set_result((value or None, entered))


_dialogs = _Dialogs()


async def ask(
    title: str,
    about: "str | None",
    buttons: "list[tuple[str, str]]",
    field: "tuple[str, str] | None" = None,
    body: "Element | None" = None,
    wide: bool = False,
) -> "tuple[str | None, str]":
    """Show a dialog, and return (button, text of the field) when it is closed.

    The button is the key of its name; None when the dialog was dismissed.

    Args:
        title: Its heading.
        about: The paragraph below the heading.
        buttons: Pairs (key of its name in the catalogue, CSS class); Enter presses the last one.
        field: A pair (label, text) for a text field.
        body: An element to show below the paragraph.
        wide: Whether the dialog is a wide one.
    """
    dialog = dom.make("dialog", class_="wide" if wide else None, aria_labelledby="dialog-title")
    form = dom.make("form", method="dialog")
    form.append(dom.make("h2", title, id="dialog-title"))
    if about:
        form.append(dom.make("p", about))
    entry = None
    if field is not None:
        label = dom.make("label", field[0])
        entry = dom.make(
            "input", type="text", value=field[1], autocomplete="off", spellcheck="false"
        )
        label.append(entry)
        form.append(label)
    if body is not None:
        form.append(body)
    row = dom.make("div", class_="acts")
    for key, kind in buttons:
        button = dom.make("button", text(key), type="submit", class_=kind, value=key)
        if key != buttons[-1][0]:
            button.type = "button"
            button.dataset.act = "close"
        row.append(button)
    form.append(row)
    dialog.append(form)

    answer = _dialogs.open(dialog, entry)
    if entry is not None:
        entry.select()
    return await answer
