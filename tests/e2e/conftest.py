"""The homes that programs share."""

from tests.storage.places import redis_server, shared_place

__all__ = ["redis_server", "shared_place"]
