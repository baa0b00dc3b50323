"""Where exports wait and lie: requests from the gateway, files and their state from the platform.

`<data>/exports/asked/<application>~<export>.json` is written durably by the gateway before it answers;
`<data>/exports/<export>.json` tells the state and `<export>.age` is the file, both written by the
platform's job. Everything about an export but its data stands in these two JSON files.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chengshu_gateway import pointer

FORMATS = ("parquet", "csv")
MOST_WAITING = 200
MOST_WAITING_EACH = 3
"""Requests that may wait at a time, of all applications together and of each."""
_OWNED = "~"  # parts application and export in a name; neither can hold it
_NAME = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an export; `asked_at` is unix seconds, `key_id` the key that signed it."""

    export: str
    app: str
    interface: str
    key_id: str
    format: str
    asked_at: float
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What became of a request: "ready" with its file, "refused" or "expired" with a reason.

    `sha256` and `size` (bytes) are of the encrypted file, `expires` is unix seconds, `version` the
    version of the data, `fields` what the file holds, `shape` of which grant (`shape.fingerprint`).
    """

    export: str
    app: str
    interface: str
    state: str
    format: str = ""
    key_id: str = ""
    fields: tuple[str, ...] = ()
    rows: int = 0
    size: int = 0
    sha256: str = ""
    version: str = ""
    expires: float = 0.0
    reason: str = ""
    shape: str = ""


def proper(export: object) -> bool:
    """Tell whether something can be the name of an export."""
    return isinstance(export, str) and _NAME.fullmatch(export) is not None


def file_of(folder: Path, export: str) -> Path:
    """Where the file of an export lies."""
    return folder / f"{export}.age"


def ask(folder: Path, asked: Asked) -> bool:
    """Put a request down durably; False when too many wait already."""
    waiting = folder / "asked"
    waiting.mkdir(parents=True, exist_ok=True, mode=0o700)
    owners = [path.name.partition(_OWNED)[0] for path in waiting.glob("*.json")]
    if len(owners) >= MOST_WAITING or owners.count(asked.app) >= MOST_WAITING_EACH:
        return False
    name = f"{asked.app}{_OWNED}{asked.export}.json"
    pointer.write_durably(waiting / name, _written(asdict(asked)))
    return True


def waiting(folder: Path) -> Iterator[Asked]:
    """The requests that wait, the oldest first."""
    found = [document for path in (folder / "asked").glob("*.json") if (document := _read(path))]
    yield from sorted((Asked(**each) for each in found), key=lambda each: each.asked_at)


def settle(folder: Path, state: State) -> None:
    """Tell what became of a request; it waits no longer."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pointer.write_durably(folder / f"{state.export}.json", _written(asdict(state)))
    for path in _asked(folder, state.export):
        path.unlink(missing_ok=True)


def look(folder: Path, export: str) -> State | Asked | None:
    """Return what is known of an export: its state, else that it waits, else None."""
    if document := _read(folder / f"{export}.json"):
        return State(**document | {"fields": tuple(document["fields"])})
    documents = filter(None, map(_read, _asked(folder, export)))
    return next((Asked(**document) for document in documents), None)


def _asked(folder: Path, export: str) -> list[Path]:
    return list((folder / "asked").glob(f"*{_OWNED}{export}.json"))


def _written(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return document
