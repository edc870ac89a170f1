"""Settings, and how the environment says them."""
