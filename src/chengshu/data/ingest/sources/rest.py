"""A REST interface that gives JSON records page by page. Why not dlt's REST client: ADR 0008."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any
from urllib.parse import quote_plus, urljoin, urlsplit

import httpx
import pyarrow as pa

from chengshu.data.ingest.reading.json_text import DECODER, at_path, flat
from chengshu.data.ingest.reading.rows import HeaderPlan, RowBatch
from chengshu.data.ingest.sources.addresses import GuardedTransport
from chengshu.data.ingest.sources.base import (
    Connection,
    Connector,
    Field,
    Group,
    SourceColumn,
    SourceObject,
    SourceStructure,
    Window,
)
from chengshu.data.ingest.sources.errors import Reason, SourceError
from chengshu.data.ingest.sources.paging import Call, Pager

_CONNECT_SECONDS = 8
_PAGE_BYTES = 64 * 1024 * 1024
_TRIES = 5
_LONGEST_WAIT = 120.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_LOOK_PAGES = 1
_MOST_COLUMNS = 2_000
_MINUTE = 60.0

_FIELDS = (
    Field(key="url", label="接口地址", maximum=1000, help="https:// 开头的完整地址，可以带固定的查询参数"),
    Field(
        key="endpoints", label="子地址", kind="lines", required=False, maximum=4000,
        help="一行一个，接在接口地址后面，如 /persons；只有一个接口时留空",
    ),
    Field(
        key="auth", label="认证方式", kind="choice", default="none",
        choices=(
            ("none", "不需要"), ("bearer", "令牌（Authorization: Bearer）"), ("basic", "用户名和密码"),
            ("header", "放在请求头里的密钥"), ("oauth2", "OAuth 2.0 客户端凭证"),
        ),
    ),
    Field(key="user", label="用户名或客户端编号", required=False, maximum=200),
    Field(key="password", label="密码、令牌或密钥", required=False, secret=True, help="加密保存，登记后谁也看不到"),
    Field(key="header", label="请求头名称", required=False, maximum=60, help="密钥放在请求头里时填，如 X-Api-Key"),
    Field(key="token_url", label="取令牌的地址", required=False, maximum=1000, help="OAuth 2.0 时填"),
    Field(
        key="token_auth", label="取令牌时怎样出示密钥", kind="choice", default="basic", required=False,
        choices=(("basic", "放在请求头（client_secret_basic）"), ("post", "放在表单里（client_secret_post）")),
        help="OAuth 2.0 时选；标准要求对方支持请求头",
    ),
    Field(key="scope", label="授权范围", required=False, maximum=300),
    Field(key="records", label="记录的位置", required=False, maximum=200, help="如 data.rows；应答本身就是数组时留空"),
    Field(
        key="paging", label="翻页方式", kind="choice", default="none",
        choices=(
            ("none", "不翻页"), ("page", "页码"), ("offset", "起始位置"), ("cursor", "应答里的游标"),
            ("link", "应答头里的 Link"), ("next", "应答里的下一页地址"),
        ),
    ),
    Field(key="page_param", label="翻页参数名", required=False, maximum=60, help="如 page、offset、cursor"),
    Field(key="first_page", label="第一页的页码", required=False, maximum=4, help="通常是 1，有的从 0 开始"),
    Field(key="size_param", label="每页条数的参数名", required=False, maximum=60),
    Field(key="page_size", label="每页条数", kind="number", default=500, required=False, maximum=100_000),
    Field(key="next_path", label="游标或下一页的位置", required=False, maximum=200, help="如 page.next"),
    Field(key="total_path", label="总数的位置", required=False, maximum=200, help="填了就核对：来的条数必须等于它"),
    Field(key="max_pages", label="最多页数", kind="number", default=10_000, required=False, maximum=1_000_000),
    Field(key="since_param", label="起始时间参数名", required=False, maximum=60, help="增量归集时用"),
    Field(key="until_param", label="截止时间参数名", required=False, maximum=60),
    Field(key="per_minute", label="每分钟最多请求", kind="number", default=120, required=False, maximum=60_000),
    Field(key="timeout", label="等待秒数", kind="number", default=30, required=False, maximum=600),
)  # fmt: skip


class RestConnector(Connector):
    """JSON over HTTP; an object is a sub-address, ``/`` being the interface itself."""

    key = "rest"
    name = "REST 接口"
    icon = "api"
    way = "endpoint"
    note = "平台按时去对方的 JSON 接口取数；对方主动推来的，请用“推送令牌”"
    order = 70
    fields = _FIELDS
    windows = True
    secret_name = "密码或令牌"  # noqa: S105 - what people call it
    groups = (
        Group(
            "接口和认证",
            ("url", "endpoints", "auth", "user", "password", "header", "token_url",
             "token_auth", "scope"),
            "保存时会真的调用一次。",
        ),
        Group(
            "记录和翻页",
            ("records", "paging", "page_param", "first_page", "size_param", "page_size", "next_path",
             "total_path", "max_pages"),
            "翻页前后矛盾（重复的页、绕圈、总数不符）时整批不入库。",
        ),
        Group("增量和限速", ("since_param", "until_param", "per_minute", "timeout")),
    )  # fmt: skip

    def check(self, to: Connection) -> str:
        """Fetch the first page of the first endpoint."""
        name = self._names(to)[0]
        _, _, records = next(self._pages(to, name, None))
        return f"REST 接口（第一页 {len(records):,} 条记录）"

    def objects(self, to: Connection) -> list[SourceObject]:
        """The endpoints with the columns of their first page."""
        return [
            SourceObject(name=name, kind="endpoint", columns=self.structure(to, name).columns)
            for name in self._names(to)
        ]

    def structure(self, to: Connection, name: str) -> SourceStructure:
        """The columns of the first page, in the order they appear. JSON declares no types."""
        names: dict[str, None] = {}
        for _, _, records in islice(self._pages(to, name, None), _LOOK_PAGES):
            for record in records:
                names |= dict.fromkeys(flat(_object(to, record)))
        columns = tuple(SourceColumn(name=n, type="json") for n in list(names)[:_MOST_COLUMNS])
        return SourceStructure(name, columns)

    def read(
        self, to: Connection, name: str, mapping: Mapping[str, str], *, window: Window | None = None
    ) -> Iterator[RowBatch]:
        """Page after page; ends without an error only when the pages agree with themselves."""
        names = tuple(mapping.values())
        plan = HeaderPlan(
            positions=tuple(range(len(names))), names=names, headers=tuple(mapping),
            width=len(names),
        )  # fmt: skip
        first, met = 1, set[str]()
        for pager, _, records in self._pages(to, name, window):
            cells = [flat(_object(to, record)) for record in records]
            for one in cells:
                met |= one.keys() & mapping.keys()
            columns = [pa.array([c.get(h) for c in cells], pa.string()) for h in mapping]
            numbers = range(first, first + len(cells))
            first += len(cells)
            share = min(0.99, pager.rows / pager.total) if pager.total else None
            yield RowBatch(plan.batch(numbers, columns), (), share)
        absent = [header for header in mapping if header not in met]
        if first > 1 and absent:
            raise SourceError(
                Reason.NO_COLUMN,
                f"“{to.name}”的记录里没有 {'、'.join(f'“{a}”' for a in absent)}。",
                "请核对对方是否改了接口，再调整对应关系。",
                column=absent[0],
            )

    def count(self, to: Connection, name: str, *, window: Window | None = None) -> int:
        """The total the source tells on its first page; refused when it tells none."""
        if not to.text("total_path"):
            raise self._cannot("计数", to, name, window)
        pager, _, _ = next(self._pages(to, name, window))
        return pager.total or 0

    def summary(self, options: Mapping[str, Any]) -> str:
        """Host and path."""
        parts = urlsplit(str(options.get("url", "")))
        return f"{parts.netloc.rpartition('@')[2]}{parts.path}"

    def _names(self, to: Connection) -> list[str]:
        lines = [line.strip() for line in to.text("endpoints").splitlines()]
        return [line for line in lines if line] or ["/"]

    def _pages(
        self, to: Connection, name: str, window: Window | None
    ) -> Iterator[tuple[Pager, Any, list[Any]]]:
        if name not in self._names(to):
            raise SourceError(
                Reason.NO_OBJECT,
                f"数据源“{to.name}”里没有登记子地址“{name}”。",
                "请在“修改设置”里补上。",
            )
        base = to.text("url")
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SourceError(
                Reason.FORBIDDEN_ADDRESS,
                "接口地址要以 https:// 或 http:// 开头。",
                "请填写完整的地址。",
            )
        url = base if name == "/" else urljoin(base.rstrip("/") + "/", name.lstrip("/"))
        pager = Pager(to, url, _window_query(self, to, name, window))
        with _client(to) as client:
            pace = _Pace(to.number("per_minute", 120))
            call: Call | None = pager.first()
            while call is not None:
                response = _fetch(to, client, pace, call)
                body = _body(to, response)
                records = _records(to, body)
                call = pager.after(call, response, body, records)
                yield pager, body, records


def _window_query(
    kind: Connector, to: Connection, name: str, window: Window | None
) -> dict[str, str]:
    if window is None:
        return {}
    query = {}
    for value, key in ((window.since, "since_param"), (window.until, "until_param")):
        if value is not None:
            if not to.text(key):
                raise kind._cannot("按时间段读取", to, name, window)
            query[to.text(key)] = value
    return query


@contextmanager
def _client(to: Connection) -> Iterator[httpx.Client]:
    timeout = httpx.Timeout(to.number("timeout", 30), connect=_CONNECT_SECONDS)
    # No redirects and no proxies of the environment: both could lead elsewhere.
    with httpx.Client(
        transport=GuardedTransport(inside=to.inside), timeout=timeout, trust_env=False,
        headers={"Accept": "application/json", "User-Agent": "chengshu"},
    ) as client:  # fmt: skip
        kind, secret = to.text("auth") or "none", to.secrets.get("password", "")
        if kind == "basic":
            client.auth = httpx.BasicAuth(to.text("user"), secret)
        elif kind == "bearer":
            client.headers["Authorization"] = f"Bearer {secret}"
        elif kind == "header":
            client.headers[to.text("header") or "X-Api-Key"] = secret
        elif kind == "oauth2":
            client.headers["Authorization"] = f"Bearer {_token(to, client)}"
        yield client


def _token(to: Connection, client: httpx.Client) -> str:
    """A token by the client credentials grant (RFC 6749, 4.4); the client is named as 2.3.1 says."""
    user, secret = to.text("user"), to.secrets.get("password", "")
    form = {"grant_type": "client_credentials"}
    if to.text("scope"):
        form["scope"] = to.text("scope")
    auth: httpx.Auth | None = None
    if to.text("token_auth") == "post":
        form |= {"client_id": user, "client_secret": secret}
    else:
        auth = httpx.BasicAuth(quote_plus(user), quote_plus(secret))
    # The token that is to be replaced must not go along.
    client.headers.pop("Authorization", None)
    with _words(to):
        response = client.post(
            to.text("token_url"), data=form, auth=auth or httpx.USE_CLIENT_DEFAULT
        )
    _refuse(to, response, "取令牌")
    token = at_path(_body(to, response), "access_token")
    if not token:
        raise SourceError(
            Reason.BAD_ANSWER, f"“{to.name}”的令牌应答里没有 access_token。", "请核对取令牌的地址。"
        )
    return str(token)


class _Pace:
    """Keeps requests apart so that a minute holds no more than allowed."""

    def __init__(self, per_minute: int) -> None:
        self._gap, self._next = _MINUTE / max(per_minute, 1), 0.0

    def wait(self) -> None:
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + self._gap


def _fetch(to: Connection, client: httpx.Client, pace: _Pace, call: Call) -> httpx.Response:
    """One page, tried again with growing pauses while the source is only busy."""
    query, renewed = call.query or None, False
    for attempt in range(1, _TRIES + 1):
        pace.wait()
        try:
            with _words(to):
                response = _bounded(to, client, call.url, query)
        except SourceError as error:
            if not error.passing or attempt == _TRIES:
                raise
            time.sleep(min(0.2 * 2**attempt, _LONGEST_WAIT))
            continue
        if response.status_code == httpx.codes.UNAUTHORIZED and not renewed and _renews(to):
            # The token ran out between two pages. A new one that is refused as well is a refusal.
            renewed, client.headers["Authorization"] = True, f"Bearer {_token(to, client)}"
            continue
        if response.status_code not in _PASSING or attempt == _TRIES:
            break
        time.sleep(_pause(response, attempt))
    _refuse(to, response, "读取")
    return response


def _renews(to: Connection) -> bool:
    return to.text("auth") == "oauth2"


def _bounded(
    to: Connection, client: httpx.Client, url: str, query: Mapping[str, str] | None
) -> httpx.Response:
    """The response with its body, unless that is larger than a page may be."""
    # Of the address's own query only what we do not set remains.
    target = httpx.URL(url).copy_merge_params(query) if query else httpx.URL(url)
    with client.stream("GET", target) as response:
        body, size = [], 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > _PAGE_BYTES:
                raise SourceError(
                    Reason.BAD_ANSWER,
                    f"“{to.name}”的一页超过 {_PAGE_BYTES >> 20} MB。",
                    "请调小每页条数。",
                )
            body.append(piece)
        headers = [(k, v) for k, v in response.headers.items() if k != "content-encoding"]
        return httpx.Response(
            response.status_code, headers=headers, content=b"".join(body), request=response.request
        )


def _pause(response: httpx.Response, attempt: int) -> float:
    """Retry-After as seconds or a date; else growing."""
    told = response.headers.get("retry-after", "").strip()
    seconds = 0.2 * 2**attempt
    if told.isdecimal():
        seconds = float(told)
    elif told:
        try:
            seconds = parsedate_to_datetime(told).timestamp() - time.time()
        except ValueError:
            seconds = 0.2 * 2**attempt
    return float(min(max(seconds, 0.0), _LONGEST_WAIT))


def _refuse(to: Connection, response: httpx.Response, doing: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    known = {
        401: (Reason.WRONG_PASSWORD, "对方不认这个密码或令牌", "请在数据源页面更换。"),
        403: (Reason.NO_PERMISSION, "对方不允许这个账号读取", "请对方开通权限或放行平台的地址。"),
        404: (Reason.NO_OBJECT, "接口地址不存在", "请核对接口地址和子地址。"),
        429: (Reason.TOO_BUSY, "对方一直说请求太频繁", "请调小每分钟最多请求，稍后再试。"),
    }
    fallback = (Reason.BAD_ANSWER, f"对方应答 {status}", "请联系对方查看日志。")
    if status in _PASSING and status not in known:
        fallback = (Reason.TOO_BUSY, f"对方连续应答 {status}", "对方系统有故障，请稍后再试。")
    if response.is_redirect:
        fallback = (
            Reason.FORBIDDEN_ADDRESS,
            "对方要求转到别的地址，没有跟过去",
            "请直接填最终的地址。",
        )
    reason, what, advice = known.get(status, fallback)
    raise SourceError(reason, f"{doing}“{to.name}”失败：{what}（{status}）。", advice)


@contextmanager
def _words(to: Connection) -> Iterator[None]:
    """Httpx's failures in our words."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise SourceError(
            Reason.TIMED_OUT, f"“{to.name}”没有在时限内应答。", "请联系对方，或调大等待秒数。"
        ) from error
    except httpx.ConnectError as error:
        raise SourceError(
            Reason.REFUSED, f"连不上“{to.name}”的接口。", "请核对地址、端口和证书，或请对方放行。"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(
            Reason.LOST, f"与“{to.name}”的连接断了。", "已读的部分作废；请稍后重新归集。"
        ) from error


def _body(to: Connection, response: httpx.Response) -> Any:
    try:
        return DECODER.decode(response.content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceError(
            Reason.BAD_ANSWER,
            f"“{to.name}”的应答不是完整的 JSON。",
            "请核对接口地址；可能返回了登录页。",
        ) from error


def _records(to: Connection, body: Any) -> list[Any]:
    path = to.text("records")
    found = at_path(body, path) if path else body
    if not isinstance(found, list):
        place = f"“{path}”处" if path else "应答"
        keys = "、".join(list(body)[:10]) if isinstance(body, dict) else type(body).__name__
        raise SourceError(
            Reason.BAD_ANSWER, f"“{to.name}”的{place}不是记录数组（应答里有：{keys}）。",
            "请核对记录的位置；对方也可能返回了错误信息。",
        )  # fmt: skip
    return found


def _object(to: Connection, record: Any) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        shown = json.dumps(str(record)[:20], ensure_ascii=False)
        raise SourceError(
            Reason.BAD_ANSWER,
            f"“{to.name}”的记录不是键值对（见到 {shown}）。",
            "请核对记录的位置。",
        )
    return record


CONNECTOR = RestConnector()
