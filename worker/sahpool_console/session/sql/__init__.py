"""One open database over the standard library's sqlite3: its statements, results and schema.

No module here knows of requests or of other sessions.
"""
