"""The pool: slots in a directory of the origin's private file system."""
