"""The proof: everything in an exported folder against the manifest, the chains and the anchors."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chengshu_evidence import anchors, keychain, lines, manifest
from chengshu_evidence.anchors import Anchor
from chengshu_evidence.keychain import Span
from chengshu_evidence.lines import GENESIS
from chengshu_evidence.manifest import Chain, Manifest, Part
from chengshu_sm2 import Sm2KeyError, Sm2PublicKey

_MAX_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction: where (a file and line, or a chain), which kind, and a Chinese sentence."""

    place: str
    kind: str
    text: str


@dataclass(slots=True)
class Report:
    """Outcome; `key` names the public key that was used, `own_key` says that it came with the folder.

    `keys` is how many keys signed anchors, `discounted` how many anchors do not count because their key was in
    other hands by then; `withheld` records belong to other applications than the one asked for, `application`.
    """

    records: int = 0
    files: int = 0
    anchors: int = 0
    key: str = ""
    own_key: bool = False
    keys: int = 1
    discounted: int = 0
    withheld: int = 0
    application: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Tell whether nothing contradicts."""
        return not self.findings

    def add(self, place: str, kind: str, text: str) -> None:
        """Keep a finding, up to a bound that keeps reports readable."""
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(Finding(place, kind, text))


def verify(folder: Path, *, public_pem: bytes | None = None) -> Report:
    """Verify an exported folder offline.

    `public_pem` is the city's public key as you received it by another way, the present one or a former one;
    without it the one in the folder is used, which proves only that the folder is of one piece.
    """
    report = Report(own_key=public_pem is None)
    try:
        pem = public_pem or (folder / manifest.PUBLIC_KEY).read_bytes()
        key = Sm2PublicKey.from_pem(pem)
        content = (folder / manifest.MANIFEST).read_bytes()
        signature = bytes.fromhex((folder / manifest.SIGNATURE).read_text("ascii"))
    except (OSError, Sm2KeyError, ValueError) as error:
        report.add(str(folder.name), "unreadable", f"清单、签名或公钥缺失或无法读取：{error}")
        return report
    report.key = anchors.key_name(key)
    spans = _keys(folder, key, report)
    if not spans[-1].public.verify(content, signature):
        report.add(manifest.MANIFEST, "bad_signature", "清单的签名不正确：清单被改动，或公钥不对。")
    try:
        found = manifest.parse(content)
    except ValueError as error:
        report.add(manifest.MANIFEST, "unreadable", str(error))
        return report
    if found.keys and found.keys != _digest(folder / manifest.KEYS):
        report.add(manifest.KEYS, "altered_file", "密钥链与清单不符，被改动、截短或缺失。")
    report.application = found.application
    known = _anchors(folder, found, spans, report)
    for chain in found.chains:
        _verify_chain(folder, chain, known, found, report)
    _nothing_else(folder, found, report)
    return report


def _digest(path: Path) -> str:
    return hashlib.new("sm3", path.read_bytes() if path.is_file() else b"").hexdigest()


def _keys(folder: Path, held: Sm2PublicKey, report: Report) -> list[Span]:
    """The keys that signed, in their order; in a folder without a chain the one that is held."""
    path = folder / manifest.KEYS
    alone = [Span(report.key, held, 0, None, datetime.min.replace(tzinfo=UTC), "")]
    if not path.is_file():
        return alone
    found, faults = keychain.check(path, anchors.read(folder / manifest.ANCHORS))
    for fault in faults:
        report.add(f"{manifest.KEYS}:{fault.number}", fault.kind, fault.text)
    kind, text = keychain.distrusted(found, report.key)
    if text:
        report.add(manifest.KEYS, kind, text)
    report.keys = len(found)
    return found or alone


def _anchors(folder: Path, found: Manifest, keys: list[Span], report: Report) -> list[Anchor]:
    """The anchors that are genuine, in their order, and signed while their key was in the city's hands alone."""
    path = folder / manifest.ANCHORS
    if _digest(path) != found.anchors:
        report.add(manifest.ANCHORS, "altered_file", "锚点文件与清单不符，被改动、截短或缺失。")
    genuine = []
    number, previous = 0, GENESIS
    for anchor in anchors.read(path):
        report.anchors += 1
        place = f"{manifest.ANCHORS}:{anchor.number}"
        if anchor.number != number + 1 or anchor.previous != previous:
            report.add(place, "gap", f"锚点应为第 {number + 1} 个：有锚点被删除、插入或调换。")
        number, previous = anchor.number, anchor.digest
        owner = next((span for span in keys if span.owns(anchor.number)), None)
        if owner is not None and owner.key != anchor.key and anchor.key in {s.key for s in keys}:
            text = f"锚点是公钥 {anchor.key} 签的，而这时现用的是 {owner.key}：用停用或尚未启用的密钥伪造。"
            report.add(place, "retired_key", text)
        elif owner is None or owner.key != anchor.key or not _genuine(anchor, owner.public):
            report.add(place, "bad_signature", "锚点的签名不正确，被改动或伪造。")
        elif owner.counts(anchor):
            genuine.append(anchor)
        else:
            report.discounted += 1
    return genuine


def _genuine(anchor: Anchor, key: Sm2PublicKey) -> bool:
    try:
        return key.verify(anchor.message(), bytes.fromhex(anchor.signature))
    except ValueError:
        return False


def _verify_chain(
    folder: Path, chain: Chain, known: list[Anchor], found: Manifest, report: Report
) -> None:
    heads = {
        a.heads[chain.name][0]: (a, a.heads[chain.name][1]) for a in known if chain.name in a.heads
    }
    seq, head = (chain.first - 1 if chain.first else 0), chain.before
    if chain.first == 1 and head != GENESIS:
        report.add(chain.name, "rewritten", "第一条记录之前不应有记录：链头被改动。")
    for part in chain.parts:
        for number, entry in _entries(folder, chain, part, report):
            place = f"{part.path}:{number}"
            if entry.seq != seq + 1:
                text = f"序号应为 {seq + 1}，实为 {entry.seq}：有记录被删除、插入或调换。"
                report.add(place, "gap", text)
            elif entry.previous != head:
                report.add(place, "broken_chain", "与上一条记录的散列不衔接：上一条被改动或替换。")
            seq, head = entry.seq, entry.digest
            anchored = heads.get(seq)
            if anchored is not None and anchored[1] != head:
                text = f"与第 {anchored[0].number} 个锚点（{anchored[0].time}）不符：此前的记录被重写。"
                report.add(place, "rewritten", text)
    if (seq, head) != (chain.last, chain.head):
        text = f"清单记到第 {chain.last} 条，实际到第 {seq} 条：末尾被截去、增加或改动。"
        report.add(chain.name, "truncated", text)
    _reaches_its_anchors(chain, seq, heads, found, report)


def _reaches_its_anchors(
    chain: Chain,
    seq: int,
    heads: dict[int, tuple[Anchor, str]],
    found: Manifest,
    report: Report,
) -> None:
    """Whatever was anchored within the period must lie in the folder."""
    end = datetime.fromisoformat(found.until or found.made_at)
    beyond = [a for number, (a, _head) in heads.items() if number > seq and a.moment <= end]
    if beyond:
        last = max(beyond, key=lambda anchor: anchor.number)
        text = f"第 {last.number} 个锚点记到第 {last.heads[chain.name][0]} 条，这里只到第 {seq} 条：末尾缺失。"
        report.add(chain.name, "truncated", text)


def _entries(
    folder: Path, chain: Chain, part: Part, report: Report
) -> Iterator[tuple[int, lines.Entry]]:
    path = folder / part.path
    if not path.is_file() or path.is_symlink():
        text = f"缺少这个文件（第 {part.first} 至 {part.last} 条）。"
        report.add(part.path, "missing_file", text)
        return
    report.files += 1
    state = hashlib.new("sm3")
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            state.update(raw)
            report.records += 1
            entry = lines.read(chain.trail, raw.removesuffix(b"\n"))
            if entry is None:
                report.add(f"{part.path}:{number}", "unreadable", "无法识别的记录。")
                continue
            report.withheld += entry.withheld
            if entry.withheld and not report.application:
                text = "记录的内容被隐去，而清单没有说只交一个应用的调用。"
                report.add(f"{part.path}:{number}", "withheld", text)
            if not entry.sound:
                text = "记录内容与其散列不符，被改动过。"
                report.add(f"{part.path}:{number}", "edited", text)
            yield number, entry
    if state.hexdigest() != part.sm3:
        report.add(part.path, "altered_file", "文件与清单的摘要不符，交付后被改动。")


def _nothing_else(folder: Path, found: Manifest, report: Report) -> None:
    listed = {part.path for chain in found.chains for part in chain.parts} | manifest.OWN_FILES
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_dir() and name not in listed:
            report.add(name, "extra_file", "清单里没有这个文件。")
