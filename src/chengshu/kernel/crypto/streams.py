"""Sealed files: SM4-GCM (GB/T 32907-2016, GB/T 36624-2018) in chunks, written in one pass, read at any place.

A file has a data key of its own, sealed with the master key like any column; so a rotation of the master key
touches a few hundred bytes and not the data. Behind the header stand chunks of 64 KiB, each with its tag. The
nonce of a chunk is its number and whether it is the last one (the STREAM construction of Hoang, Reyhanitabar,
Rogaway and Vizár, 2015): chunks cannot be changed, swapped, left out or cut off unnoticed.
"""

import base64
import io
import os
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from chengshu.kernel.crypto.errors import SealedValueError
from chengshu.kernel.crypto.sealing import TAG_BYTES, Sealer, sm4_missing

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

MAGIC = b"CSSF1\0"
CHUNK = 64 * 1024
_KEY_BYTES = 16
_HEADER = 512
_WHOLE = CHUNK + TAG_BYTES
_KEPT_CHUNKS = 32


def is_sealed_file(path: Path) -> bool:
    """Whether a file is one of ours (a file that is not there is none)."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except FileNotFoundError:
        return False


class SealedWriter(io.RawIOBase):
    """Writes a new sealed file from its beginning to its end; ``close`` seals the last chunk.

    Raises:
        CryptoUnavailable: the ``cryptography`` build at hand has no SM4-GCM.
    """

    def __init__(self, path: Path, sealer: Sealer, place: str) -> None:
        super().__init__()
        self._key = os.urandom(_KEY_BYTES)
        header = MAGIC + sealer.seal(base64.b64encode(self._key).decode(), place).encode()
        self._pending = bytearray()
        self._count = self._written = 0
        self._file = path.open("wb")
        self._file.write(header.ljust(_HEADER, b"\0"))

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Plain bytes so far."""
        return self._written

    def write(self, data: "ReadableBuffer", /) -> int:
        """Take bytes; every full chunk goes to the disk sealed."""
        view = memoryview(data).cast("B")
        self._pending += view
        self._written += len(view)
        # A full chunk waits until something follows: only the last one is sealed as the last.
        at = 0
        while len(self._pending) - at > CHUNK:
            self._put(bytes(self._pending[at : at + CHUNK]), last=False)
            at += CHUNK
        del self._pending[:at]
        return len(view)

    def _put(self, plain: bytes, *, last: bool) -> None:
        encryptor = _cipher(self._key, _nonce(self._count, last=last)).encryptor()
        self._file.write(encryptor.update(plain) + encryptor.finalize() + encryptor.tag)
        self._count += 1

    def close(self) -> None:
        """Seal what is left."""
        if self.closed:
            return
        try:
            self._put(bytes(self._pending), last=True)
        finally:
            self._pending.clear()
            self._file.close()
            super().close()


class SealedReader(io.RawIOBase):
    """Reads a sealed file at any place; what it hands out has been authenticated. Not for two threads at once.

    Raises:
        SealedValueError: altered, cut off, made for another place, or sealed with a key that is gone.
    """

    def __init__(self, path: Path, sealer: Sealer, place: str) -> None:
        super().__init__()
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self._at = 0
        self._file = path.open("rb")
        try:
            self._begin(sealer, place)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, sealer: Sealer, place: str) -> None:
        header = self._file.read(_HEADER)
        if len(header) < _HEADER or not header.startswith(MAGIC):
            raise _altered()
        token = header[len(MAGIC) :].rstrip(b"\0").decode("ascii", "replace")
        self._key = base64.b64decode(sealer.open(token, place))
        body = self._file.seek(0, io.SEEK_END) - _HEADER
        self._count = -(-body // _WHOLE)
        self._size = body - self._count * TAG_BYTES
        if self._count < 1 or self._size < (self._count - 1) * CHUNK:
            raise _altered()
        # The last chunk says that it is the last one: a file that was cut off is found out here.
        self._chunk(self._count - 1)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, all that are asked for unless the file ends."""
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        parts = []
        while wanted:
            number, skip = divmod(self._at, CHUNK)
            part = self._chunk(number)[skip : skip + wanted]
            parts.append(part)
            self._at += len(part)
            wanted -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readall(self) -> bytes:
        """The rest."""
        return self.read(-1)

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """The next bytes into a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _chunk(self, number: int) -> bytes:
        known = self._chunks.get(number)
        if known is not None:
            self._chunks.move_to_end(number)
            return known
        self._file.seek(_HEADER + number * _WHOLE)
        packed = self._file.read(_WHOLE)
        body, tag = packed[:-TAG_BYTES], packed[-TAG_BYTES:]
        nonce = _nonce(number, last=number == self._count - 1)
        try:
            decryptor = _cipher(self._key, nonce, tag).decryptor()
            plain = decryptor.update(body) + decryptor.finalize()
        except (InvalidTag, ValueError) as cause:
            raise _altered() from cause
        self._chunks[number] = plain
        if len(self._chunks) > _KEPT_CHUNKS:
            self._chunks.popitem(last=False)
        return plain

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            self._chunks.clear()
            self._file.close()
        super().close()


def _nonce(number: int, *, last: bool) -> bytes:
    return bytes([last, 0, 0, 0]) + number.to_bytes(8, "big")


def _cipher(key: bytes, nonce: bytes, tag: bytes | None = None) -> Cipher[GCM]:
    try:
        return Cipher(SM4(key), GCM(nonce, tag))
    except UnsupportedAlgorithm as cause:
        raise sm4_missing() from cause


def _altered() -> SealedValueError:
    return SealedValueError(
        "加密文件已损坏、被改动、被截断，或不属于这里。",
        kept="文件原样保留。",
        advice="请运维人员核对备份和审计记录。",
    )
