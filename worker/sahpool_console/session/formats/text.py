"""Reading the text of a file, strictly decoded and in constant memory."""

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from ..errors import DelimitedError, EncodingError
from ..host import Source

__all__ = ["BLOCK", "TextReader", "lines"]

BLOCK = 256 * 1024
"""Bytes read at a time."""

_Decode = Callable[[bytes, str, bool], tuple[str, int]]

_UTF_8 = (b"", "UTF-8", codecs.utf_8_decode)
_MARKED: tuple[tuple[bytes, str, _Decode], ...] = (
    (codecs.BOM_UTF8, "UTF-8", codecs.utf_8_decode),
    (codecs.BOM_UTF16_LE, "UTF-16", codecs.utf_16_le_decode),
    (codecs.BOM_UTF16_BE, "UTF-16", codecs.utf_16_be_decode),
)


class TextReader:
    """Reads a file as UTF-8, or as its byte order mark says: UTF-8 or UTF-16.

    Attributes:
        done: How many bytes have been read so far.
        encoding: The encoding's name in messages, "UTF-8" or "UTF-16".
    """

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        start = source.read(0, 4)
        mark, self.encoding, self._decode = next(
            (marked for marked in _MARKED if start.startswith(marked[0])), _UTF_8
        )
        self.done = len(mark)

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
        if self.encoding == "UTF-8":
            what = f"the byte 0x{error.object[error.start]:02X} does not belong there"
        else:
            what = error.reason
        return EncodingError(
            f"{self._name} is not valid {self.encoding}: in line {line}, at byte {position} of "
            f"the file, {what}.",
            hint="Save the file as UTF-8 in the program it comes from (a spreadsheet calls this "
            "“CSV UTF-8”) and import it again.",
            line=line,
            byte=position,
        )

    def _nul(self, line: int) -> DelimitedError:
        return DelimitedError(
            f"{self._name} is not plain text: there is a NUL character in line {line}.",
            hint="It may be a binary file, or UTF-16 without a byte order mark: save it as UTF-8.",
            line=line,
        )


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
