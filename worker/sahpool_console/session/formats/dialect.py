"""Finding how a delimited file is written: its separator, its quotation marks, its escapes.

Each candidate splits the first lines, and gets a score for what comes out: the more rows have as
many fields as one another, and the more fields have a form that values have, the better.

Source of the measure: G. J. J. van den Burg, A. Nazábal, C. Sutton, "Wrangling messy CSV files by
detecting row and type patterns", https://doi.org/10.1007/s10618-019-00646-y: the product of a
pattern score and a type score. What is done about errors, quotation marks and comments is our own.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import dropwhile, islice
from typing import Any, NamedTuple

from ..notes import Note, Phrase
from .forms import form

__all__ = ["DELIMITERS", "Dialect", "Found", "delimiter_phrase", "filled_length", "find_dialect"]

DELIMITERS = ",;\t|"
"""The separators that most files have; any other that is found is doubtful."""

_RARE = " :#^~\x1f\x1e\x01¦§&*="

RIVAL = 0.5
"""A separator whose score is more than this share of the best one's makes that doubtful."""

_SAMPLE_RECORDS = 150
_SAMPLE_CHARACTERS = 100_000


class Dialect(NamedTuple):
    """How the fields of a file are written.

    Attributes:
        delimiter: The character between two fields.
        quote: The quotation mark; empty where the file does not quote.
        backslash: Whether a backslash makes the next character an ordinary one.
        blanks: Whether a blank after each separator is no part of a value.
    """

    delimiter: str
    quote: str = '"'
    backslash: bool = False
    blanks: bool = False

    def records(self, lines: Iterable[str]) -> Any:
        """A reader of the csv module, which raises csv.Error where the lines are malformed."""
        if self.delimiter == " ":
            lines = map(_with_single_blanks, lines)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar="\\" if self.backslash else None,
            doublequote=True,
            skipinitialspace=self.blanks,
            strict=True,
        )


_BLANKS = re.compile(" +")


def _with_single_blanks(line: str) -> str:
    """A line with one blank where fields are separated by several, outside quotation marks."""
    parts = line.strip(" ").split('"')
    parts[::2] = (_BLANKS.sub(" ", part) for part in parts[::2])
    return _AT_END.sub("", '"'.join(parts))


_AT_END = re.compile(r" (?=[\r\n]*$)")


class Found(NamedTuple):
    """The dialect of a file, and why it may be another one."""

    dialect: Dialect
    doubts: list[Note]


class _Tried(NamedTuple):
    dialect: Dialect
    score: float
    records: list[list[str]]
    failed: bool


def find_dialect(
    lines: Sequence[str], *, delimiter: str | None = None, whole: bool = True
) -> Found:
    """The dialect of a file, found from its first lines.

    Args:
        lines: The lines, with their ends.
        delimiter: The separator, where it is known already.
        whole: Whether the last line ends where a record ends.
    """
    lines = list(dropwhile(_is_comment, lines)) or lines
    lines, is_cut = _first(lines)
    whole = whole and not is_cut
    text = "".join(lines)[:_SAMPLE_CHARACTERS]
    outside = _outside_of_quotes(text)
    tried = [_try(dialect, lines, whole=whole) for dialect in _candidates(text, outside, delimiter)]
    tried.append(_Tried(Dialect(delimiter or ","), 1e-9, [[line] for line in lines], False))
    # Where a file can be read with backslashes and without, they are likely to mean something.
    best = max(tried, key=lambda one: (one.score, one.dialect.backslash))
    return Found(best.dialect, _doubts(best, tried, outside))


def _first(lines: Sequence[str]) -> tuple[Sequence[str], bool]:
    """The first lines, not many more characters than the sample has; and whether that is less."""
    size = 0
    for count, line in enumerate(lines, 1):
        size += len(line)
        if size > 2 * _SAMPLE_CHARACTERS and count > 2:
            return lines[:count], count < len(lines)
    return lines, False


def _is_comment(line: str) -> bool:
    return line.startswith("#") or not line.strip()


def _candidates(text: str, outside: str, given: str | None) -> Iterator[Dialect]:
    delimiters = given or "".join(mark for mark in DELIMITERS + _RARE if mark in outside)
    for delimiter in delimiters:
        for quote in _quotes(text, delimiter):
            after = outside.count(delimiter + " ")
            blanks = delimiter not in " \t" and after * 10 >= outside.count(delimiter) * 8
            yield Dialect(delimiter, quote, False, blanks)
            if quote and "\\" + quote in text:
                yield Dialect(delimiter, quote, True, blanks)


def _quotes(text: str, delimiter: str) -> list[str]:
    """The quotation marks that may be used with a delimiter, the likeliest first."""
    if '"' not in text and "'" not in text:
        return ['"']
    found = ['"'] if '"' in text or not _quoted_by("'", delimiter).search(text) else []
    if _quoted_by("'", delimiter).search(text):
        found.append("'")
    return [*found, ""] if '"' in text else found or ['"']


@lru_cache(maxsize=100)
def _quoted_by(quote: str, delimiter: str) -> re.Pattern[str]:
    """Matches a field in quotation marks."""
    end = re.escape(delimiter)
    inner = f"(?:[^{quote}\\\\]|{quote}{quote}|\\\\.)*"
    return re.compile(rf"(?:^|{end})[ ]?{quote}{inner}{quote}[ ]?(?={end}|$)", re.MULTILINE)


_QUOTED = re.compile(r'(?<![^\s,;|:#^~])"(?:[^"]|"")*+"(?![^\s,;|:#^~])')


def _outside_of_quotes(text: str) -> str:
    """The text without what is in quotation marks."""
    return _QUOTED.sub('""', text)


def _try(dialect: Dialect, lines: Sequence[str], *, whole: bool) -> _Tried:
    records: list[list[str]] = []
    failed = False
    reader = dialect.records(lines)
    try:
        records.extend(filter(None, islice(reader, _SAMPLE_RECORDS)))
    except csv.Error as error:
        # A sample may end within a quoted field; any other error tells that it is not the dialect.
        failed = whole or "unexpected end" not in str(error)
    score = _pattern_score(records) * _type_score(records)
    if failed:
        score *= 0.1
    elif not dialect.quote and not _is_alike(records):
        score *= 0.05  # worse than one that fails: a mark is missing somewhere
    if dialect.delimiter in _RARE:
        score *= 0.3 if _is_regular(records) else 0
    elif not failed and len(records) > 1 and len(set(map(len, records))) == 1:
        score *= 1.5
    return _Tried(dialect, score, records, failed)


def _is_regular(records: Sequence[Sequence[str]]) -> bool:
    """Whether all rows have as many fields, and some of the columns hold values, not words."""
    width, count = Counter(map(len, records)).most_common(1)[0] if records else (0, 0)
    if width < 2 or count < 3 or count < len(records) * 0.9:
        return False
    usual = [record for record in records if len(record) == width]
    forms = [{form(value) for value in column} for column in zip(*usual[1:], strict=True)]
    return any(not found & {"words", "code", "braced", None} for found in forms)


def _is_alike(records: Sequence[Sequence[str]]) -> bool:
    """Whether nine rows in ten have as many fields as one another."""
    widths = Counter(map(len, records))
    return bool(records) and max(widths.values()) >= len(records) * 0.9


def _pattern_score(records: Sequence[Sequence[str]]) -> float:
    """High when there are few different numbers of fields, and many fields."""
    if not records:
        return 0.0
    widths = Counter(map(len, records))
    total = sum(count * max(1e-3, width - 1) / width for width, count in widths.items())
    return total / len(widths)


def _type_score(records: Sequence[Sequence[str]]) -> float:
    """The share of fields that have a form."""
    total = sum(map(len, records))
    known = sum(1 for record in records for value in record if form(value) is not None)
    return max(known / total, 1e-10) if total else 0.0


def _doubts(best: _Tried, tried: Sequence[_Tried], text: str) -> list[Note]:
    """Why the best candidate may be wrong."""
    dialect, records = best.dialect, best.records
    doubts: list[Note] = []
    rivals = {one.dialect.delimiter for one in tried if one.score > best.score * RIVAL}
    rivals.discard(dialect.delimiter)
    if rivals:
        also = [delimiter_phrase(each) for each in sorted(rivals)]
        doubts.append(Note("separator-also", {"delimiters": also}))
    elif dialect.delimiter not in DELIMITERS:
        doubts.append(Note("separator-rare", {"delimiter": delimiter_phrase(dialect.delimiter)}))
    widths = Counter(map(filled_length, records))
    usual = widths.most_common(1)[0][0] if widths else 0
    width = max(map(len, records), default=0)
    if width < 2 and any(mark in text for mark in (*DELIMITERS, "  ", ":", "#")):
        doubts.append(Note("one-column"))
    elif width > 1 and len(records) < 2:
        doubts.append(Note("few-rows"))
    elif width > 1 and usual < 2:
        doubts.append(Note("one-column-mostly"))
    if best.failed:
        doubts.append(Note("quotes-unpaired"))
    elif not dialect.quote and any(
        value.startswith(('"', "'")) for record in records for value in record
    ):
        doubts.append(Note("quotes-ordinary-perhaps"))
    elif dialect.backslash and any(
        not one.failed and one.dialect == dialect._replace(backslash=False) for one in tried
    ):
        doubts.append(Note("backslash-perhaps"))
    elif dialect.quote == "'":
        doubts.append(Note("quotes-single"))
    return doubts


def filled_length(record: Sequence[str]) -> int:
    """How many fields a record has without the empty ones at its end."""
    end = len(record)
    while end and not record[end - 1]:
        end -= 1
    return end


_PHRASES = {
    ",": Phrase("a-comma"),
    ";": Phrase("a-semicolon"),
    "\t": Phrase("a-tab"),
    "|": Phrase("a-bar"),
    " ": Phrase("a-blank"),
    ":": Phrase("a-colon"),
    "#": Phrase("a-number-sign"),
}


def delimiter_phrase(delimiter: str) -> Phrase:
    """What a separator is called in a sentence."""
    if delimiter in _PHRASES:
        return _PHRASES[delimiter]
    shown = f"“{delimiter}”" if delimiter.isprintable() else f"U+{ord(delimiter):04X}"
    return Phrase("a-character", {"shown": shown})
