"""Actions that ask for the rows of a file (CKAN's DataStore, reading only).

Rows come from the open zone under the same limits as the portal's own interface, masked as they were released. Their
``_id`` is the place in the release: the same in every answer until the next release. What CKAN would only estimate is
counted, so ``total_estimation_threshold`` changes nothing.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chengshu.data.opening.reading import MAX_LIMIT, ROW, Condition, OpenTable, Question
from chengshu.kernel.errors import InvalidInput
from chengshu.portals.opendata.ckan import shapes
from chengshu.portals.opendata.ckan.catalogue import Action, named_file
from chengshu.portals.opendata.ckan.errors import invalid, not_found, refused
from chengshu.portals.opendata.ckan.parameters import Parameters
from chengshu.portals.opendata.ckan.shapes import Shape, Site

DEFAULT_ROWS = 100
_MOST_OFFSET = 10**9


def datastore_search(site: Site, given: Parameters) -> Shape:
    """Rows of a file that match ``filters`` and ``q``, in order, by pages of at most 1,000."""
    identifier = given.required("resource_id", "id")
    table, columns = _table(site, identifier)
    form = given.text("records_format", "objects")
    if form not in {"objects", "lists"}:
        raise invalid(records_format="可用 objects 和 lists。")
    distinct = given.flag("distinct")
    question = Question(
        conditions=_conditions(table, given), words=_words(given), sort=_sort(given.text("sort")),
        fields=given.names("fields"), limit=given.number("limit", DEFAULT_ROWS, most=MAX_LIMIT),
        offset=given.number("offset", 0, most=_MOST_OFFSET), numbered=not distinct, distinct=distinct,
    )  # fmt: skip
    answer = table.ask(question)
    row = [] if distinct else [ROW]
    columns[ROW] = shapes.ROW_COLUMN
    shown = list(dict.fromkeys(question.fields)) or [*row, *table.types]
    told: Shape = {
        "resource_id": identifier, "include_total": given.flag("include_total", default=True),
        "records_format": form, "limit": question.limit, "offset": question.offset,
        "fields": [shapes.datastore_field(columns[name]) for name in shown],
        "records": answer.rows if form == "objects" else [list(row.values()) for row in answer.rows],
        "_links": _links(given, identifier, question),
    }  # fmt: skip
    told |= {name: given.raw(name) for name in ("q", "filters", "sort") if name in given}
    if told["include_total"]:
        told |= {"total": answer.total, "total_was_estimated": False}
    return told


def datastore_info(site: Site, given: Parameters) -> Shape:
    """Fields and number of rows of a file."""
    table, columns = _table(site, given.required("id", "resource_id"))
    return {
        "meta": {"count": table.rows, "table_type": "BASE TABLE"},
        "fields": [shapes.datastore_field(column) for column in columns.values()],
    }


def datastore_search_sql(_site: Site, _given: Parameters) -> Shape:
    """Not offered: free SQL is answered for nobody."""
    raise refused(
        "不提供 SQL 查询。请用 datastore_search 的 filters、q、sort、distinct，或下载文件。"
    )


def _table(site: Site, identifier: str) -> tuple[OpenTable, dict[str, Shape]]:
    dataset, shape = named_file(site, identifier)
    if not shape["datastore_active"]:
        raise not_found("这个文件不能按行查询。请用 datastore_active 为 true 的那个。")
    assert dataset.current is not None
    columns = {column["name"]: column for column in dataset.current.columns}
    return OpenTable.of_release(dataset.current), columns


def _conditions(table: OpenTable, given: Parameters) -> list[Condition]:
    found = []
    try:
        for name, value in given.mapping("filters").items():
            values = value if isinstance(value, list) else [value]
            found.append(table.among(name, [_text(part) for part in values]))
    except InvalidInput as error:
        raise invalid(filters=error.detail) from error
    try:
        for name, value in _by_field(given).items():
            exact = table.types.get(name, "text") != "text"
            found.append(table.condition(name if exact else f"{name}__contains", _text(value)))
    except InvalidInput as error:
        raise invalid(q=error.detail) from error
    return found


def _by_field(given: Parameters) -> Mapping[str, Any]:
    value = given.raw("q")
    one_per_field = isinstance(value, dict) or (
        isinstance(value, str) and value.lstrip().startswith("{")
    )
    return given.mapping("q") if one_per_field else {}


def _words(given: Parameters) -> str:
    return "" if _by_field(given) else given.text("q")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, dict | list):
        raise InvalidInput("筛选的值应为文字、数字、是否，或它们的列表。")
    return str(value)


def _sort(text: str) -> str:
    """``a asc, b desc`` as the open table reads it."""
    found: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, direction = part.partition(" ")
        direction = direction.strip().lower().removesuffix("nulls last").strip()
        if direction not in {"", "asc", "desc"}:
            raise invalid(sort="请写成“字段 asc”或“字段 desc”，多个用逗号隔开。")
        name = name.strip('"')
        if name == ROW and direction != "desc" and not found:
            return ""  # the order the release is read in anyway
        found.append(f"-{name}" if direction == "desc" else name)
    return ",".join(found)


def _links(given: Parameters, identifier: str, question: Question) -> Shape:
    def link(offset: int) -> str:
        told = {
            name: given.text(name)
            for name in ("q", "sort", "filters", "fields")
            if isinstance(given.raw(name), str)
        }
        asked = {"resource_id": identifier, **told, "limit": question.limit}
        return f"/api/3/action/datastore_search?{urlencode(asked | ({'offset': offset} if offset else {}))}"

    return {"start": link(0), "next": link(question.offset + question.limit)}


ACTIONS: dict[str, Action] = {
    action.__name__: action for action in (datastore_search, datastore_info, datastore_search_sql)
}
