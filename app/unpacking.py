"""Puts the page's other modules where Python imports them from: main.py imports this one first.

They come compiled, as the image of a file system (worker/packing.py: ``romfs_bytes``) that Python
runs them out of: the editor is there before the sources could have been compiled here, and what a
compiler would leave behind in memory is never there.
"""

import os
import sys

import vfs

IMAGE = "modules.romfs"

# In one piece: read() asks JavaScript for some bytes at a time.
image = bytearray(os.stat(IMAGE)[6])
with open(IMAGE, "rb") as file:
    file.readinto(image)
vfs.mount(vfs.VfsRom(image), "/modules")
sys.path.insert(0, "/modules")
