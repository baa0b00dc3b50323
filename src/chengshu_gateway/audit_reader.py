"""Reading the audit: an incremental stream of calls for statistics, and the signed checkpoints."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chengshu_gateway import audit_chain

_BLOCK = 1 << 20


class PositionError(ValueError):
    """A position token that was not issued by this reader."""


@dataclass(frozen=True, slots=True)
class Call:
    """One audited call, answered or refused.

    `verified` tells whether the application proved its key (otherwise `app` is only a claim);
    `outcome` is "ok" or a code of `problems`; `key_hash` see `keys.hash_record_key`;
    `counted` whether it used quota; `micros` is the handling time without the audit's wait.

    `kind` names the way of calling. A posted call can be about many records: `key_hash` is then the
    digest of what was asked, `asked` and `found` are numbers, `records` the keyed hash of each
    record, `cost` what the quota was charged.
    """

    worker: int
    seq: int
    time: datetime
    request_id: str
    app: str
    key_id: str
    verified: bool
    interface: str
    key_hash: str
    fields: tuple[str, ...]
    outcome: str
    status: int
    purpose: str
    ip: str
    version: str
    digest: str
    counted: bool
    nonce: str
    client_ms: int
    micros: int
    kind: str = "lookup"
    asked: int = 1
    found: int = 0
    cost: int = 1
    records: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement of how far a chain had come; keep copies outside this machine."""

    worker: int
    segment: int
    seq: int
    head: str
    time: str
    signer: str
    signature: str

    def message(self) -> bytes:
        """Return the signed bytes."""
        members = {
            "worker": self.worker,
            "segment": self.segment,
            "seq": self.seq,
            "head": self.head,
            "time": self.time,
            "signer": self.signer,
        }
        return json.dumps(members, separators=(",", ":")).encode()


def read_calls(
    directory: Path, after: str = "", *, limit: int | None = None
) -> Iterator[tuple[str, Call]]:
    """Yield (position, call) for every complete record after a position, chain by chain.

    Store the last position with what you counted and pass it as `after` next time: nothing is
    missed or read twice, also across rotation and new workers. `directory` is `<data>/audit`.
    Damaged lines are skipped here; `audit_verify.verify` reports them.

    Raises:
        PositionError: `after` is not a position of this reader.
    """
    places = _parse_position(after)
    left = limit
    for chain in audit_chain.worker_directories(directory):
        worker = int(chain.name[1:])
        from_segment, from_offset = places.get(worker, (0, 0))
        for number, path in audit_chain.segments(chain):
            if number < from_segment:
                continue
            offset = from_offset if number == from_segment else 0
            for end, line in _complete_lines(path, offset):
                places[worker] = (number, end)
                call = _call(worker, line)
                if call is None:
                    continue
                yield _format_position(places), call
                if left is not None:
                    left -= 1
                    if left <= 0:
                        return


def read_checkpoints(directory: Path) -> Iterator[Checkpoint]:
    """Yield the checkpoints of all chains under `<data>/audit` (unverified, oldest first)."""
    for chain in audit_chain.worker_directories(directory):
        path = chain / audit_chain.CHECKPOINTS
        if path.exists():
            for _end, line in _complete_lines(path, 0):
                try:
                    yield Checkpoint(**json.loads(line))
                except (ValueError, TypeError):
                    continue


def _complete_lines(path: Path, offset: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset after the line, line without newline); a line still being written waits."""
    with path.open("rb", buffering=_BLOCK) as stream:
        stream.seek(offset)
        for raw in stream:
            if not raw.endswith(b"\n"):
                return
            offset += len(raw)
            yield offset, raw[:-1]


def _call(worker: int, line: bytes) -> Call | None:
    try:
        record = audit_chain.content(line)
        if record.get("kind") != "call":
            return None
        return Call(
            worker=worker,
            seq=record["seq"],
            time=datetime.fromisoformat(record["time"]),
            request_id=f"{worker:02d}-{record['seq']}",
            app=record["app"],
            key_id=record["key"],
            verified=record["verified"],
            interface=record["interface"],
            key_hash=record["record"],
            fields=tuple(record["fields"].split(",")) if record["fields"] else (),
            outcome=record["outcome"],
            status=record["status"],
            purpose=record["purpose"],
            ip=record["ip"],
            version=record["version"],
            digest=record["digest"],
            counted=record["counted"],
            nonce=record["nonce"],
            client_ms=record["client_ms"],
            micros=record["micros"],
            kind=record.get("call", "lookup"),
            asked=record.get("asked", 1),
            found=record.get("found", int(record["outcome"] == "ok")),
            cost=record.get("cost", 1),
            records=tuple(filter(None, record.get("records", record["record"]).split(","))),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _parse_position(text: str) -> dict[int, tuple[int, int]]:
    places: dict[int, tuple[int, int]] = {}
    for part in filter(None, text.split(",")):
        numbers = part.split(":")
        if len(numbers) != 3 or not all(each.isdigit() for each in numbers):  # noqa: PLR2004
            raise PositionError(f"调用记录的读取位置不合规：{text!r}。请从头重新统计。")
        places[int(numbers[0])] = (int(numbers[1]), int(numbers[2]))
    return places


def _format_position(places: dict[int, tuple[int, int]]) -> str:
    return ",".join(f"{worker}:{segment}:{at}" for worker, (segment, at) in sorted(places.items()))
