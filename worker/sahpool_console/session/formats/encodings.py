"""Finding the encoding of a text that is not UTF-8.

charset-normalizer finds it; the site has that library, and loads it when it is first needed. It is
given the lines that have bytes beyond ASCII, for the others tell nothing.
"""

import re
from types import ModuleType

from ..host import Source

__all__ = ["ENCODINGS", "guessed_encodings", "telling_bytes"]

ENCODINGS = (
    *("utf-8", "utf-16-le", "utf-16-be", "cp1252", "iso8859-1", "iso8859-15"),
    *("cp1250", "iso8859-2", "cp1251", "koi8-r", "iso8859-5", "cp1253", "iso8859-7", "cp1254"),
    *("cp1255", "cp1256", "cp1257", "cp1258", "cp874", "mac-roman", "cp437", "cp850", "cp852"),
    *("cp866", "gb18030", "big5", "cp932", "euc_jp", "cp949", "euc_kr"),
)
"""The encodings that can be chosen, and among which one is found, by Python's names."""

_THEIR_NAMES = {"iso8859-1": "latin_1"}

_ENOUGH = 32 * 1024
_SAMPLE = 1024 * 1024


def telling_bytes(source: Source, at: int = 0) -> bytes:
    """Lines of a file that have bytes beyond ASCII, from a position on: some thousands of bytes."""
    found: list[bytes] = []
    size = 0
    data = source.read(at, _SAMPLE)
    for line in data.replace(b"\r", b"\n").split(b"\n"):
        if not line.isascii():
            found.append(line[:_ENOUGH])
            size += len(line)
            if size > _ENOUGH:
                break
    return b"\n".join(found)


_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")


def _has_symbols_only(data: bytes) -> bool:
    """Whether what is beyond ASCII are single symbols in Windows-1252: €, “, °, – and the like.

    A library that counts letters has nothing to count then.
    """
    some = set(_BEYOND_ASCII.findall(data))
    if any(len(each) > 1 for each in some):
        return False
    try:
        return not any(each.decode("cp1252").isalpha() for each in some)
    except UnicodeDecodeError:
        return False


def guessed_encodings(library: ModuleType, data: bytes) -> list[str]:
    """The encodings that a text may have, the likeliest first.

    Args:
        library: charset_normalizer.
        data: Some of the text.
    """
    ours = {
        _THEIR_NAMES.get(name, name.replace("-", "_")): name
        for name in ENCODINGS
        if not name.startswith("utf")
    }
    found: list[str] = ["cp1252"] if _has_symbols_only(data) else []
    matches = library.from_bytes(data, cp_isolation=list(ours))
    if not matches:
        # A few short words look like chaos to it.
        matches = library.from_bytes(data, cp_isolation=list(ours), threshold=0.5)
    for match in matches:
        alike = [match.encoding, *match.could_be_from_charset]
        # Where the text is the same in several encodings, it is named by the commonest of them.
        found += [name for name in ("cp1252",) if name in alike]
        found += [ours[name] for name in alike if name in ours]
    return list(dict.fromkeys(found))
