"""Delivery notes (交接单) and receipts (回执) as both sides write them; no database here.

The wire form is in docs/cascade-protocol.md. A note says what a batch holds; a receipt says what became of every row:
``accepted + refused + duplicates = rows``. Whoever reads one from outside uses :meth:`Note.parse` and
:meth:`Receipt.parse`, which refuse what does not add up.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_FILES = 10_000
MOST_REASONS = 500
LARGEST = 2**53
LONGEST_WORDS = 300
STATES = ("accepted", "partly", "refused")

MISSING_ROWS = "missing_rows"
EXTRA_ROWS = "extra_rows"
FILE_MISSING = "file_missing"
FILE_DIGEST = "file_digest"
REUSED = "batch_reused"
REPEATED = "batch_repeated"
SKIPPED = "batch_skipped"
NOT_LOADED = "not_loaded"
NAMES = {
    MISSING_ROWS: "行数比交接单少", EXTRA_ROWS: "行数比交接单多", FILE_MISSING: "文件缺失",
    FILE_DIGEST: "文件摘要不符", REUSED: "批次号重复、内容不同", REPEATED: "批次重复送达",
    SKIPPED: "批次号不连续", NOT_LOADED: "入库没有成功",
}  # fmt: skip


class NoteError(ValueError):
    """A document from the other side that cannot be used; says which member is wrong."""


@dataclass(frozen=True, slots=True)
class NoteFile:
    """One file of a batch: rows without the header, size in bytes, SHA-256 in hexadecimal."""

    name: str
    rows: int
    size: int
    sha256: str

    def document(self) -> dict[str, Any]:
        """The wire form."""
        return {"name": self.name, "rows": self.rows, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a batch holds. ``number`` counts from 1 within a dataset and is the idempotency key of the batch."""

    dataset: str
    number: int
    rows: int
    files: tuple[NoteFile, ...] = ()
    period: str = ""
    title: str = ""
    mode: str = "full"

    @property
    def digest(self) -> str:
        """SHA-256 over the files in their order; the same batch has the same, a changed one another."""
        lines = [f"{f.name} {f.rows} {f.size} {f.sha256}\n" for f in self.files]
        text = f"{self.dataset} {self.number} {self.rows} {self.mode}\n" + "".join(lines)
        return hashlib.sha256(text.encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "dataset": self.dataset, "number": self.number, "period": self.period,
            "title": self.title, "mode": self.mode, "rows": self.rows, "digest": self.digest,
            "files": [file.document() for file in self.files],
        }  # fmt: skip

    @classmethod
    def parse(cls, given: Any) -> "Note":
        """Read a note from outside.

        Raises:
            NoteError: malformed, files that do not add up to ``rows``, or a digest that is not that of the content.
        """
        data = _object(given)
        files = tuple(_file(each) for each in _list(data, "files", MOST_FILES))
        note = cls(
            dataset=_text(data, "dataset", DATASET), number=_count(data, "number", least=1),
            rows=_count(data, "rows"), files=files, period=_words(data, "period", 40),
            title=_words(data, "title", 120), mode=_one_of(data, "mode", ("full", "changes")),
        )  # fmt: skip
        if len({file.name for file in files}) != len(files):
            raise NoteError("files：文件名重复")
        if files and sum(file.rows for file in files) != note.rows:
            raise NoteError("rows：各文件行数之和与总行数不符")
        if _text(data, "digest", SHA256) != note.digest:
            raise NoteError("digest：与交接单内容不符")
        return note


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows were not taken: ``rows`` that broke rule ``code`` in ``column`` ("": the whole row)."""

    code: str
    name: str
    column: str
    rows: int

    def document(self) -> dict[str, Any]:
        """The wire form."""
        return {"code": self.code, "name": self.name, "column": self.column, "rows": self.rows}


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which what came is not what the note says."""

    code: str
    text: str

    def document(self) -> dict[str, str]:
        """The wire form."""
        return {"code": self.code, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a batch. A row may break several rules: ``reasons`` may add up to more than ``refused``."""

    dataset: str
    number: int
    digest: str
    rows: int
    accepted: int
    refused: int
    duplicates: int
    reasons: tuple[Reason, ...] = ()
    differences: tuple[Difference, ...] = ()

    def __post_init__(self) -> None:
        if self.rows != self.accepted + self.refused + self.duplicates:
            raise NoteError("rows：收下、拒收、重复之和与总行数不符")

    @property
    def state(self) -> str:
        """``accepted`` when nothing is wrong, ``refused`` when nothing was taken, else ``partly``."""
        if not self.refused and not self.differences:
            return "accepted"
        return "partly" if self.accepted or self.duplicates else "refused"

    def document(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "dataset": self.dataset, "number": self.number, "digest": self.digest,
            "state": self.state, "rows": self.rows, "accepted": self.accepted,
            "refused": self.refused, "duplicates": self.duplicates,
            "reasons": [reason.document() for reason in self.reasons],
            "differences": [each.document() for each in self.differences],
        }  # fmt: skip

    @classmethod
    def parse(cls, given: Any) -> "Receipt":
        """Read a receipt from outside.

        Raises:
            NoteError: malformed, or its rows do not add up.
        """
        data = _object(given)
        return cls(
            dataset=_text(data, "dataset", DATASET), number=_count(data, "number", least=1),
            digest=_text(data, "digest", SHA256), rows=_count(data, "rows"),
            accepted=_count(data, "accepted"), refused=_count(data, "refused"),
            duplicates=_count(data, "duplicates"),
            reasons=tuple(_reason(each) for each in _list(data, "reasons", MOST_REASONS)),
            differences=tuple(
                Difference(_words(_object(each), "code", 40), _words(_object(each), "text", LONGEST_WORDS))
                for each in _list(data, "differences", MOST_REASONS)
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A delivery against its receipt: ``accepted + refused + duplicates + unexplained = delivered``.

    ``unexplained`` is negative when the receipt tells of more rows than were delivered.
    """

    delivered: int
    accepted: int
    refused: int
    duplicates: int
    same_batch: bool

    @property
    def unexplained(self) -> int:
        """Rows the receipt says nothing about."""
        return self.delivered - self.accepted - self.refused - self.duplicates

    @property
    def holds(self) -> bool:
        """Whether every row delivered is accounted for, and the receipt is about what was delivered."""
        return self.same_batch and self.unexplained == 0


def settle(note: Note, receipt: Receipt) -> Settlement:
    """Compare a receipt with what was delivered."""
    same = (note.dataset, note.number, note.digest) == (
        receipt.dataset,
        receipt.number,
        receipt.digest,
    )
    return Settlement(
        delivered=note.rows, accepted=receipt.accepted, refused=receipt.refused,
        duplicates=receipt.duplicates, same_batch=same,
    )  # fmt: skip


def receipt_of(
    note: Note,
    *,
    loaded: int,
    accepted: int,
    quarantined: int,
    duplicates: int,
    reasons: Sequence[Reason],
    differences: Sequence[Difference] = (),
) -> Receipt:
    """The receipt of a batch that was loaded; rows of the note that never came count as refused.

    Rows beyond the note cannot be the note's: the receipt then tells of more rows, which the other side sees.
    """
    found, why = list(differences), list(reasons)
    absent = max(0, note.rows - loaded)
    if absent:
        text = f"交接单 {note.rows:,} 行，实收 {loaded:,} 行，少 {absent:,} 行"
        found.append(Difference(MISSING_ROWS, text))
        why.append(Reason(MISSING_ROWS, NAMES[MISSING_ROWS], "", absent))
    elif loaded > note.rows:
        text = f"交接单 {note.rows:,} 行，实收 {loaded:,} 行，多 {loaded - note.rows:,} 行"
        found.append(Difference(EXTRA_ROWS, text))
    return Receipt(
        dataset=note.dataset, number=note.number, digest=note.digest, rows=loaded + absent,
        accepted=accepted, refused=quarantined + absent, duplicates=duplicates,
        reasons=tuple(why[:MOST_REASONS]), differences=tuple(found[:MOST_REASONS]),
    )  # fmt: skip


def refusal_of(note: Note, differences: Sequence[Difference]) -> Receipt:
    """The receipt of a batch of which nothing was loaded."""
    reasons = tuple(
        Reason(each.code, NAMES.get(each.code, each.code), "", note.rows)
        for each in differences[:MOST_REASONS]
    )
    return Receipt(
        dataset=note.dataset, number=note.number, digest=note.digest, rows=note.rows, accepted=0,
        refused=note.rows, duplicates=0, reasons=reasons,
        differences=tuple(differences[:MOST_REASONS]),
    )  # fmt: skip


def _object(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise NoteError("应为一个 JSON 对象")
    return given


def _list(data: Mapping[str, Any], key: str, most: int) -> list[Any]:
    found = data.get(key, [])
    if not isinstance(found, list) or len(found) > most:
        raise NoteError(f"{key}：应为不超过 {most} 项的数组")
    return found


def _count(data: Mapping[str, Any], key: str, *, least: int = 0) -> int:
    found = data.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found < LARGEST:
        raise NoteError(f"{key}：应为不小于 {least} 的整数")
    return found


def _text(data: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    found = data.get(key)
    if not isinstance(found, str) or not pattern.fullmatch(found):
        raise NoteError(f"{key}：写法不对")
    return found


def _words(data: Mapping[str, Any], key: str, longest: int) -> str:
    found = data.get(key, "")
    if not isinstance(found, str) or len(found) > longest or "\x00" in found:
        raise NoteError(f"{key}：应为不超过 {longest} 个字符的文本")
    return found


def _one_of(data: Mapping[str, Any], key: str, allowed: Sequence[str]) -> str:
    found = data.get(key)
    if found not in allowed:
        raise NoteError(f"{key}：应为 {'、'.join(allowed)} 之一")
    return str(found)


def _file(given: Any) -> NoteFile:
    data = _object(given)
    return NoteFile(
        name=_text(data, "name", FILE_NAME), rows=_count(data, "rows"), size=_count(data, "size"),
        sha256=_text(data, "sha256", SHA256),
    )  # fmt: skip


def _reason(given: Any) -> Reason:
    data = _object(given)
    return Reason(
        code=_words(data, "code", 40), name=_words(data, "name", 60),
        column=_words(data, "column", 120), rows=_count(data, "rows"),
    )  # fmt: skip
