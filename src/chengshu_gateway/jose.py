"""The signed texts of OAuth, read strictly: access tokens (RFC 9068), client assertions (RFC 7523)
and proofs of possession (DPoP, RFC 9449).

Signatures, keys and thumbprints are joserfc's; here stands only what each text must say.
"""

import base64
import hashlib
import secrets
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey

PROOF_ALGORITHMS = ("ES256", "EdDSA", "Ed25519")
WINDOW_SECONDS = 300
TOKEN_SECONDS = 300
# Libraries give an assertion an hour by default. How long it can be used is bounded by its `iat` anyway.
ASSERTION_SECONDS = 3600 + WINDOW_SECONDS
_MAX_TEXT = 4096
_MAX_JTI = 128
_DEFAULT_PORTS = {"http": 80, "https": 443}

PublicKey = ECKey | OKPKey
_KINDS: dict[str, type[ECKey] | type[OKPKey]] = {"EC": ECKey, "OKP": OKPKey}


class UnprovenError(ValueError):
    """A text that proves nothing; `reason` (Chinese) says why, without its content."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Proof:
    """A genuine proof: the thumbprint of its key, its number and when it was made (unix ms)."""

    thumbprint: str
    jti: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Token:
    """What a genuine access token says: whose it is, which of its keys obtained it, who may use it.

    Who may is the holder of a proof key (`thumbprint`), of a client certificate (`certificate`, its
    `x5t#S256`), or of both; at least one is never empty.
    """

    app: str
    key_id: str
    thumbprint: str
    certificate: str = ""


def public_key(pem: str) -> PublicKey:
    """Read a registered public key; raises UnprovenError."""
    for read in (ECKey.import_key, OKPKey.import_key):
        try:
            return _fitting(read(pem))
        except (JoseError, ValueError, TypeError):
            continue
    raise UnprovenError("登记的公钥不可用")


def read_proof(
    text: bytes, *, method: str, base: str, path: str, now: float, token: str | None = None
) -> Proof:
    """Check a DPoP proof (RFC 9449 §4.3) for one request; `token` is the one it accompanies.

    Raises:
        UnprovenError: not genuine, not for this request, too old or from the future.
    """
    keys: list[PublicKey] = []

    def carried(message: Any) -> PublicKey:
        header = message.headers()
        members = header.get("jwk")
        if header.get("typ") != "dpop+jwt" or not isinstance(members, dict):
            raise UnprovenError("DPoP 的头部应有 typ=dpop+jwt 和 jwk")
        if {"d", "k", "p", "q"} & members.keys():
            raise UnprovenError("DPoP 的 jwk 含私钥，请立即更换")
        kind = _KINDS.get(str(members.get("kty")))
        if kind is None:
            raise UnprovenError("DPoP 只接受 P-256 和 Ed25519 密钥")
        keys.append(_fitting(kind.import_key(members)))
        return keys[0]

    claims = _decoded(text, carried, PROOF_ALGORITHMS)
    jti, at_ms = _jti(claims), _made_at(claims, now)
    if claims.get("htm") != method:
        raise UnprovenError("DPoP 的 htm 与请求方法不符")
    if _address(str(claims.get("htu", ""))) != _address(base.rstrip("/") + path):
        raise UnprovenError("DPoP 的 htu 与请求地址不符")
    if token is not None and claims.get("ath") != encoded(hashlib.sha256(token.encode()).digest()):
        raise UnprovenError("DPoP 的 ath 与令牌不符")
    return Proof(keys[0].thumbprint(), jti, at_ms)


def read_assertion(
    text: bytes, *, keys: list[PublicKey], app: str, audiences: tuple[str, ...], now: float
) -> tuple[int, str, int]:
    """Check a client assertion (RFC 7523 §3); returns (which key, its number, made at unix ms).

    Raises:
        UnprovenError: not signed by one of the keys, not about `app`, for another audience, or late.
    """
    claims: dict[str, Any] | None = None
    which = -1
    for which, key in enumerate(keys):  # noqa: B007 - used after the loop
        algorithms = ("ES256",) if isinstance(key, ECKey) else ("EdDSA", "Ed25519")
        try:
            claims = _decoded(text, key, algorithms)
        except UnprovenError:
            continue
        break
    if claims is None:
        raise UnprovenError("断言的签名不正确")
    if claims.get("iss") != app or claims.get("sub") != app:
        raise UnprovenError("断言的 iss 和 sub 应为应用编号")
    audience = claims.get("aud")
    single = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
    if single not in audiences:
        raise UnprovenError("断言的 aud 不是本网关")
    expires = claims.get("exp")
    if not _number(expires) or not now < expires <= now + ASSERTION_SECONDS:
        raise UnprovenError("断言已过期，或有效期超过一小时")
    return which, _jti(claims), _made_at(claims, now)


def make_token(
    key: bytes, *, issuer: str, token: Token, now: float, seconds: int = TOKEN_SECONDS
) -> str:
    """Return an access token (RFC 9068), bound by `cnf` to a proof key or a client certificate."""
    holder = {"jkt": token.thumbprint, "x5t#S256": token.certificate}
    claims = {
        "iss": issuer,
        "aud": issuer,
        "sub": token.app,
        "client_id": token.app,
        "key": token.key_id,
        "iat": int(now),
        "exp": int(now) + seconds,
        "jti": secrets.token_urlsafe(12),
        "cnf": {name: value for name, value in holder.items() if value},
    }
    return jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims, OctKey.import_key(key))


def read_token(key: bytes, text: str, *, issuer: str, now: float) -> Token:
    """Read an access token of this gateway; raises UnprovenError."""

    def own(message: Any) -> OctKey:
        if message.headers().get("typ") != "at+jwt":
            raise UnprovenError("不是访问令牌")
        return OctKey.import_key(key)

    claims = _decoded(text.encode(), own, ("HS256",))
    if claims.get("iss") != issuer or claims.get("aud") != issuer:
        raise UnprovenError("令牌不是发给本网关的")
    if not _number(claims.get("exp")) or now >= claims["exp"]:
        raise UnprovenError("令牌已过期，请重新换取")
    try:
        holder = claims["cnf"]
        found = Token(
            claims["client_id"], claims["key"], holder.get("jkt", ""), holder.get("x5t#S256", "")
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UnprovenError("令牌内容不完整") from error
    if not (found.thumbprint or found.certificate):
        raise UnprovenError("令牌没有绑定持有者")
    return found


def _decoded(
    text: bytes, key: PublicKey | Callable[[Any], Any], algorithms: tuple[str, ...]
) -> dict[str, Any]:
    if not text or len(text) > _MAX_TEXT:
        raise UnprovenError("缺少签名文本，或过长")
    try:
        with warnings.catch_warnings():
            # "EdDSA" is the name clients use until they know RFC 9864; the key's curve is checked.
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.decode(text, key, algorithms=list(algorithms)).claims
    except UnprovenError:
        raise
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnprovenError("签名文本无法识别，或签名不正确") from error


def _fitting(key: PublicKey) -> PublicKey:
    if key.curve_name not in ("P-256", "Ed25519"):
        raise UnprovenError("只接受 P-256 和 Ed25519 密钥")
    return key


def _made_at(claims: dict[str, Any], now: float) -> int:
    made = claims.get("iat")
    if not _number(made) or abs(now - made) > WINDOW_SECONDS:
        raise UnprovenError(f"iat 与服务器时间相差超过 {WINDOW_SECONDS} 秒，请校准时钟")
    return int(made * 1000)


def _jti(claims: dict[str, Any]) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 8 <= len(jti) <= _MAX_JTI:  # noqa: PLR2004 - as X-Cs-Nonce
        raise UnprovenError("jti 应为 8 至 128 个字符，每次不同")
    return jti


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e11  # noqa: PLR2004


def _address(text: str) -> tuple[str, str, int | None, str]:
    """A URL as RFC 9449 §4.3 compares it: without query and fragment, host in any case."""
    try:
        parts = urlsplit(text)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError as error:
        raise UnprovenError("DPoP 的 htu 不是网址") from error
    return parts.scheme, parts.hostname or "", port, parts.path


def encoded(content: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
