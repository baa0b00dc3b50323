"""The manifest of an exported folder: what lies in it, signed, so that nothing can be left out."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chengshu_sm2 import Sm2PrivateKey

MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public-key.pem"
ANCHORS, KEYS = "anchors.jsonl", "anchor-keys.jsonl"
OWN_FILES = frozenset({MANIFEST, SIGNATURE, PUBLIC_KEY, ANCHORS, KEYS})
FORMAT = 2
"""Written format; 2 added the chain of keys. Older ones are still read."""
READABLE = frozenset({1, FORMAT})


@dataclass(frozen=True, slots=True)
class Part:
    """One file of records: its digest (SM3), length, and how many records with which numbers."""

    path: str
    sm3: str
    bytes: int
    records: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A stretch of one chain: `before` is the hash of the record before it, `head` of its last."""

    trail: str
    chain: str
    before: str
    head: str
    first: int
    last: int
    parts: tuple[Part, ...] = ()

    @property
    def name(self) -> str:
        """How anchors name the chain."""
        return f"{self.trail}/{self.chain}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was exported, when, for which period (ISO 8601, "" = open), the digests of anchors and keys.

    With `application` only that application's calls are shown; those of others are withheld.
    """

    owner: str
    made_at: str
    since: str
    until: str
    anchors: str
    chains: tuple[Chain, ...] = field(default_factory=tuple)
    format: int = FORMAT
    keys: str = ""
    application: str = ""


def write(folder: Path, manifest: Manifest, private: Sm2PrivateKey) -> None:
    """Write manifest, signature and public key."""
    content = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
    (folder / MANIFEST).write_bytes(content)
    (folder / SIGNATURE).write_text(private.sign(content).hex(), "ascii")
    (folder / PUBLIC_KEY).write_bytes(private.public_key().pem())


def parse(content: bytes) -> Manifest:
    """Read a manifest; raises ValueError when it is none of ours or leads out of its folder."""
    try:
        members: dict[str, Any] = json.loads(content)
        if members.get("format", FORMAT) not in READABLE:
            raise ValueError(f"清单格式 {members['format']} 不支持，请升级核验程序。")
        chains = tuple(
            Chain(**{**each, "parts": tuple(Part(**part) for part in each["parts"])})
            for each in members["chains"]
        )
        found = Manifest(**{**members, "chains": chains})
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("清单的结构不认识。") from error
    for chain in found.chains:
        for part in chain.parts:
            steps = Path(part.path).parts
            if Path(part.path).is_absolute() or ".." in steps:
                raise ValueError("清单指向文件夹之外的文件。")
    return found
