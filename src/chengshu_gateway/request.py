"""Reading a request: path, headers and purpose, strict before anything is looked up."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from chengshu_gateway.problems import BAD_HEADER, BAD_PATH, Refusal

PREFIX = b"/share/v1/"
_MAX_PATH = 1024
_MAX_KEY = 256
_MAX_PURPOSE = 200
_MAX_PURPOSE_BYTES = 2400
_INTERFACE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLAIN_KEY = re.compile(rb"[A-Za-z0-9_~:@!$'()*,;=+.-]+")
# Controls, separators of paths, and the percent sign, whose presence means double encoding.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f/\\%\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NONCE = re.compile(rb"[!-~]{8,64}")
_TIMESTAMP = re.compile(rb"\d{13}")


@dataclass(slots=True)
class CallRecord:
    """What the audit keeps of one call; filled in while the call is examined.

    `expense`, `spent` and `spent_on` are of answers under differential privacy: what they were paid
    with, in millionths of epsilon, on which day; see `private.ledger`.
    `most_misses` is not kept: how many misses a minute the grant allows (0: no grant was found).

    The five before it belong to posted calls only: `kind` names the operation ("" for a GET), `cost` is
    what it took from the quota, `records` the keyed hashes of all records it was about.
    """

    app: str = ""
    key_id: str = ""
    verified: bool = False
    interface: str = ""
    record: str = ""
    fields: str = ""
    purpose: str = ""
    ip: str = ""
    nonce: int = 0
    client_ms: int = 0
    version: str = ""
    counted: bool = False
    kind: str = ""
    asked: int = 0
    found: int = 0
    cost: int = 1
    records: str = ""
    most_misses: int = 0
    expense: str = ""
    spent: int = 0
    spent_on: str = ""


def split_path(raw: bytes) -> tuple[str, str | None]:
    """Return (interface, key or None) of a raw request path; raises Refusal(BAD_PATH)."""
    if not raw.startswith(PREFIX) or len(raw) > _MAX_PATH:
        raise Refusal(BAD_PATH)
    interface, slash, encoded = raw[len(PREFIX) :].partition(b"/")
    if not _INTERFACE.fullmatch(interface) or b".." in interface:
        raise Refusal(BAD_PATH)
    if not slash:
        return interface.decode(), None
    if encoded in (b".", b".."):
        raise Refusal(BAD_PATH)
    if _PLAIN_KEY.fullmatch(encoded) and len(encoded) <= _MAX_KEY:
        return interface.decode(), encoded.decode()
    return interface.decode(), _decode_key(encoded)


def _decode_key(encoded: bytes) -> str:
    if not encoded or b"/" in encoded or re.search(rb"%(?![0-9A-Fa-f]{2})", encoded):
        raise Refusal(BAD_PATH)
    try:
        key = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError as error:
        raise Refusal(BAD_PATH, extra="主键不是 UTF-8 编码") from error
    if not proper_key(key):
        raise Refusal(BAD_PATH)
    return key


def proper_key(key: str) -> bool:
    """Tell whether a text can be a key: the same rule in a path and in a body."""
    if not 0 < len(key) <= _MAX_KEY or key in (".", "..") or _FORBIDDEN.search(key):
        return False
    return not _SURROGATES.search(key)


@lru_cache(maxsize=4096)
def purpose_of(header: bytes | None) -> str:
    """Return the decoded X-Cs-Purpose; raises Refusal(BAD_HEADER) when it is malformed."""
    if not header:
        return ""
    if len(header) > _MAX_PURPOSE_BYTES:
        raise Refusal(BAD_HEADER)
    try:
        text = unquote_to_bytes(header).decode()
    except UnicodeDecodeError as error:
        raise Refusal(BAD_HEADER) from error
    if len(text) > _MAX_PURPOSE or _CONTROLS.search(text):
        raise Refusal(BAD_HEADER)
    return text


def well_formed(timestamp: bytes, nonce: bytes) -> bool:
    """Tell whether time-stamp (13 digits) and nonce (8–64 visible characters) can be used."""
    return bool(_TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce))


def claimed(header: bytes | None) -> str:
    """Return an unproven identifier in a form fit for the log."""
    return (header or b"")[:64].decode("ascii", "replace")


class AddressReader:
    """Finds the caller's address, through trusted reverse proxies only."""

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        """`trusted` are the proxies' CIDRs; without any, forwarding headers are ignored."""
        self._trusted = [ipaddress.ip_network(each) for each in trusted]

    def read(self, scope: Any, headers: dict[bytes, bytes]) -> str:
        """Return the address; from X-Forwarded-For the last one that is no trusted proxy."""
        client = scope.get("client")
        address: str = client[0] if client else ""
        if not self._trusted or not self._is_proxy(address):
            return address
        hops = headers.get(b"x-forwarded-for", b"").decode("ascii", "replace").split(",")
        for hop in reversed(hops):
            candidate = hop.strip()
            try:
                ipaddress.ip_address(candidate)
            except ValueError:
                return address
            if not self._is_proxy(candidate):
                return candidate
        return address

    def vouched(self, scope: Any, name: bytes) -> bool:
        """Tell whether a header was written by a trusted proxy, once, and not by whoever called."""
        client = scope.get("client")
        sent = sum(1 for header, _value in scope["headers"] if header == name)
        return sent == 1 and client is not None and self._is_proxy(client[0])

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)
