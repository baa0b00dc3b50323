"""Proves that the trace was not altered: edits, deletions, reorderings and a cut-off tail are found."""

import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from chengshu.kernel.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from chengshu.kernel.audit.services import checkpoint_file, digest, sign

PROGRESS_EVERY = 500


@dataclass(slots=True)
class Report:
    """Outcome of a verification. ``problems`` are Chinese sentences, empty when the chain is whole."""

    records: int = 0
    checkpoints: int = 0
    head: str = "0" * 64
    problems: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint from the database or the file."""

    seq: int
    hash: str
    at: datetime
    signature: str
    place: str


def verify(*, limit: int = 20, progress: Callable[[int], None] | None = None) -> Report:
    """Walk the whole chain in order; stop collecting after ``limit`` problems.

    ``progress`` hears the number of records checked, every 500 of them.
    """
    report = Report()
    anchors: dict[int, list[Anchor]] = {}
    for anchor in _anchors(report):
        report.checkpoints += 1
        expected = sign(anchor.seq, anchor.hash, anchor.at)
        if not hmac.compare_digest(expected, anchor.signature):
            report.problems.append(
                f"{anchor.place}中第 {anchor.seq} 号检查点的签名不符，检查点被改动过。"
            )
        else:
            anchors.setdefault(anchor.seq, []).append(anchor)
    previous, last = "0" * 64, 0
    for item in AuditRecord.objects.order_by("seq").iterator(chunk_size=2000):
        report.records += 1
        report.problems += _check(item, previous, last)
        report.problems += [
            f"第 {item.seq} 号记录与{a.place}的检查点不一致，此前的记录被整体改写过。"
            for a in anchors.pop(item.seq, [])
            if a.hash != item.hash
        ]
        previous, last = item.hash, item.seq
        if progress is not None and report.records % PROGRESS_EVERY == 0:
            progress(report.records)
        if len(report.problems) >= limit:
            break
    else:
        report.problems += _check_tail(last, previous, anchors)
    report.head = previous
    return report


def _check(item: AuditRecord, previous: str, last: int) -> list[str]:
    found = []
    if item.seq != last + 1:
        found.append(f"第 {last + 1} 至 {item.seq - 1} 号记录缺失，有记录被删除。")
    elif item.previous_hash != previous:
        found.append(f"第 {item.seq} 号记录与前一条接不上，记录被调换或改写过。")
    if digest(item) != item.hash:
        found.append(f"第 {item.seq} 号记录（{item.action}）的内容被改动过。")
    return found


def _check_tail(last: int, previous: str, missing: dict[int, list[Anchor]]) -> list[str]:
    found = [
        f"{a.place}的检查点证明第 {seq} 号记录存在过，现在链条只到第 {last} 号，末尾被截断。"
        for seq, items in missing.items()
        for a in items
        if seq > last
    ]
    head = AuditHead.objects.filter(id=1).first()
    if head is None:
        return [*found, "链头不见了，链头被删除。"] if last else found
    if (head.seq, head.hash) != (last, previous):
        found.append(f"链头记到第 {head.seq} 号，实际只有 {last} 号，末尾被截断或链头被改动。")
    return found


def _anchors(report: Report) -> Iterator[Anchor]:
    for row in AuditCheckpoint.objects.order_by("seq"):
        yield Anchor(row.seq, row.hash, row.at, row.signature, "数据库")
    path = checkpoint_file()
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        anchor = _read(line)
        if anchor is None:
            report.problems.append(f"检查点文件第 {number} 行读不懂，可能被改动或写了一半。")
        else:
            yield anchor


def _read(line: str) -> Anchor | None:
    try:
        row = json.loads(line)
        at = datetime.fromisoformat(row["at"])
        return Anchor(int(row["seq"]), str(row["hash"]), at, str(row["signature"]), "检查点文件")
    except (ValueError, KeyError, TypeError):
        return None
