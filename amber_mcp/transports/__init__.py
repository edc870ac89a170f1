"""How messages reach the server: over stdio, or over HTTP."""
