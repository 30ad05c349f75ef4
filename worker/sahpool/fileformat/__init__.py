"""SQLite's file formats as bytes, independent of any storage."""
