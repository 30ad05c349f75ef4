"""Puts the page's other modules where Python imports them from: main.py imports this one first.

They come as one file (worker/packing.py: ``modules_bytes``), for one request is answered sooner
than twenty. Its first line is JSON, pairs of a module's path and its length in bytes; the modules
follow.
"""

import json
import os

with open("modules.bin", "rb") as archive:
    for path, length in json.loads(archive.readline()):
        folder = path.rpartition("/")[0]
        if folder and folder not in os.listdir():
            os.mkdir(folder)
        with open(path, "wb") as module:
            module.write(archive.read(length))
