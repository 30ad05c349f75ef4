"""UUIDs: uuid, uuid4, uuid7, uuid_str, uuid_blob.

Source: RFC 9562, sections 5.4 and 5.7; ext/misc/uuid.c of SQLite for uuid, uuid_str, uuid_blob.
"""

from __future__ import annotations

import os
import re
from time import time_ns

from .registry import Scalar, Value

__all__ = ["SCALARS"]

_POOL = 4096


class _Random:
    """Random bits, which are fetched from the browser in large pieces, as each call takes long.

    A snapshot of the memory is taken before the first of them is asked for.
    """

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def bits(self) -> int:
        """The next 128 random bits."""
        at = self._at
        if at == len(self._bytes):
            self._bytes, at = os.urandom(_POOL), 0
        self._at = at + 16
        return int.from_bytes(self._bytes[at : at + 16], "big")


_bits = _Random().bits
_MASK = ~((0xF << 76) | (0x3 << 62)) & (1 << 128) - 1
_FOUR = (4 << 76) | (2 << 62)
_VARIANT = 2 << 62
_TIMES = (1 << 48) - 1


def _dashed(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid4() -> str:
    """A random UUID, version 4."""
    return _dashed(f"{_bits() & _MASK | _FOUR:032x}")


class _InOrder:
    """A UUID of version 7, greater than the one before (RFC 9562, section 6.2, method 2).

    The first of a millisecond ends in 73 random bits. Each that follows it, also when the clock is
    set back, is greater than the one before by a random number of up to 32 bits.
    """

    def __init__(self) -> None:
        self._time = 0
        self._begins = ""
        self._rest = 0

    def next(self) -> str:
        """The next one."""
        time = time_ns() // 1_000_000
        if time > self._time:
            self._start(time)
        else:
            self._rest += 1 + (_bits() & 0xFFFFFFFF)
            if self._rest >> 62:
                self._start(self._time + 1)
        ends = f"{self._rest | _VARIANT:016x}"
        return f"{self._begins}{ends[:4]}-{ends[4:]}"

    def _start(self, time: int) -> None:
        bits = _bits()
        self._time = time
        self._rest = bits >> 67
        digits = f"{time & _TIMES:012x}"
        self._begins = f"{digits[:8]}-{digits[8:]}-7{bits & 0xFFF:03x}-"


_UUID = re.compile(r"\{?((?:[0-9a-fA-F]{2}-?){16})\}?\Z")


def _digits(value: Value) -> str | None:
    """The 32 hexadecimal digits of a UUID, text or BLOB."""
    if isinstance(value, bytes):
        return value.hex() if len(value) == 16 else None
    found = _UUID.match(value) if isinstance(value, str) else None
    return found[1].replace("-", "").lower() if found else None


def uuid_str(value: Value) -> str | None:
    """A UUID, text or BLOB, as text; NULL if the value is none."""
    digits = _digits(value)
    return None if digits is None else _dashed(digits)


def uuid_blob(value: Value) -> bytes | None:
    """A UUID, text or BLOB, as a BLOB of 16 bytes; NULL if the value is none."""
    digits = _digits(value)
    return None if digits is None else bytes.fromhex(digits)


SCALARS = (
    Scalar("uuid", 0, uuid4, deterministic=False),
    Scalar("uuid4", 0, uuid4, deterministic=False),
    Scalar("uuid7", 0, _InOrder().next, deterministic=False),
    Scalar("uuid_str", 1, uuid_str),
    Scalar("uuid_blob", 1, uuid_blob),
)
