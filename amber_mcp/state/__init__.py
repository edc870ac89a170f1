"""What outlives one call: conversations, runs of agents, uploads; and where it is kept."""
