"""Counts, sizes, times and names as people read them. Runs on MicroPython and CPython alike."""


def count(number: int, noun: str) -> str:
    """``1 row``, ``336,776 rows``."""
    return "{:,} {}".format(number, noun if number == 1 else noun + "s")


def size(length: int) -> str:
    """A length in bytes in decimal units: ``812 bytes``, ``31.1 MB``."""
    if length < 1000:
        return count(length, "byte")
    amount = length / 1000
    for unit in ("kB", "MB", "GB"):
        if amount < 999.5 or unit == "GB":
            break
        amount = amount / 1000
    return ("{:.0f} {}" if amount >= 100 else "{:.1f} {}").format(amount, unit)


def time(seconds: float) -> str:
    """A duration: ``less than 1 ms``, ``12 ms``, ``1.24 s``, ``2 min 5 s``."""
    if seconds < 0.001:
        return "less than 1 ms"
    if seconds < 0.9995:
        return "{:.0f} ms".format(seconds * 1000)
    if seconds < 60:
        return ("{:.2f} s" if seconds < 9.995 else "{:.1f} s").format(seconds)
    whole = int(seconds)
    return "{} min {} s".format(whole // 60, whole % 60)


def quoted(name: str) -> str:
    """A name as an SQL identifier, whatever is in it (https://sqlite.org/lang_keywords.html)."""
    return '"' + name.replace('"', '""') + '"'


def brief(text: str, most: int) -> str:
    """Text in one line, cut to ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def numbered(name: str, taken: list[str]) -> str:
    """A name like ``name`` that is not in ``taken``: ``notes.db`` → ``notes 2.db``."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    number = 2
    while "{} {}{}{}".format(stem, number, dot, ending) in taken:
        number += 1
    return "{} {}{}{}".format(stem, number, dot, ending)
