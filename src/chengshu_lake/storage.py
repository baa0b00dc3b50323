"""Where the files of the lake live: a local folder, or an object store.

Delta-rs keeps the transaction log on either; this module covers the rest (data files, listing,
locks, free space), so that the engine above does not know which one it works on.
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Any, Protocol, cast

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake._internal import DeltaFileSystemHandler
from deltalake.fs import DeltaStorageHandler

from chengshu_lake.errors import LakeError
from chengshu_lake.names import ZONES

_UNSAFE_SIGNS = "*?[]%"  # DuckDB reads patterns, delta-rs decodes percent signs


class Storage(Protocol):
    """What the engine needs beside the Delta log."""

    options: dict[str, str] | None

    def uri(self, table: str) -> str:
        """Address of the table for delta-rs."""

    def tables(self, zone: str) -> list[str]:
        """Names (``zone/name``) of the folders that hold a Delta log."""

    def remove(self, table: str) -> None:
        """Delete the table with all its versions."""

    def lock(self, table: str) -> AbstractContextManager[None]:
        """The queue of this table's writers, where one is possible."""

    def free_bytes(self) -> int | None:
        """Free space, ``None`` when unknown or unlimited."""

    def open_output(self, table: str, path: str) -> IO[bytes]:
        """A new file; it is durable when closed."""

    def delete(self, table: str, paths: Sequence[str]) -> None:
        """Remove files that were never committed; a missing one is fine."""

    def settle(self, table: str, version: int) -> None:
        """Make commit ``version`` survive a power cut."""

    def local_copy(self, table: str, path: str, folder: Path) -> str:
        """A local path with the file's content; downloads into ``folder`` when remote."""

    def scan(self, table: str, paths: Sequence[str]) -> list[str] | pads.Dataset:
        """Local paths for DuckDB's own reader, else an Arrow dataset that it can push into."""

    def missing(self, table: str, paths: Sequence[str]) -> bool:
        """Whether one of the files is gone (its version was vacuumed away)."""


class _DurableFile:
    """A binary file that is flushed to the disk when closed; new names only."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        if self._file.closed:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()


class _UploadedFile:
    """A file going to an object store; the store takes ``bytes`` only, Arrow offers buffers."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._size = 0

    def write(self, data: Any) -> int:
        self._stream.write(bytes(data))
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        self._stream.flush()

    @property
    def closed(self) -> bool:
        return bool(self._stream.closed)

    def close(self) -> None:
        if not self._stream.closed:
            self._stream.close()


class LocalStorage:
    """A folder on a local or shared POSIX file system."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if any(sign in str(self.root) for sign in _UNSAFE_SIGNS):
            raise LakeError(
                f"数据湖的路径 {self.root} 不能含有 * ? [ ] % 这些符号，请换一个文件夹。"
            )
        self.options: dict[str, str] | None = None
        self.root.mkdir(parents=True, exist_ok=True)

    def uri(self, table: str) -> str:
        return str(self.root / table)

    def tables(self, zone: str) -> list[str]:
        folder = self.root / zone
        if not folder.is_dir():
            return []
        return sorted(
            f"{zone}/{entry.name}" for entry in folder.iterdir() if (entry / "_delta_log").is_dir()
        )

    def remove(self, table: str) -> None:
        """Rename first: no reader finds half a table, even when the deletion is cut short."""
        trash = self.root / "_trash"
        trash.mkdir(exist_ok=True)
        (self.root / table).rename(trash / uuid.uuid4().hex)
        shutil.rmtree(trash, ignore_errors=True)

    @contextmanager
    def lock(self, table: str) -> Iterator[None]:
        """Queue behind other writers; the kernel frees the lock of a killed process."""
        folder = self.root / "_locks"
        folder.mkdir(exist_ok=True)
        with (folder / table.replace("/", ".")).open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def free_bytes(self) -> int | None:
        return shutil.disk_usage(self.root).free

    def open_output(self, table: str, path: str) -> IO[bytes]:
        return cast(IO[bytes], _DurableFile(self.root / table / path))

    def delete(self, table: str, paths: Sequence[str]) -> None:
        for path in paths:
            (self.root / table / path).unlink(missing_ok=True)

    def settle(self, table: str, version: int) -> None:
        log = self.root / table / "_delta_log"
        for path in (log / f"{version:020}.json", log, log.parent):
            with suppress(FileNotFoundError):  # another engine may have cleaned its log meanwhile
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

    def local_copy(self, table: str, path: str, folder: Path) -> str:
        del folder
        return str(self.root / table / path)

    def scan(self, table: str, paths: Sequence[str]) -> list[str] | pads.Dataset:
        return [str(self.root / table / path) for path in paths]

    def missing(self, table: str, paths: Sequence[str]) -> bool:
        return not all((self.root / table / path).exists() for path in paths)


class ObjectStorage:
    """Any store delta-rs reaches (s3://, az://, gs://, file://) with its ``storage_options``.

    There is no writer queue here: the store's conditional put decides, and the loser retries.
    """

    def __init__(self, root: str, options: Mapping[str, str] | None) -> None:
        self.root = root.rstrip("/")
        self.options = dict(options) if options else None

    def _files(self, path: str) -> Any:
        handler = DeltaStorageHandler(f"{self.root}/{path}", self.options)
        return pafs.PyFileSystem(handler)

    def uri(self, table: str) -> str:
        return f"{self.root}/{table}"

    def tables(self, zone: str) -> list[str]:
        selector = pafs.FileSelector(zone, recursive=True, allow_not_found=True)
        listed = pafs.PyFileSystem(DeltaStorageHandler(self.root, self.options)).get_file_info(
            selector
        )
        first_commit = "/_delta_log/00000000000000000000.json"
        found = {
            info.path.removesuffix(first_commit)
            for info in listed
            if info.path.endswith(first_commit)
        }
        return sorted(f"{zone}/{path.rpartition('/')[2]}" for path in found)

    def remove(self, table: str) -> None:
        """Log first, so that a deletion cut short leaves no table, only unreferenced files."""
        files = self._files(table)
        selector = pafs.FileSelector("", recursive=True, allow_not_found=True)
        infos = [info for info in files.get_file_info(selector) if info.is_file]
        for info in sorted(infos, key=lambda info: "_delta_log" not in info.path):
            files.delete_file(info.path)

    def lock(self, table: str) -> AbstractContextManager[None]:
        del table
        return nullcontext()

    def free_bytes(self) -> int | None:
        return None

    def open_output(self, table: str, path: str) -> IO[bytes]:
        handler = DeltaFileSystemHandler(self.uri(table), self.options)
        stream = handler.open_output_stream(path)
        return cast(IO[bytes], _UploadedFile(stream))

    def delete(self, table: str, paths: Sequence[str]) -> None:
        files = self._files(table)
        for path in paths:
            with suppress(FileNotFoundError):
                files.delete_file(path)

    def settle(self, table: str, version: int) -> None:
        del table, version

    def local_copy(self, table: str, path: str, folder: Path) -> str:
        target = folder / path.replace("/", "_")
        if not target.exists():
            with self._files(table).open_input_stream(path) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 8 << 20)
        return str(target)

    def scan(self, table: str, paths: Sequence[str]) -> list[str] | pads.Dataset:
        files = self._files(table)
        schemas = [pq.read_schema(files.open_input_file(path)) for path in paths]
        schema = pa.unify_schemas(schemas) if schemas else None
        return pads.dataset(list(paths), schema=schema, filesystem=files, format="parquet")

    def missing(self, table: str, paths: Sequence[str]) -> bool:
        infos = self._files(table).get_file_info(list(paths))
        return any(info.type == pafs.FileType.NotFound for info in infos)


def open_storage(root: str | Path, options: Mapping[str, str] | None) -> Storage:
    """Object storage when ``root`` is a URL, a local folder otherwise."""
    if "://" in str(root):
        return ObjectStorage(str(root), options)
    return LocalStorage(Path(root))


def all_tables(storage: Storage, zone: str | None) -> list[str]:
    """Tables of one zone, or of all in the order of :data:`ZONES`."""
    return [name for part in ([zone] if zone else ZONES) for name in storage.tables(part)]
