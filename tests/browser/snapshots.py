"""The snapshot of Python's memory in the browser: its file, its damage, its use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.page import Page

#: The file that worker/snapshot.mjs keeps: its name; for a script that goes on with ``file``.
FILE = """
const root = await navigator.storage.getDirectory();
const names = await Array.fromAsync(root.keys());
const name = names.find((each) => each.startsWith("sahpool-snapshot "));
const file = name && await root.getFileHandle(name).catch(() => null);
"""
#: Its key: behind 32 bytes, which begin with the file's format, comes a description as JSON.
KEY = f"""{FILE}
const text = async () => {{
  const whole = await file.getFile();
  const [format, , length] = new Uint32Array(await whole.slice(0, 32).arrayBuffer());
  return format ? JSON.parse(await whole.slice(32, 32 + length).text()).key : null;
}};
return file ? text().catch(() => null) : null; // null while it is written or deleted
"""

#: Replaces the snapshot by one whose bytes CHANGE has altered (worker/snapshot.mjs has the format).
REPLACE = f"""{FILE}
let bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
const words = new Uint32Array(bytes.buffer, 0, 8);
const headAt = 32 + words[2];
const text = new TextDecoder().decode(bytes.subarray(32, headAt));
// Puts another description in place of the same length.
const describe = (change) => {{
  const description = JSON.parse(text);
  change(description);
  const other = JSON.stringify(description).padEnd(text.length);
  if (other.length !== text.length) throw new Error("the description has another length");
  bytes.set(new TextEncoder().encode(other), 32);
  sum();
}};
// Makes the checksum of the description and of Pyodide's head right again.
const sum = () => {{
  const lanes = [0, 0, 0, 0];
  new Uint32Array(bytes.buffer, 32, (words[2] + words[3]) / 4).forEach((word, at) => {{
    const product = Math.imul(lanes[at % 4] ^ word, 0x9e3779b1);
    lanes[at % 4] = (product << 13) | (product >>> 19);
  }});
  words.set(lanes, 4);
}};
CHANGE
const stream = await file.createWritable();
await stream.write(bytes);
await stream.close();
"""

#: What can be put there; tests/unit/test_snapshot_file.py damages the file in many more ways.
CHANGES = {
    "a bit": "bytes[bytes.length >> 1] ^= 1;",
    "the second half": "bytes = bytes.slice(0, bytes.length >> 1);",
    "what is written last": "bytes.fill(0, 0, 4096);",
    "another program's file": "bytes = new TextEncoder().encode('another program'.repeat(9999));",
    # The following have right checksums, but are wrong.
    "the build": "bytes[headAt + 20] ^= 1; sum();",
    "the names": "bytes.fill(32, headAt + 48, headAt + words[3]); sum();",
    "the runs": "describe(({ runs }) => (runs.at(-1)[0] += 2 ** 26));",
}

#: The phases of the last start: a start from a snapshot has no phase "library".
PHASES = """
return performance.getEntriesByType("measure").map(({ name }) => name);
"""


def started(console: Page) -> str:
    """Return how the last start went: "long" or "snapshot"."""
    phases = console.js(PHASES)
    assert "sahpool: pyodide" in phases
    assert "sahpool: storage" in phases
    return "long" if "sahpool: library" in phases else "snapshot"
