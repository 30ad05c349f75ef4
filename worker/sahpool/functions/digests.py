"""Digests of texts and BLOBs: md5, sha1, sha256, sha3.

A text is taken as its bytes in UTF-8, a number as its text. md5, sha1 and sha256 are texts of
hexadecimal digits, as sha1 is in SQLite's extension; sha3 is a BLOB, as in SQLite's shell.
Source: ext/misc/sha1.c and ext/misc/shathree.c of SQLite; the digests themselves are hashlib's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from .registry import Scalar, Value, refusal
from .values import as_text

__all__ = ["SCALARS"]


def _hexadecimal(digest: Callable[..., Any]) -> Callable[[Value], str | None]:
    """The digest of a value as hexadecimal digits."""

    def digested(value: Value) -> str | None:
        if type(value) is str:
            return digest(value.encode()).hexdigest()  # type: ignore[no-any-return]
        if value is None:
            return None
        data = value if isinstance(value, bytes) else as_text(value).encode()
        return digest(data).hexdigest()  # type: ignore[no-any-return]

    return digested


_SHA3 = {224: hashlib.sha3_224, 256: hashlib.sha3_256, 384: hashlib.sha3_384, 512: hashlib.sha3_512}


def sha3(value: Value, size: Value = 256) -> bytes | None:
    """The SHA-3 digest of a value, of 224, 256, 384 or 512 bits."""
    digest = _SHA3.get(size)  # type: ignore[arg-type]
    if digest is None:
        raise refusal("SHA3 size should be one of: 224 256 384 512")
    if value is None:
        return None
    return digest(value if isinstance(value, bytes) else as_text(value).encode()).digest()


SCALARS = (
    # Not for security here: names of files and keys of caches are compared by them.
    Scalar("md5", 1, _hexadecimal(hashlib.md5)),
    Scalar("sha1", 1, _hexadecimal(hashlib.sha1)),
    Scalar("sha256", 1, _hexadecimal(hashlib.sha256)),
    Scalar("sha3", 1, sha3),
    Scalar("sha3", 2, sha3),
)
