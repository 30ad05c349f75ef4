"""The document as the page's parts use it; beside client.py the only room that imports ``js``.

MicroPython cannot catch an exception that a JavaScript call throws, and numbers past 2**31 lose
their upper half on the way: calls that may throw live in app/parts/browser.mjs, sizes travel as
text or floats.
"""

import asyncio
import io
import json
import sys

import js
from pyscript.js_modules import parts

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Any

    from pyscript.js_modules import Editor, Grid

    from core.commands import Commands

_crash_handlers: "list[Callable[[str], object]]" = []


def on_crash(handler: "Callable[..., object]") -> None:
    """``handler(text)`` is told of every exception that no part of the page expected."""
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
    """The element with this id; the page's HTML has it."""
    return js.document.getElementById(name)


def make(tag: str, text: "str | None" = None, **attributes: "object") -> "js.Element":
    """A new element with text and attributes (``class_`` → class, ``aria_label`` → aria-label)."""
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


def fill(element: "js.Element", children: "Iterable[js.Element | str]") -> None:
    """Makes ``children`` all that is in ``element``."""
    element.replaceChildren()
    for child in children:
        element.append(child)


def guarded(handler: "Callable[..., object]") -> "Callable[..., None]":
    """``handler`` for JavaScript to call: exceptions are reported, a coroutine becomes a task."""

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


def on_click(target: "js.EventTarget", action: "Callable[[], object]") -> None:
    """Calls ``action()`` at every click; a coroutine that it returns runs as a task."""
    listen(target, "click", lambda _event: action())


def on_acts(container: "js.Element", acts: "dict[str, Callable[[js.Element], object]]") -> None:
    """Calls ``acts[name](element)`` at a click on an element in ``container`` with this data-act.

    One listener for whatever is drawn there, now and later: a listener of an element that is taken
    away would keep it for ever, as neither side's garbage collector sees a circle through both.
    A coroutine that is returned runs as a task.
    """

    def act(event: "js.Event") -> "object":
        element = event.target.closest("[data-act]")
        if element is None or not container.contains(element) or element.matches(":disabled"):
            return None
        return acts[element.dataset.act](element)

    listen(container, "click", act)


def listen_window(kind: str, handler: "Callable[..., object]") -> None:
    """listen() on the window."""
    listen(js.window, kind, handler)


def page_state(name: str) -> None:
    """Sets the root element's data-state: ``loading``, ``ready`` or ``error``."""
    js.document.documentElement.dataset.state = name


def is_apple() -> bool:
    """Whether the keyboard has a ⌘ key."""
    return "Mac" in js.navigator.userAgent


def watch_narrow(watcher: "Callable[[Any], object]") -> None:
    """Calls ``watcher(is_narrow)`` now and whenever the layout changes (public/style.css)."""
    query = js.window.matchMedia("(max-width: 760px)")
    listen(query, "change", lambda _event: watcher(query.matches))
    watcher(query.matches)


def create_editor(parent: "js.Element", on_run: "Callable[[], object]", key: str) -> "Editor":
    """CodeMirror in ``parent``, its text remembered; see app/parts/editor.mjs for the rest."""
    return parts.createEditor(parent, guarded(on_run), "sahpool." + key)


def create_grid(parent: "js.Element", on_open: "Callable[..., object]") -> "Grid":
    """The results grid in ``parent``; see app/parts/grid.mjs for what it answers to."""
    return parts.createGrid(parent, guarded(on_open))


def recall(key: str) -> "str | None":
    """Text remembered by an earlier visit, or None."""
    return parts.recall("sahpool." + key)


def remember(key: str, text: str) -> None:
    """Remembers text for the next visit, where the browser allows it."""
    parts.remember("sahpool." + key, text)


def download(blob: "object", name: str) -> None:
    """Hands a Blob to the person as a file; ValueError if it is none."""
    if not parts.download(blob, name):
        raise ValueError(name + " did not come as a file")


def files_of(holder: "Any") -> "list[js.File]":
    """The files of a file input or of a drop, as a list."""
    return [holder.files.item(index) for index in range(holder.files.length)]


def carries_files(event: "js.Event") -> bool:
    """Whether a drag brings files (and not text or a link)."""
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
    # On its way down: the event does not come up again.
    container.addEventListener("close", guarded(lambda event: handler(event.target)), True)


def add_to_page(element: "js.Element") -> None:
    """Adds an element after all that the page has."""
    js.document.body.append(element)


def measure(name: str, begin: str, end: str) -> None:
    """Adds an entry to the browser's performance timeline; the times are ms since 1970, as text."""
    parts.measure("sahpool: " + name, begin, end)


def mark(name: str) -> None:
    """Marks this moment in the browser's performance timeline, once for a page."""
    parts.mark("sahpool: " + name)


def reached(name: str) -> "float | None":
    """Seconds from the navigation to mark(name); None when there is none."""
    passed = parts.reached("sahpool: " + name)
    return None if passed is None else passed / 1000


def passed() -> float:
    """Seconds since the navigation."""
    return js.performance.now() / 1000


async def copy(text: str) -> bool:
    """Puts text on the clipboard; answers whether the browser allowed it."""
    return await parts.copyText(text)


def browser_name() -> str:
    """What the browser says that it is."""
    return js.navigator.userAgent


def size_of(file: "js.File") -> int:
    """The length of a File in bytes."""
    return int(parts.sizeOf(file))


async def ask_to_keep() -> bool:
    """Asks the browser to keep this site's data; answers whether it agreed, perhaps never."""
    return await parts.askToKeep()


async def discard_snapshot() -> None:
    """Gives the room that the worker's snapshot takes to the databases; the next start is long."""
    await parts.discardSnapshot()


def reload() -> None:
    """Loads the page again."""
    js.location.reload()


def ask_before_leaving(wanted: bool) -> None:
    """Whether the browser asks before the page is left, from now on."""
    parts.askBeforeLeaving(wanted)


async def keep_offline(tell: "Callable[[str], object]") -> None:
    """Keeps this site for visits without a server; see app/parts/offline.mjs."""
    await parts.keepOffline(guarded(tell))


async def take_update() -> str:
    """Loads the page again, in the version that waits; answers why not if that is refused."""
    return await parts.takeUpdate()


def on_opened_with(take: "Callable[[list[js.File]], object]") -> None:
    """Calls ``take(files)`` with the files that the system opens with this console."""
    parts.onOpenedWith(guarded(lambda files: take([files[i] for i in range(files.length)])))


def items(collection: "js.HTMLCollection") -> "list[js.Element]":
    """The elements of an HTMLCollection or NodeList as a list."""
    return [collection.item(index) for index in range(collection.length)]
