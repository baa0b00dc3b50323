"""Letting go of records that are older than anybody must keep them, and of no others.

Records of providing personal or important data are kept for at least three years (网络数据安全管理条例
art. 12). Nothing is removed by itself. When an operator
asks, whole segments at the beginning of a chain go, oldest first, and a signed statement stays in
their place, from which the chain is proven on.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chengshu_gateway import audit_chain, pointer
from chengshu_gateway.signers import Signer

MINIMUM_YEARS = 3
STATEMENT = "retired.json"
_DAYS_A_YEAR = 366


@dataclass(frozen=True, slots=True)
class Retired:
    """What stands for the removed beginning of a chain: where it ended, how old it was, when it went."""

    worker: int
    segment: int
    seq: int
    head: str
    newest: str
    removed_at: str
    signer: str
    signature: str = ""

    def message(self) -> bytes:
        """Return the signed bytes."""
        members = {name: value for name, value in asdict(self).items() if name != "signature"}
        return json.dumps(members, separators=(",", ":")).encode()

    def sound(self, signer: Signer) -> bool:
        """Tell whether the statement is ours and what it removed was old enough."""
        try:
            age = datetime.fromisoformat(self.removed_at) - datetime.fromisoformat(self.newest)
        except (ValueError, TypeError):
            return False
        genuine = self.signer == signer.name and signer.verify(self.message(), self.signature)
        return genuine and age >= _term(MINIMUM_YEARS)


def retire(audit: Path, signer: Signer, *, years: int, now: datetime | None = None) -> list[Path]:
    """Remove whole segments whose records are all older than `years`; returns which.

    Raises:
        ValueError: fewer years than MINIMUM_YEARS; nothing was removed.
    """
    if years < MINIMUM_YEARS:
        raise ValueError(
            f"调用记录至少保存 {MINIMUM_YEARS} 年，没有删除任何记录。请改用更长的年限。"
        )
    moment = now or datetime.now(UTC)
    removed: list[Path] = []
    for chain in audit_chain.worker_directories(audit):
        old = list(_older(audit_chain.segments(chain), moment - _term(years)))
        if not old:
            continue
        number, path, newest = old[-1]
        last = _last_line(path)
        if last is None:
            continue
        statement = Retired(
            int(chain.name[1:]), number, last.seq, last.digest, newest.isoformat(),
            moment.isoformat(), signer.name,
        )  # fmt: skip
        signed = {**asdict(statement), "signature": signer.sign(statement.message())}
        # The statement first: a crash in between leaves segments that it already stands for.
        pointer.write_durably(chain / STATEMENT, json.dumps(signed).encode())
        for _number, each, _newest in old:
            each.unlink()
            removed.append(each)
        pointer.sync_directory(chain)
    return removed


def read_statement(chain: Path) -> Retired | None:
    """Return the statement of a chain; None when nothing was removed, or it cannot be read."""
    try:
        return Retired(**json.loads((chain / STATEMENT).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _older(
    segments: list[tuple[int, Path]], limit: datetime
) -> Iterator[tuple[int, Path, datetime]]:
    """The first segments that ended before a moment; never the last one, where the chain goes on."""
    for number, path in segments[:-1]:
        newest = _newest(path)
        if newest is None or newest >= limit:
            return
        yield number, path, newest


def _newest(path: Path) -> datetime | None:
    """The latest time in a segment; None when a line cannot be read: then it is evidence and stays."""
    newest: datetime | None = None
    with path.open("rb") as stream:
        for raw in stream:
            try:
                at = datetime.fromisoformat(str(audit_chain.content(raw)["time"])).astimezone(UTC)
            except (ValueError, KeyError, TypeError):
                return None
            newest = at if newest is None else max(newest, at)
    return newest


def _last_line(path: Path) -> audit_chain.Line | None:
    last = None
    with path.open("rb") as stream:
        for raw in stream:
            last = raw
    return audit_chain.parse(last.rstrip(b"\n")) if last is not None else None


def _term(years: int) -> timedelta:
    return timedelta(days=years * _DAYS_A_YEAR)
