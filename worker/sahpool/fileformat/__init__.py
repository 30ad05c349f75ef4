"""SQLite's files as bytes: nothing here knows a storage."""
