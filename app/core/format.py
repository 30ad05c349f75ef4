"""Texts for people: counts, sizes, times, names, and how much room the storage has.

Runs on MicroPython and CPython alike.
"""

from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from collections.abc import Callable

    from page_types import Json

BROWSE_ROWS = 100
"""Rows of a table that are shown when it is chosen."""
NEARLY_FULL = 0.8
"""The share of the quota, from 0 to 1, from which on a person is warned."""

UNITS = ("size.kb", "size.mb", "size.gb")


def tabs(numbers: "list[int]") -> str:
    """Return how messages name tabs, in the order given: ``tab 2``, ``3 tabs, tab 2 first``."""
    first = text("tab.numbered", number=numbers[0]) if numbers[0] else text("tab.another")
    return first if len(numbers) == 1 else text("tab.first", count=len(numbers), tab=first)


def each_tab(numbers: "list[int]") -> str:
    """Return the names of all tabs, in the order given: ``tab 2 and another tab``."""
    names = [tabs([number]) for number in numbers]
    named = names[0]
    for name in names[1:]:
        named = text("tab.and", tabs=named, tab=name)
    return named


def size(length: int) -> str:
    """Return a length in bytes as text in decimal units: ``812 bytes``, ``31.1 MB``."""
    if length < 1000:
        return text("count.bytes", count=length)
    amount = length / 1000
    unit = 0
    while amount >= 999.5 and unit < len(UNITS) - 1:
        amount = amount / 1000
        unit += 1
    return text(UNITS[unit], amount=("{:.0f}" if amount >= 100 else "{:.1f}").format(amount))


def time(seconds: float) -> str:
    """Return a duration as text: ``less than 1 ms``, ``12 ms``, ``1.24 s``, ``2 min 5 s``."""
    if seconds < 0.001:
        return text("time.brief")
    if seconds < 0.9995:
        return text("time.milliseconds", amount="{:.0f}".format(seconds * 1000))
    if seconds < 60:
        amount = ("{:.2f}" if seconds < 9.995 else "{:.1f}").format(seconds)
        return text("time.seconds", amount=amount)
    whole = int(seconds)
    return text("time.minutes", minutes=whole // 60, seconds=whole % 60)


def short_time(seconds: float) -> str:
    """Return a duration as time() does, but a brief one with its digits: ``0.036 ms``."""
    if seconds >= 0.00995:
        return time(seconds)
    digits = "{:.3f}" if seconds < 0.0000995 else "{:.2f}" if seconds < 0.000995 else "{:.1f}"
    return text("time.milliseconds", amount=digits.format(seconds * 1000))


def quoted(name: str) -> str:
    """Return any name as a quoted SQL identifier (https://sqlite.org/lang_keywords.html)."""
    return '"' + name.replace('"', '""') + '"'


def source(table: "Json", schema: "list[Json]") -> str:
    """Return a table of a schema as FROM needs it.

    SQLite looks a bare name up in temp first, then in main, then in attached databases
    (https://sqlite.org/lang_naming.html): it stands alone only where it is clear.
    """
    name = table["name"].lower()
    same = [each for each in schema if each["name"].lower() == name]
    if table["schema"] == "main" and len(same) == 1:
        return quoted(table["name"])
    return quoted(table["schema"]) + "." + quoted(table["name"])


def first_rows(source: str) -> str:
    """Return the query for the first rows of a table, given as ``source`` does."""
    return "SELECT * FROM {} LIMIT {};".format(source, BROWSE_ROWS)


def key_name(key: str, is_apple: bool) -> str:
    """Return a key, written as core/commands.py has it, as its keyboard has it."""
    parts = key.split("-") if key != "-" else [key]
    shown = [("⌘" if is_apple else "Ctrl") if part == "Mod" else part for part in parts]
    if len(shown[-1]) == 1:
        shown[-1] = shown[-1].upper()
    return "+".join(shown)


def brief(long: str, most: int) -> str:
    """Return a text in one line, cut to ``most`` characters."""
    line = " ".join(long.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def numbered(name: str, taken: list[str]) -> str:
    """Return a name like ``name`` that is not in ``taken``: ``notes 2.db`` for ``notes.db``."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    return _unused(stem + " ", dot + ending, lambda new: new in taken)


def numbered_table(name: str, taken: list[str]) -> str:
    """Return a name like ``name`` that no table in ``taken`` has: ``sales_2`` for ``sales``."""
    folded = [other.lower() for other in taken]
    return _unused(name + "_", "", lambda new: new.lower() in folded)


def _unused(before: str, behind: str, is_taken: "Callable[[str], bool]") -> str:
    number = 2
    while is_taken("{}{}{}".format(before, number, behind)):
        number += 1
    return "{}{}{}".format(before, number, behind)


class Room:
    """The room of the storage, from the reply to ``storage``; sizes in bytes, None if unknown."""

    def __init__(
        self, kind: str, persisted: "bool | None", usage: "int | None", quota: "int | None"
    ):
        self.in_memory = kind == "memory"
        self.persisted = bool(persisted)
        self.usage = usage
        # Firefox reports a quota of 0 where the disk is full: treat that as unknown.
        self.quota = quota or None

    def left(self) -> "int | None":
        """Return how many bytes may still be stored; None if that is unknown."""
        if self.quota is None or self.usage is None:
            return None
        return max(0, self.quota - self.usage)

    def share(self) -> float:
        """Return the share of the quota that is used, from 0 to 1; 0 where that is unknown."""
        if self.quota is None or self.usage is None:
            return 0.0
        return min(1.0, self.usage / self.quota)

    def is_tight(self) -> bool:
        """Return whether a person is to be warned that the storage is nearly full."""
        return self.share() >= NEARLY_FULL

    def figures(self) -> str:
        """Return usage and quota as text: ``12.3 MB used of 10.7 GB``."""
        if self.usage is None:
            return text("storage.unknown")
        used = size(self.usage)
        if self.quota is None:
            return text("storage.used", used=used)
        return text("storage.used-of", used=used, quota=size(self.quota))

    def line(self) -> str:
        """Return the figures and what becomes of the data, in short, for the foot of the page."""
        if self.in_memory:
            return text("storage.line-memory", figures=self.figures())
        if self.is_tight():
            return text("storage.line-tight", figures=self.figures(), percent=self.percent())
        key = "storage.line-kept" if self.persisted else "storage.line-unsure"
        return text(key, figures=self.figures())

    def percent(self) -> str:
        """Return the share that is used as text: ``84 % full``; ``full`` when nothing is left."""
        share = self.share()
        if share == 1:
            return text("storage.percent-full")
        return text("storage.percent", percent=int(share * 100))

    def fate(self) -> str:
        """Return a sentence that says whether the data is kept."""
        if self.in_memory:
            return text("storage.fate-memory")
        return text("storage.fate-kept" if self.persisted else "storage.fate-unsure")

    def warning(self) -> "tuple[str, str]":
        """Return the warning of a nearly full storage: what is the case, and what to do."""
        return (
            text("storage.tight", percent=self.percent()),
            text("storage.tight-text", figures=self.figures()),
        )

    def lacks_room_for(self, length: int) -> "str | None":
        """Return what to ask before importing ``length`` bytes; None when they may fit."""
        left = self.left()
        if left is None or length <= left:
            return None
        return text(
            "importing.room-text",
            size=size(length),
            left=size(left),
            quota=size(self.quota or 0),
        )


def unexported(names: "list[str]") -> str:
    """Return a sentence on databases in memory: ``notes.db and 2 others have changes …``."""
    if len(names) == 1:
        return text("storage.unexported", name=names[0])
    others = text("count.others", count=len(names) - 1)
    return text("storage.unexported-others", name=names[0], others=others)
