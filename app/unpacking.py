"""Mounts the page's other modules where Python imports from; main.py imports this one first.

The modules are compiled when the site is built and come as a file system image
(worker/build/packing.py: ``romfs_bytes``), from which MicroPython runs them in place. That shows
the editor sooner than compiling the sources in the page would, and leaves no memory to a compiler.
"""

import os
import sys

import vfs

IMAGE = "modules.romfs"

# readinto() copies the file in one piece; read() would call JavaScript for a few bytes at a time.
image = bytearray(os.stat(IMAGE)[6])
with open(IMAGE, "rb") as file:
    file.readinto(image)
vfs.mount(vfs.VfsRom(image), "/modules")
sys.path.insert(0, "/modules")
