"""Signatures behind one interface: HMAC (shared secret), Ed25519 (RFC 8032) and SM2 with SM3.

Choose by who must verify: between our own parts an HMAC costs microseconds; for checkpoints and
receipts that others verify, Ed25519 or, where a department insists on national algorithms, SM2
(which costs 3-4 whole gateway calls).
"""

import hmac
from typing import Literal, Protocol, runtime_checkable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from chengshu.kernel.crypto import sm2
from chengshu.kernel.crypto.errors import SigningKeyError
from chengshu.kernel.crypto.hashing import HashAlgorithm, mac

Encoding = Literal["der", "raw"]
MINIMUM_SECRET_BYTES = 16


@runtime_checkable
class Verifier(Protocol):
    """Checks signatures; ``algorithm`` and ``key_id`` name what it checks with."""

    @property
    def algorithm(self) -> str: ...

    @property
    def key_id(self) -> str: ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature is genuine. A malformed signature gives False, never an
        error.
        """
        ...


@runtime_checkable
class Signer(Protocol):
    """Makes signatures; ``verifier()`` gives what the other side needs."""

    @property
    def algorithm(self) -> str: ...

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature of ``message``."""
        ...

    def verifier(self) -> Verifier:
        """Return the verifier of this signer's signatures."""
        ...


class HmacSigner:
    """HMAC with SHA-256 or SM3: signer and verifier at once, both sides hold the secret."""

    def __init__(
        self, secret: bytes, key_id: str, digest: HashAlgorithm = HashAlgorithm.SHA256
    ) -> None:
        """Keep the secret (at least 16 bytes).

        Raises:
            SigningKeyError: the secret is too short.
        """
        if len(secret) < MINIMUM_SECRET_BYTES:
            raise SigningKeyError(f"HMAC 密钥不足 {MINIMUM_SECRET_BYTES} 字节。")
        self._secret = secret
        self._digest = digest
        self.key_id = key_id
        self.algorithm = f"hmac-{digest.value}"

    def sign(self, message: bytes) -> bytes:
        """Return the 32-byte code."""
        return mac(self._secret, message, self._digest)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.sign(message), signature)

    def verifier(self) -> "HmacSigner":
        """Return itself: the secret is shared."""
        return self


class Ed25519Verifier:
    """Verifies Ed25519 signatures of 64 bytes."""

    algorithm = "ed25519"

    def __init__(self, key: Ed25519PublicKey, key_id: str) -> None:
        self._key = key
        self.key_id = key_id

    @classmethod
    def from_pem(cls, pem: bytes, key_id: str) -> "Ed25519Verifier":
        """Read a ``PUBLIC KEY`` PEM.

        Raises:
            SigningKeyError: not a PEM or not Ed25519.
        """
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as cause:
            raise _unreadable() from cause
        if not isinstance(key, Ed25519PublicKey):
            raise SigningKeyError("密钥不是 Ed25519 公钥。")
        return cls(key, key_id)

    def pem(self) -> bytes:
        """Return the key as a ``PUBLIC KEY`` PEM."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature is genuine."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Ed25519Signer:
    """Signs with Ed25519."""

    algorithm = "ed25519"

    def __init__(self, key: Ed25519PrivateKey, key_id: str) -> None:
        self._key = key
        self.key_id = key_id

    @classmethod
    def generate(cls, key_id: str) -> "Ed25519Signer":
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate(), key_id)

    @classmethod
    def from_pem(cls, pem: bytes, key_id: str, password: bytes = b"") -> "Ed25519Signer":
        """Read a PKCS #8 PEM.

        Raises:
            SigningKeyError: not a PEM, not Ed25519, or a wrong password.
        """
        try:
            key = serialization.load_pem_private_key(pem, password or None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as cause:
            raise _unreadable() from cause
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningKeyError("密钥不是 Ed25519 私钥。")
        return cls(key, key_id)

    def pem(self, password: bytes = b"") -> bytes:
        """Return the key as PKCS #8 PEM; with a password encrypted."""
        protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            protection = serialization.BestAvailableEncryption(password)
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        )

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature."""
        return self._key.sign(message)

    def verifier(self) -> Ed25519Verifier:
        """Return the verifier of the public half."""
        return Ed25519Verifier(self._key.public_key(), self.key_id)


class Sm2Verifier:
    """Verifies SM2-with-SM3 signatures, DER (GM/T 0009) or raw ``r || s``."""

    algorithm = "sm2-sm3"

    def __init__(
        self,
        key: sm2.Sm2PublicKey,
        key_id: str,
        *,
        user_id: bytes = sm2.DEFAULT_USER_ID,
        encoding: Encoding = "der",
    ) -> None:
        self._key = key
        self._user_id = user_id
        self._encoding = encoding
        self.key_id = key_id

    @classmethod
    def from_pem(
        cls,
        pem: bytes,
        key_id: str,
        *,
        user_id: bytes = sm2.DEFAULT_USER_ID,
        encoding: Encoding = "der",
    ) -> "Sm2Verifier":
        """Read a ``PUBLIC KEY`` PEM.

        Raises:
            SigningKeyError: not a PEM or not SM2.
            CryptoUnavailable: no libcrypto with SM2.
        """
        return cls(sm2.Sm2PublicKey.from_pem(pem), key_id, user_id=user_id, encoding=encoding)

    @classmethod
    def from_point(cls, point: bytes, key_id: str) -> "Sm2Verifier":
        """Read a bare point, ``04 || x || y`` or ``x || y``; raises as ``from_pem``."""
        return cls(sm2.Sm2PublicKey.from_point(point), key_id)

    def point(self) -> bytes:
        """Return the key as ``04 || x || y`` (65 bytes)."""
        return self._key.point()

    def pem(self) -> bytes:
        """Return the key as a ``PUBLIC KEY`` PEM."""
        return self._key.pem()

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature is genuine."""
        if self._encoding == "raw":
            if len(signature) != 2 * sm2.SCALAR_BYTES:
                return False
            signature = sm2.raw_to_der(signature)
        return self._key.verify(message, signature, self._user_id)


class Sm2Signer:
    """Signs with SM2 over SM3, DER (GM/T 0009) or raw ``r || s``."""

    algorithm = "sm2-sm3"

    def __init__(
        self,
        key: sm2.Sm2PrivateKey,
        key_id: str,
        *,
        user_id: bytes = sm2.DEFAULT_USER_ID,
        encoding: Encoding = "der",
    ) -> None:
        self._key = key
        self._user_id = user_id
        self._encoding = encoding
        self.key_id = key_id

    @classmethod
    def generate(cls, key_id: str, *, encoding: Encoding = "der") -> "Sm2Signer":
        """Make a new key.

        Raises:
            CryptoUnavailable: no libcrypto with SM2.
        """
        return cls(sm2.Sm2PrivateKey.generate(), key_id, encoding=encoding)

    @classmethod
    def from_pem(
        cls,
        pem: bytes,
        key_id: str,
        password: bytes = b"",
        *,
        user_id: bytes = sm2.DEFAULT_USER_ID,
        encoding: Encoding = "der",
    ) -> "Sm2Signer":
        """Read a private key PEM.

        Raises:
            SigningKeyError: not a PEM, not SM2, or a wrong password.
            CryptoUnavailable: no libcrypto with SM2.
        """
        key = sm2.Sm2PrivateKey.from_pem(pem, password)
        return cls(key, key_id, user_id=user_id, encoding=encoding)

    def pem(self, password: bytes = b"") -> bytes:
        """Return the key as PKCS #8 PEM; with a password encrypted."""
        return self._key.pem(password)

    def sign(self, message: bytes) -> bytes:
        """Return the signature in the chosen encoding."""
        signature = self._key.sign(message, self._user_id)
        return sm2.der_to_raw(signature) if self._encoding == "raw" else signature

    def verifier(self) -> Sm2Verifier:
        """Return the verifier of the public half."""
        return Sm2Verifier(
            self._key.public_key(), self.key_id, user_id=self._user_id, encoding=self._encoding
        )


def _unreadable() -> SigningKeyError:
    return SigningKeyError(
        "密钥无法读取：内容不是有效的 PEM 密钥，或口令不对。", advice="请核对密钥文件和口令。"
    )
