"""Access to the document and the browser; only this module and client.py import ``js``.

MicroPython cannot catch an exception that a JavaScript call throws: calls that may throw are in
app/parts/browser.mjs. Integers past 2**31 lose their upper half between the two languages: sizes
are passed as text or floats.
"""

import asyncio
import io
import json
import sys

import js
from polyscript import js_modules

from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Any

    from polyscript.js_modules import Editor, Grid, Script

    from core.commands import Commands

parts = js_modules.parts

last_rows = parts.lastRows
"""What is done with the rows of the last visit (app/parts/last.mjs)."""

_crash_handlers: "list[Callable[[str], object]]" = []


def on_crash(handler: "Callable[..., object]") -> None:
    """Calls ``handler(text)`` for every exception that no code of the page catches."""
    _crash_handlers.append(handler)


def spawn(coroutine: "Coroutine[Any, Any, object]") -> "asyncio.Task[None]":
    """Runs a coroutine as a task whose exceptions are reported instead of lost."""
    return asyncio.create_task(_guarded(coroutine))


async def _guarded(coroutine: "Coroutine[Any, Any, object]") -> None:
    try:
        await coroutine
    except Exception as error:
        crashed(error)


def crashed(error: "Exception") -> None:
    """Reports an unexpected exception on the console and to the on_crash handlers."""
    trace = io.StringIO()
    sys.print_exception(error, trace)  # type: ignore[attr-defined]  # MicroPython's own
    js.console.error(trace.getvalue())
    for handler in _crash_handlers:
        handler(repr(error))


def _report_fault(text: str) -> None:
    js.console.error(text)
    for handler in _crash_handlers:
        handler(text)


parts.onFault(_report_fault)


def by_id(name: str) -> "js.Element":
    """Return the element with this id, which public/index.html defines."""
    return js.document.getElementById(name)


def focused() -> "js.Element | None":
    """Return the element that has the focus; None where none has."""
    return js.document.activeElement


def make(tag: str, text: "str | None" = None, **attributes: "object") -> "js.Element":
    """Return a new element with text and attributes.

    ``class_`` stands for class, ``aria_label`` for aria-label. None and False leave an attribute
    out; True sets it without a value.
    """
    element = js.document.createElement(tag)
    for name in attributes:
        value = attributes[name]
        if value is None or value is False:
            continue
        plain = name[:-1] if name.endswith("_") else name.replace("_", "-")
        element.setAttribute(plain, "" if value is True else str(value))
    if text is not None:
        element.textContent = text
    return element


def named(name: str, **attributes: "object") -> "js.Element":
    """Return a new span with a name in it, whose blanks and invisible characters can be seen.

    An empty name is shown as ``cell.unnamed`` of the catalogue (app/parts/visible.mjs).
    """
    element = make("span", None, **attributes)
    parts.writeName(element, name, text("cell.unnamed"))
    return element


def shown(text: str, **attributes: "object") -> "js.Element":
    """Return a new span with text in it, whose blanks at the ends and invisible characters show."""
    element = make("span", None, **attributes)
    parts.write(element, text)
    return element


def fill(element: "js.Element", children: "Iterable[js.Element | str]") -> None:
    """Replaces the content of ``element`` by ``children``."""
    element.replaceChildren()
    for child in children:
        element.append(child)


def guarded(handler: "Callable[..., object]") -> "Callable[..., None]":
    """Return ``handler`` wrapped for JavaScript: reports exceptions, runs coroutines as tasks."""

    def call(*arguments: "Any") -> None:
        try:
            result: "Any" = handler(*arguments)
        except Exception as error:
            crashed(error)
            return
        if hasattr(result, "send"):
            spawn(result)

    return call


def listen(target: "js.EventTarget", kind: str, handler: "Callable[..., object]") -> None:
    """Calls ``handler(event)`` for every event; a coroutine that it returns runs as a task."""
    target.addEventListener(kind, guarded(handler))


def on_acts(container: "js.Element", acts: "dict[str, Callable[[js.Element], object]]") -> None:
    """Calls ``acts[name](element)`` at a click on an element in ``container`` with this data-act.

    One listener serves all elements that are drawn there, now and later. A listener on each element
    would leak it when it is removed: neither Python's nor JavaScript's garbage collector sees a
    reference cycle through both. A coroutine that an act returns runs as a task.
    """

    def act(event: "js.Event") -> "object":
        element = event.target.closest("[data-act]")
        if element is None or not container.contains(element) or element.matches(":disabled"):
            return None
        return acts[element.dataset.act](element)

    listen(container, "click", act)


def listen_window(kind: str, handler: "Callable[..., object]") -> None:
    """Calls ``handler(event)`` for every event of the window, as listen() does."""
    listen(js.window, kind, handler)


def page_state(name: str) -> None:
    """Sets the root element's data-state: ``loading``, ``ready`` or ``error``."""
    js.document.documentElement.dataset.state = name


def is_apple() -> bool:
    """Return whether the keyboard has a ⌘ key."""
    return "Mac" in js.navigator.userAgent


def watch_narrow(watcher: "Callable[[Any], object]") -> None:
    """Calls ``watcher(is_narrow)`` now and whenever the layout changes (public/style.css)."""
    query = js.window.matchMedia("(max-width: 760px)")
    listen(query, "change", lambda _event: watcher(query.matches))
    watcher(query.matches)


def has_focus(element: "js.Element") -> bool:
    """Return whether an element has the focus."""
    return element.matches(":focus")


def is_focus_lost() -> bool:
    """Return whether no element has the focus."""
    return js.document.querySelector(":focus") is None


def create_editor(
    parent: "js.Element",
    on_key: "Callable[[str], object]",
    on_run: "Callable[[Script], object]",
    on_target: "Callable[[str, int, int], object]",
    texts: "dict[str, str]",
) -> "Editor":
    """Return a CodeMirror editor in ``parent`` (app/parts/editor.mjs), which keeps its text."""
    return parts.createEditor(
        parent, guarded(on_key), guarded(on_run), guarded(on_target), json.dumps(texts)
    )


def create_grid(
    parent: "js.Element", on_open: "Callable[..., object]", texts: "dict[str, Any]"
) -> "Grid":
    """Return a results grid in ``parent``; its methods are in app/parts/grid.mjs."""
    return parts.createGrid(parent, guarded(on_open), json.dumps(texts))


def recall(key: str) -> "str | None":
    """Return the text that an earlier visit remembered under ``key``, or None."""
    return parts.recall("sahpool." + key)


def remember(key: str, text: str) -> bool:
    """Remember text for the next visit, and return whether the browser allows it."""
    return parts.remember("sahpool." + key, text)


def download(blob: "object", name: str) -> None:
    """Save a Blob among the person's downloads.

    Raises:
        ValueError: ``blob`` is no Blob.
    """
    if not parts.download(blob, name):
        raise ValueError(name + " did not come as a file")


def files_of(holder: "Any") -> "list[js.File]":
    """Return the files of a file input or of a drop as a list."""
    return [holder.files.item(index) for index in range(holder.files.length)]


def dropped(transfer: "js.DataTransfer") -> "Any":
    """Return a promise of what a drop brings (app/parts/drop.mjs): call it within the handler."""
    return parts.droppedFiles(transfer)


async def dropped_files(promise: "Any") -> "tuple[list[js.File], list[str], list[str], bool]":
    """Return the files of a drop, the names of folders without any, and of those not read.

    The last value is whether there are more files.
    """
    found = await promise
    files = [found.files[index] for index in range(found.files.length)]
    return files, _texts(found.empty), _texts(found.unread), bool(found.cut)


def _texts(array: "Any") -> "list[str]":
    return [str(array[index]) for index in range(array.length)]


def carries_files(event: "js.Event") -> bool:
    """Return whether a drag brings files, and not text or a link."""
    return event.dataTransfer is not None and event.dataTransfer.types.includes("Files")


def on_commands(commands: "Commands") -> None:
    """Runs the commands that buttons name by data-command, and those whose keys are pressed."""

    def act(event: "js.Event") -> "object":
        element = event.target.closest("[data-command]")
        if element is None or element.matches(":disabled"):
            return None
        return commands.run(*element.dataset.command.split())

    listen(js.document.body, "click", act)
    parts.onKeys(json.dumps(commands.keys()), guarded(commands.press))


def on_close(container: "js.Element", handler: "Callable[..., object]") -> None:
    """Calls ``handler(dialog)`` for each dialog in ``container`` that was closed."""
    # "close" does not bubble, so listen in the capture phase.
    container.addEventListener("close", guarded(lambda event: handler(event.target)), True)


def reveal(element: "js.Element") -> None:
    """Scrolls an element into view, no further than needed."""
    parts.reveal(element)


def add_to_page(element: "js.Element") -> None:
    """Appends an element to the page's body."""
    js.document.body.append(element)


def measure(name: str, begin: str, end: str) -> None:
    """Adds an entry to the browser's performance timeline; times are ms since 1970, as text."""
    parts.measure("sahpool: " + name, begin, end)


def mark(name: str) -> None:
    """Marks this moment in the browser's performance timeline, the first time that it is called."""
    parts.mark("sahpool: " + name)


def reached(name: str) -> "float | None":
    """Return the seconds from the navigation to mark(name); None if that was not called."""
    passed = parts.reached("sahpool: " + name)
    return None if passed is None else passed / 1000


def passed() -> float:
    """Return the seconds since the navigation."""
    return js.performance.now() / 1000


def clock(seconds: float) -> str:
    """Return the time of day that it was some seconds ago, as the browser's language has it."""
    return parts.clock(seconds)


async def copy(text: str) -> bool:
    """Put text on the clipboard, and return whether the browser allowed it."""
    return await parts.copyText(text)


def browser_name() -> str:
    """Return the browser's user agent string."""
    return js.navigator.userAgent


def size_of(file: "js.File") -> int:
    """Return the length of a File in bytes."""
    return int(parts.sizeOf(file))


async def ask_to_keep() -> bool:
    """Ask the browser for persistent storage, and return whether it agreed.

    Firefox asks the person, who may never answer; then this never returns.
    """
    return await parts.askToKeep()


async def discard_snapshot() -> None:
    """Deletes the snapshot of Python's memory: room for databases, but a slower next start."""
    await parts.discardSnapshot()


def reload() -> None:
    """Reloads the page."""
    js.location.reload()


def ask_before_leaving(wanted: bool) -> None:
    """Sets whether the browser asks the person before the page is left."""
    parts.askBeforeLeaving(wanted)


async def keep_offline(tell: "Callable[[str], object]") -> None:
    """Keeps this site for visits without a server, and tells of updates (app/parts/offline.mjs)."""
    await parts.keepOffline(guarded(tell))


async def take_update() -> str:
    """Reload the page in the version that waits; return why not if that is refused, else ""."""
    refusal = await parts.takeUpdate()
    return text("offline.gone") if refusal == "gone" else refusal


def on_opened_with(take: "Callable[[list[js.File]], object]") -> None:
    """Calls ``take(files)`` with files that the operating system opens with this console."""
    parts.onOpenedWith(guarded(lambda files: take([files[i] for i in range(files.length)])))


def items(collection: "js.HTMLCollection") -> "list[js.Element]":
    """Return the elements of an HTMLCollection or NodeList as a list."""
    return [collection.item(index) for index in range(collection.length)]
