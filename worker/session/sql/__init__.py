"""One database over the standard library's sqlite3: statements, results, what it holds.

Nothing here knows of requests or of other sessions.
"""
