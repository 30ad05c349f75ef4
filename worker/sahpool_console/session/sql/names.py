"""Names of tables, columns and so on as SQL has them."""

import re
from collections.abc import Iterable

__all__ = ["named", "quoted"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def quoted(name: str) -> str:
    """Any name as a quoted SQL identifier.

    Source: https://sqlite.org/lang_keywords.html
    """
    return '"' + name.replace('"', '""') + '"'


def named(name: str, keywords: Iterable[str] | None = None) -> str:
    """A name as an SQL identifier, quoted only if it has to be.

    Without the keywords of this SQLite, any of which may have to be quoted, it always is.
    """
    if keywords is None or not _PLAIN.fullmatch(name):
        return quoted(name)
    return quoted(name) if name.upper() in {each.upper() for each in keywords} else name
