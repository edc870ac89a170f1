"""Who calls, as a name that tells nothing; and ids that nobody guesses."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import Literal

_PREFIXES = {"conversation": "conv", "run": "run"}


def caller_hash(tenant: str, identity: str, key: bytes) -> str:
    """The caller's name in the state: 144 bits, URL-safe, the same each time.

    Args:
        tenant: the tenant's address.
        identity: what tells its callers apart: an amber key, or a token's issuer and subject.
        key: the backend's own (`Store.secret`), without which nobody can try identities.
    """
    digest = blake2b(key=key, digest_size=18, person=b"amber-mcp caller")
    for part in (tenant, identity):
        content = part.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return urlsafe_b64encode(digest.digest()).decode()


def new_id(kind: Literal["conversation", "run"]) -> str:
    """An id of 144 random bits, such as `conv_3q2-7wEBAgMEBQYHCAkKCwwN`."""
    return f"{_PREFIXES[kind]}_{secrets.token_urlsafe(18)}"
