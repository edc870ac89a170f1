"""Encrypted values: whoever stores them can neither read nor change them."""

import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from amber_mcp.errors import NotConfigured

_FORMAT = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12


class Keyring:
    """Encrypts with the first of several keys, and decrypts what any of them encrypted.

    An encrypted value is a format byte, the id of its key, a nonce, and AES-256-GCM's output.

    Args:
        keys: at least one, each of 32 random bytes or more.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {
            _derived(key, b"id", _ID_BYTES): AESGCM(_derived(key, b"values", 32)) for key in keys
        }
        self._first = next(iter(self._ciphers))

    def encrypt(self, content: bytes, place: bytes) -> bytes:
        """Encrypt `content` so that it is decrypted at `place` alone."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _FORMAT + self._first
        return head + nonce + self._ciphers[self._first].encrypt(nonce, content, head + place)

    def decrypt(self, encrypted: bytes, place: bytes) -> bytes:
        """What was encrypted.

        Raises:
            NotConfigured: naming AMBER_STATE_KEY, if none of the keys decrypts it.
        """
        head, rest = encrypted[: 1 + _ID_BYTES], encrypted[1 + _ID_BYTES :]
        cipher = self._ciphers.get(head[1:]) if head[:1] == _FORMAT else None
        if cipher is None:
            raise NotConfigured(
                "AMBER_STATE_KEY does not decrypt what Redis holds: another key encrypted it. "
                "Set the key with which it was written, or list that one after the new one"
            )
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + place)
        except (InvalidTag, ValueError):
            raise NotConfigured(
                "AMBER_STATE_KEY does not decrypt what Redis holds: it was changed there"
            ) from None

    def is_of_the_first_key(self, encrypted: bytes) -> bool:
        """Whether the key that encrypts now has encrypted it."""
        return encrypted.startswith(_FORMAT + self._first)


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=b"amber-mcp state " + purpose).derive(key)
