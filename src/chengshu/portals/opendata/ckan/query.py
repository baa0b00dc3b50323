"""The part of Solr's query language that catalogue clients use, as a predicate over entries.

``organization:x``, ``tags:"a b"``, ``res_format:(CSV OR JSON)``, ``-groups:y``, ``+a:b -c:d``, ``NOT``, brackets,
``*`` inside a word, ``metadata_modified:[2026-01-01T00:00:00Z TO *]``, ``field:*``, free words. Terms side by side
must all hold, as CKAN sets it. Nothing of it becomes a database query.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.utils import timezone

from chengshu.portals.opendata.ckan.errors import unsearchable

MAX_LENGTH = 2_000
MAX_DEPTH = 20
FREE = ""


class Searchable(Protocol):
    """What a query looks at."""

    def words_of(self, field: str) -> Collection[str]:
        """Exact values of a field, in lower case."""

    def text_of(self, field: str) -> str:
        """The running text of a field, in lower case."""

    def moment_of(self, field: str) -> datetime | None:
        """A field's moment."""


Predicate = Callable[[Searchable], bool]

WORDS = {
    "id", "name", "organization", "owner_org", "groups", "tags", "res_format", "license_id", "state",
    "type", "dataset_type", "entity_type", "capacity", "private", "isopen",
}  # fmt: skip
TEXTS = {FREE, "text", "title", "title_string", "notes", "author"}
MOMENTS = {"metadata_modified", "metadata_created"}
_DELTAS = {"DAY": 1, "DAYS": 1, "WEEK": 7, "WEEKS": 7, "MONTH": 31, "MONTHS": 31, "YEAR": 366,
           "YEARS": 366}  # fmt: skip

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<range>[\[{]\s*(?P<low>\S+)\s+TO\s+(?P<high>[^\s\]}]+)\s*[\]}])
    | (?P<phrase>"(?:[^"\\]|\\.)*")
    | (?P<open>\() | (?P<close>\))
    | (?P<and>(?:AND|&&)(?=[\s(]))
    | (?P<or>(?:OR|\|\|)(?=[\s(]))
    | (?P<not>NOT(?=[\s(])|[-!](?=\S))
    | (?P<must>\+(?=\S))
    | (?P<field>[A-Za-z_]\w*):(?=\S)
    | (?P<everything>\*:\*)
    | (?P<word>(?:\\.|[^\s()"\[\]{}\\])+)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    bounds: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query and the fields it looks at (:data:`FREE`: all the text there is)."""

    holds: Predicate
    fields: frozenset[str]


def parse(text: str) -> Query:
    """Parse a query; an empty one holds for everything.

    Raises:
        CkanError: it is malformed, too long, or asks for a field that does not exist.
    """
    if len(text) > MAX_LENGTH:
        raise unsearchable(f"检索式最多 {MAX_LENGTH:,} 个字。")
    parser = _Parser(_tokens(text))
    holds = parser.whole() if text.strip() else _everything
    return Query(holds, frozenset(parser.fields))


def _everything(_entry: Searchable) -> bool:
    return True


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise unsearchable(
                f"检索式在第 {position + 1} 个字处看不懂：“{text[position:][:20]}”。"
            )
        kind = match.lastgroup or ""
        if match["range"]:
            found.append(_Token("range", match["range"], (match["low"], match["high"])))
        else:
            found.append(_Token(kind, match[kind]))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.position, self.depth = tokens, 0, 0
        self.fields: set[str] = set()

    def whole(self) -> Predicate:
        holds = self._either(FREE)
        if self._peek() is not None:
            raise unsearchable("检索式里多了一个右括号。")
        return holds

    def _peek(self) -> _Token | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def _take(self, *kinds: str) -> bool:
        token = self._peek()
        if token is None or token.kind not in kinds:
            return False
        self.position += 1
        return True

    def _either(self, field: str) -> Predicate:
        parts = [self._all(field)]
        while self._take("or"):
            parts.append(self._all(field))
        return parts[0] if len(parts) == 1 else lambda entry: any(part(entry) for part in parts)

    def _all(self, field: str) -> Predicate:
        parts = [self._one(field)]
        while True:
            joined = self._take("and")
            token = self._peek()
            if not joined and (token is None or token.kind in {"close", "or"}):
                break
            parts.append(self._one(field))
        return parts[0] if len(parts) == 1 else lambda entry: all(part(entry) for part in parts)

    def _one(self, field: str) -> Predicate:
        self._take("must")
        if self._take("not"):
            refused = self._deeper(self._one, field)
            return lambda entry: not refused(entry)
        token = self._peek()
        if token is None:
            raise unsearchable("检索式没有写完。")
        self.position += 1
        match token.kind:
            case "open":
                inner = self._deeper(self._either, field)
                if not self._take("close"):
                    raise unsearchable("检索式少了一个右括号。")
                return inner
            case "field":
                return self._deeper(self._one, _known(token.text))
            case "everything":
                return _everything
            case "range":
                self.fields.add(field)
                return _between(field, *token.bounds)
            case "phrase":
                return self._value(field, re.sub(r"\\(.)", r"\1", token.text[1:-1]), plain=True)
            case "word":
                return self._value(field, re.sub(r"\\(.)", r"\1", token.text), plain=False)
        raise unsearchable(f"“{token.text[:20]}”的位置不对。")

    def _deeper(self, part: Callable[[str], Predicate], field: str) -> Predicate:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise unsearchable(f"检索式最多嵌套 {MAX_DEPTH} 层。")
        holds = part(field)
        self.depth -= 1
        return holds

    def _value(self, field: str, text: str, *, plain: bool) -> Predicate:
        self.fields.add(field)
        wanted = text.lower()
        pattern = None if plain or "*" not in wanted else _pattern(wanted)
        if field in MOMENTS:
            if wanted == "*":
                return lambda entry: entry.moment_of(field) is not None
            return _between(field, text, text)
        if field in WORDS:
            if pattern is not None:
                return lambda entry: any(pattern.fullmatch(v) for v in entry.words_of(field))
            return lambda entry: wanted in entry.words_of(field)
        parts = [part for part in wanted.split("*") if part]
        return lambda entry: all(part in entry.text_of(field) for part in parts)


def _known(field: str) -> str:
    if field not in WORDS | TEXTS | MOMENTS:
        usable = "、".join(sorted((WORDS | TEXTS | MOMENTS) - {FREE}))
        raise unsearchable(f"没有“{field[:40]}”这个检索字段。可用：{usable}。")
    return field


def _pattern(text: str) -> re.Pattern[str]:
    # Stars in a row would make the expression slow, and mean no more than one.
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", text)), re.DOTALL)


def _between(field: str, low: str, high: str) -> Predicate:
    if field not in MOMENTS:
        raise unsearchable("范围只能用于 metadata_modified 和 metadata_created。")
    first, last = _moment(low, end=False), _moment(high, end=True)

    def holds(entry: Searchable) -> bool:
        moment = entry.moment_of(field)
        return (
            moment is not None
            and (first is None or moment >= first)
            and (last is None or moment <= last)
        )

    return holds


_MATH = re.compile(r"NOW(?:-(\d{1,4})([A-Z]+))?(?:/[A-Z]+)?")
_DATE_LENGTH = len("2026-11-30")


def _moment(text: str, *, end: bool) -> datetime | None:
    """A bound: a moment, a day (as ``end``: until its last instant), ``NOW-7DAYS``, or ``*``."""
    if text == "*":
        return None
    math = _MATH.fullmatch(text)
    if math and (math[2] or "DAY") in _DELTAS:
        return timezone.now() - timedelta(days=int(math[1] or 0) * _DELTAS[math[2] or "DAY"])
    try:
        moment = datetime.fromisoformat(text)
        if end and len(text) == _DATE_LENGTH:
            moment += timedelta(days=1, microseconds=-1)
    except (ValueError, OverflowError) as error:
        raise unsearchable(f"“{text[:40]}”不是时间。请写成 2026-11-30T00:00:00Z 或 *。") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
