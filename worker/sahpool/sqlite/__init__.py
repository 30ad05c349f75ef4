"""SQLite's side: its C interface, the VFS, and the set-up of each connection."""
