"""Sensitive columns: sealed at rest with SM4-GCM (GB/T 32907-2016, GB/T 36624-2018), found again
by a keyed hash.

A sealed value is text: ``cs1.<key id>.<base64url of nonce, cipher text and tag>``. The
associated data binds the version, the key id and the column's context ("table.column"), so a
value copied into another column does not open. A nonce is 12 random bytes, which limits one key
to about four billion values (2^32, NIST SP 800-38D §8.3): rotate the key before that.
"""

import base64
import binascii
import os
import unicodedata
from functools import lru_cache

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import AEADDecryptionContext, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from chengshu.kernel.crypto.errors import CryptoUnavailable, SealedValueError
from chengshu.kernel.crypto.hashing import HashAlgorithm, mac
from chengshu.kernel.crypto.keyring import Keyring, SecretKey

VERSION = "cs1"
NONCE_BYTES = 12
TAG_BYTES = 16
_SEALING_PURPOSE = "chengshu/sealing/sm4-gcm/1"
_SEARCH_PURPOSE = "chengshu/search-hash/1"


class Sealer:
    """Seals and opens values with the keys of a keyring. Immutable, safe in any number of
    threads.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._derived = lru_cache(maxsize=None)(_sm4_key)

    def seal(self, value: str, context: str) -> str:
        """Encrypt ``value`` with the active key for one column.

        Args:
            value: the plain text; the empty string is sealed like any other.
            context: where the value lives, as "table.column"; opening needs the same.

        Raises:
            CryptoUnavailable: the ``cryptography`` build at hand has no SM4-GCM.
        """
        key = self._keyring.active
        nonce = os.urandom(NONCE_BYTES)
        try:
            encryptor = Cipher(SM4(self._derived(key)), GCM(nonce)).encryptor()
        except UnsupportedAlgorithm as cause:
            raise sm4_missing() from cause
        encryptor.authenticate_additional_data(_associated(key.key_id, context))
        body = encryptor.update(value.encode()) + encryptor.finalize()
        return f"{VERSION}.{key.key_id}.{_encode(nonce + body + encryptor.tag)}"

    def open(self, token: str, context: str) -> str:
        """Decrypt a token that ``seal`` made for the same context.

        Raises:
            SealedValueError: altered, of another column, of an unknown key, or no token at all.
            CryptoUnavailable: the ``cryptography`` build at hand has no SM4-GCM.
        """
        key_id, packed = _split(token)
        key = self._keyring.get(key_id)
        if key is None:
            raise SealedValueError(
                f"加密数据使用的密钥 {key_id} 不在当前密钥列表中。",
                kept="数据原样保留。",
                advice="请运维人员把旧密钥加回密钥列表后重试。",
            )
        nonce, body, tag = packed[:NONCE_BYTES], packed[NONCE_BYTES:-TAG_BYTES], packed[-TAG_BYTES:]
        try:
            decryptor = Cipher(SM4(self._derived(key)), GCM(nonce, tag)).decryptor()
        except UnsupportedAlgorithm as cause:
            raise sm4_missing() from cause
        return _finish(decryptor, body, _associated(key_id, context))

    def needs_resealing(self, token: str) -> bool:
        """Tell whether the token was made with a key that is no longer the active one."""
        return _split(token)[0] != self._keyring.active.key_id

    def reseal(self, token: str, context: str) -> str:
        """Return the token under the active key; unchanged where it already is (key rotation).

        Raises:
            SealedValueError: as ``open``.
        """
        if not self.needs_resealing(token):
            return token
        return self.seal(self.open(token, context), context)


class SearchHasher:
    """Keyed hashes that let a sealed column be searched for an exact value.

    The value is normalised first, so that full-width digits, spaces and a lower-case ``x`` in an
    identity number do not hide a person. Equal values in one column give equal hashes: use it
    for identifiers, not for small code tables.
    """

    def __init__(self, keyring: Keyring, algorithm: HashAlgorithm = HashAlgorithm.SM3) -> None:
        self._keyring = keyring
        self._algorithm = algorithm
        self._derived = lru_cache(maxsize=None)(_search_key)

    def hash(self, value: str, context: str) -> str:
        """Return the hash to store beside the sealed value: ``<key id>.<64 hex characters>``."""
        return self._hash(self._keyring.active, normalise(value), context)

    def candidates(self, value: str, context: str) -> list[str]:
        """Return the hashes to look for, one per key, so that rows written before a rotation are
        found too.
        """
        normal = normalise(value)
        return [self._hash(key, normal, context) for key in self._keyring.keys]

    def _hash(self, key: SecretKey, normal: str, context: str) -> str:
        # The length in front keeps ("a.b", "c") and ("a.bc", "") apart.
        where = context.encode()
        message = len(where).to_bytes(4, "big") + where + normal.encode()
        return f"{key.key_id}.{mac(self._derived(key), message, self._algorithm).hex()}"


def normalise(value: str) -> str:
    """Fold full-width forms (NFKC), drop all white space, and upper-case."""
    folded = "".join(unicodedata.normalize("NFKC", value).split()).upper()
    # Dropping a space or upper-casing can bring a letter and its accent together again.
    return unicodedata.normalize("NFKC", folded)


def _sm4_key(key: SecretKey) -> bytes:
    return key.derive(_SEALING_PURPOSE, 16)


def _search_key(key: SecretKey) -> bytes:
    return key.derive(_SEARCH_PURPOSE, 32)


def _associated(key_id: str, context: str) -> bytes:
    return f"{VERSION}\0{key_id}\0{context}".encode()


def _encode(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _split(token: str) -> tuple[str, bytes]:
    version, _, rest = token.partition(".")
    key_id, _, encoded = rest.partition(".")
    if version != VERSION or not key_id:
        raise SealedValueError("这一列的内容不是加密数据。", kept="数据原样保留。")
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        packed = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as cause:
        raise _altered() from cause
    # One value has one spelling: base64's unused last bits may not be played with.
    if len(packed) < NONCE_BYTES + TAG_BYTES or _encode(packed) != encoded:
        raise _altered()
    return key_id, packed


def _finish(decryptor: AEADDecryptionContext, body: bytes, associated: bytes) -> str:
    decryptor.authenticate_additional_data(associated)
    try:
        plain = decryptor.update(body) + decryptor.finalize()
    except InvalidTag as cause:
        raise _altered() from cause
    return plain.decode()


def _altered() -> SealedValueError:
    return SealedValueError(
        "加密数据已损坏、被改动，或不属于这一列。",
        kept="数据原样保留。",
        advice="请运维人员核对备份和审计记录。",
    )


def sm4_missing() -> CryptoUnavailable:
    """Says that this machine cannot seal."""
    return CryptoUnavailable(
        "本机的密码库不支持 SM4-GCM 加密算法。",
        kept="没有写入任何数据。",
        advice="请安装官方发布的 cryptography 软件包（自带支持国密算法的 OpenSSL）。",
    )
