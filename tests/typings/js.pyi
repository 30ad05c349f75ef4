"""What the page uses of the browser, and Start of public/start.mjs.

The worker's Python imports a ``js``, too: what is not here is of any type.
"""

from collections.abc import Callable
from typing import Any, Protocol

class EventTarget(Protocol):
    def addEventListener(
        self, kind: str, listener: Callable[..., None], capture: bool = ...
    ) -> None: ...

class Dataset(Protocol):
    """Attributes that begin with data-."""

    key: str
    act: str
    command: str
    state: str
    option: str
    column: str

class ClassList(Protocol):
    def toggle(self, name: str, on: bool) -> bool: ...

class Element(EventTarget, Protocol):
    id: str
    type: str
    value: Any
    max: float
    open: bool
    hidden: bool
    checked: bool
    disabled: bool
    inert: bool
    tabIndex: int
    title: str
    textContent: str
    returnValue: str
    dataset: Dataset
    files: FileList
    @property
    def classList(self) -> ClassList: ...
    @property
    def children(self) -> HTMLCollection: ...
    @property
    def lastElementChild(self) -> Element: ...
    @property
    def childElementCount(self) -> int: ...
    def insertBefore(self, child: Element, before: Element | None) -> Element: ...
    def append(self, *children: Element | str) -> None: ...
    def replaceChildren(self) -> None: ...
    def remove(self) -> None: ...
    def setAttribute(self, name: str, value: str) -> None: ...
    def getAttribute(self, name: str) -> str | None: ...
    def removeAttribute(self, name: str) -> None: ...
    def closest(self, selector: str) -> Any: ...
    def querySelector(self, selector: str) -> Any: ...
    def matches(self, selector: str) -> bool: ...
    def contains(self, other: Element) -> bool: ...
    def click(self) -> None: ...
    def focus(self) -> None: ...
    def select(self) -> None: ...
    def scrollIntoView(self) -> None: ...
    def showModal(self) -> None: ...
    def close(self, value: str = ...) -> None: ...

class HTMLCollection(Protocol):
    length: int
    def item(self, index: int) -> Element: ...

class File(Protocol):
    name: str
    @classmethod
    def new(cls, *arguments: Any) -> Any: ...

class FileList(Protocol):
    length: int
    def item(self, index: int) -> File: ...
    def __getitem__(self, index: int) -> File: ...

class Types(Protocol):
    def includes(self, kind: str) -> bool: ...

class DataTransfer(Protocol):
    files: FileList
    types: Types
    dropEffect: str

class Event(Protocol):
    target: Element
    key: str
    isComposing: bool
    dataTransfer: DataTransfer
    def preventDefault(self) -> None: ...

class MediaQuery(EventTarget, Protocol):
    matches: bool

class Window(EventTarget, Protocol):
    def matchMedia(self, query: str) -> MediaQuery: ...

class Document(Protocol):
    activeElement: Element | None
    documentElement: Element
    body: Element
    def getElementById(self, name: str) -> Element: ...
    def createElement(self, tag: str) -> Element: ...

class Buffers(Protocol):
    length: int
    def __getitem__(self, index: int) -> Any: ...

class Start(Protocol):
    """What client.py sends by."""

    number: int
    address: str
    def listen(self, listener: Callable[[str, Buffers], None]) -> None: ...
    def send(self, head: str, sql: str, part: File = ...) -> None: ...
    def lend(self, is_lent: bool) -> None: ...
    def tellRuns(self, on: bool) -> None: ...

class Navigator(Protocol):
    userAgent: str
    def __getattr__(self, name: str) -> Any: ...

class Location(Protocol):
    def reload(self) -> None: ...

class Performance(Protocol):
    def now(self) -> float: ...

class Logger(Protocol):
    def error(self, text: str) -> None: ...

console: Logger
document: Document
location: Location
navigator: Navigator
performance: Performance
sahpoolStart: Start
window: Window

def __getattr__(name: str) -> Any: ...
