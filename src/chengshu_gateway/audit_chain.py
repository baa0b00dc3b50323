"""The line format of audit segments: one JSON object per line, chained by SM3.

A line ends `,"prev":"<64 hex>","hash":"<64 hex>"}`; `hash` is SM3 over all bytes of the line
before `,"hash":`, so it covers the record and, through `prev`, every record before it.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
SEGMENT_SUFFIX = ".jsonl"
CHECKPOINTS = "checkpoints.jsonl"
_TAIL = re.compile(rb',"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}')
_TAIL_LENGTH = len(',"prev":"","hash":""}') + 128
_SEQ = re.compile(rb'\{"seq":(\d+),')
_SM3 = hashlib.new("sm3")


def seal(body: str, previous: str) -> tuple[bytes, str]:
    """Return the finished line (with newline) and its hash; `body` is JSON without its brace."""
    text = f'{body},"prev":"{previous}"'.encode()
    state = _SM3.copy()
    state.update(text)
    digest = state.hexdigest()
    return b'%s,"hash":"%s"}\n' % (text, digest.encode()), digest


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed line; `sound` tells whether its hash fits its own content."""

    seq: int
    previous: str
    digest: str
    sound: bool


def parse(line: bytes) -> Line | None:
    """Read a line without its newline; None when it has not the shape of a record."""
    tail = _TAIL.fullmatch(line, max(len(line) - _TAIL_LENGTH, 0))
    head = _SEQ.match(line)
    if tail is None or head is None:
        return None
    state = _SM3.copy()
    state.update(line[: len(line) - len(',"hash":""}') - 64])
    digest = tail[2].decode()
    return Line(int(head[1]), tail[1].decode(), digest, state.hexdigest() == digest)


def content(line: bytes) -> dict[str, Any]:
    """Return the record as a dictionary."""
    record: dict[str, Any] = json.loads(line)
    return record


def worker_directories(audit: Path) -> list[Path]:
    """Return the chain directories (one per worker), in order."""
    return sorted(path for path in audit.glob("w[0-9][0-9]") if path.is_dir())


def segments(directory: Path) -> list[tuple[int, Path]]:
    """Return the numbered segments of one chain, in order."""
    return sorted(
        (int(path.stem), path)
        for path in directory.glob(f"*{SEGMENT_SUFFIX}")
        if path.stem.isdigit()
    )


def segment_path(directory: Path, number: int) -> Path:
    """Return the file of a segment number."""
    return directory / f"{number:08d}{SEGMENT_SUFFIX}"
