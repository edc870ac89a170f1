"""Conversations with amber, which keeps none itself."""
