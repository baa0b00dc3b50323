"""The form every kind of source has."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from chengshu.data.ingest.reading.limits import DEFAULT_LIMITS, ReadLimits
from chengshu.data.ingest.reading.rows import RowBatch
from chengshu.data.ingest.sources.errors import Reason, SourceError
from chengshu.data.ingest.sources.exchange import ExchangeFolder

FieldKind = Literal["text", "number", "choice", "flag", "lines"]
ObjectKind = Literal["table", "view", "file", "endpoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to fill in when a source of a kind is registered. A ``secret`` is sealed and never shown."""

    key: str
    label: str
    kind: FieldKind = "text"
    required: bool = True
    default: str | int | bool = ""
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    secret: bool = False
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together on the form."""

    title: str
    keys: tuple[str, ...]
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What a connector needs to reach one source: plain settings, opened secrets, a folder for passing files.

    ``inside`` allows addresses of this machine, for tests and for a source that really runs beside us;
    ``roots`` are the folders under which dropped files may lie.
    """

    name: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path
    limits: ReadLimits = DEFAULT_LIMITS
    inside: bool = False
    roots: tuple[Path, ...] = ()

    def text(self, key: str) -> str:
        """A setting as text, empty when it was left out."""
        value = self.options.get(key, "")
        return "" if value is None else str(value)

    def number(self, key: str, default: int) -> int:
        """A setting as a number."""
        value = self.options.get(key)
        return default if value in (None, "") else int(str(value))

    def flag(self, key: str) -> bool:
        """A setting as yes or no."""
        return bool(self.options.get(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """A column as the source declares it; ``type`` is the source's own word. Lengths count characters."""

    name: str
    type: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    key: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceObject:
    """A table, file pattern or endpoint one may collect. ``name`` is what :meth:`Connector.read` takes."""

    name: str
    kind: ObjectKind
    comment: str = ""
    columns: tuple[SourceColumn, ...] = ()
    rows: int | None = None

    @property
    def structure(self) -> "SourceStructure":
        """The same, for comparing over time."""
        return SourceStructure(self.name, self.columns)


@dataclass(frozen=True, slots=True)
class SourceStructure:
    """The columns of one object at one time."""

    object: str
    columns: tuple[SourceColumn, ...]

    @property
    def fingerprint(self) -> str:
        """Same structure, same text, whatever the order the source lists its columns in. Comments count not."""
        facts = sorted(
            [c.name, c.type, c.length, c.precision, c.scale, c.nullable, c.key]
            for c in self.columns
        )
        text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of a table: rows whose ``column`` lies between ``since`` and ``until`` (texts the source understands).

    By default the beginning belongs to it and the end does not, so that windows join without overlap.
    Rows without a value in ``column`` belong to no window unless ``with_empty``.
    """

    column: str
    since: str | None = None
    until: str | None = None
    since_inclusive: bool = True
    until_inclusive: bool = False
    with_empty: bool = False


@dataclass(frozen=True, slots=True)
class Checksum:
    """Rows of an object (or window), and the sum over the rows of the first 32 bits of MD5 of the chosen columns."""

    rows: int
    digest: int


class Connector(ABC):
    """One kind of source. Instances hold no state: everything comes with the :class:`Connection`.

    All methods raise :class:`SourceError`; none of its sentences ever holds a secret.
    """

    key: str
    name: str
    icon: str = "database"
    note: str = ""
    order: int = 100
    fields: tuple[Field, ...] = ()
    groups: tuple[Group, ...] = ()
    # Whether windows, counts and checksums are worked out by the source itself.
    windows: bool = False
    # Whether two platforms may leave files for one another in its folder (:meth:`exchange`).
    exchanges: bool = False
    # In which of the catalogue's ways rows come in: what an entry of a kind allows is asked by this.
    way: str = "database"
    secret_name: str = "密码"  # noqa: S105 - what people call it

    @abstractmethod
    def check(self, to: Connection) -> str:
        """Really connect; returns what answered, e.g. ``MariaDB 10.11.6``."""

    def learned(self, to: Connection) -> Mapping[str, Any]:
        """Settings to keep from the first successful connection, e.g. a host key."""
        del to
        return {}

    def clock(self, to: Connection) -> datetime | None:
        """What time it is there, by the source's own clock; None where it cannot be asked."""
        del to
        return None

    @abstractmethod
    def objects(self, to: Connection) -> list[SourceObject]:
        """What may be collected, with columns."""

    @abstractmethod
    def structure(self, to: Connection, name: str) -> SourceStructure:
        """The columns of one object; ``NO_OBJECT`` when it is gone."""

    @abstractmethod
    def read(
        self, to: Connection, name: str, mapping: Mapping[str, str], *, window: Window | None = None
    ) -> Iterator[RowBatch]:
        """Stream the mapped columns (source column → data item) as text; ``__row`` counts from 1.

        Nothing may be taken for complete before the iterator has ended without an error.
        """

    def count(self, to: Connection, name: str, *, window: Window | None = None) -> int:
        """Rows of an object or window, counted by the source."""
        raise self._cannot("计数", to, name, window)

    def checksum(
        self, to: Connection, name: str, columns: Sequence[str], *, window: Window | None = None
    ) -> Checksum:
        """Rows and digest of an object or window, worked out by the source."""
        del columns
        raise self._cannot("校验和", to, name, window)

    def highest(self, to: Connection, name: str, column: str) -> str | None:
        """The largest value of a column as text, None when there is none."""
        raise self._cannot(f"“{column}”的最大值", to, name, None)

    def exchange(self, to: Connection) -> AbstractContextManager[ExchangeFolder]:
        """Open its folder for reading and writing; only where ``exchanges``."""
        raise SourceError(
            Reason.OTHER, f"“{to.name}”（{self.name}）不能用来交换文件。", "请选一个 SFTP 数据源。"
        )

    def sample(
        self, to: Connection, name: str, *, rows: int = 10
    ) -> tuple[tuple[str, ...], list[tuple[str | None, ...]]]:
        """Headers and the first rows, for a person to look at (mask them first)."""
        columns = [c.name for c in self.structure(to, name).columns]
        found: list[tuple[str | None, ...]] = []
        batches = self.read(to, name, {c: c for c in columns})
        for batch in batches:
            lists = [batch.rows.column(c).slice(0, rows - len(found)).to_pylist() for c in columns]
            found += list(zip(*lists, strict=True))
            if len(found) >= rows:
                break
        closing = getattr(batches, "close", None)
        if closing is not None:
            closing()
        return tuple(columns), found

    def summary(self, options: Mapping[str, Any]) -> str:
        """Where it is, in one line without secrets."""
        return str(options.get("host", ""))

    def secret_fields(self) -> tuple[Field, ...]:
        """The fields that are sealed."""
        return tuple(f for f in self.fields if f.secret)

    def plain_fields(self) -> tuple[Field, ...]:
        """The fields that are kept as they are."""
        return tuple(f for f in self.fields if not f.secret)

    def _cannot(self, what: str, to: Connection, name: str, window: Window | None) -> SourceError:
        del window
        return SourceError(
            Reason.OTHER,
            f"“{to.name}”的“{name}”不能由来源方给出{what}，这类来源（{self.name}）没有查询能力。",
            "请改用读取后的行数核对。",
        )
