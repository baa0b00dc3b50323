"""The two kinds of lines: a call of the gateway and an act in the platform, each chained by SM3."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chengshu_gateway import audit_chain

GATEWAY, OPERATIONS = "gateway", "operations"
TRAILS = (GATEWAY, OPERATIONS)
GENESIS = audit_chain.GENESIS
_WITHHELD = re.compile(rb'\{"seq":\d+,"withheld":true,"prev":"')


@dataclass(frozen=True, slots=True)
class Entry:
    """One record; `sound` tells whether its hash fits its own content, `withheld` that the content is not shown."""

    seq: int
    previous: str
    digest: str
    sound: bool
    withheld: bool = False


def read(trail: str, line: bytes) -> Entry | None:
    """Read a line without its newline; None when it has not the shape of a record."""
    if trail == GATEWAY:
        parsed = audit_chain.parse(line)
        if parsed is None:
            return None
        # The next record's hash covers this one's, so a withheld record is bound to its place all the same.
        withheld = _WITHHELD.match(line) is not None
        return Entry(parsed.seq, parsed.previous, parsed.digest, parsed.sound or withheld, withheld)
    try:
        members = json.loads(line)
        claimed = members.pop("hash")
        return Entry(
            int(members["seq"]), str(members["previous_hash"]), str(claimed),
            sound=operation_digest(members) == claimed,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def only(application: str, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield calls with those of other applications withheld: their number and hashes stay, the content goes."""
    own = f'"app":"{application}"'.encode()
    for line in lines:
        entry = read(GATEWAY, line) if b'"app":' in line and own not in line else None
        if entry is None:
            yield line
        else:
            yield (
                f'{{"seq":{entry.seq},"withheld":true,"prev":"{entry.previous}","hash":"{entry.digest}"}}'
            ).encode()


def operation_digest(members: dict[str, Any]) -> str:
    """SM3 over the canonical text of an operation, which includes the previous record's hash."""
    return hashlib.new("sm3", canonical(members)).hexdigest()


def canonical(members: dict[str, Any]) -> bytes:
    """JSON in one form only: members sorted, no spaces, no escapes."""
    return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def moment(line: bytes) -> datetime | None:
    """When a call was recorded; None for a line that is no record."""
    try:
        return datetime.fromisoformat(str(json.loads(line)["time"])).astimezone(UTC)
    except (ValueError, KeyError, TypeError):
        return None
