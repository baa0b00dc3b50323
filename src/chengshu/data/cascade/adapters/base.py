"""What an adapter must be able to do. A province's own format is one more class with these methods.

Every method may be called again after a failure: the other side tells the same batch, part or version by its number
and takes it once. All raise :class:`UpperError`; none of its sentences ever holds a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from chengshu.data.cascade.notes import Note, NoteFile, Receipt


class UpperError(Exception):
    """The other side could not be reached, refused, or answered something that cannot be used.

    ``final``: asking again the same will bring the same answer. ``absent``: what was asked for is not there.
    """

    def __init__(
        self, message: str, advice: str = "", *, final: bool = False, absent: bool = False
    ) -> None:
        super().__init__(message)
        self.message, self.advice = message, advice
        self.final, self.absent = final, absent

    @property
    def detail(self) -> str:
        """The whole sentence for people."""
        return f"{self.message}{self.advice}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What an adapter needs to reach one platform."""

    name: str
    address: str
    app: str = ""
    key_id: str = ""
    scheme: str = "hmac"
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side says of a catalogue entry: ``sent`` (not decided yet), ``accepted`` or ``returned``."""

    state: str
    reason: str = ""


class Upper(Protocol):
    """A conversation with one upper platform."""

    def check(self) -> str:
        """Really ask for something; returns who answered."""

    def send_entry(self, document: Mapping[str, Any]) -> Answer:
        """Hand a version of a catalogue entry (or its withdrawal) up."""

    def entry_answer(self, code: str, version: int, *, withdrawn: bool) -> Answer:
        """What was decided about it."""

    def send_part(self, note: Note, file: NoteFile, path: Path) -> None:
        """Hand one file of a batch up; the same name with the same content counts once."""

    def commit(self, note: Note) -> None:
        """Hand the delivery note up: the batch is complete."""

    def receipt(self, note: Note) -> Receipt | None:
        """The receipt of a delivered batch; None while there is none."""

    def notes(self, dataset: str, after: int) -> list[Note]:
        """Delivery notes of what is handed back to us, with numbers above ``after``."""

    def fetch(self, note: Note, file: NoteFile, target: Path) -> None:
        """Bring one file of a handed-back batch; ``UpperError.absent`` when it is not there."""

    def send_receipt(self, receipt: Receipt) -> None:
        """Say what became of a handed-back batch."""

    def ask_again(self, dataset: str, number: int) -> None:
        """Ask for a batch that never came, or came damaged."""
