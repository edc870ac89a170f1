"""What tools have in common: their contract, dispatch, progress, elicitation."""
