"""What a ZIP file or an OLE compound file holds: an office document, or a packed archive.

Programs write the entries of a document in any order, so the list at the end of a ZIP file decides
and not its first entry.
"""

import io
import struct
import zipfile

from ..host import Source

__all__ = ["OLE", "ZIP", "names_in_ole", "names_in_zip"]

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_MOST = 4 * 1024 * 1024
"""Bytes of a file that are read to list its entries; most lists are a thousandth of that."""


class _File(io.RawIOBase):
    """A source as a file that can be read and sought."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._at = 0
        self._left = _MOST

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._source.size - self._at)
        size = left if size < 0 else min(size, left)
        self._left -= size
        if self._left < 0:
            raise OSError("The list of entries is too long.")
        data = self._source.read(self._at, size)
        self._at += len(data)
        return data


def names_in_zip(source: Source) -> list[str]:
    """The names of the entries of a ZIP file; empty when they cannot be read."""
    try:
        with zipfile.ZipFile(_File(source)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return []


def names_in_ole(source: Source) -> list[str]:
    """The first names in the directory of an OLE compound file; empty when they cannot be read.

    Source: [MS-CFB], sections 2.2 and 2.6.
    """
    header = source.read(0, 512)
    if len(header) < 512:
        return []
    shift = struct.unpack_from("<H", header, 30)[0]
    if shift not in (9, 12):
        return []
    sector = struct.unpack_from("<I", header, 48)[0]
    entries = source.read((sector + 1) << shift, 1 << shift)
    return [
        entries[at : at + 64].decode("utf-16-le", "replace").partition("\0")[0]
        for at in range(0, len(entries) - 127, 128)
    ]
