"""Keys of one gateway installation, all derived from one secret of the environment."""

import hmac
import os
from dataclasses import dataclass, field

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
    return hmac.digest(key, value.encode("utf-8", "surrogateescape"), "sha256")[:16].hex()
