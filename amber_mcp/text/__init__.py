"""Text that somebody will read: redacted, sanitised, quoted."""
