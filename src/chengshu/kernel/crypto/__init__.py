"""Cryptography behind one small interface: SM2, SM3, SM4, and beside them Ed25519, SHA-256 and
HMAC.

Nothing here implements a cipher, a nonce or a comparison: SM3, SM4 and Ed25519 come from
``hashlib`` and ``cryptography``, SM2 from OpenSSL's libcrypto
(``docs/adr/0003-sm2-library.md``).

- ``hashing``: digests and HMACs (``sm3``, ``sha256``).
- ``keyring``: the secret keys of the environment, and sub-keys derived from them by purpose.
- ``sealing``: columns encrypted at rest, and the keyed hash that finds them again.
- ``signing``: one ``Signer``/``Verifier`` interface over HMAC, Ed25519 and SM2 with SM3.
- ``availability``: what this machine offers, for the console.
"""

from chengshu.kernel.crypto.availability import Capability, self_check
from chengshu.kernel.crypto.errors import (
    CryptoUnavailable,
    KeyringError,
    SealedValueError,
    SigningKeyError,
)
from chengshu.kernel.crypto.hashing import HashAlgorithm, digest, hexdigest, mac
from chengshu.kernel.crypto.keyfiles import read_or_create_private
from chengshu.kernel.crypto.keyring import (
    Keyring,
    SecretKey,
    development_keyring,
    keyring_from_env,
    new_key_text,
)
from chengshu.kernel.crypto.sealing import Sealer, SearchHasher, normalise
from chengshu.kernel.crypto.signing import (
    Ed25519Signer,
    Ed25519Verifier,
    HmacSigner,
    Signer,
    Sm2Signer,
    Sm2Verifier,
    Verifier,
)

__all__ = [
    "Capability",
    "CryptoUnavailable",
    "Ed25519Signer",
    "Ed25519Verifier",
    "HashAlgorithm",
    "HmacSigner",
    "Keyring",
    "KeyringError",
    "SealedValueError",
    "Sealer",
    "SearchHasher",
    "SecretKey",
    "Signer",
    "SigningKeyError",
    "Sm2Signer",
    "Sm2Verifier",
    "Verifier",
    "development_keyring",
    "digest",
    "hexdigest",
    "keyring_from_env",
    "mac",
    "new_key_text",
    "normalise",
    "read_or_create_private",
    "self_check",
]
