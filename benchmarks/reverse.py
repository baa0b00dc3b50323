"""How well reverse cataloguing does: the demo city's 273 entries with their descriptions hidden, guessed again.

Each entry's delivery (small scale, with its planted defects) is given to the inference library as a source would:

* ``columns``: physical column names, no comments (a database nobody documented);
* ``pinyin``: the first letters of the Chinese names as column names, no comments;
* ``headers``: Chinese headers (a spreadsheet);
* ``columns, first day``: as ``columns`` in a city without any catalogue, so only the built-in vocabulary helps.

What the city knows is taken from the *other* departments only: no entry sees its own description or a neighbour's.
The peers (DuckDB sniffer; Frictionless where installed) get the same rows as CSV in the same run; they guess types.

Run: ``python benchmarks/reverse.py [--entries N] [--peer-frictionless]``.
"""

import argparse
import csv
import json
import resource as process
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from chengshu.data.discovery.inference import (
    Habit,
    Knowledge,
    KnownCodes,
    SourceColumn,
    SourceTable,
    TableProposal,
    propose,
)
from chengshu.data.discovery.inference.words import initials, likeness
from chengshu_demo import Entry, city, rows

MODES = ("columns", "pinyin", "headers", "columns, first day")


def habits(entries: Sequence[Entry]) -> Knowledge:
    """What a catalogue of ``entries`` teaches, as the service computes it from the database."""
    counts: Counter[str] = Counter()
    required: Counter[str] = Counter()
    seen: dict[str, dict[str, Counter[Any]]] = {}
    titles: dict[str, Counter[str]] = {}
    for entry in entries:
        for item in entry.items:
            kinds = seen.setdefault(item.column, {k: Counter() for k in _KINDS})
            counts[item.column] += 1
            required[item.column] += not item.nullable
            titles.setdefault(item.title, Counter())[item.column] += 1
            kinds["titles"][item.title] += 1
            kinds["types"][item.type] += 1
            kinds["levels"][item.level] += 1
            kinds["code_tables"][item.code_table or ""] += 1
            if item.type == "text" and item.length:
                kinds["lengths"][item.length] += 1
            if item.precision:
                kinds["sizes"][item.precision, item.scale] += 1
    return Knowledge(
        code_tables=codes(),
        habits={n: Habit(count=counts[n], required=required[n], **k) for n, k in seen.items()},
        titles=titles,
    )


_KINDS = ("titles", "types", "levels", "code_tables", "lengths", "sizes")


def codes() -> tuple[KnownCodes, ...]:
    """The city's code tables."""
    return tuple(
        KnownCodes(key=t.key, name=t.title, codes=dict(t.codes)) for t in city().code_tables
    )


def sample_of(entry: Entry) -> pa.Table:
    """The delivery of an entry as text."""
    return pa.Table.from_batches(list(rows(entry.key, scale="small")))


def disguised(entry: Entry, mode: str) -> list[str]:
    """The columns' names as the source would call them."""
    if mode.startswith("columns"):
        return [item.column for item in entry.items]
    wanted = [item.title if mode == "headers" else initials(item.title) for item in entry.items]
    used: Counter[str] = Counter()
    found = []
    for name in wanted:
        used[name] += 1
        found.append(name if used[name] == 1 else f"{name}{used[name]}")
    return found


def guess(entry: Entry, sample: pa.Table, mode: str, knowledge: Knowledge) -> TableProposal:
    """The proposal for one entry."""
    names = disguised(entry, mode)
    table = SourceTable(name=entry.key, columns=tuple(SourceColumn(name=n) for n in names))
    return propose(table, sample.rename_columns(names), knowledge)


@dataclass
class Tally:
    """Right, wrong and missed of one question."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, truth: object, found: object) -> None:
        """Count one answer; empty means "none"."""
        if truth:
            self.counts["tp" if truth == found else "fn"] += 1
        if found and truth != found:
            self.counts["fp"] += 1

    def __str__(self) -> str:
        tp, fp, fn = (self.counts[k] for k in ("tp", "fp", "fn"))
        return f"P {tp / max(tp + fp, 1):.3f} R {tp / max(tp + fn, 1):.3f} (n={tp + fn})"


@dataclass
class Score:
    """All questions over all entries."""

    items: int = 0
    shares: Counter[str] = field(default_factory=Counter)
    required: Tally = field(default_factory=Tally)
    code_table: Tally = field(default_factory=Tally)
    format: Tally = field(default_factory=Tally)
    keys: Tally = field(default_factory=Tally)
    wrong: Counter[tuple[str, ...]] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, entry: Entry, sample: pa.Table, found: TableProposal, names: list[str]) -> None:
        """Count one entry."""
        truth_key = {n for n, i in zip(names, entry.items, strict=True) if i.key}
        self.keys.add(tuple(sorted(truth_key)), tuple(sorted(found.key)))
        self.shares["key candidates hold the key"] += any(
            set(k) == truth_key for k in found.key_candidates
        )
        for position, (item, guessed) in enumerate(zip(entry.items, found.items, strict=True)):
            self.items += 1
            value = guessed.value
            self.shares["type"] += value("type") == item.type
            if value("type") != item.type:
                self.wrong["type", item.column, item.title, item.type, value("type")] += 1
            if item.type == "text":
                self.shares["text items"] += 1
                longest = _longest(sample.column(position), item.length or 4000)
                enough = value("type") == "text" and value("length") >= longest
                self.shares["length sufficient"] += enough
                if not enough:
                    self.wrong["length", item.column, str(item.length), str(value("length"))] += 1
            self.shares["title exact"] += value("title") == item.title
            self.shares["title same or near"] += likeness(value("title") or "", item.title) >= 0.5
            self.required.add(not item.nullable or item.key, value("nullable") is False)
            self.code_table.add(item.code_table or "", value("code_table"))
            if (item.code_table or "") != value("code_table"):
                self.wrong["codes", item.title, item.code_table or "", value("code_table")] += 1
            known = value("format") if value("format") != "phone" else ""
            self.format.add(item.format or "", known)
            if (item.format or "") != known:
                self.wrong["format", item.title, item.format or "", known] += 1
            level = value("sensitivity")
            self.shares["level exact"] += level == item.level
            self.shares["level too low"] += level < item.level
            if level < item.level:
                self.wrong["low", item.title, item.level, level] += 1

    def lines(self, entries: int) -> Iterator[str]:
        """The table's lines."""
        s, n = self.shares, max(self.items, 1)
        yield f"  type correct              {s['type'] / n:.3f}"
        yield f"  text length sufficient    {s['length sufficient'] / max(s['text items'], 1):.3f}"
        yield f"  required                  {self.required}"
        held = s["key candidates hold the key"] / entries
        yield f"  key, exactly              {self.keys}; among the candidates {held:.3f}"
        yield f"  code table                {self.code_table}"
        yield f"  format                    {self.format}"
        yield f"  level too low             {s['level too low'] / n:.4f}; exact {s['level exact'] / n:.3f}"
        yield f"  Chinese name exact        {s['title exact'] / n:.3f}; same or near {s['title same or near'] / n:.3f}"
        yield f"  time                      {self.seconds:.1f} s for {entries} tables, {self.items} items"


def _longest(column: Any, limit: int) -> int:
    lengths = [len(v) for v in column.to_pylist() if v and len(v) <= limit]
    return max(lengths, default=0)


def measure(entries: Sequence[Entry], mode: str) -> Score:
    """Guess ``entries`` in one mode."""
    score = Score()
    everything = city().entries
    by_unit = {
        unit: habits([e for e in everything if e.provider != unit]) for unit in {e.provider for e in entries}
    }  # fmt: skip
    empty = Knowledge(code_tables=codes())
    for entry in entries:
        sample = sample_of(entry)
        started = time.perf_counter()
        known = empty if mode.endswith("first day") else by_unit[entry.provider]
        found = guess(entry, sample, mode, known)
        score.seconds += time.perf_counter() - started
        score.add(entry, sample, found, disguised(entry, mode))
    return score


_DUCK = {
    "VARCHAR": "text",
    "BIGINT": "integer",
    "DOUBLE": "decimal",
    "DATE": "date",
    "BOOLEAN": "boolean",
}
_FRICTIONLESS = {"string": "text", "integer": "integer", "number": "decimal", "date": "date",
                 "datetime": "datetime", "boolean": "boolean", "year": "integer", "any": "text"}  # fmt: skip


def peers(entries: Sequence[Entry], *, frictionless: bool) -> Iterator[str]:
    """Types guessed by the peers on the same rows."""
    with tempfile.TemporaryDirectory() as folder:
        files = [_write(Path(folder), entry) for entry in entries]
        yield _peer("DuckDB sniffer", entries, files, _duckdb_types)
        if frictionless:
            yield _peer("Frictionless", entries, files, _frictionless_types)


def _write(folder: Path, entry: Entry) -> Path:
    path = folder / f"{entry.key}.csv"
    sample = sample_of(entry)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(sample.column_names)
        writer.writerows(zip(*(c.to_pylist() for c in sample.columns), strict=True))
    return path


def _peer(name: str, entries: Sequence[Entry], files: list[Path], types: Any) -> str:
    right, items, lost, started = 0, 0, 0, time.perf_counter()
    for entry, path in zip(entries, files, strict=True):
        found = types(path)
        for item, kind in zip(entry.items, found, strict=True):
            items += 1
            right += kind == item.type
            lost += item.type == "text" and kind in {"integer", "decimal"}
    seconds = time.perf_counter() - started
    return f"  {name:<24}  type correct {right / items:.3f}; codes turned into numbers {lost}; {seconds:.1f} s"


def _duckdb_types(path: Path) -> list[str]:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT Columns FROM sniff_csv(?, sample_size=-1)", [str(path)])
        (columns,) = found.fetchone() or ([],)
    return [
        _DUCK.get(c["type"], "datetime" if "TIMESTAMP" in c["type"] else "text") for c in columns
    ]


def _frictionless_types(path: Path) -> list[str]:
    import frictionless  # an optional peer, never a dependency

    described = frictionless.describe(str(path), type="resource").schema.fields
    return [_FRICTIONLESS.get(f.type, "text") for f in described]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=0)
    parser.add_argument("--peer-frictionless", action="store_true")
    parser.add_argument("--mode", choices=MODES, action="append")
    parser.add_argument("--wrong", type=int, default=0)
    arguments = parser.parse_args()
    entries = city().entries[: arguments.entries or None]
    for mode in arguments.mode or MODES:
        score = measure(entries, mode)
        print(mode)
        print("\n".join(score.lines(len(entries))), flush=True)
        for key, count in score.wrong.most_common(arguments.wrong):
            print("    ", count, json.dumps(key, ensure_ascii=False))
    print("peers, types only")
    for line in peers(entries, frictionless=arguments.peer_frictionless):
        print(line, flush=True)
    print(f"peak memory {process.getrusage(process.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
