"""The HTTP side: neutral requests and results, and one file for each API. Knows nothing of MCP."""
