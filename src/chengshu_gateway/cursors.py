"""Paging cursors: where a query goes on, sealed so that nobody can read, change or lend them.

The position holds a key of the city's, which the caller may see masked only; therefore it is
encrypted, not just signed. Synthetic-IV construction over HMAC-SHA256 and SHAKE-256: the tag
authenticates context and position and seeds the stream, so equal positions give equal cursors.
"""

import base64
import hashlib
import hmac
import json
from typing import Any

_TAG_BYTES = 16
_LONGEST = 8192


class CursorError(ValueError):
    """A text that is no cursor of this context."""


def seal(key: bytes, context: bytes, position: list[Any]) -> str:
    """Return the cursor of a position (JSON values) within a context."""
    plain = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    tag = _tag(key, context, plain)
    return base64.urlsafe_b64encode(tag + _veil(key, tag, plain)).decode().rstrip("=")


def open_sealed(key: bytes, context: bytes, cursor: str) -> list[Any]:
    """Return the position of a cursor; raises CursorError unless it was sealed for this context."""
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise CursorError(cursor[:20])
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise CursorError(cursor[:20]) from error
    tag, veiled = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    plain = _veil(key, tag, veiled)
    if not hmac.compare_digest(tag, _tag(key, context, plain)):
        raise CursorError(cursor[:20])
    position: list[Any] = json.loads(plain)
    return position


def _tag(key: bytes, context: bytes, plain: bytes) -> bytes:
    framed = b"tag\0%d\0" % len(context) + context + plain
    return hmac.digest(key, framed, "sha256")[:_TAG_BYTES]


def _veil(key: bytes, tag: bytes, data: bytes) -> bytes:
    stream = hashlib.shake_256(hmac.digest(key, b"stream\0" + tag, "sha256")).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))
