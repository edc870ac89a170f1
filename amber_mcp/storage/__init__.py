"""Where conversations, runs and uploads are stored: memory, SQLite or Redis."""
