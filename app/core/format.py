"""Texts for people: counts, sizes, times, names, and how much room the storage has.

Runs on MicroPython and CPython alike.
"""

NEARLY_FULL = 0.8
"""The share of the quota, from 0 to 1, from which on a person is warned."""

WHY_MEMORY = {
    "insecure": "This page is not secure, and browsers keep data for secure pages only: open it by "
    "https, or on this machine as localhost.",
    "missing": "This browser has no private file system (OPFS) here: use a current one, and a "
    "window that is not private.",
    "refused": "This browser refuses its private file system (OPFS) here, as private windows do: "
    "use an ordinary window.",
}
"""By ``why_memory`` of the worker: why databases are in memory only, and what helps."""

GONE = "Nothing is kept when this page is closed or reloaded: export what you need."
"""What becomes of databases in memory."""


def count(number: int, noun: str) -> str:
    """Return a number with a noun: ``1 row``, ``336,776 rows``."""
    return "{:,} {}".format(number, noun if number == 1 else noun + "s")


def tabs(numbers: "list[int]") -> str:
    """Return how messages name tabs, in the order given: ``tab 2``, ``3 tabs, tab 2 first``."""
    first = "tab {}".format(numbers[0]) if numbers[0] else "another tab"
    return first if len(numbers) == 1 else "{} tabs, {} first".format(len(numbers), first)


def size(length: int) -> str:
    """Return a length in bytes as text in decimal units: ``812 bytes``, ``31.1 MB``."""
    if length < 1000:
        return count(length, "byte")
    amount = length / 1000
    for unit in ("kB", "MB", "GB"):
        if amount < 999.5 or unit == "GB":
            break
        amount = amount / 1000
    return ("{:.0f} {}" if amount >= 100 else "{:.1f} {}").format(amount, unit)


def time(seconds: float) -> str:
    """Return a duration as text: ``less than 1 ms``, ``12 ms``, ``1.24 s``, ``2 min 5 s``."""
    if seconds < 0.001:
        return "less than 1 ms"
    if seconds < 0.9995:
        return "{:.0f} ms".format(seconds * 1000)
    if seconds < 60:
        return ("{:.2f} s" if seconds < 9.995 else "{:.1f} s").format(seconds)
    whole = int(seconds)
    return "{} min {} s".format(whole // 60, whole % 60)


def quoted(name: str) -> str:
    """Return any name as a quoted SQL identifier (https://sqlite.org/lang_keywords.html)."""
    return '"' + name.replace('"', '""') + '"'


def brief(text: str, most: int) -> str:
    """Return text in one line, cut to ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def numbered(name: str, taken: list[str]) -> str:
    """Return a name like ``name`` that is not in ``taken``: ``notes 2.db`` for ``notes.db``."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    number = 2
    while "{} {}{}{}".format(stem, number, dot, ending) in taken:
        number += 1
    return "{} {}{}{}".format(stem, number, dot, ending)


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
            return "The browser does not tell how much is used"
        text = size(self.usage) + " used"
        return text if self.quota is None else "{} of {}".format(text, size(self.quota))

    def line(self) -> str:
        """Return the figures and what becomes of the data, in short, for the foot of the page."""
        if self.in_memory:
            return "{} · in memory only".format(self.figures())
        if self.is_tight():
            return "{} · {}".format(self.figures(), self.percent())
        fate = "kept until you delete it" if self.persisted else "the browser may clear it"
        return "{} · {}".format(self.figures(), fate)

    def percent(self) -> str:
        """Return the share that is used as text: ``84 % full``; ``full`` when nothing is left."""
        share = self.share()
        return "full" if share == 1 else "{} % full".format(int(share * 100))

    def fate(self) -> str:
        """Return a sentence that says whether the data is kept."""
        if self.in_memory:
            return GONE
        if self.persisted:
            return "Kept until you delete it: this browser does not clear it by itself."
        return "The browser may clear it when the disk is full: export what you cannot lose."

    def warning(self) -> "tuple[str, str]":
        """Return the warning of a nearly full storage: what is the case, and what to do."""
        return (
            "The storage is {}.".format(self.percent()),
            "{}. Without room, changes are refused; what was committed stays. Export what you "
            "cannot lose, and delete what you no longer need.".format(self.figures()),
        )

    def lacks_room_for(self, length: int) -> "str | None":
        """Return what to ask before importing ``length`` bytes; None when they may fit."""
        left = self.left()
        if left is None or length <= left:
            return None
        return (
            "It has {}, and {} of the {} that this browser grants are left. What is there already "
            "stays as it is, also when the import does not fit."
        ).format(size(length), size(left), size(self.quota or 0))


def unexported(names: "list[str]") -> str:
    """Return a sentence on databases in memory: ``notes.db and 2 others have changes …``."""
    if len(names) == 1:
        return "{} has changes that are not exported.".format(names[0])
    others = count(len(names) - 1, "other")
    return "{} and {} have changes that are not exported.".format(names[0], others)
