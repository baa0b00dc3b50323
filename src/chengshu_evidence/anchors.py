"""Anchors: signed statements "at this time the chains ended here", each covering the one before.

They are signed with SM2 while the trails grow, so that whoever holds the public key can tell later
that nothing before them was rewritten, not even by the holder of the trails.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chengshu_evidence.lines import GENESIS
from chengshu_sm2 import Sm2PrivateKey, Sm2PublicKey

_TAIL_BYTES = 256 << 10
Heads = Mapping[str, tuple[int, str]]
"""Sequence number and hash of the last record, by "trail/chain"."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One anchor as it stands in the file; `digest` names the whole line."""

    number: int
    time: str
    heads: dict[str, tuple[int, str]]
    previous: str
    key: str
    signature: str
    digest: str

    def message(self) -> bytes:
        """Return the signed bytes."""
        return _message(self.number, self.time, self.heads, self.previous, self.key)

    @property
    def moment(self) -> datetime:
        """When it was signed."""
        return datetime.fromisoformat(self.time)


def key_name(key: Sm2PublicKey) -> str:
    """Return the short name of a public key: the first 16 hex digits of its SM3."""
    return hashlib.new("sm3", key.point()).hexdigest()[:16]


def append(path: Path, heads: Heads, private: Sm2PrivateKey) -> Anchor | None:
    """Sign the heads and add them to the file, durably; None when nothing grew since the last one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        line = _next(path, heads, private)
        if line is not None:
            os.write(descriptor, line + b"\n")
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return _parse(line) if line is not None else None


def _next(path: Path, heads: Heads, private: Sm2PrivateKey) -> bytes | None:
    last_one = last(path)
    if last_one is not None and last_one.heads == {
        name: tuple(head) for name, head in heads.items()
    }:
        return None
    number = last_one.number + 1 if last_one else 1
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    previous, key = (last_one.digest if last_one else GENESIS), key_name(private.public_key())
    message = _message(number, time, heads, previous, key)
    members = json.loads(message) | {"signature": private.sign(message).hex()}
    return json.dumps(members, separators=(",", ":")).encode()


def read(path: Path) -> Iterator[Anchor]:
    """Yield the readable anchors of a file, unverified; an unreadable line is passed over.

    Its gap shows: the next one's `previous` and `number` do not fit.
    """
    if not path.is_file():
        return
    for line in path.read_bytes().split(b"\n"):
        found = _parse(line)
        if found is not None:
            yield found


def last(path: Path) -> Anchor | None:
    """Return the last anchor, read from the end: the file grows by some fifty thousand lines a year."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL_BYTES))
        for line in reversed(stream.read().split(b"\n")):
            if (found := _parse(line)) is not None:
                return found
    return None


def _parse(line: bytes) -> Anchor | None:
    try:
        members = json.loads(line)
        heads = {str(n): (int(seq), str(head)) for n, (seq, head) in members["heads"].items()}
        found = Anchor(
            int(members["number"]), str(members["time"]), heads, str(members["previous"]),
            str(members["key"]), str(members["signature"]),
            hashlib.new("sm3", line).hexdigest(),
        )  # fmt: skip
        aware = found.moment.tzinfo is not None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if aware else None


def _message(number: int, time: str, heads: Heads, previous: str, key: str) -> bytes:
    members = {
        "number": number,
        "time": time,
        "heads": {name: list(heads[name]) for name in sorted(heads)},
        "previous": previous,
        "key": key,
    }
    return json.dumps(members, separators=(",", ":")).encode()
