"""Reading a token request (RFC 6749 §2.3.1, §4.4.2): form and client credentials, before anything is proven."""

import base64
import binascii
import json
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote_plus

from chengshu_gateway import problems
from chengshu_gateway.problems import Refusal

_FORM = b"application/x-www-form-urlencoded"
_MAX_MEMBERS = 20


def form_of(headers: dict[bytes, bytes], body: bytes | None) -> dict[str, str]:
    """Return the members of the form; raises Refusal."""
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind != _FORM or not body:
        _malformed("请求体应为 application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict",
            max_num_fields=_MAX_MEMBERS,
        )  # fmt: skip
    except ValueError:
        _malformed("请求体无法识别")
    form = dict(pairs)
    if len(form) != len(pairs):
        _malformed("参数重复")
    return form


def _malformed(reason: str) -> NoReturn:
    raise Refusal(problems.BAD_TOKEN_REQUEST, extra=reason)


def basic_of(headers: dict[bytes, bytes]) -> tuple[str, str] | None:
    """Return identifier and secret of RFC 6749 §2.3.1: form-encoded, then base64; raises Refusal."""
    header = headers.get(b"authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(b" ")
    try:
        user, colon, secret = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if scheme.lower() != b"basic" or not colon:
        _malformed("Authorization 应为 Basic")
    return unquote_plus(user), unquote_plus(secret)


def subject_of(assertion: str) -> str:
    """Return whom an assertion claims to be about, before anything is proven."""
    try:
        part = assertion.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims["sub"])
    except (ValueError, IndexError, KeyError, TypeError, RecursionError):
        return ""
