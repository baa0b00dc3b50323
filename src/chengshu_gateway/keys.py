"""Keys of one gateway installation, all derived from one secret of the environment."""

import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

SECRET_VARIABLE = "CHENGSHU_GATEWAY_SECRET"  # noqa: S105 - the name of the variable
_MINIMUM_LENGTH = 32


class KeyMissingError(RuntimeError):
    """The gateway secret is absent or too short to be safe."""


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """Purpose-bound keys (32 bytes each): knowing one says nothing about another."""

    bundle: bytes = field(repr=False)
    checkpoint: bytes = field(repr=False)
    record_key: bytes = field(repr=False)
    mask: bytes = field(repr=False)
    cursor: bytes = field(repr=False)
    token: bytes = field(repr=False)
    source: bytes = field(repr=False)

    @classmethod
    def from_secret(cls, secret: str) -> "GatewayKeys":
        """Derive the keys; raises KeyMissingError when the secret is shorter than 32 characters."""
        if len(secret) < _MINIMUM_LENGTH:
            raise KeyMissingError(
                f"网关密钥缺失或过短（至少 {_MINIMUM_LENGTH} 个字符）。"
                f"请设置环境变量 {SECRET_VARIABLE} 后重新启动，数据未受影响。"
            )

        def derive(purpose: str) -> bytes:
            return hmac.digest(secret.encode(), b"chengshu-gateway/" + purpose.encode(), "sha256")

        return cls(
            bundle=derive("bundle"),
            checkpoint=derive("checkpoint"),
            record_key=derive("record-key"),
            mask=derive("mask"),
            cursor=derive("cursor"),
            token=derive("token"),
            source=derive("source"),
        )

    @classmethod
    def from_environment(cls) -> "GatewayKeys":
        """Derive the keys from CHENGSHU_GATEWAY_SECRET."""
        return cls.from_secret(os.environ.get(SECRET_VARIABLE, ""))

    def for_application(self, application: str) -> bytes:
        """Return the key of hash masks: two applications cannot join their hashed columns."""
        return hmac.digest(self.mask, application.encode(), "sha256")


def hash_record_key(key: bytes, value: str) -> str:
    """Return the keyed hash under which the audit stores a looked-up key (32 hex digits).

    The plain key is often an identity number, so the log must not contain it; the hash still
    answers "who looked this person up" for whoever holds the audit key. It does not depend on the
    interface, so one search covers all of them.
    """
    return hash_record_keys(key, (value,))[0]


def hash_record_keys(key: bytes, values: Iterable[str]) -> list[str]:
    """Return `hash_record_key` of each value: HMAC-SHA-256 (RFC 2104), its first 16 octets.

    The key's two blocks are hashed once and copied, which is less than half the work of a whole HMAC.
    """
    inner, outer = _begun(key)
    found = []
    for value in values:
        within, around = inner.copy(), outer.copy()
        within.update(value.encode("utf-8", "surrogateescape"))
        around.update(within.digest())
        found.append(around.digest()[:16].hex())
    return found


@lru_cache(maxsize=16)
def _begun(key: bytes) -> tuple[Any, Any]:
    size = hashlib.sha256().block_size
    block = (key if len(key) <= size else hashlib.sha256(key).digest()).ljust(size, b"\0")
    inner, outer = (hashlib.sha256(bytes(octet ^ pad for octet in block)) for pad in (0x36, 0x5C))
    return inner, outer
