"""SQLite's side: its C interface, the VFS, and what comes with each connection."""
