"""What lasts over restarts: one port, and SQLite behind it."""
