"""The preview of a dataset: what the visitor asked for, answered from the open zone, with links to ask for more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from chengshu.data.opening.models import DatasetRelease
from chengshu.data.opening.reading import MAX_VALUE, OpenTable, Question
from chengshu.kernel.errors import ChengshuError

PAGE_SIZE = 15
MAX_PAGES = 200
SELECTS = 4
# Own names, so that a field called "sort" or "page" cannot collide.
WORDS, SORT, PAGE, FIELD = "q", "sort", "page", "f."
_SHORT = 80


@dataclass(frozen=True, slots=True)
class Select:
    """A filter over a field with few values."""

    name: str
    title: str
    options: list[tuple[str, str, int]]
    value: str


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head with the address that sorts by it; ``masked`` says how its values were masked."""

    name: str
    title: str
    kind: str
    url: str
    order: str
    masked: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as shown; ``hint`` holds what was shortened or the code behind a word."""

    text: str
    title: str
    kind: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """One page of rows with everything to go on."""

    heads: list[Head]
    rows: list[list[Cell]]
    selects: list[Select]
    words: str
    sort: str
    total: int
    number: int
    previous_url: str
    next_url: str
    clear_url: str
    narrowed: bool
    capped: bool
    problem: str = ""


def preview(request: HttpRequest, release: DatasetRelease) -> Preview:
    """Answer the request's question about a release; a question that cannot be answered is told, not raised."""
    asked = {
        key: str(value)
        for key, value in request.GET.items()
        if value and (key in {WORDS, SORT} or key.startswith(FIELD))
    }
    number = _number(request.GET.get(PAGE, ""))
    table = OpenTable.of_release(release)
    problem, rows, total = "", [], 0
    try:
        conditions = [
            table.condition(key.removeprefix(FIELD), value)
            for key, value in asked.items()
            if key.startswith(FIELD)
        ]
        answer = table.ask(
            Question(
                conditions=conditions, words=asked.get(WORDS, "")[:MAX_VALUE],
                sort=asked.get(SORT, ""), limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE,
            )
        )  # fmt: skip
        rows, total = answer.rows, answer.total
    except ChengshuError as error:
        problem = error.detail
    more = number * PAGE_SIZE < total

    def url(**changes: str) -> str:
        query = {key: value for key, value in (asked | changes).items() if value}
        return f"?{urlencode(query)}#preview"

    return Preview(
        heads=[_head(column, asked.get(SORT, ""), url) for column in release.columns],
        rows=[[_cell(column, row[column["name"]]) for column in release.columns] for row in rows],
        selects=_selects(release, asked),
        words=asked.get(WORDS, ""), sort=asked.get(SORT, ""), total=total, number=number,
        previous_url=url(page=str(number - 1)) if number > 1 else "",
        next_url=url(page=str(number + 1)) if more and number < MAX_PAGES else "",
        clear_url=f"{request.path}#preview",
        narrowed=any(key != SORT for key in asked),
        capped=more and number >= MAX_PAGES, problem=problem,
    )  # fmt: skip


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PAGES)):
        return min(max(1, int(text)), MAX_PAGES)
    return 1


def _head(column: Mapping[str, Any], sort: str, url: Any) -> Head:
    name = column["name"]
    order = "ascending" if sort == name else "descending" if sort == f"-{name}" else ""
    following = {"ascending": f"-{name}", "descending": ""}.get(order, name)
    masked = column.get("mask_name", "")
    return Head(name, column["title"], column["type"], url(sort=following), order, masked)


def _cell(column: Mapping[str, Any], value: Any) -> Cell:
    kind = column["type"]
    if value is None:
        return Cell("—", column["title"], kind)
    if isinstance(value, bool):
        return Cell("是" if value else "否", column["title"], kind)
    text = str(value)
    if kind == "datetime":
        return Cell(text[:16].replace("T", " "), column["title"], kind, text)
    word = column.get("codes", {}).get(text)
    if word:
        return Cell(word, column["title"], kind, f"代码 {text}")
    if len(text) > _SHORT:
        return Cell(f"{text[:_SHORT]}…", column["title"], kind, text)
    return Cell(text, column["title"], kind)


def _selects(release: DatasetRelease, asked: Mapping[str, str]) -> list[Select]:
    """The fields that divide the records best into a handful of groups."""
    fields = release.profile.get("fields", {})
    found = [c for c in release.columns if len(fields.get(c["name"], {}).get("values", ())) > 1]
    found.sort(key=lambda c: len(fields[c["name"]]["values"]) > 15)  # noqa: PLR2004 - short lists first
    selects = []
    for column in found[:SELECTS]:
        codes = column.get("codes", {})
        words = {"true": "是", "false": "否"} if column["type"] == "boolean" else codes
        key = f"{FIELD}{column['name']}"
        options = [
            (value, words.get(value, value), count)
            for value, count in fields[column["name"]]["values"]
        ]
        selects.append(Select(key, column["title"], options, asked.get(key, "")))
    return selects
