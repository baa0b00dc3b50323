"""Finding the end of a chain after a stop, and setting aside a line that a crash tore."""

import os
from dataclasses import dataclass
from pathlib import Path

from chengshu_gateway import audit_chain, pointer


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where the next record continues: `torn` bytes were set aside, `damaged` means do verify."""

    segment: int
    seq: int
    head: str
    torn: int = 0
    damaged: bool = False


def recover(directory: Path) -> ChainEnd:
    """Return the end of a chain; one torn last line is moved to a `torn-*.bin` file.

    More than one bad line at the end is not what a crash leaves: the segment stays untouched as
    evidence, the chain continues in a new one, and `verify` reports the damage.
    """
    torn = 0
    for number, path in reversed(audit_chain.segments(directory)):
        lines = path.read_bytes().split(b"\n")
        complete, rest = lines[:-1], lines[-1]
        bad = 1 if rest else 0
        for line in reversed(complete):
            parsed = audit_chain.parse(line)
            if parsed is not None and parsed.sound:
                break
            bad += 1
        good = len(complete) - (bad - (1 if rest else 0))
        if bad == 1:
            torn += _set_aside(path, number, sum(len(line) + 1 for line in lines[:good]))
        if good == 0 and bad <= 1:
            path.unlink(missing_ok=True)
            continue
        if good == 0:
            return ChainEnd(number, 0, audit_chain.GENESIS, torn, damaged=True)
        last = audit_chain.parse(lines[good - 1])
        assert last is not None
        return ChainEnd(number, last.seq, last.digest, torn, damaged=bad > 1)
    return ChainEnd(0, 0, audit_chain.GENESIS, torn)


def _set_aside(path: Path, number: int, offset: int) -> int:
    """Keep the torn bytes beside the segment, then cut them off; returns how many."""
    with path.open("r+b") as stream:
        stream.seek(offset)
        remains = stream.read()
        pointer.write_durably(path.with_name(f"torn-{number:08d}-{offset}.bin"), remains)
        stream.truncate(offset)
        stream.flush()
        os.fsync(stream.fileno())
    return len(remains)
