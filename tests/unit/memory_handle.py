"""A slot file in memory, with a record of what was done to it."""

from __future__ import annotations

from typing import Any


class MemoryHandle:
    """slot.Handle over a bytearray; ``durable`` is what a power cut would leave at the least."""

    raw: Any = None

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.durable = bytes(content)
        self.calls: list[str] = []
        self.closed = False
        self.room: int | None = None  # bytes that a write keeps, as a browser does at its quota
        self.broken: set[str] = set()  # methods that fail

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.broken:
            raise OSError(f"{name} on purpose")

    def read(self, size: int, at: int) -> bytes:
        if "read" in self.broken:
            raise OSError("read on purpose")
        return bytes(self.content[at : at + size])

    def write(self, data: bytes, at: int) -> int:
        self._call("write")
        if self.room is not None:
            data = data[: self.room]
        self.content[len(self.content) :] = bytes(max(0, at - len(self.content)))
        self.content[at : at + len(data)] = data
        return len(data)

    def truncate(self, size: int) -> None:
        self._call("truncate")
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))

    def size(self) -> int:
        return len(self.content)

    def flush(self) -> None:
        self._call("flush")
        self.durable = bytes(self.content)

    def close(self) -> None:
        self.closed = True
