"""Errors of the protocol (worker/sahpool_console/protocol.py) as the page sees them."""

from core import format
from core.messages import has, text
from sahpool_console import protocol

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Json


class RequestError(Exception):
    """The worker answered a request with ``error``, as protocol.make_error makes it."""

    def __init__(self, error: "Json") -> None:
        super().__init__(message_of(error))
        self.error = error

    @property
    def kind(self) -> str:
        """The error's type: ``Cancelled``, ``NameExists``, ``OperationalError``…"""
        kind: str = self.error["type"]
        return kind


def own_error(kind: str, code: str, hint: "str | None" = None) -> "Json":
    """Return an error that the page makes itself, by its code and that of a hint."""
    hints = [] if hint is None else [{"code": hint, "params": {}}]
    return protocol.make_error(kind, code, code=code, hints=hints)


def message_of(error: "Json") -> str:
    """Return what has happened, in the words of the catalogue if it has the error's code.

    Messages of SQLite, of the library, and of another version of this site are as they come.
    """
    message: str = error["message"]
    return _worded("error.", error) or message


def hints_of(error: "Json") -> "list[str]":
    """Return what can be done about an error, as sentences."""
    sentences = [error["hint"]] if error["hint"] else []
    for hint in error["hints"]:
        sentence = _worded("hint.", hint)
        if sentence:
            sentences.append(sentence)
    return sentences


def note_of(note: "Json") -> str:
    """Return a note of an import as a sentence; an error may stand for one."""
    return message_of(note) if "message" in note else _worded("note.", note)


def step_of(step: "Json") -> str:
    """Return a step of a plan as a sentence."""
    said = _worded("step.", step) or step["detail"]
    return text("step.left-join", said=said) if step["left"] else said


def _worded(section: str, coded: "Json") -> str:
    """Return the text of a code with its parameters; "" where the catalogue has none."""
    key = section + (coded["code"] or "")
    if not has(key):
        return ""
    values = {}
    for name, value in coded["params"].items():
        values[name] = format.each_tab(value) if name == "tabs" else _value(value)
    sentence = text(key, **values)
    # What a sentence begins with may be the name of a file or of a column.
    return sentence[:1].upper() + sentence[1:] if "tabs" in values else sentence


def _value(value: object) -> object:
    """Return a parameter as a text takes it: phrases, and lists of them, in words."""
    if isinstance(value, dict):
        return _worded("phrase.", value)
    if isinstance(value, list):
        words = [str(_value(each)) for each in value]
        last = words.pop() if words else ""
        return text("list.or", words=", ".join(words), last=last) if words else last
    return value


def is_storage_full(error: "Json") -> bool:
    """Return whether an error says that the storage is full.

    SQLite's own limits, such as max_page_count, are SQLITE_FULL as well, but without a cause.
    """
    own_limit = error["type"] == "OperationalError" and not error["cause"]
    return error["name"] == "SQLITE_FULL" and not own_limit
