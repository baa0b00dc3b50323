"""Exporting: copies of whole stretches, never judged here, with the manifest that says what they are."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chengshu_evidence import lines, manifest
from chengshu_evidence.lines import GATEWAY, GENESIS
from chengshu_evidence.manifest import Chain, Manifest, Part
from chengshu_gateway import audit_chain
from chengshu_sm2 import Sm2PrivateKey

# A batch of 1,000 keys makes a line of some 35 KB; the last record lies well within this.
_TAIL_BYTES = 1 << 20
_TELL_EVERY = 500


@dataclass(frozen=True, slots=True)
class Source:
    """One chain to export: file names with their lines (without newline), in the chain's order."""

    trail: str
    chain: str
    parts: Iterable[tuple[str, Iterable[bytes]]]


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when; None is open. Whole files are exported, so it may reach a little further."""

    since: datetime | None = None
    until: datetime | None = None

    def meets(self, begins: datetime, ends: datetime | None) -> bool:
        """Tell whether a stretch of time (`ends` None: still going on) lies in the period."""
        late = self.until is not None and begins > self.until
        early = self.since is not None and ends is not None and ends < self.since
        return not late and not early


def export(
    folder: Path,
    sources: Iterable[Source],
    *,
    owner: str,
    anchors: Path,
    private: Sm2PrivateKey,
    period: Period | None = None,
    keys: Path | None = None,
    application: str = "",
    progress: Callable[[int], None] | None = None,
) -> Manifest:
    """Write everything into a new folder; raises FileExistsError when it is there already.

    `keys` is the chain of keys (`keychain`), `private` the one in force; with `application` the calls of all others
    are withheld; `progress` hears the number of records written so far.
    """
    asked = period or Period()
    folder.mkdir(parents=True)
    made_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    # Anchors last would name heads that the copies do not reach; first, they name only older ones.
    kept = folder / manifest.ANCHORS
    if anchors.is_file():
        shutil.copyfile(anchors, kept)
    else:
        kept.touch()
    chain_of_keys = b""
    if keys is not None and keys.is_file():
        chain_of_keys = keys.read_bytes()
        (folder / manifest.KEYS).write_bytes(chain_of_keys)
    count = _Counter(progress)
    chosen = (_only(application, source) for source in sources) if application else sources
    chains = tuple(_copy(folder, source, count) for source in chosen)
    found = Manifest(
        owner=owner,
        made_at=made_at,
        since=asked.since.isoformat() if asked.since else "",
        until=asked.until.isoformat() if asked.until else "",
        anchors=hashlib.new("sm3", kept.read_bytes()).hexdigest(),
        chains=chains,
        keys=hashlib.new("sm3", chain_of_keys).hexdigest(),
        application=application,
    )
    manifest.write(folder, found, private)
    return found


def _only(application: str, source: Source) -> Source:
    parts = ((name, lines.only(application, content)) for name, content in source.parts)
    return Source(source.trail, source.chain, parts) if source.trail == GATEWAY else source


def gateway_sources(audit: Path, period: Period) -> Iterator[Source]:
    """Yield the gateway's chains under `<data>/audit`, the segments that meet the period."""
    for directory in audit_chain.worker_directories(audit):
        found = audit_chain.segments(directory)
        begun = [_begins(path) for _number, path in found]
        chosen = [
            path
            for at, (_number, path) in enumerate(found)
            if (begins := begun[at]) is None
            or period.meets(begins, begun[at + 1] if at + 1 < len(found) else None)
        ]
        if chosen:
            parts = [(path.name, _complete(path)) for path in chosen]
            yield Source(GATEWAY, directory.name[1:], parts)


def gateway_heads(audit: Path) -> dict[str, tuple[int, str]]:
    """Return where each of the gateway's chains ends now."""
    heads = {}
    for directory in audit_chain.worker_directories(audit):
        for _number, path in reversed(audit_chain.segments(directory)):
            entry = _last_entry(path)
            if entry is not None:
                heads[f"{GATEWAY}/{directory.name[1:]}"] = (entry.seq, entry.digest)
                break
    return heads


def _last_entry(path: Path) -> lines.Entry | None:
    """The last record of a segment, read from its end; a line still being written is none."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL_BYTES))
        for line in reversed(stream.read().split(b"\n")[:-1]):
            if (entry := lines.read(GATEWAY, line)) is not None:
                return entry
    return None


class _Counter:
    """Counts records and tells of them now and then."""

    def __init__(self, tell: Callable[[int], None] | None) -> None:
        self._tell = tell
        self._total = 0

    def one(self) -> None:
        self._total += 1
        if self._tell is not None and self._total % _TELL_EVERY == 0:
            self._tell(self._total)


def _copy(folder: Path, source: Source, counter: _Counter) -> Chain:
    target = folder / source.trail / source.chain
    target.mkdir(parents=True)
    before, head, first, last = GENESIS, GENESIS, 0, 0
    parts = []
    for name, content in source.parts:
        state, size, count, begin, end = hashlib.new("sm3"), 0, 0, 0, 0
        with (target / name).open("wb") as file:
            for line in content:
                raw = line + b"\n"
                file.write(raw)
                state.update(raw)
                size, count = size + len(raw), count + 1
                counter.one()
                entry = lines.read(source.trail, line)
                if entry is None:
                    continue
                if not first:
                    first, before = entry.seq, entry.previous
                begin, end = begin or entry.seq, entry.seq
                last, head = entry.seq, entry.digest
        path = f"{source.trail}/{source.chain}/{name}"
        parts.append(Part(path, state.hexdigest(), size, count, begin, end))
    return Chain(source.trail, source.chain, before, head, first, last, tuple(parts))


def _begins(path: Path) -> datetime | None:
    for line in _complete(path):
        if (found := lines.moment(line)) is not None:
            return found
    return None


def _complete(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without newline; one still being written is left out."""
    with path.open("rb") as stream:
        for raw in stream:
            if raw.endswith(b"\n"):
                yield raw[:-1]
