"""The keys that signed anchors, one after another: each successor signed by its predecessor and by itself.

A statement fixes the last anchor of the key before it, by number and digest: whoever finds a retired key later
can neither add an anchor nor date one back. A key can be declared compromised from a time on; what it signed
after that proves nothing. Whoever holds any of the keys follows the chain to all others, except over a renewal
that a compromised key signed: for those after it the holder needs a newer key by another way.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chengshu_evidence.anchors import Anchor, key_name
from chengshu_evidence.lines import GENESIS
from chengshu_sm2 import Sm2KeyError, Sm2PrivateKey, Sm2PublicKey

BEGUN, RENEWED, COMPROMISED = "begun", "renewed", "compromised"
NO_ANCHOR = (0, GENESIS)
Mark = tuple[int, str]
"""Number and digest of an anchor."""


class KeyChainError(ValueError):
    """A change of keys that cannot be made; the text (Chinese) says why, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of the file: a key begins, replaces the one before, or is declared compromised `since` a time.

    `anchor` is the last one before the statement; `signature` is by `signer`, the key in force then, `accepted`
    by the new key of a renewal.
    """

    number: int
    time: str
    act: str
    key: str
    public: str
    since: str
    reason: str
    anchor: Mark
    previous: str
    signer: str
    signature: str
    accepted: str
    digest: str

    def message(self) -> bytes:
        """Return the signed bytes."""
        return _message({name: getattr(self, name) for name in _SIGNED} | {"anchor": self.anchor})


@dataclass(frozen=True, slots=True)
class Span:
    """One key with the anchors that are its own: after `after`, up to `until` (None: still in force).

    `bad_since`: from then on nothing it signed counts. `signed_in` is when it came into force.
    """

    key: str
    public: Sm2PublicKey
    after: int
    until: int | None
    signed_in: datetime
    reason: str
    bad_since: datetime | None = None

    def owns(self, number: int) -> bool:
        """Tell whether an anchor was this key's to sign."""
        return number > self.after and (self.until is None or number <= self.until)

    def counts(self, anchor: Anchor) -> bool:
        """Tell whether what it signed was signed before somebody else could."""
        return self.bad_since is None or anchor.moment < self.bad_since


@dataclass(frozen=True, slots=True)
class Fault:
    """One contradiction in the chain of keys: the statement's number, which kind, a Chinese sentence."""

    number: int
    kind: str
    text: str


_SIGNED = (
    "number",
    "time",
    "act",
    "key",
    "public",
    "since",
    "reason",
    "anchor",
    "previous",
    "signer",
)


def begin(path: Path, private: Sm2PrivateKey) -> None:
    """Start the chain with a first key; does nothing when there is one."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    public = private.public_key()
    _write(path, BEGUN, public, private, reason="启用", anchor=NO_ANCHOR)


def renew(
    path: Path, old: Sm2PrivateKey, new: Sm2PrivateKey, *, reason: str, anchor: Mark
) -> Statement:
    """Let a new key take over from the one in force; raises KeyChainError."""
    _require_current(path, old)
    return _write(path, RENEWED, new.public_key(), old, reason=reason, anchor=anchor, accepting=new)


def declare_compromised(
    path: Path, current: Sm2PrivateKey, key: str, *, since: datetime, reason: str, anchor: Mark
) -> Statement:
    """Say that a retired key may be in other hands since a time; the key in force signs it.

    Raises:
        KeyChainError: the key is unknown, still in force (renew it first), or was declared so already.
    """
    _require_current(path, current)
    named = {span.key: span for span in spans(path)}
    span = named.get(key)
    if span is None:
        raise KeyChainError(f"密钥链里没有 {key}。")
    if span.until is None:
        raise KeyChainError("现用的密钥不能直接宣布泄露：请先换新密钥，再宣布旧的泄露。")
    if span.bad_since is not None:
        raise KeyChainError(f"{key} 已经宣布泄露（自 {span.bad_since.isoformat()}）。")
    return _write(
        path, COMPROMISED, span.public, current, reason=reason, anchor=anchor,
        since=since.astimezone(UTC).isoformat(timespec="milliseconds"),
    )  # fmt: skip


def current(path: Path) -> str:
    """Return the name of the key in force; "" before the first."""
    found = [each for each in read(path) if each is not None and each.act != COMPROMISED]
    return found[-1].key if found else ""


def spans(path: Path) -> list[Span]:
    """Return the keys of a chain in their order, as it stands there, unverified."""
    return _spans(each for each in read(path) if each is not None)


def check(path: Path, anchors: Iterable[Anchor]) -> tuple[list[Span], list[Fault]]:
    """Prove a chain of keys against itself and against the anchors; returns its keys and all contradictions."""
    faults: list[Fault] = []
    sound: list[Statement] = []
    publics: dict[str, Sm2PublicKey] = {}
    digests = {GENESIS: 0} | {anchor.digest: anchor.number for anchor in anchors}
    previous, in_force, last_anchor = GENESIS, "", 0
    for number, item in enumerate(read(path), 1):
        if item is None:
            faults.append(Fault(number, "unreadable", "无法识别的换钥声明。"))
            continue
        if item.number != number or item.previous != previous:
            text = "与上一条不衔接：密钥链有声明被删除、插入或调换。"
            faults.append(Fault(number, "gap", text))
        previous = item.digest
        problem = _problem(item, in_force, publics)
        if not problem and digests.get(item.anchor[1]) != item.anchor[0]:
            problem = f"声明所说的第 {item.anchor[0]} 个锚点不在锚点文件里：锚点被改动或换过。"
        if not problem and item.anchor[0] < last_anchor:
            problem = "声明所说的锚点比上一条的还早：密钥链被改写。"
        if problem:
            faults.append(Fault(number, "bad_key", problem))
            continue
        if item.act != COMPROMISED:
            in_force, publics[item.key] = item.key, _public(item)
        last_anchor = item.anchor[0]
        sound.append(item)
    return _spans(sound), faults


def distrusted(found: list[Span], held: str) -> tuple[str, str]:
    """Say why whoever holds one key cannot rely on the one in force; ("", "") when they can.

    Returns kind and Chinese sentence.
    """
    at = next((n for n, span in enumerate(found) if span.key == held), None)
    if at is None:
        return "unknown_key", f"手里的公钥 {held} 不在密钥链里：密钥链被伪造，或公钥不是本市的。"
    for former, successor in zip(found[at:], found[at + 1 :], strict=False):
        if former.bad_since is not None and former.bad_since <= successor.signed_in:
            text = (
                f"公钥 {former.key} 已宣布自 {former.bad_since.isoformat()} 起泄露，它签的换钥不作数："
                f"请另行向本市取得现用公钥（{found[-1].key}）再核验。"
            )
            return "compromised_key", text
    return "", ""


def read(path: Path) -> Iterator[Statement | None]:
    """Yield the statements of a file, unverified; None for a line that is none."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        yield _parse(line)


def _spans(statements: Iterable[Statement]) -> list[Span]:
    made: list[Span] = []
    bad: dict[str, datetime] = {}
    for item in statements:
        if item.act == COMPROMISED:
            bad[item.key] = datetime.fromisoformat(item.since)
            continue
        if made:
            last = made[-1]
            made[-1] = Span(
                last.key, last.public, last.after, item.anchor[0], last.signed_in, last.reason
            )
        begins = datetime.fromisoformat(item.time)
        made.append(Span(item.key, _public(item), item.anchor[0], None, begins, item.reason))
    return [
        Span(s.key, s.public, s.after, s.until, s.signed_in, s.reason, bad.get(s.key)) for s in made
    ]


def _problem(item: Statement, in_force: str, publics: dict[str, Sm2PublicKey]) -> str:
    """Say what is wrong with a statement's key, signer and signatures; "" when nothing is."""
    public = _public(item)
    if key_name(public) != item.key:
        return "声明里的公钥与它的编号不符。"
    if (item.act == BEGUN) != (not in_force) or item.act not in (BEGUN, RENEWED, COMPROMISED):
        return "密钥链应从第一把密钥开始，此后只有换钥和泄露声明。"
    signer = public if item.act == BEGUN else publics[in_force]
    if item.signer != key_name(signer):
        return "声明不是当时现用的密钥签的：后继密钥是伪造的。"
    if not _fits(signer, item.message(), item.signature):
        return "声明的签名不正确，被改动或伪造。"
    if item.act == COMPROMISED:
        return (
            "" if item.key in publics and item.key != in_force else "宣布泄露的密钥不是已停用的。"
        )
    if item.key in publics:
        return "这把密钥用过了，不能再次启用。"
    if item.act == RENEWED and not _fits(public, item.message(), item.accepted):
        return "新密钥没有签收：后继密钥是伪造的。"
    return ""


def _fits(public: Sm2PublicKey, message: bytes, signature: str) -> bool:
    try:
        return public.verify(message, bytes.fromhex(signature))
    except ValueError:
        return False


def _require_current(path: Path, private: Sm2PrivateKey) -> None:
    if current(path) != key_name(private.public_key()):
        raise KeyChainError("手里的私钥不是密钥链里现用的那一把，没有换钥。")


def _write(
    path: Path, act: str, public: Sm2PublicKey, signer: Sm2PrivateKey, *, reason: str, anchor: Mark,
    since: str = "", accepting: Sm2PrivateKey | None = None,
) -> Statement:  # fmt: skip
    lines = path.read_bytes().splitlines() if path.is_file() else []
    members: dict[str, Any] = {
        "number": len(lines) + 1,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "act": act,
        "key": key_name(public),
        "public": public.point().hex(),
        "since": since,
        "reason": reason,
        "anchor": anchor,
        "previous": hashlib.new("sm3", lines[-1]).hexdigest() if lines else GENESIS,
        "signer": key_name(signer.public_key()),
    }
    message = _message(members)
    members["signature"] = signer.sign(message).hex()
    members["accepted"] = accepting.sign(message).hex() if accepting is not None else ""
    line = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    made = _parse(line)
    assert made is not None
    return made


def _message(members: dict[str, Any]) -> bytes:
    chosen = {name: members[name] for name in _SIGNED}
    chosen["anchor"] = list(chosen["anchor"])
    return json.dumps(chosen, ensure_ascii=False, separators=(",", ":")).encode()


def _parse(line: bytes) -> Statement | None:
    try:
        members = json.loads(line)
        number, digest = members["anchor"]
        texts = ("time", "act", "key", "public", "since", "reason", "previous", "signer", "signature",
                 "accepted")  # fmt: skip
        made = Statement(
            number=int(members["number"]),
            anchor=(int(number), str(digest)),
            digest=hashlib.new("sm3", line).hexdigest(),
            **{name: str(members[name]) for name in texts},
        )
        _public(made)
        moments = [made.time, *([made.since] if made.act == COMPROMISED else [])]
        aware = all(datetime.fromisoformat(moment).tzinfo is not None for moment in moments)
    except (ValueError, KeyError, TypeError, RecursionError, Sm2KeyError):
        return None
    return made if aware else None


def _public(item: Statement) -> Sm2PublicKey:
    return Sm2PublicKey.from_point(bytes.fromhex(item.public))
