"""List pages as data: a queryset, columns, filters. Search, sort, paging and export come with it.

A list page costs two queries, whatever the number of rows: one page by keyset, one capped count.

    class EntryList(TableView[Entry]):
        title = "数据目录"
        columns = (Column(key="name", title="名称", kind="main", sort="name", locked=True), …)
        filters = (Filter(key="state", title="状态", choices=EntryState.choices),)
        search_fields = ("name", "code")

        def get_queryset(self) -> QuerySet[Entry]:
            return selectors.entries(actor=self.request.actor).select_related("provider")
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, Generic
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views import View

from chengshu.kernel.errors import NotAllowed
from chengshu.kernel.ui import export, keyset
from chengshu.kernel.ui.components.display import Action, Crumb, EmptyState
from chengshu.kernel.ui.components.table import (
    BulkAction,
    Chip,
    Column,
    Filter,
    FilterState,
    Header,
    Pager,
    Row,
    Table,
)
from chengshu.kernel.ui.keyset import M

PREFERENCE_SECONDS = 365 * 86_400
EXPORT_CHUNK = 2_000
EXPORT_FORMATS = {"csv": "导出 CSV", "xlsx": "导出 Excel"}


class TableView(View, Generic[M]):
    """A list page.

    Attributes:
        title, subtitle, crumbs, actions: the page head.
        key: name in cookies and element ids; unique per list.
        default_sort: key of a sortable column, ``-`` in front for descending; empty: newest key first.
        count_limit: totals above it read "超过 …".
        export_name: file name of exports; empty: no export. Override :meth:`before_export` to audit.
    """

    title: ClassVar[str] = ""
    subtitle: ClassVar[str] = ""
    key: ClassVar[str] = "list"
    template_name: ClassVar[str] = "ui/list.html"
    results_template: ClassVar[str] = "ui/table/results.html"
    columns: ClassVar[Sequence[Column]] = ()
    filters: ClassVar[Sequence[Filter]] = ()
    search_fields: ClassVar[Sequence[str]] = ()
    search_hint: ClassVar[str] = "搜索"
    default_sort: ClassVar[str] = ""
    page_size: ClassVar[int] = 50
    count_limit: ClassVar[int] = 100_000
    empty: ClassVar[EmptyState] = EmptyState(title="这里还没有记录")
    export_name: ClassVar[str] = ""

    def get_queryset(self) -> QuerySet[M]:
        """Return the rows the actor may see, related objects selected."""
        raise TypeError(f"{type(self).__name__} must define get_queryset()")

    def get_crumbs(self) -> Sequence[Crumb]:
        """Return the breadcrumb."""
        return ()

    def get_actions(self) -> Sequence[Action]:
        """Return the buttons of the page head."""
        return ()

    def get_filters(self) -> Sequence[Filter]:
        """Return the filters; override it where the choices depend on who asks."""
        return self.filters

    def get_bulk_actions(self) -> Sequence[BulkAction]:
        """Return what can be done with selected rows; none: no check boxes."""
        return ()

    def get_context(self) -> dict[str, Any]:
        """Return extra template context."""
        return {}

    def get_results_context(self) -> dict[str, Any]:
        """Return extra context of the results alone; the page gets it too (for ``results_template``)."""
        return {}

    def before_export(self, *, file_format: str, rows: int) -> str:
        """Audit an export before its first byte; return the watermark line (empty: none)."""
        del file_format, rows
        return ""

    def search(self, queryset: QuerySet[M], words: str) -> QuerySet[M]:
        """Narrow to rows in which every word occurs in one of ``search_fields``."""
        for word in words.split():
            condition = Q()
            for path in self.search_fields:
                condition |= Q(**{f"{path}__icontains": word})
            queryset = queryset.filter(condition)
        return queryset

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer with the page, with its results only (htmx), or with a file."""
        del args, kwargs
        file_format = request.GET.get("export", "")
        if file_format in EXPORT_FORMATS:
            return self._export(file_format)
        table = self.table
        if self._wants_results:
            response = render(
                request, self.results_template, {"table": table, **self.get_results_context()}
            )
        else:
            context = {
                "title": self.title,
                "subtitle": self.subtitle,
                "crumbs": self.get_crumbs(),
                "actions": self.get_actions(),
                "table": table,
                **self.get_results_context(),
                **self.get_context(),
            }
            response = render(request, self.template_name, context)
        patch_vary_headers(response, ["HX-Request", "HX-Target", "Cookie"])
        self._remember(response)
        return response

    @cached_property
    def table(self) -> Table:
        """The table as asked for."""
        narrowed = self._narrowed()
        cursor = keyset.decode(self.request.GET.get("cursor", ""))
        page = keyset.cut(narrowed, order=self._order, size=self.page_size, cursor=cursor)
        columns = [column for column, shown in self._columns if shown]
        return Table(
            key=self.key,
            caption=self.title,
            headers=[self._header(column) for column in columns],
            rows=[Row(str(r.pk), [column.cell(r) for column in columns]) for r in page.rows],
            empty=self._empty,
            pager=self._pager(page, narrowed),
            url=self.request.path,
            sort="" if self._sort == self.default_sort else self._sort,
            search=self._words,
            search_hint=self.search_hint if self.search_fields else "",
            filters=self._filters,
            chips=self._chips(),
            clear_url=self._url(q="", cursor="", **{s.filter.key: "" for s in self._filters}),
            query=self._url().partition("?")[2],
            columns=self._columns,
            bulk=self.get_bulk_actions(),
            exports=self._exports(),
            compact=self._density == "compact",
        )

    # what was asked for

    @cached_property
    def _words(self) -> str:
        return self.request.GET.get("q", "").strip() if self.search_fields else ""

    @cached_property
    def _filters(self) -> list[FilterState]:
        states = []
        for item in self.get_filters():
            options = item.options()
            value = self.request.GET.get(item.key, "")
            states.append(FilterState(item, options, value if value in dict(options) else ""))
        return states

    @cached_property
    def _sort(self) -> str:
        asked = self.request.GET.get("sort", "")
        sortable = {column.key for column in self.columns if column.sort}
        return asked if asked.lstrip("-") in sortable else self.default_sort

    @property
    def _order(self) -> str:
        key = self._sort.lstrip("-")
        path = next((c.sort for c in self.columns if c.key == key and c.sort), "")
        if not path:
            return "-pk"
        return f"-{path}" if self._sort.startswith("-") else path

    @cached_property
    def _columns(self) -> list[tuple[Column, bool]]:
        cookie = self.request.COOKIES.get(f"cs_cols_{self.key}", "")
        chosen = set(cookie.split(".")) if cookie else None
        if "choose" in self.request.GET:
            chosen = set(self.request.GET.getlist("cols"))
        return [
            (column, column.locked or (column.key in chosen if chosen else not column.hidden))
            for column in self.columns
        ]

    @cached_property
    def _density(self) -> str:
        if "choose" in self.request.GET:
            return "compact" if self.request.GET.get("density") == "compact" else "normal"
        return self.request.COOKIES.get("cs_density", "normal")

    @property
    def _wants_results(self) -> bool:
        headers = self.request.headers
        return (
            headers.get("HX-Target") == f"{self.key}-results"
            and "HX-History-Restore-Request" not in headers
        )

    # what comes out

    def _narrowed(self) -> QuerySet[M]:
        queryset = self.get_queryset()
        for state in self._filters:
            if not state.value:
                continue
            if state.filter.apply:
                queryset = state.filter.apply(queryset, state.value)
            else:
                lookup = state.filter.lookup or state.filter.key
                queryset = queryset.filter(**{lookup: state.value})
        return self.search(queryset, self._words) if self._words else queryset

    def _url(self, **changes: str) -> str:
        kept = {"q": self._words, "sort": "" if self._sort == self.default_sort else self._sort}
        kept |= {state.filter.key: state.value for state in self._filters}
        query = {key: value for key, value in (kept | changes).items() if value}
        return f"{self.request.path}?{urlencode(query)}" if query else self.request.path

    def _header(self, column: Column) -> Header:
        if not column.sort:
            return Header(column)
        if self._sort == column.key:
            return Header(column, self._url(sort=f"-{column.key}"), "ascending")
        order = "descending" if self._sort == f"-{column.key}" else ""
        return Header(column, self._url(sort=column.key), "descending" if order else "")

    def _pager(self, page: keyset.Page[M], narrowed: QuerySet[M]) -> Pager:
        total = narrowed.order_by().values("pk")[: self.count_limit + 1].count()
        return Pager(
            previous_url=self._url(cursor=page.previous.encode()) if page.previous else "",
            next_url=self._url(cursor=page.next.encode()) if page.next else "",
            first_url=self._url() if page.previous else "",
            total=min(total, self.count_limit),
            total_capped=total > self.count_limit,
            page_size=self.page_size,
        )

    def _chips(self) -> list[Chip]:
        chips = [
            Chip(f"{state.filter.title}：{state.word}", self._url(**{state.filter.key: ""}))
            for state in self._filters
            if state.value
        ]
        if self._words:
            chips.insert(0, Chip(f"搜索：{self._words}", self._url(q="")))
        return chips

    @property
    def _empty(self) -> EmptyState:
        if self._words or any(state.value for state in self._filters):
            return EmptyState(
                title="没有符合条件的记录",
                text="换一个词，或去掉一部分条件再试。",
                icon="search",
                action=Action(title="清除条件", url=self.request.path),
            )
        return self.empty

    def _exports(self) -> list[tuple[str, str]]:
        if not self.export_name:
            return []
        return [(title, self._url(export=key)) for key, title in EXPORT_FORMATS.items()]

    def _export(self, file_format: str) -> HttpResponseBase:
        if not self.export_name:
            raise NotAllowed("这个列表不提供导出。", kept="没有做任何改动。")
        narrowed = self._narrowed()
        watermark = self.before_export(file_format=file_format, rows=narrowed.count())
        columns = [column for column, shown in self._columns if shown]

        def rows() -> Iterator[list[Any]]:
            for row in narrowed.order_by("pk").iterator(EXPORT_CHUNK):
                cells = [column.cell(row) for column in columns]
                yield [cell.tag.text if cell.tag else cell.value for cell in cells]

        respond = export.csv_response if file_format == "csv" else export.xlsx_response
        return respond(self.export_name, [c.title for c in columns], rows(), watermark)

    def _remember(self, response: HttpResponse) -> None:
        """Keep chosen columns and row height for the next visit."""
        if "choose" not in self.request.GET:
            return
        shown = ".".join(column.key for column, visible in self._columns if visible)
        for name, value in ((f"cs_cols_{self.key}", shown), ("cs_density", self._density)):
            response.set_cookie(
                name, value, max_age=PREFERENCE_SECONDS, samesite="Lax",
                secure=self.request.is_secure(), httponly=True,
            )  # fmt: skip
