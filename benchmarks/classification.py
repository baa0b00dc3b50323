"""Precision, recall and speed of the detectors on the demo city, beside plain patterns without checks.

The peer is what a team writes first: one regular expression per kind over the values, a column counts when half of
its values match. Both see the same columns; formats, levels and generators stay hidden. Four measures: the city's
columns with their names, the same with names hidden, columns the city did not make (names hidden, other shapes, few
rows, faults, half of them decoys), and data planted in remarks. Prints one JSON line per kind, measure and side.

    python benchmarks/classification.py [--scale small] [--entries 60] [--rows 20000] [--foreign 100]
"""

import argparse
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from chengshu.data.classification.tests.foreign_values import measure_foreign
from chengshu.data.classification.tests.ground_truth import measure, measure_remarks

PEER = {
    "id_number": r"\d{17}[\dXx]|\d{15}", "mobile": r"1\d{10}", "bank_card": r"\d{16,19}",
    "email": r"\S+@\S+", "plate": r"[\u4e00-\u9fff][A-Z][A-Z0-9]{5,6}", "uscc": r"[0-9A-Z]{18}",
    "phone": r"0\d{2,3}-?\d{7,8}", "name": r"[\u4e00-\u9fff]{2,3}", "address": r".*(路|街|巷).*号.*",
}  # fmt: skip


@dataclass(frozen=True)
class Match:
    """What the peer says."""

    kind: str


def peer(values: Any, **_words: str) -> list[Match]:
    """Plain patterns over the whole value; inside text for remarks."""
    texts = [str(v) for v in values.to_pylist() if v is not None]
    found = []
    for kind, pattern in PEER.items():
        compiled = re.compile(pattern)
        hits = sum(bool(compiled.fullmatch(text)) for text in texts)
        if texts and hits * 2 >= len(texts):
            found.append(Match(kind))
    return found


def peer_inside(values: Any, **_words: str) -> list[Match]:
    """Plain patterns anywhere in the text."""
    texts = [str(v) for v in values.to_pylist() if v is not None]
    compiled = {kind: re.compile(pattern) for kind, pattern in PEER.items() if kind != "name"}
    return [Match(k) for k, p in compiled.items() if any(p.search(text) for text in texts)]


def tell(who: str, what: str, scores: dict[str, Any], seconds: float) -> None:
    """One line per kind, and the sum."""
    for kind, score in sorted(scores.items()):
        line = {"who": who, "what": what, "kind": kind, "precision": round(score.precision, 4),
                "recall": round(score.recall, 4), "right": score.right, "wrong": score.wrong,
                "missed": score.missed}  # fmt: skip
        print(json.dumps(line), flush=True)
    print(json.dumps({"who": who, "what": what, "seconds": round(seconds, 1)}), flush=True)


def main() -> None:
    """Measure both sides."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", default="small", choices=("small", "full"))
    parser.add_argument("--entries", type=int, default=60)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--foreign", type=int, default=100, help="columns per kind")
    asked = parser.parse_args()
    for who, more in (("chengshu", {}), ("patterns", {"detector": peer})):
        for what, named in (("columns", True), ("columns, names hidden", False)):
            started = time.process_time()
            scores = measure(
                scale=asked.scale, entries=asked.entries, limit=asked.rows, named=named, **more
            )
            tell(who, what, scores, time.process_time() - started)
        started = time.process_time()
        scores = measure_foreign(per_kind=asked.foreign, **more)
        tell(who, "foreign columns, names hidden", scores, time.process_time() - started)
    for who, more in (("chengshu", {}), ("patterns", {"detector": peer_inside})):
        started = time.process_time()
        scores = measure_remarks(columns=180, rows=2000, **more)
        tell(who, "remarks", scores, time.process_time() - started)


if __name__ == "__main__":
    main()
