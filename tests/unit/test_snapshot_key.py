"""The key of a snapshot of Python's memory (worker/snapshot.mjs), in Node."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

import serve

SNAPSHOT = serve.ROOT / "worker" / "snapshot.mjs"

SCRIPT = """
import { webcrypto } from "node:crypto";
globalThis.crypto ??= webcrypto;
globalThis.navigator ??= { userAgent: "node" };
delete globalThis.Intl;
const { keyOf } = await import(process.argv[1]);
console.log(await keyOf("a", [new Uint8Array([1])]));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_key_follows_the_offsets_of_the_time_zone_and_needs_no_intl() -> None:
    zones = ["Europe/Berlin", "America/New_York", "Africa/Lagos", "Europe/Berlin"]
    berlin, york, lagos, again = map(key_in, zones)
    assert len({berlin, york, lagos}) == 3
    assert again == berlin


def key_in(zone: str) -> str:
    """The key in a time zone."""
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", SCRIPT, SNAPSHOT.as_uri()],
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
