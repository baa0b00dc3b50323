"""Proving the audit: finds edited, deleted, reordered and cut-off records.

The chain shows every change inside; signed checkpoints show a rewritten or shortened chain. A
checkpoint file on the same disk can be cut together with the chain, so pass the copies kept
elsewhere as `known`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from chengshu_gateway import audit_chain
from chengshu_gateway.audit_reader import Checkpoint, read_checkpoints
from chengshu_gateway.retention import STATEMENT, Retired, read_statement
from chengshu_gateway.signers import Signer

_MAX_PROBLEMS = 200
_TORN_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One contradiction; `kind` is edited, broken_chain, gap, missing_segment, unreadable,
    truncated, rewritten or bad_checkpoint. `line` counts from 1, 0 where no line is meant.
    """

    worker: int
    segment: int
    line: int
    kind: str
    text: str


@dataclass(slots=True)
class VerifyReport:
    """Outcome of a verification; `torn` are crash remains, which are no manipulation."""

    records: int = 0
    segments: int = 0
    checkpoints: int = 0
    problems: list[Problem] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Tell whether nothing contradicts the chains and checkpoints."""
        return not self.problems

    def add(self, problem: Problem) -> None:
        """Keep a problem, up to a bound that keeps reports readable."""
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)


@dataclass(slots=True)
class _Walk:
    worker: int
    seq: int = 0
    head: str = audit_chain.GENESIS


def verify(directory: Path, signer: Signer, *, known: Iterable[Checkpoint] = ()) -> VerifyReport:
    """Verify every chain under `<data>/audit` against itself and its checkpoints."""
    report = VerifyReport()
    marks: dict[int, dict[int, Checkpoint]] = {}
    for mark in (*read_checkpoints(directory), *known):
        report.checkpoints += 1
        if mark.signer != signer.name or not signer.verify(mark.message(), mark.signature):
            report.add(
                Problem(mark.worker, mark.segment, 0, "bad_checkpoint", "检查点签名不正确。")
            )
            continue
        former = marks.setdefault(mark.worker, {}).setdefault(mark.seq, mark)
        if former.head != mark.head:
            report.add(
                Problem(mark.worker, mark.segment, 0, "rewritten", "同一序号有两个不同的检查点。")
            )
    chains = {int(path.name[1:]): path for path in audit_chain.worker_directories(directory)}
    for worker in sorted(chains.keys() | marks.keys()):
        chain = chains.get(worker)
        retired = _retired(chain, worker, signer, report) if chain else None
        _verify_chain(chain, worker, marks.get(worker, {}), report, retired)
    return report


def _retired(chain: Path, worker: int, signer: Signer, report: VerifyReport) -> Retired | None:
    """What stands for the removed beginning of a chain, if it may."""
    if not (chain / STATEMENT).exists():
        return None
    found = read_statement(chain)
    if found is not None and found.worker == worker and found.sound(signer):
        return found
    text = "到期删除的说明不是本网关签的，或删除了未到期的记录。"
    report.add(Problem(worker, 0, 0, "bad_checkpoint", text))
    return None


def _verify_chain(
    chain: Path | None,
    worker: int,
    marks: dict[int, Checkpoint],
    report: VerifyReport,
    retired: Retired | None,
) -> None:
    walk = _Walk(worker)
    files = audit_chain.segments(chain) if chain else []
    expected = 1
    if retired is not None:
        # A crash may have left segments that the statement stands for already.
        files = [(number, path) for number, path in files if number > retired.segment]
        walk = _Walk(worker, retired.seq, retired.head)
        expected = retired.segment + 1
    for at, (number, path) in enumerate(files):
        if number != expected:
            report.add(
                Problem(worker, expected, 0, "missing_segment", f"缺少第 {expected} 段记录文件。")
            )
        expected = number + 1
        _verify_segment(path, number, walk, marks, report, last=at == len(files) - 1)
        report.segments += 1
    if chain is not None:
        report.torn += [str(path.name) for path in sorted(chain.glob("torn-*.bin"))]
    latest = max(marks, default=0)
    if latest > walk.seq:
        report.add(
            Problem(
                worker,
                marks[latest].segment,
                0,
                "truncated",
                f"检查点记载到第 {latest} 条，现有记录只到第 {walk.seq} 条，末尾被截去。",
            )
        )


def _verify_segment(
    path: Path,
    number: int,
    walk: _Walk,
    marks: dict[int, Checkpoint],
    report: VerifyReport,
    *,
    last: bool,
) -> None:
    with path.open("rb") as stream:
        for count, raw in enumerate(stream, 1):
            parsed = audit_chain.parse(raw[:-1]) if raw.endswith(b"\n") else None
            if parsed is None or not parsed.sound:
                if last and _is_torn_tail(raw, parsed, stream.read(1)):
                    report.torn.append(f"{path.name}:{count}")
                    return
                kind = "unreadable" if parsed is None else "edited"
                text = "无法识别的记录。" if parsed is None else "记录内容与其散列不符，被改动过。"
                report.add(Problem(walk.worker, number, count, kind, text))
                if parsed is None:
                    continue
            _follow(parsed, number, count, walk, report)
            mark = marks.get(parsed.seq)
            if mark is not None and mark.head != parsed.digest:
                report.add(
                    Problem(
                        walk.worker, number, count, "rewritten", "记录与签名检查点不符，链被重写。"
                    )
                )
            report.records += 1


def _is_torn_tail(raw: bytes, parsed: audit_chain.Line | None, following: bytes) -> bool:
    """A crash leaves a line without newline; a whole line with a wrong hash is an edit."""
    return parsed is None and not raw.endswith(b"\n") and not following and len(raw) < _TORN_LIMIT


def _follow(
    line: audit_chain.Line, number: int, count: int, walk: _Walk, report: VerifyReport
) -> None:
    if line.seq != walk.seq + 1:
        text = f"序号应为 {walk.seq + 1}，实为 {line.seq}：有记录被删除、插入或调换。"
        report.add(Problem(walk.worker, number, count, "gap", text))
    elif line.previous != walk.head:
        text = "与上一条记录的散列不衔接：上一条被改动或替换。"
        report.add(Problem(walk.worker, number, count, "broken_chain", text))
    walk.seq, walk.head = line.seq, line.digest
