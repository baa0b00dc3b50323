"""The same conversation through files in a place both sides reach; where the files lie is the store's affair.

``up/`` is written by us and read by them, ``down/`` the other way round::

    up/entries/<sha256 of code>-<version>[-withdrawn].json        down/entries/<the same name>.json
    up/deliveries/<dataset>/<number>/<files>, note.json           down/deliveries/<dataset>/<number>/receipt.json
    down/returns/<dataset>/<number>/<files>, note.json            up/returns/<dataset>/<number>/receipt.json, again.json

A file is complete once it has its name: it is written under another one first. ``note.json`` comes last.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from chengshu.data.cascade.adapters.base import Answer, UpperError
from chengshu.data.cascade.notes import Note, NoteError, NoteFile, Receipt
from chengshu.data.ingest.facade import ExchangeFolder

_MOST_BYTES = 8 * 1024 * 1024
_STATES = frozenset({"accepted", "returned"})


class Store(Protocol):
    """Where the files lie: a folder of this machine, a folder of an SFTP server."""

    @property
    def place(self) -> str:
        """What people call it."""

    def opened(self) -> AbstractContextManager[ExchangeFolder]:
        """The folder, for one step of the conversation.

        Raises:
            UpperError: whatever goes wrong with it, also while it is in use.
        """


class FileUpper:
    """Speaks through files in a store."""

    def __init__(self, name: str, store: Store) -> None:
        self._name, self._store = name, store

    def check(self) -> str:
        """Write a file and take it away again."""
        with self._opened() as folder:
            folder.write("up/.probe", b"")
            folder.remove("up/.probe")
            folder.numbers("down")
        return f"{self._store.place}（在 up/ 写入并删除了一个试探文件）"

    def send_entry(self, document: Mapping[str, Any]) -> Answer:
        """Write the document."""
        name = _entry_name(
            str(document["code"]), int(document["version"]), withdrawn=bool(document["withdrawn"])
        )
        self._write(f"up/entries/{name}", dict(document))
        return Answer("sent")

    def entry_answer(self, code: str, version: int, *, withdrawn: bool) -> Answer:
        """Read the answer beside it."""
        place = f"down/entries/{_entry_name(code, version, withdrawn=withdrawn)}"
        with self._opened() as folder:
            found = self._read(folder, place)
        if found is None:
            return Answer("sent")
        if found.get("state") not in _STATES:
            raise self._garbage("state")
        return Answer(str(found["state"]), str(found.get("reason") or "")[:300])

    def send_part(self, note: Note, file: NoteFile, path: Path) -> None:
        """Copy the file."""
        with self._opened() as folder:
            folder.copy_in(path, f"up/deliveries/{note.dataset}/{note.number}/{file.name}")

    def commit(self, note: Note) -> None:
        """Write the note."""
        self._write(f"up/deliveries/{note.dataset}/{note.number}/note.json", note.document())

    def receipt(self, note: Note) -> Receipt | None:
        """Read the receipt, when it is there."""
        with self._opened() as folder:
            found = self._read(folder, f"down/deliveries/{note.dataset}/{note.number}/receipt.json")
            return Receipt.parse(found) if found is not None else None

    def notes(self, dataset: str, after: int) -> list[Note]:
        """Read the notes of the folders whose number is above ``after``."""
        with self._opened() as folder:
            numbers = [n for n in folder.numbers(f"down/returns/{dataset}") if n > after]
            found = [
                self._read(folder, f"down/returns/{dataset}/{number}/note.json")
                for number in numbers
            ]
            return [Note.parse(each) for each in found if each is not None]

    def fetch(self, note: Note, file: NoteFile, target: Path) -> None:
        """Copy the file here."""
        place = f"down/returns/{note.dataset}/{note.number}/{file.name}"
        with self._opened() as folder:
            if not folder.copy_out(place, target, file.size):
                raise UpperError(f"“{self._name}”的文件夹里没有 {file.name}。", absent=True)

    def send_receipt(self, receipt: Receipt) -> None:
        """Write the receipt."""
        place = f"up/returns/{receipt.dataset}/{receipt.number}/receipt.json"
        self._write(place, receipt.document())

    def ask_again(self, dataset: str, number: int) -> None:
        """Write the wish."""
        self._write(f"up/returns/{dataset}/{number}/again.json", {"number": number})

    def _write(self, place: str, document: dict[str, Any]) -> None:
        with self._opened() as folder:
            folder.write(place, json.dumps(document, ensure_ascii=False).encode())

    def _read(self, folder: ExchangeFolder, place: str) -> dict[str, Any] | None:
        content = folder.read(place, _MOST_BYTES)
        if content is None:
            return None
        if len(content) > _MOST_BYTES:
            raise self._garbage(f"{place} 过长")
        found = json.loads(content.decode("utf-8"))
        if not isinstance(found, dict):
            raise self._garbage(place)
        return found

    @contextmanager
    def _opened(self) -> Iterator[ExchangeFolder]:
        with self._store.opened() as folder:
            try:
                yield folder
            except (NoteError, ValueError, RecursionError) as error:
                raise self._garbage(str(error)[:120]) from error

    def _garbage(self, why: str) -> UpperError:
        return UpperError(
            f"“{self._name}”放的文件不合约定（{why}），没有采用。", "请联系对方核对。"
        )


def _entry_name(code: str, version: int, *, withdrawn: bool) -> str:
    mark = "-withdrawn" if withdrawn else ""
    return f"{hashlib.sha256(code.encode()).hexdigest()[:16]}-{version}{mark}.json"
