"""Who signs: how a key of an application proves a request, by shared secret or by SM2.

An SM2 application registers its public key; the gateway and its bundle then hold nothing that
could sign in its name (GB/T 32918.2-2016; user id 1234567812345678, GM/T 0009-2023).
"""

import base64
import binascii
from collections.abc import Iterable
from functools import cached_property
from typing import Protocol

from chengshu_gateway import signing
from chengshu_gateway.bundle import SCHEME_HMAC, SCHEME_SM2, AppKey
from chengshu_sm2 import Sm2PublicKey, Sm2Unavailable, libcrypto, raw_to_der

_RAW_BYTES = 64
_MAX_SIGNATURE = 128
# The example key of GB/T 32918.5-2017: a stranger's claim costs the same work as a wrong signature.
_NOBODYS_POINT = (
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)


class Prover(Protocol):
    """Decides whether a signature belongs to one key."""

    scheme: bytes

    def proves(self, text: bytes, given: bytes) -> bool:
        """Tell whether `given` (base64url) signs the canonical text; malformed is False."""


class SecretProver:
    """HMAC-SHA256 with the secret both sides hold."""

    scheme = signing.SCHEME

    def __init__(self, secret: bytes) -> None:
        """Keep the secret."""
        self._secret = secret

    def proves(self, text: bytes, given: bytes) -> bool:
        """Compare in constant time."""
        return signing.matches(self._secret, text, given)


class Sm2Prover:
    """SM2 with SM3; takes r‖s (64 bytes) and DER, as Chinese libraries produce one or the other."""

    scheme = signing.SCHEME_SM2

    def __init__(self, point: str) -> None:
        """Keep the public key (hex of 04‖x‖y); it is parsed at its first use."""
        self._point = point

    @cached_property
    def _key(self) -> Sm2PublicKey:
        return Sm2PublicKey.from_point(bytes.fromhex(self._point))

    def proves(self, text: bytes, given: bytes) -> bool:
        """Verify; raises Sm2Unavailable when the machine has no SM2."""
        if len(given) > _MAX_SIGNATURE:
            return False
        bare = given.rstrip(b"=")
        try:
            signature = base64.b64decode(bare + b"=" * (-len(bare) % 4), b"-_", validate=True)
        except binascii.Error:
            return False
        return self._key.verify(
            text, raw_to_der(signature) if len(signature) == _RAW_BYTES else signature
        )


class NoCallProver:
    """A key that only obtains tokens: it never signs a call by itself."""

    scheme = signing.SCHEME

    def proves(self, text: bytes, given: bytes) -> bool:
        """Never, after the work a wrong signature costs."""
        signing.matches(b"a key for tokens only", text, given)
        return False


def sm2_problem(keys: Iterable[AppKey]) -> str:
    """Say why this machine cannot verify SM2 although a key needs it; "" when all is well."""
    if not any(key.scheme == SCHEME_SM2 for key in keys):
        return ""
    try:
        libcrypto()
    except Sm2Unavailable as error:
        return str(error)
    return ""


def prover_of(key: AppKey) -> Prover:
    """Return how a key proves requests."""
    if key.scheme == SCHEME_SM2:
        return Sm2Prover(key.public_key)
    if key.scheme == SCHEME_HMAC:
        return SecretProver(key.secret.encode())
    return NoCallProver()


_NOBODY = SecretProver(b"no such application or key")
_NOBODY_SM2 = Sm2Prover(_NOBODYS_POINT)


def nobody(given: bytes) -> Prover:
    """Return who stands in for an unknown application, so that timing does not tell it apart."""
    return _NOBODY_SM2 if len(given) >= signing.SM2_SIGNATURE_LENGTH else _NOBODY
