"""Runs of agents, which outlive the calls that start them."""
