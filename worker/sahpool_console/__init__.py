"""The console's Python in the worker: everything but the library ``sahpool``.

One package holds it, so that no name in it hides a module that a user's code imports.
"""
