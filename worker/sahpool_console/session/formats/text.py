"""Reading the text of a file, strictly decoded and in constant memory."""

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from ..errors import DelimitedError, EncodingError
from ..hints import Hint
from ..host import Source
from ..notes import Phrase

__all__ = ["BLOCK", "MARKED", "TextReader", "below", "encoding_name", "lines", "marked_encoding"]

BLOCK = 256 * 1024
"""Bytes read at a time."""

MARKED = 1024
"""Bytes at the start of a file that may tell its encoding."""

_Decode = Callable[[bytes, str, bool], tuple[str, int]]

_MARKED: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_NAMES = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


def marked_encoding(start: bytes) -> tuple[str, int] | None:
    """The encoding that the first bytes of a file tell, and how many bytes tell it; else None.

    They do so with a byte order mark, or by zeros, which UTF-16 has in every other byte of text
    that is mostly ASCII, and where separators, digits and line ends are in any other.
    """
    for mark, encoding in _MARKED:
        if start.startswith(mark):
            return encoding, len(mark)
    for encoding, half in (("utf-16-le", 1), ("utf-16-be", 0)):
        high, low = start[half:64:2], start[1 - half : 64 : 2]
        if len(high) > 1 and 0 not in low and high.count(0) * 2 > len(high):
            return encoding, 0
        high, low = start[half::2], start[1 - half :: 2]
        zeros = high.count(0)
        is_likely = zeros > 2 and zeros * 20 > len(high) and zeros > low.count(0) * 4
        if is_likely and _is_text(start, encoding):
            return encoding, 0
    return None


def _is_text(start: bytes, encoding: str) -> bool:
    """Whether the first bytes of a file are lines of text in an encoding; the last may be cut."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start)
    except UnicodeDecodeError:
        return False
    return "\n" in text and all(each.isprintable() or each in "\t\r\n" for each in text)


class TextReader:
    """Reads a file as UTF-8, as its first bytes tell, or in the encoding that is given.

    Attributes:
        done: How many bytes have been read so far.
        codec: Python's name for the encoding.
        encoding: The encoding's name in messages: UTF-8, for example.
    """

    def __init__(self, source: Source, name: str, encoding: str | None = None) -> None:
        self._source = source
        self._name = name
        marked = marked_encoding(source.read(0, MARKED))
        codec, self.done = marked or ("utf-8", 0)
        if encoding is not None and codecs.lookup(encoding).name != codec:
            # A mark of another encoding is text in this one.
            codec, self.done = codecs.lookup(encoding).name, 0
        self.codec = codec
        self.encoding = encoding_name(codec)
        self._decode = _decoder(codec)

    def lines(self) -> Iterator[str]:
        """The lines of the file, as the function ``lines`` splits them."""
        return lines(self.blocks())

    def blocks(self) -> Iterator[str]:
        """The text in blocks that end where a line ends, except for the last one.

        Raises:
            EncodingError: The file is not valid in its encoding.
            DelimitedError: It has a NUL.
            OSError: The file is shorter than it was.
        """
        lines = 1
        unread = b""
        rest: list[str] = []
        while self.done < self._source.size:
            data = self._source.read(self.done, BLOCK)
            if not data:
                raise OSError(f"The file ended after {self.done} of {self._source.size} bytes.")
            at = self.done - len(unread)
            self.done += len(data)
            data = unread + data
            try:
                text, consumed = self._decode(data, "strict", self.done == self._source.size)
            except UnicodeDecodeError as error:
                before = self._decode(data[: error.start], "replace", True)[0]
                raise self._wrong_byte(
                    error, at, lines + _line_ends("".join(rest) + before)
                ) from None
            unread = data[consumed:]
            if "\0" in text:
                before = text[: text.index("\0")]
                raise self._nul(lines + _line_ends("".join(rest) + before))
            # A CR at the very end may be the first half of a CR LF.
            cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1
            if cut == 0:
                rest.append(text)
                continue
            whole = "".join((*rest, text[:cut]))
            rest = [text[cut:]]
            lines += _line_ends(whole)
            yield whole
        yield "".join(rest)

    def _wrong_byte(self, error: UnicodeDecodeError, at: int, line: int) -> EncodingError:
        position = at + error.start
        start = (
            f"{self._name} is not valid {self.encoding}: in line {line}, at byte {position} of the "
            "file, "
        )
        if self.encoding.startswith("UTF-16"):
            what, found = error.reason, Phrase("bytes-are", {"reason": error.reason})
        else:
            value = f"0x{error.object[error.start]:02X}"
            what = f"the byte {value} does not belong there"
            found = Phrase("byte-misplaced", {"value": value})
        return EncodingError(
            f"{start}{what}.",
            code="not-in-encoding",
            hint=Hint("save-as-utf-8"),
            name=self._name,
            encoding=self.encoding,
            line=line,
            byte=position,
            found=found,
        )

    def _nul(self, line: int) -> DelimitedError:
        return DelimitedError(
            f"{self._name} is not plain text: there is a NUL character in line {line}.",
            code="has-nul",
            hint=Hint("perhaps-binary"),
            name=self._name,
            line=line,
        )


def encoding_name(codec: str) -> str:
    """What an encoding is called in a message: Windows-1252 for cp1252."""
    codec = codecs.lookup(codec).name
    if codec in _NAMES:
        return _NAMES[codec]
    if codec.startswith("cp125"):
        return f"Windows-{codec[2:]}"
    return codec.upper().replace("ISO8859", "ISO-8859").replace("_", "-")


def _decoder(codec: str) -> _Decode:
    """A function like those of codecs, for encodings that have no stateless one for parts."""
    known = {
        "utf-8": codecs.utf_8_decode,
        "utf-16-le": codecs.utf_16_le_decode,
        "utf-16-be": codecs.utf_16_be_decode,
    }.get(codec)
    if known is not None:
        return known
    make = codecs.getincrementaldecoder(codec)

    def decode(data: bytes, errors: str, final: bool) -> tuple[str, int]:
        decoder = make(errors)
        text = decoder.decode(data, final)
        return text, len(data) - len(decoder.getstate()[0])

    return decode


def below(blocks: Iterable[str], skip: int) -> Iterator[str]:
    """The blocks of a text without its first lines, and without byte order marks before them."""
    first = True
    for block in blocks:
        if first:
            block = block.lstrip("\ufeff")
            first = False
        if skip:
            rest = io.StringIO(block, newline="")
            skip -= sum(1 for _ in islice(rest, skip))
            block = rest.read()
        if block:
            yield block


def lines(blocks: Iterable[str]) -> Iterator[str]:
    """The lines of a text, each with its end: LF, CR LF or CR, as the text has it."""
    # str.splitlines would also split at form feeds and other separators.
    return chain.from_iterable(io.StringIO(block, newline="") for block in blocks)


def _line_ends(text: str) -> int:
    """How many complete lines a text has: LF, CR LF and CR each end one."""
    ends = text.count("\n")
    if "\r" in text:
        ends += text.count("\r") - text.count("\r\n")
    return ends
