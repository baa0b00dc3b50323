"""Which SQL each test asks, and the fewest tests that ask all of it again on another database.

The first run notes, test by test, the shape of every statement. A run on a further database need not ask the same
statement a hundred times: it takes tests until each shape is asked by ``TIMES`` of them (or by all that ask it). Tests
of real transactions are always taken: what they try, locks and races, stands in no statement.
"""

import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "build" / "statements"
TIMES = 2
_LISTS = re.compile(r"\((?:%s(?:, )?)+\)")
_NUMBERS = re.compile(r"\b\d+\b")
_MARKS = re.compile(r'"s\d+_x\d+"')

_asked: dict[str, set[str]] = {}
_now: set[str] = set()


def shape(sql: str) -> str:
    """Return a short name of a statement, whatever its values, how many of them, and where its page ends."""
    plain = _NUMBERS.sub("0", _LISTS.sub("(%s)", _MARKS.sub("", sql)))
    return hashlib.blake2b(plain.encode(), digest_size=6).hexdigest()


def _note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    _now.add(sql)
    return execute(sql, params, many, context)


@contextmanager
def noted(test: str) -> Iterator[None]:
    """Note what is asked meanwhile under the name of a test."""
    from django.db import connection

    _now.clear()
    with connection.execute_wrapper(_note):
        yield
    _asked[test] = {shape(sql) for sql in _now}


def write() -> None:
    """Leave this process's notes for the next run."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = {test: sorted(shapes) for test, shapes in _asked.items()}
    (FOLDER / f"{os.getpid()}.json").write_text(json.dumps(found))


def read() -> dict[str, set[str]]:
    """Return the notes of the last run by test; empty when there are none."""
    found: dict[str, set[str]] = {}
    for path in FOLDER.glob("*.json"):
        found |= {test: set(shapes) for test, shapes in json.loads(path.read_text()).items()}
    return found


def fewest(asked: Mapping[str, set[str]], always: Iterable[str], times: int = TIMES) -> set[str]:
    """Return tests that ask every shape ``times`` times, or as often as it is asked at all.

    Greedy: next is always the test that asks most of what is still missing; equals go by name.
    """
    everywhere = Counter(shape for shapes in asked.values() for shape in shapes)
    missing = {shape: min(times, count) for shape, count in everywhere.items()}
    taken: set[str] = set()

    def take(test: str) -> None:
        taken.add(test)
        for each in asked.get(test, ()):
            missing[each] -= 1

    for test in sorted(set(always)):
        take(test)
    gains: dict[int, list[str]] = defaultdict(list)
    for test in sorted(asked):
        gains[len(asked[test])].append(test)
    most = max(gains, default=0)
    while most:
        waiting, gains[most] = gains[most], []
        for test in waiting:
            gain = 0 if test in taken else sum(missing[each] > 0 for each in asked[test])
            if gain == most:
                take(test)
            elif gain:
                gains[gain].append(test)
        if not gains[most]:
            most -= 1
    return taken
