"""The pages of a REST source, and the ways a source may lie about them. Nothing counts before the last page agrees."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from chengshu.data.ingest.reading.json_text import at_path, compact
from chengshu.data.ingest.sources.base import Connection
from chengshu.data.ingest.sources.errors import Reason, SourceError

_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request: an absolute address and its query."""

    url: str
    query: Mapping[str, str]


@dataclass(slots=True)
class Pager:
    """Knows the next request of one reading, and refuses what cannot be true.

    Styles: ``none``, ``page`` (page number), ``offset``, ``cursor`` (in the body), ``link`` (Link header),
    ``next`` (address in the body).
    """

    to: Connection
    url: str
    query: dict[str, str]
    _pages: int = 0
    _rows: int = 0
    _total: int | None = None
    _digests: set[bytes] = field(default_factory=set)
    _cursors: set[str] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """Rows that came so far."""
        return self._rows

    @property
    def total(self) -> int | None:
        """Rows the source says there are, None when it does not say."""
        return self._total

    @property
    def style(self) -> str:
        """How the source pages."""
        return self.to.text("paging") or "none"

    @property
    def size(self) -> int:
        """Rows asked for per page."""
        return self.to.number("page_size", 500)

    def first(self) -> Call:
        """The first request."""
        query = dict(self.query)
        if self.style in ("page", "offset", "cursor") and self.to.text("size_param"):
            query[self.to.text("size_param")] = str(self.size)
        if self.style == "page":
            query[self.to.text("page_param") or "page"] = self.to.text("first_page") or "1"
        if self.style == "offset":
            query[self.to.text("page_param") or "offset"] = "0"
        return Call(self.url, query)

    def after(
        self, call: Call, response: httpx.Response, body: Any, records: list[Any]
    ) -> Call | None:
        """The next request, None after the last.

        Raises:
            SourceError: ``LYING_PAGES``, when what the source says of its pages cannot be true.
        """
        self._pages += 1
        self._note(body, records)
        following = self._following(call, response, body, records)
        if following is None:
            self._settle()
            return None
        limit = self.to.number("max_pages", _MOST_PAGES)
        if self._pages >= limit:
            raise self._lie(
                f"读了 {limit:,} 页还没有完", "请核对翻页方式；确有这么多时调大“最多页数”。"
            )
        return following

    def _note(self, body: Any, records: list[Any]) -> None:
        before = self._rows
        self._rows += len(records)
        sized = self.style in ("page", "offset", "cursor") and self.to.text("size_param")
        if sized and len(records) > self.size:
            raise self._lie(
                f"第 {self._pages} 页要 {self.size} 条，来了 {len(records):,} 条",
                "请核对“每页条数”的参数名，或对方是否不理会它。",
            )
        if records:
            digest = hashlib.sha256(compact(records).encode()).digest()
            if digest in self._digests:
                raise self._lie(
                    f"第 {self._pages} 页与前面某一页一模一样",
                    "对方可能不理会翻页参数，请核对参数名。",
                )
            self._digests.add(digest)
        told = self._told_total(body)
        if told is not None:
            if self._total is not None and told != self._total:
                raise SourceError(
                    Reason.CHANGED,
                    f"“{self.to.name}”翻页途中总数从 {self._total:,} 变成 {told:,}，数据正在变动。",
                    "稍后会重新读取；经常发生时请对方提供按时间段或游标的接口。",
                )
            self._total = told
            if self._rows > told:
                raise self._lie(
                    f"说共有 {told:,} 条，读到第 {self._pages} 页已有 {self._rows:,} 条（之前 {before:,} 条）",
                    "请对方核对总数。",
                )

    def _told_total(self, body: Any) -> int | None:
        path = self.to.text("total_path")
        if not path:
            return None
        told = str(at_path(body, path))
        if not told.isdecimal():
            raise self._lie(f"“{path}”处没有总数（见到 {told[:20]}）", "请核对总数的位置。")
        return int(told)

    def _following(
        self, call: Call, response: httpx.Response, body: Any, records: list[Any]
    ) -> Call | None:
        if self.style == "page":
            name = self.to.text("page_param") or "page"
            return self._counted(call, name, int(call.query[name]) + 1, records)
        if self.style == "offset":
            name = self.to.text("page_param") or "offset"
            return self._counted(call, name, self._rows, records)
        if self.style == "cursor":
            return self._by_cursor(call, body)
        if self.style == "link":
            link = response.links.get("next", {}).get("url")
            return self._to(call, link) if link else None
        if self.style == "next":
            link = at_path(body, self.to.text("next_path") or "next")
            return self._to(call, str(link)) if link else None
        return None

    def _counted(self, call: Call, name: str, value: int, records: list[Any]) -> Call | None:
        # With a total the total decides; without, an empty page, or a short one where we set the size.
        if self._total is not None:
            if self._rows >= self._total:
                return None
            if not records:
                raise self._short()
        elif not records or (self.to.text("size_param") and len(records) < self.size):
            return None
        return Call(call.url, {**call.query, name: str(value)})

    def _by_cursor(self, call: Call, body: Any) -> Call | None:
        cursor = at_path(body, self.to.text("next_path") or "next_cursor")
        if cursor in (None, "", False):
            return None
        text = str(cursor)
        if text in self._cursors:
            raise self._lie("翻页游标绕回了已经读过的位置", "请对方修正接口的翻页。")
        self._cursors.add(text)
        return Call(call.url, {**call.query, self.to.text("page_param") or "cursor": text})

    def _to(self, call: Call, link: str) -> Call:
        target = urljoin(call.url, link)
        here, there = urlsplit(self.url), urlsplit(target)
        if (here.scheme, here.hostname, here.port) != (there.scheme, there.hostname, there.port):
            raise SourceError(
                Reason.FORBIDDEN_ADDRESS,
                f"“{self.to.name}”的下一页指向另一台主机“{there.hostname}”，没有跟过去。",
                "请对方修正下一页的地址，或按那台主机另登记一个数据源。",
            )
        if target in self._cursors:
            raise self._lie("下一页的地址绕回了已经读过的一页", "请对方修正接口的翻页。")
        self._cursors.add(target)
        return Call(target, {})

    def _settle(self) -> None:
        if self._total is not None and self._rows != self._total:
            raise self._short()

    def _short(self) -> SourceError:
        return self._lie(f"说共有 {self._total:,} 条，只给了 {self._rows:,} 条", "请对方核对接口。")

    def _lie(self, what: str, advice: str) -> SourceError:
        return SourceError(Reason.LYING_PAGES, f"“{self.to.name}”的翻页自相矛盾：{what}。", advice)
