"""Writing rows as a page in HTML with one table, which needs nothing else and runs no script."""

from collections.abc import Iterator, Sequence
from html import escape

from .interfaces import ExportFormat, Value, Writing, as_text, in_utf_8

__all__ = ["FORMAT"]

_HEAD = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 14px/1.4 system-ui, sans-serif }}
table {{ border-collapse: collapse }}
th, td {{ border: 1px solid #8888; padding: 2px 8px; text-align: left; white-space: pre-wrap }}
.n {{ text-align: right; font-variant-numeric: tabular-nums }}
.null {{ opacity: 0.6; font-style: italic }}
</style>
<table>
<thead>
<tr>{names}</tr>
</thead>
<tbody>
"""
_FOOT = b"</tbody>\n</table>\n</html>\n"


def _write(
    columns: Sequence[str], batches: Iterator[Sequence[tuple[Value, ...]]], writing: Writing
) -> Iterator[bytes]:
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    yield in_utf_8(_HEAD.format(title=escape(writing.table), names=names))
    null = f'<td class="null">{escape(writing.null)}</td>'
    for rows in batches:
        lines = [f"<tr>{''.join([_cell(value, null) for value in row])}</tr>\n" for row in rows]
        yield in_utf_8("".join(lines))
    yield _FOOT


def _cell(value: Value, null: str) -> str:
    if value is None:
        return null
    if isinstance(value, int | float):
        return f'<td class="n">{as_text(value)}</td>'
    return f"<td>{escape(as_text(value), quote=False)}</td>"


FORMAT = ExportFormat("html", ".html", "text/html", _write)
