"""SM2 keys and signatures for the platform: `chengshu_sm2` with the platform's own errors.

The binding is a library of its own because the gateway uses it too and must not load the platform.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import chengshu_sm2
from chengshu.kernel.crypto.errors import CryptoUnavailable, SigningKeyError
from chengshu_sm2 import (
    DEFAULT_USER_ID,
    POINT_BYTES,
    SCALAR_BYTES,
    Libcrypto,
    Sm2Error,
    Sm2KeyError,
    der_to_raw,
    raw_to_der,
)

__all__ = [
    "DEFAULT_USER_ID",
    "POINT_BYTES",
    "SCALAR_BYTES",
    "Sm2PrivateKey",
    "Sm2PublicKey",
    "der_to_raw",
    "libcrypto",
    "raw_to_der",
]


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Turn the library's errors into those the pages and the interfaces know how to show."""
    try:
        yield
    except Sm2Error as error:
        kind = SigningKeyError if isinstance(error, Sm2KeyError) else CryptoUnavailable
        ours = kind(error.message, kept=error.kept, advice=error.advice)
        for note in getattr(error, "__notes__", ()):
            ours.add_note(note)
        raise ours from error.__cause__


def libcrypto() -> Libcrypto:
    """Return the process's libcrypto with SM2, loaded once.

    Raises:
        CryptoUnavailable: none at hand has SM2; the message lists what was tried.
    """
    with told_as_ours():
        return chengshu_sm2.libcrypto()


class Sm2PublicKey(chengshu_sm2.Sm2PublicKey):
    """A public key that verifies; raises SigningKeyError and CryptoUnavailable."""

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        with told_as_ours():
            return super().from_pem(pem)

    @classmethod
    def from_point(cls, point: bytes) -> Self:
        with told_as_ours():
            return super().from_point(point)

    def verify(self, message: bytes, signature: bytes, user_id: bytes = DEFAULT_USER_ID) -> bool:
        with told_as_ours():
            return super().verify(message, signature, user_id)


class Sm2PrivateKey(chengshu_sm2.Sm2PrivateKey):
    """A private key that signs; raises SigningKeyError and CryptoUnavailable."""

    @classmethod
    def generate(cls) -> Self:
        with told_as_ours():
            return super().generate()

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes = b"") -> Self:
        with told_as_ours():
            return super().from_pem(pem, password)

    @classmethod
    def from_scalar(cls, scalar: bytes) -> Self:
        with told_as_ours():
            return super().from_scalar(scalar)

    def public_key(self) -> Sm2PublicKey:
        with told_as_ours():
            public = super().public_key()
            return Sm2PublicKey(public._crypto, public._handle)

    def sign(self, message: bytes, user_id: bytes = DEFAULT_USER_ID) -> bytes:
        with told_as_ours():
            return super().sign(message, user_id)
