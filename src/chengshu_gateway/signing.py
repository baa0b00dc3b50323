"""Signatures of share calls over a canonical text, shared by server and clients.

    scheme ⏎ method ⏎ path as sent ⏎ query sorted ⏎ time-stamp ⏎ nonce ⏎
    SHA-256 of the body (hex) ⏎ purpose header as sent

joined by line feeds without a final one. The scheme is CS1-HMAC-SHA256 or CS1-SM2-SM3, as the key
was registered. The signature is base64url without padding.
"""

import base64
import hashlib
import hmac

SCHEME = b"CS1-HMAC-SHA256"
SCHEME_SM2 = b"CS1-SM2-SM3"
SM2_SIGNATURE_LENGTH = 86
"""Characters of an SM2 signature of 64 bytes in base64url; DER ones are longer, HMACs shorter."""
WINDOW_SECONDS = 300
EMPTY_BODY_DIGEST = hashlib.sha256(b"").hexdigest().encode()


def canonical_query(query: bytes) -> bytes:
    """Return the query's parts, as sent, in byte order."""
    return b"&".join(sorted(query.split(b"&"))) if b"&" in query else query


def canonical_text(
    *,
    method: bytes,
    path: bytes,
    query: bytes,
    timestamp: bytes,
    nonce: bytes,
    body_digest: bytes = EMPTY_BODY_DIGEST,
    purpose: bytes = b"",
    scheme: bytes = SCHEME,
) -> bytes:
    """Return the bytes that are signed; `path` and `query` percent-encoded exactly as sent."""
    return b"\n".join(
        (
            scheme,
            method,
            path,
            canonical_query(query),
            timestamp,
            nonce,
            body_digest,
            purpose,
        )
    )


def signature(secret: bytes, text: bytes) -> bytes:
    """Return the base64url signature (43 characters, no padding)."""
    return base64.urlsafe_b64encode(hmac.digest(secret, text, "sha256"))[:-1]


def matches(secret: bytes, text: bytes, given: bytes) -> bool:
    """Compare in constant time; padding is accepted."""
    return hmac.compare_digest(signature(secret, text), given.rstrip(b"="))


def digest_fits(header: str, content: bytes) -> bool:
    """Tell whether a Content-Digest header (RFC 9530) names the SHA-256 of these bytes.

    Other algorithms in the list are passed over; without `sha-256` nothing is proven.
    """
    own = base64.b64encode(hashlib.sha256(content).digest()).decode()
    for member in header.split(","):
        name, _, value = member.strip().partition("=")
        if name == "sha-256":
            return hmac.compare_digest(value.encode(), f":{own}:".encode())
    return False
