"""Many tabs of the console on one database: what must be exact, and how long it may take."""
