"""Signatures of audit checkpoints behind one small interface (HMAC here; SM2 can be plugged in)."""

import hmac
from typing import Protocol


class Signer(Protocol):
    """Signs checkpoints; `name` is stored beside each signature so that keys can change."""

    @property
    def name(self) -> str:
        """Return the identifier of algorithm and key."""

    def sign(self, message: bytes) -> str:
        """Return the signature as printable ASCII text."""

    def verify(self, message: bytes, signature: str) -> bool:
        """Tell whether the signature belongs to the message."""


class HmacSigner:
    """HMAC-SM3 with a key derived from the gateway secret."""

    def __init__(self, key: bytes, name: str = "hmac-sm3") -> None:
        """Keep the key."""
        self._key = key
        self.name = name

    def sign(self, message: bytes) -> str:
        """Return the hexadecimal HMAC-SM3."""
        return hmac.digest(self._key, message, "sm3").hex()

    def verify(self, message: bytes, signature: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.sign(message).encode(), signature.encode())
