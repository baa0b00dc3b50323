"""The same conversation through a folder both sides reach (a mounted share, the root of an SFTP server).

``up/`` is written by us and read by them, ``down/`` the other way round::

    up/entries/<sha256 of code>-<version>[-withdrawn].json        down/entries/<the same name>.json
    up/deliveries/<dataset>/<number>/<files>, note.json           down/deliveries/<dataset>/<number>/receipt.json
    down/returns/<dataset>/<number>/<files>, note.json            up/returns/<dataset>/<number>/receipt.json, again.json

A file is complete once it has its name: it is written under another one first. ``note.json`` comes last.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from chengshu.data.cascade.adapters.base import Answer, Link, UpperError
from chengshu.data.cascade.notes import Note, NoteError, NoteFile, Receipt

_MOST_BYTES = 8 * 1024 * 1024
_STATES = frozenset({"accepted", "returned"})


def allowed_roots() -> tuple[Path, ...]:
    """Folders under which an exchange folder may lie: those the operator allows for dropped files."""
    return settings.DROP_ROOTS or (Path(settings.DATA_DIR) / "drops",)


class FolderUpper:
    """Speaks through files."""

    def __init__(self, link: Link) -> None:
        self._name = link.name
        self._root = _allowed(link)

    def check(self) -> str:
        """Write a file and take it away again."""
        with self._words():
            probe = self._root / "up" / ".probe"
            probe.parent.mkdir(exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        return f"交换文件夹 {self._root.name}"

    def send_entry(self, document: Mapping[str, Any]) -> Answer:
        """Write the document."""
        name = _entry_name(
            str(document["code"]), int(document["version"]), withdrawn=bool(document["withdrawn"])
        )
        self._write(f"up/entries/{name}", dict(document))
        return Answer("sent")

    def entry_answer(self, code: str, version: int, *, withdrawn: bool) -> Answer:
        """Read the answer beside it."""
        found = self._read(f"down/entries/{_entry_name(code, version, withdrawn=withdrawn)}")
        if found is None:
            return Answer("sent")
        if found.get("state") not in _STATES:
            raise self._garbage("state")
        return Answer(str(found["state"]), str(found.get("reason") or "")[:300])

    def send_part(self, note: Note, file: NoteFile, path: Path) -> None:
        """Copy the file."""
        with self._words():
            folder = self._root / "up" / "deliveries" / note.dataset / str(note.number)
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f".{file.name}.part"
            shutil.copyfile(path, part)
            part.replace(folder / file.name)

    def commit(self, note: Note) -> None:
        """Write the note."""
        self._write(f"up/deliveries/{note.dataset}/{note.number}/note.json", note.document())

    def receipt(self, note: Note) -> Receipt | None:
        """Read the receipt, when it is there."""
        found = self._read(f"down/deliveries/{note.dataset}/{note.number}/receipt.json")
        with self._words():
            return Receipt.parse(found) if found is not None else None

    def notes(self, dataset: str, after: int) -> list[Note]:
        """Read the notes of the folders whose number is above ``after``."""
        folder = self._root / "down" / "returns" / dataset
        numbers = sorted(
            int(each.name)
            for each in (folder.iterdir() if folder.is_dir() else ())
            if each.name.isdecimal() and int(each.name) > after and not each.is_symlink()
        )
        found = [self._read(f"down/returns/{dataset}/{number}/note.json") for number in numbers]
        with self._words():
            return [Note.parse(each) for each in found if each is not None]

    def fetch(self, note: Note, file: NoteFile, target: Path) -> None:
        """Copy the file here."""
        source = self._root / "down" / "returns" / note.dataset / str(note.number) / file.name
        if source.is_symlink() or not source.is_file():
            raise UpperError(f"“{self._name}”的文件夹里没有 {file.name}。", absent=True)
        with self._words():
            shutil.copyfile(source, target)

    def send_receipt(self, receipt: Receipt) -> None:
        """Write the receipt."""
        place = f"up/returns/{receipt.dataset}/{receipt.number}/receipt.json"
        self._write(place, receipt.document())

    def ask_again(self, dataset: str, number: int) -> None:
        """Write the wish."""
        self._write(f"up/returns/{dataset}/{number}/again.json", {"number": number})

    def _write(self, place: str, document: dict[str, Any]) -> None:
        with self._words():
            path = self._root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            with part.open("w", encoding="utf-8") as file:
                json.dump(document, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)

    def _read(self, place: str) -> dict[str, Any] | None:
        path = self._root / place
        with self._words():
            if path.is_symlink() or not path.is_file():
                return None
            if path.stat().st_size > _MOST_BYTES:
                raise self._garbage(f"{place} 过长")
            found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise self._garbage(place)
        return found

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UpperError(
                f"“{self._name}”的交换文件夹用不了（{error.strerror}）。",
                "请运维检查是否还挂载着。",
            ) from error
        except (NoteError, ValueError, RecursionError) as error:
            raise self._garbage(str(error)[:120]) from error

    def _garbage(self, why: str) -> UpperError:
        return UpperError(
            f"“{self._name}”放的文件不合约定（{why}），没有采用。", "请联系对方核对。"
        )


def _entry_name(code: str, version: int, *, withdrawn: bool) -> str:
    mark = "-withdrawn" if withdrawn else ""
    return f"{hashlib.sha256(code.encode()).hexdigest()[:16]}-{version}{mark}.json"


def _allowed(link: Link) -> Path:
    for root in allowed_roots():
        base = root.resolve()
        folder = (base / link.address.lstrip("/")).resolve()
        if folder.is_relative_to(base) and folder.is_dir():
            return folder
    raise UpperError(
        f"投递目录之下没有文件夹“{link.address}”。", "请运维先建好，再填它的相对位置。", final=True
    )
