"""The storage backends, as the tests here get them."""

from tests.storage.places import place, redis_server, server, shared_place, store

__all__ = ["place", "redis_server", "server", "shared_place", "store"]
