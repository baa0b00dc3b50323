"""The platform's secret keys: several at once, the first one active, so that keys can be rotated.

``CHENGSHU_SECRET_KEYS="k2:<base64>,k1:<base64>"``: new values are sealed with ``k2``, old ones
still open with ``k1``. A master key is never used itself: each purpose gets its own sub-key
(HKDF, RFC 5869).
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chengshu.kernel.crypto.errors import KeyringError
from chengshu.kernel.crypto.keyfiles import read_or_create_private

ENV_NAME = "CHENGSHU_SECRET_KEYS"
KEY_BYTES = 32
_KEY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,15}")
_ADVICE = (
    f"请把 {ENV_NAME} 设为“编号:base64”的列表（用逗号分隔，第一个为当前密钥，"
    f"每个至少 {KEY_BYTES} 字节）。"
)


@dataclass(frozen=True)
class SecretKey:
    """A master key: its public id, and its secret bytes (at least 32), which no ``repr`` shows."""

    key_id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.fullmatch(self.key_id):
            raise KeyringError(
                "密钥编号只能由 1 至 16 个小写字母、数字、下划线或连字符组成。", advice=_ADVICE
            )
        if len(self.secret) < KEY_BYTES:
            raise KeyringError(f"密钥 {self.key_id} 不足 {KEY_BYTES} 字节。", advice=_ADVICE)

    def derive(self, purpose: str, length: int) -> bytes:
        """Return the sub-key of this purpose, ``length`` bytes long; the same purpose gives the
        same key.
        """
        info = purpose.encode()
        kdf = HKDF(algorithm=hashes.SHA256(), length=length, salt=b"chengshu", info=info)
        return kdf.derive(self.secret)


@dataclass(frozen=True)
class Keyring:
    """All keys that may open; the first one closes."""

    keys: tuple[SecretKey, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise KeyringError("没有配置任何密钥。", advice=_ADVICE)
        ids = [key.key_id for key in self.keys]
        if len(set(ids)) != len(ids):
            raise KeyringError("密钥编号有重复。", advice=_ADVICE)

    @property
    def active(self) -> SecretKey:
        """The key that new values are made with."""
        return self.keys[0]

    def get(self, key_id: str) -> SecretKey | None:
        """Return the key of this id, or None."""
        return next((key for key in self.keys if key.key_id == key_id), None)


def keyring_from_text(text: str) -> Keyring:
    """Read ``id:base64,id2:base64`` (standard or URL-safe alphabet).

    Raises:
        KeyringError: no key, a short key, a bad id, a double id, or not base64.
    """
    return Keyring(tuple(_parse(item.strip()) for item in text.split(",") if item.strip()))


def keyring_from_env(env: Mapping[str, str]) -> Keyring:
    """Read ``CHENGSHU_SECRET_KEYS`` from an environment (usually ``os.environ``).

    Raises:
        KeyringError: as ``keyring_from_text``; the message never repeats the value.
    """
    return keyring_from_text(env.get(ENV_NAME, ""))


def new_key_text(key_id: str) -> str:
    """Return a fresh random key as ``id:base64``, to be put in front of the existing ones."""
    SecretKey(key_id, bytes(KEY_BYTES))
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def development_keyring(path: Path) -> Keyring:
    """Return the keyring of a single machine, created once in ``path`` (mode 0600) and read from
    there ever after.

    For development and one-machine installations only; in production the secrets come from the
    environment.
    """
    content = read_or_create_private(path, lambda: new_key_text("dev").encode())
    return keyring_from_text(content.decode())


def _parse(item: str) -> SecretKey:
    key_id, colon, encoded = item.partition(":")
    if not colon:
        raise KeyringError("密钥列表中有一项缺少编号。", advice=_ADVICE)
    try:
        # "+/" and "-_" are both common in deployment tools; validate=True refuses anything else.
        secret = base64.b64decode(encoded.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise KeyringError("密钥列表中有一项不是有效的 base64。", advice=_ADVICE) from cause
    return SecretKey(key_id, secret)
