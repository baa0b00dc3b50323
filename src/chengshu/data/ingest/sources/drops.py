"""What folders and SFTP servers have in common: files that somebody drops, each delivered once.

Only complete files count: by a marker beside them (``a.csv.ok``), or because size and time have not changed for
a while. Files are taken in the order of their names or times. Nothing on the other side is ever deleted; once its rows
are in the lake a file may be moved to a sub-folder or renamed, where the department wants that.
"""

import fnmatch
import hashlib
import tempfile
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

from chengshu.data.ingest.reading import ReadOptions, RowBatch, open_rows, sniff
from chengshu.data.ingest.reading.encodings import CERTAIN
from chengshu.data.ingest.reading.errors import ReadingError
from chengshu.data.ingest.reading.rows import ROW_COLUMN
from chengshu.data.ingest.sources.base import (
    Connection,
    Connector,
    Field,
    Group,
    SourceColumn,
    SourceObject,
    SourceStructure,
    Window,
)
from chengshu.data.ingest.sources.errors import Reason, SourceError

_PIECE = 1024 * 1024
_MARKERS = (".ok", ".done")
_MOST_FILES = 20_000
_STABLE_SECONDS = 30
_AWAY = "collected"
# A clock that runs ahead on the other side must not keep a file waiting for ever.
_FUTURE_TOLERATED = 300

DROP_FIELDS = (
    Field(key="folder", label="文件夹", help="只看这一层，不进子文件夹", maximum=500),
    Field(
        key="pattern", label="文件名样式", default="*.csv", maximum=120,
        help="* 代表任意几个字符，? 代表一个，如 人员_*.csv；多个用英文分号隔开",
    ),
    Field(
        key="complete", label="怎样算传完", kind="choice", default="stable",
        choices=(
            ("stable", "大小和时间不再变化"), ("ok", "旁边有同名的 .ok 文件"),
            ("done", "旁边有同名的 .done 文件"),
        ),
    ),
    Field(
        key="stable_seconds", label="不变多少秒算传完", kind="number", default=_STABLE_SECONDS,
        required=False, maximum=86_400,
    ),
    Field(
        key="order", label="先后次序", kind="choice", default="name",
        choices=(("name", "按文件名"), ("time", "按修改时间")),
    ),
    Field(
        key="encoding", label="文本编码", kind="choice", required=False,
        choices=(
            ("", "自动识别，拿不准时停下"), ("utf-8", "UTF-8"), ("gb18030", "GB18030（含 GBK）"),
        ),
    ),
    Field(
        key="records", label="JSON 里记录的位置", required=False, maximum=200,
        help="只有 JSON 文件要填，如 data.rows；整个文件就是数组时留空",
    ),
    Field(
        key="after", label="入库以后", kind="choice", default="leave", required=False,
        choices=(("leave", "留在原处"), ("move", "移到子文件夹"), ("rename", "改名，加后缀")),
        help="只动已经入库、没有被改写的文件；移动和改名要有写权限",
    ),
    Field(
        key="after_name", label="子文件夹名或后缀", required=False, maximum=60, default=_AWAY,
        help="如 collected；移动时是子文件夹，改名时接在文件名后面",
    ),
)  # fmt: skip
DROP_GROUP = Group(
    "取哪些文件",
    ("folder", "pattern", "complete", "stable_seconds", "order", "encoding", "records", "after",
     "after_name"),
    "每个文件只取一次，从不删除。几个数据资源用同一个文件夹时，都入库了才移走。",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class DroppedFile:
    """A file on the other side. ``modified`` is seconds since 1970."""

    name: str
    size: int
    modified: int

    @property
    def identity(self) -> str:
        """The same file untouched keeps it; one written anew gets another."""
        return f"{self.name}|{self.size}|{self.modified}"


class Shelf(Protocol):
    """An opened folder."""

    def list(self) -> Sequence[DroppedFile]:
        """All plain files."""

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """The bytes of one."""

    def has(self, target: str) -> bool:
        """Whether something of this name, perhaps in a sub-folder, is there."""

    def move(self, name: str, target: str) -> None:
        """Rename a file, making the sub-folder where it is missing.

        Raises:
            OSError: not allowed, or the target exists.
        """


class DropConnector(Connector):
    """Base of the kinds that take files from a folder."""

    icon = "folder"
    way = "file"

    @abstractmethod
    def shelf(self, to: Connection) -> AbstractContextManager[Shelf]:
        """Open the folder."""

    def objects(self, to: Connection) -> list[SourceObject]:
        """The patterns of the source, then its complete files (the columns of the newest file of each pattern)."""
        return [
            SourceObject(
                name=pattern, kind="file",
                comment=f"{len(files)} 个文件" if files else "还没有传完的文件",
                columns=self._columns(to, files[-1]) if files else (),
            )
            for pattern in patterns(to.text("pattern"))
            for files in [self.ready(to, pattern)]
        ]  # fmt: skip

    def structure(self, to: Connection, name: str) -> SourceStructure:
        """Columns of the newest complete file that fits the pattern ``name``."""
        files = self.ready(to, name)
        if not files:
            raise _nothing(to, name)
        return SourceStructure(name, self._columns(to, files[-1]))

    def ready(self, to: Connection, pattern: str) -> list[DroppedFile]:
        """Complete files that fit, in the order they are to be taken."""
        with self.shelf(to) as shelf:
            return complete_files(to, shelf.list(), pattern)

    def read(
        self, to: Connection, name: str, mapping: Mapping[str, str], *, window: Window | None = None
    ) -> Iterator[RowBatch]:
        """All complete files that fit ``name`` as one stream."""
        if window is not None:
            raise self._cannot("按时间段读取", to, name, window)
        files = self.ready(to, name)
        if not files:
            raise _nothing(to, name)
        yield from self.read_fetched(to, [self.fetch(to, file)[0] for file in files], mapping)

    def read_fetched(
        self, to: Connection, paths: Sequence[Path], mapping: Mapping[str, str]
    ) -> Iterator[RowBatch]:
        """Fetched files as one stream; the row numbers go on from file to file. Read files are removed."""
        first = 0
        for position, path in enumerate(paths):
            last = first
            for batch in _read(to, path, mapping):
                moved = _shifted(batch, first)
                last = max(last, _last_row(moved))
                share = (position + (batch.fraction or 0.0)) / len(paths)
                yield RowBatch(moved.rows, moved.rejects, share)
            first = last
            path.unlink(missing_ok=True)

    def fetch(self, to: Connection, file: DroppedFile) -> tuple[Path, str]:
        """Bring one file here; returns where it lies and its SHA-256.

        Raises:
            SourceError: it is gone, or has been written to since it was listed.
        """
        # A folder of its own, because the reader compares a file's name with its content.
        path = Path(tempfile.mkdtemp(dir=to.folder)) / Path(file.name).name
        digest, size = hashlib.sha256(), 0
        with self.shelf(to) as shelf, shelf.open(file.name) as source, path.open("wb") as target:
            while piece := source.read(_PIECE):
                size += len(piece)
                if size > to.limits.text_bytes:
                    raise SourceError(
                        Reason.BAD_ANSWER,
                        f"文件“{file.name}”超过大小上限。",
                        "请让对方拆成几个文件。",
                    )
                digest.update(piece)
                target.write(piece)
        if size != file.size:
            path.unlink(missing_ok=True)
            raise SourceError(
                Reason.CHANGED,
                f"文件“{file.name}”列出时 {file.size:,} 字节，取到 {size:,} 字节，对方正在改写它或连接断了。",
                "下次会重新取；经常发生时请改用 .ok 标记文件。",
            )
        return path, digest.hexdigest()

    def _columns(self, to: Connection, file: DroppedFile) -> tuple[SourceColumn, ...]:
        path, _ = self.fetch(to, file)
        try:
            report = sniff(
                path, encoding=to.text("encoding") or None, records=to.text("records"),
                limits=to.limits,
            )  # fmt: skip
        finally:
            path.unlink(missing_ok=True)
        return tuple(SourceColumn(name=h, type="text") for h in report.headers if h)


def complete_files(
    to: Connection, listed: Sequence[DroppedFile], pattern: str
) -> list[DroppedFile]:
    """Of the files listed, those that are complete and fit the pattern, in order.

    Raises:
        SourceError: more files than can be looked through.
    """
    if len(listed) > _MOST_FILES:
        raise SourceError(
            Reason.TOO_BUSY, f"文件夹里有 {len(listed):,} 个文件，超过 {_MOST_FILES:,} 个。",
            "请让对方把取过的文件移走，或换一个文件夹。",
        )  # fmt: skip
    names = {file.name for file in listed}
    mode = to.text("complete") or "stable"
    latest = time.time() - to.number("stable_seconds", _STABLE_SECONDS)
    found = [
        file
        for file in listed
        if not file.name.startswith(".")
        and not file.name.lower().endswith((*_MARKERS, ".tmp", ".part", ".filepart"))
        and any(fnmatch.fnmatchcase(file.name, one) for one in patterns(pattern))
        and not _renamed(to, file.name)
        and _complete(file, names, mode, latest)
    ]
    by_time = to.text("order") == "time"
    return sorted(found, key=lambda f: (f.modified, f.name) if by_time else (f.name, f.modified))


def _complete(file: DroppedFile, names: set[str], mode: str, latest: float) -> bool:
    if mode == "stable":
        ahead = file.modified > time.time() + _FUTURE_TOLERATED
        return file.modified <= latest or ahead
    stem = file.name.rpartition(".")[0]
    return bool(names & {f"{file.name}.{mode}", f"{stem}.{mode}"})


def away(options: Mapping[str, Any], name: str) -> str:
    """Where a collected file goes, relative to the folder."""
    word = _away_word(options)
    return f"{word}/{name}" if options.get("after") == "move" else f"{name}.{word}"


def _away_word(options: Mapping[str, Any]) -> str:
    # One plain name: neither a path nor hidden, whatever was typed.
    word = str(options.get("after_name") or "").replace("/", "").replace("\\", "").strip(" .")
    return word or _AWAY


def _renamed(to: Connection, name: str) -> bool:
    return to.text("after") == "rename" and name.endswith(f".{_away_word(to.options)}")


def markers_of(
    options: Mapping[str, Any], name: str, listed: Mapping[str, DroppedFile]
) -> list[str]:
    """The markers beside a file that are its own: ``a.ok`` belongs to ``a.csv`` unless there is another ``a.…``."""
    mode, stem = str(options.get("complete") or "stable"), name.rpartition(".")[0]
    if mode == "stable":
        return []
    found = [f"{name}.{mode}"]
    others = [o for o in listed if o not in (name, f"{stem}.{mode}") and o.startswith(f"{stem}.")]
    if stem and all(o.endswith(_MARKERS) for o in others):
        found.append(f"{stem}.{mode}")
    return [marker for marker in found if marker in listed]


def patterns(text: str) -> list[str]:
    """The patterns of a source, which are separated by semicolons."""
    return [one.strip() for one in text.split(";") if one.strip()]


def _nothing(to: Connection, name: str) -> SourceError:
    return SourceError(
        Reason.NO_OBJECT, f"“{to.name}”的文件夹里没有传完的、名字像“{name}”的文件。",
        "请核对文件名样式和“怎样算传完”，或等对方传完。",
    )  # fmt: skip


def _read(to: Connection, path: Path, mapping: Mapping[str, str]) -> Iterator[RowBatch]:
    report = sniff(
        path, encoding=to.text("encoding") or None, records=to.text("records"), limits=to.limits
    )
    if report.encodings and not to.text("encoding") and report.encodings[0].confidence < CERTAIN:
        raise SourceError(
            Reason.BAD_VALUE, f"文件“{path.name}”的编码不能确定。", "请在数据源里选定文本编码。"
        )
    options = ReadOptions(
        mapping=mapping, header_row=report.header_row, delimiter=report.delimiter,
        encoding=to.text("encoding") or report.encoding, sheet=report.sheet,
        records=to.text("records"),
    )  # fmt: skip
    try:
        yield from open_rows(path, options, to.limits)
    except ReadingError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(Reason.BAD_VALUE, f"文件“{path.name}”：{error.said}") from error


def _shifted(batch: RowBatch, by: int) -> RowBatch:
    if not by:
        return batch
    position = batch.rows.schema.get_field_index(ROW_COLUMN)
    numbers = batch.rows.column(position).to_numpy() + by
    rows = batch.rows.set_column(
        position, batch.rows.schema.field(position), pa.array(numbers, pa.int64())
    )
    return RowBatch(rows, tuple(replace(r, row=r.row + by) for r in batch.rejects), batch.fraction)


def _last_row(batch: RowBatch) -> int:
    rows = batch.rows.column(ROW_COLUMN)
    last = int(rows[len(rows) - 1].as_py()) if len(rows) else 0
    return max([last, *(r.row for r in batch.rejects)])
