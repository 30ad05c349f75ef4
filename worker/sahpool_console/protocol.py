"""The messages that the page and the worker send each other.

This file runs on both sides: under MicroPython on the page and under CPython (Pyodide) in the
worker. So it uses only what both have: no dataclasses, typing, enum or ``match``.

A message is sent as a list ``[head, *parts]``: ``head`` is JSON text, which this module writes and
reads; the parts are binary (ArrayBuffers, files) and are sent beside it unchanged.

====================  ===========================================================================
request               ``{"id": n, "op": name, ...fields}``, n counts up from 1
reply                 ``{"id": n, "ok": true, ...fields}`` or
                      ``{"id": n, "ok": false, "error": {...}}``; the id is null when the request
                      was too broken to tell
event                 ``{"id": 0, "event": name, ...fields}``, sent by the worker unasked
====================  ===========================================================================

Whatever arrives, the ``decode_`` functions return a message that conforms to the tables below, or
raise ProtocolError and nothing else. All positions in SQL are byte offsets into its UTF-8 form.
"""

# mypy: disallow-any-generics=False
# MicroPython has no module typing, with which to name the types in a dict; annotations as such are
# allowed, for it skips them.

import json
import sys

PROTOCOL = 4
"""Version of the messages; the first request, ``hello``, carries it and both sides must agree."""

MAX_INT = 2**53 - 1
"""The largest integer that JSON readers on every side keep exactly."""

MAX_DEPTH = 100
"""How deep lists and objects may be nested in a message; those of the console go to five."""

INT = "an integer from 0"
COUNT = "an integer from 1"
TEXT = "text"
FLAG = "true or false"
TEXT_OR_NULL = "text or null"
FLAG_OR_NULL = "true, false or null"
INT_OR_NULL = "an integer from 0 or null"
TEXTS_OR_NULL = "a list of texts or null"

# Fates (Op.fate): what the page does with a request whose worker ends before the reply.
AGAIN = "again"
"""The request changes nothing, so it is sent again to the next worker."""
READS_AGAIN = "reads again"
"""It is sent again with the field ``again``: the worker repeats statements that only read."""
GREETING = "greeting"
"""It fails, for the page sends such requests itself whenever it is connected to a worker."""
MOOT = "moot"
"""What it asks for no longer matters: it counts as done."""
LOST = "lost"
"""The result that it is about ended with the worker: the error CursorClosed."""
UNKNOWN = "unknown"
"""It may have been done or not, and is not repeated: the error OutcomeUnknown."""

FATES = (AGAIN, READS_AGAIN, GREETING, MOOT, LOST, UNKNOWN)


class Op:
    """A row of OPS: what a request of that name consists of, and how it is treated.

    Attributes:
        required: Fields that it must have: name -> kind.
        optional: Fields that it may have: name -> (kind, value when absent).
        parts: How many binary parts come with it.
        fate: What becomes of it when its worker ends before the reply; one of FATES.
        while_paused: Whether it can be done while another program has the storage.
        at_once: Whether it is done when it arrives, ahead of the tab's other requests, which are
            done one after another.
    """

    def __init__(
        self,
        required: dict,
        optional: dict,
        *,
        fate: str,
        parts: int = 0,
        while_paused: bool = False,
        at_once: bool = False,
    ) -> None:
        self.required = required
        self.optional = optional
        self.parts = parts
        self.fate = fate
        self.while_paused = while_paused
        self.at_once = at_once


# ``database`` of run and fetch: the database that is meant. When another one is open, the reply is
# the error WrongDatabase and nothing is done: a script is sent in several requests, and an open or
# an import between two of them must not run the rest in another database.
#
# The function that carries out a request is in session/operations: see OPERATIONS there.
#
# _TEXT_OPTIONS, of import_file and preview, are those of a file of delimited text; what each means
# is in session/formats/options.py.
_TEXT_OPTIONS = {
    "encoding": (TEXT_OR_NULL, None),
    "delimiter": (TEXT_OR_NULL, None),
    "quote": (TEXT_OR_NULL, None),
    "backslash": (FLAG_OR_NULL, None),
    "skip": (INT_OR_NULL, None),
    "header": (FLAG_OR_NULL, None),
    "decimal": (TEXT_OR_NULL, None),
    "nulls": (TEXTS_OR_NULL, None),
    "types": (TEXTS_OR_NULL, None),
}
_FILE_OPTIONS = {"null": (TEXT, ""), "table": (TEXT, ""), "gzip": (FLAG, False)}
OPS: "dict[str, Op]" = {
    # ``database``: opened, too, if there is one of that name, which saves a round trip.
    # ``tab``: the number that the user sees for the sender's tab, 0 when it has none.
    "hello": Op(
        {"protocol": COUNT},
        {"database": (TEXT_OR_NULL, None), "tab": (INT, 0)},
        fate=GREETING,
        while_paused=True,
    ),
    "words": Op({}, {}, fate=AGAIN, while_paused=True),
    # The reply lists the formats of files that can be imported, and those for exported results.
    "formats": Op({}, {}, fate=AGAIN, while_paused=True),
    "open": Op({"database": TEXT}, {}, fate=GREETING),
    "databases": Op({}, {}, fate=AGAIN),
    "schema": Op({}, {}, fate=AGAIN),
    # ``transaction``: whether a transaction is open, as far as the sender knows. If it was lost
    # with the worker that held it, the reply is the error TransactionLost and nothing is done.
    # ``again``: the request was sent to a worker that is gone, and may have been done: statements
    # that only read are done again, any other is the error OutcomeUnknown.
    # ``seconds``: the time limit, after which the statement that runs is stopped; 0: none.
    # ``script``: a number for the text, 0 for none. The session keeps the text until it has run to
    # its end: with the same number and an empty ``sql`` the next request goes on in it.
    # ``merge``: outcomes in a row that have neither rows nor an error may come as one of the kind
    # "many", with their ``count``; ``part`` is the number of the part with five float64 of each:
    # start, end, line, elapsed, changes (-1 for null).
    "run": Op(
        {"sql": TEXT},
        {
            "start": (INT, 0),
            "script": (INT, 0),
            "merge": (FLAG, False),
            "rows": (COUNT, 200),
            "database": (TEXT_OR_NULL, None),
            "transaction": (FLAG_OR_NULL, None),
            "again": (FLAG, False),
            "seconds": (INT, 0),
        },
        fate=READS_AGAIN,
    ),
    "fetch": Op(
        {"cursor": COUNT, "rows": COUNT},
        {"database": (TEXT_OR_NULL, None), "seconds": (INT, 0)},
        fate=LOST,
    ),
    "close": Op({"cursor": COUNT}, {}, fate=MOOT, while_paused=True),
    "cancel": Op({"target": COUNT}, {}, fate=AGAIN, while_paused=True, at_once=True),
    # The page's answer to the event ``free``. ``target`` is a request that has waited for another
    # session's lock; it goes on only when its sender knows that it does. Until then it has done
    # nothing, and the page may send it to another worker as if it were new.
    "proceed": Op({"target": COUNT}, {}, fate=MOOT, while_paused=True, at_once=True),
    # The file that lies beside a database, ``name`` of which ends in -wal or -journal, for the next
    # import of that database.
    "beside": Op({"name": TEXT}, {}, parts=1, fate=AGAIN),
    # ``only_if_sure``: a text that can be read in several ways is the error ImportDoubtful, and
    # nothing is done. The other fields are those of preview.
    "import_file": Op(
        {"name": TEXT},
        dict(
            _TEXT_OPTIONS,
            kind=(TEXT, "auto"),
            database=(TEXT_OR_NULL, None),
            table=(TEXT_OR_NULL, None),
            replace=(FLAG, False),
            only_if_sure=(FLAG, False),
        ),
        parts=1,
        fate=UNKNOWN,
    ),
    # How a file would be imported, and its first rows. What is null is found in the file.
    "preview": Op(
        {"name": TEXT},
        dict(_TEXT_OPTIONS, kind=(TEXT, "auto"), table=(TEXT_OR_NULL, None)),
        parts=1,
        fate=AGAIN,
    ),
    "export": Op({}, {"database": (TEXT_OR_NULL, None)}, fate=AGAIN),
    # All rows of one statement that only reads, as a file; ``format`` is a name that the reply to
    # formats lists. ``null`` stands for NULL in formats that have none, ``table`` is the name of
    # the table or sheet, and ``gzip`` compresses the file.
    # ``state``: that of the outcome whose rows are meant. If the statement may give other rows now,
    # the reply is the error RowsChanged and nothing is read; null: whatever it gives now is meant.
    # ``database`` and ``seconds`` as for run.
    "export_rows": Op(
        {"sql": TEXT, "format": TEXT},
        dict(
            _FILE_OPTIONS,
            state=(TEXT_OR_NULL, None),
            database=(TEXT_OR_NULL, None),
            seconds=(INT, 0),
        ),
        fate=AGAIN,
    ),
    # Rows that the page has, as a file. The part begins with ``described`` bytes of JSON, a list of
    # pieces as replies describe them, each with its ``start`` and ``size`` in the bytes behind it.
    "write_rows": Op(
        {"format": TEXT, "columns": TEXTS_OR_NULL, "described": INT},
        dict(_FILE_OPTIONS, seconds=(INT, 0)),
        parts=1,
        fate=AGAIN,
        while_paused=True,
    ),
    # The rows of a result in another order. ``order`` has a text for each column to sort by, its
    # number from 1: "2", or "2 desc". The query is run again if it gives the same rows as it did in
    # that ``state``; ``sql`` of the reply is what was run. The rest of the rows is fetched.
    "sort_rows": Op(
        {"sql": TEXT, "state": TEXT, "order": TEXTS_OR_NULL, "rows": COUNT},
        {"database": (TEXT_OR_NULL, None), "seconds": (INT, 0)},
        fate=AGAIN,
    ),
    # The same of rows that the page has, with a part as that of write_rows; ``width``: of columns.
    "sort_held": Op(
        {"order": TEXTS_OR_NULL, "width": COUNT, "described": INT, "rows": COUNT},
        {"database": (TEXT_OR_NULL, None), "seconds": (INT, 0)},
        parts=1,
        fate=AGAIN,
    ),
    # The plan of one statement, and the indexes that would help it. It is not run.
    "plan": Op({"sql": TEXT}, {"database": (TEXT_OR_NULL, None)}, fate=AGAIN),
    # Times a query that only reads without indexes and with them; ``create`` has the statements
    # that make them. Nothing of them stays.
    "try_indexes": Op(
        {"sql": TEXT, "create": TEXT},
        {"database": (TEXT_OR_NULL, None), "seconds": (INT, 0)},
        fate=AGAIN,
    ),
    # Makes indexes, all or none.
    "keep_indexes": Op(
        {"create": TEXT},
        {"database": (TEXT_OR_NULL, None), "seconds": (INT, 0)},
        fate=UNKNOWN,
    ),
    "delete": Op({"database": TEXT}, {}, fate=UNKNOWN),
    # How much room there is; at once, for the browser may take long to answer.
    "storage": Op({}, {}, fate=AGAIN, while_paused=True, at_once=True),
    "sample": Op({}, {}, fate=UNKNOWN),
    # ``slot``: the name of a slot in quarantine, as the replies to hello and storage list them.
    "quarantine_export": Op({"slot": TEXT}, {}, fate=AGAIN),
    "quarantine_recover": Op(
        {"slot": TEXT},
        {"database": (TEXT_OR_NULL, None), "replace": (FLAG, False)},
        fate=UNKNOWN,
    ),
    "quarantine_drop": Op({"slot": TEXT}, {}, fate=UNKNOWN),
    # Give up the storage, so that another program of this origin can use it, and take it back.
    "pause": Op({}, {}, fate=UNKNOWN, while_paused=True),
    "unpause": Op({}, {}, fate=UNKNOWN, while_paused=True),
}

ERROR_FIELDS = ("type", "name", "message", "offset", "cause", "hint", "code", "params", "hints")
"""The fields of every error; some have more (``existing`` and ``what`` of NameExists).

``message`` and ``hint`` are sentences in English. Where there is a ``code``, the page shows its own
text for it, with ``params``, in place of ``message``. ``hints`` are further hints, for which only
the page has the words: a list of {"code", "params"}.

The ``notes`` of an import and the ``doubts`` of a preview are such lists, too; an error may stand
in the place of a doubt. A parameter may be a phrase of that form, or a list of phrases.
"""

_CPYTHON = sys.implementation.name == "cpython"


class ProtocolError(Exception):
    """A message that breaks the rules above.

    Attributes:
        id: The number of the request at fault; None when that is not known.
    """

    def __init__(self, message: str, number: "int | None" = None) -> None:
        super().__init__(message)
        self.id = number


def encode_request(number: int, op: str, **fields: object) -> str:
    """The head of a request, checked as its reader will check it; raises ProtocolError."""
    message = dict(fields)
    message["id"] = number
    message["op"] = op
    _check_request(message)
    return _dumps(message)


def decode_request(head: object, parts: "int | None" = None) -> dict:
    """The request in ``head`` as a dict in which every optional field is present.

    ``parts`` is the number of binary parts that came with it; None: it is not checked.

    Raises:
        ProtocolError: It is not a request as OPS defines it.
    """
    message = _loads(head)
    # The id is checked first, so that the reply about any other fault can carry it.
    known = message.get("id")
    if not _fits(known, COUNT):
        raise ProtocolError("A request needs an id, " + COUNT + ".")
    _check_request(message)
    row = OPS[message["op"]]
    if parts is not None and parts != row.parts:
        text = "The request '{}' comes with {} binary part(s), not with {}."
        raise ProtocolError(text.format(message["op"], row.parts, parts), known)
    for name in row.optional:
        if name not in message:
            message[name] = row.optional[name][1]
    return message


def encode_reply(number: int, **fields: object) -> str:
    """The head of the reply to request ``number`` with its result, ``fields``."""
    message = dict(fields)
    message["id"] = number
    message["ok"] = True
    return _dumps(message)


def encode_error(number: "int | None", error: dict) -> str:
    """The head of the reply to request ``number`` (or None) with an error of make_error."""
    return _dumps({"id": number, "ok": False, "error": error})


def encode_event(event: str, **fields: object) -> str:
    """The head of an event."""
    message = dict(fields)
    message["id"] = 0
    message["event"] = event
    return _dumps(message)


def make_error(kind: str, message: str, **fields: object) -> dict:
    """An error as replies, outcomes and events carry it.

    Fields that are not given are None; ``params`` and ``hints`` are empty.
    """
    error: dict = {}
    _complete_error(error)
    error["type"] = kind
    error["message"] = message
    for name in fields:
        error[name] = fields[name]
    return error


def decode_message(head: object) -> dict:
    """The reply or event in ``head`` as a dict; the id of an event is 0.

    Raises:
        ProtocolError: It is neither.
    """
    message = _loads(head)
    number = message.get("id")
    if number == 0 and _fits(number, INT):
        if not _fits(message.get("event"), TEXT):
            raise ProtocolError("An event needs a name.")
        error = message.get("error")
        if error is not None:
            _check_error(error, None)
        return message
    if number is not None and not _fits(number, COUNT):
        raise ProtocolError("A reply needs the id of its request.")
    ok = message.get("ok")
    if ok is not True and ok is not False:
        raise ProtocolError("A reply says whether it is ok.", number)
    if not ok:
        _check_error(message.get("error"), number)
    elif number is None:
        raise ProtocolError("Only an error may come without the id of its request.")
    return message


def _check_request(message: dict) -> None:
    number = message["id"]
    if not _fits(number, COUNT):
        raise ProtocolError("A request needs an id, " + COUNT + ".")
    op = message.get("op")
    if not isinstance(op, str) or op not in OPS:
        text = "There is no request {}; there are {}."
        raise ProtocolError(text.format(_shown(op), ", ".join(sorted(OPS))), number)
    required, optional = OPS[op].required, OPS[op].optional
    for name in required:
        if name not in message:
            raise ProtocolError("The request '{}' needs the field '{}'.".format(op, name), number)
    for name in message:
        if name in required:
            kind = required[name]
        elif name in optional:
            kind = optional[name][0]
        elif name == "id" or name == "op":
            continue
        else:
            text = "The request '{}' has no field {}."
            raise ProtocolError(text.format(op, _shown(name)), number)
        if not _fits(message[name], kind):
            text = "The field '{}' of the request '{}' is {}, not {}."
            raise ProtocolError(text.format(name, op, kind, _shown(message[name])), number)


def _check_error(error: object, number: "int | None") -> None:
    if not isinstance(error, dict):
        raise ProtocolError("A reply that is not ok needs an error.", number)
    if not _fits(error.get("type"), TEXT) or not _fits(error.get("message"), TEXT):
        raise ProtocolError("An error needs a type and a message.", number)
    _complete_error(error)


def _complete_error(error: dict) -> None:
    for name in ERROR_FIELDS:
        if error.get(name) is None:
            error[name] = {} if name == "params" else [] if name == "hints" else None


def _fits(value: object, kind: str) -> bool:
    if kind == FLAG or kind == FLAG_OR_NULL:
        return value is True or value is False or (value is None and kind == FLAG_OR_NULL)
    if value is None:
        return kind == TEXT_OR_NULL or kind == INT_OR_NULL or kind == TEXTS_OR_NULL
    if kind == TEXTS_OR_NULL:
        return isinstance(value, list) and all(_fits(item, TEXT) for item in value)
    if kind == INT or kind == COUNT or kind == INT_OR_NULL:
        if not isinstance(value, int) or value is True or value is False:
            return False
        return (1 if kind == COUNT else 0) <= value <= MAX_INT
    return isinstance(value, str) and _is_unicode(value)


def _is_unicode(text: str) -> bool:
    """Whether text can be UTF-8: JSON can hold half a surrogate pair, UTF-8 and SQLite cannot."""
    try:
        text.encode("utf-8")
    except UnicodeError:
        return False
    return True


def _shown(value: object) -> str:
    """A value in ASCII and cut short, for a message about it.

    The content of a list or an object is left out: it may be nested deeper than the stack allows.
    """
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, int) and not -MAX_INT <= value <= MAX_INT:
        return "an integer beyond 2**53"
    if isinstance(value, str):
        text = ascii(value[:40]) if _CPYTHON else repr(value[:40])
        return text if len(value) <= 40 else text + "..."
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    return "of the type " + type(value).__name__


def _dumps(message: dict) -> str:
    # MicroPython's JSON reader does not join the surrogate pairs that CPython writes by default,
    # so both sides send the characters themselves.
    if not _CPYTHON:
        return json.dumps(message)
    head = _ENCODER.encode(message)
    if not _is_unicode(head):
        # Half a surrogate pair (of a file name that is not UTF-8) would be read as something else
        # on the page.
        head = head.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return head


def _loads(head: object) -> dict:
    if not isinstance(head, str):
        raise ProtocolError("The head of a message is text.")
    if _CPYTHON and _is_too_deep(head):
        text = "The head of a message is JSON at most {} deep; this is deeper: {}"
        raise ProtocolError(text.format(MAX_DEPTH, _shown(head)))
    try:
        message = _DECODER.decode(head) if _CPYTHON else json.loads(head)
    except ValueError:
        raise ProtocolError("The head of a message is JSON; this is not: " + _shown(head)) from None
    except MemoryError:
        raise ProtocolError("The head of this message is too long to be read here.") from None
    if not isinstance(message, dict):
        raise ProtocolError("The head of a message is a JSON object.")
    return message


def _is_too_deep(head: str) -> bool:
    """Whether a JSON text is nested deeper than MAX_DEPTH.

    CPython's JSON reader calls itself for each level, and where CPython runs as WebAssembly the
    browser's stack ends before CPython's own limit: nothing catches that. MicroPython's reader
    keeps a list instead.
    """
    if head.count("[") + head.count("{") <= MAX_DEPTH:
        return False
    # Leaves out strings, in which brackets are text. At a backslash outside of a string the reader
    # stops with an error, so it does not matter how this takes the rest.
    outside = head.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    depth = 0
    for character in "".join(outside):
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif character in "]}":
            depth -= 1
    return False


def _refused(constant: str) -> object:
    raise ValueError(constant)


if _CPYTHON:
    # Made once: with anything but the defaults json.dumps() and json.loads() make a new one for
    # each call.
    _ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
    # CPython reads NaN and Infinity, which are not JSON, and calls parse_constant for them.
    _DECODER = json.JSONDecoder(parse_constant=_refused)
