"""A REST source against a real HTTP server on loopback: honest paging, and every way of lying about it."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chengshu.data.ingest.sources import Connection, Reason, SourceError, Window, connector
from chengshu.data.ingest.sources.addresses import allowed_address

pytestmark = pytest.mark.service
KIND = connector("rest")
Answer = tuple[int, dict[str, str], Any]
Handle = Callable[[str, dict[str, str], dict[str, str]], Answer]


class Site:
    """Answers as the test says; remembers the queries."""

    def __init__(self) -> None:
        self.handle: Handle = lambda _path, _query, _headers: (200, {}, [])
        self.seen: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {k: v[0] for k, v in parse_qs(parts.query).items()}
                if self.command == "POST":
                    body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                    query |= {k: v[0] for k, v in parse_qs(body).items()}
                site.seen.append((parts.path, query))
                status, headers, body = site.handle(parts.path, query, dict(self.headers))
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", headers.get("Content-Length", str(len(data))))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def to(site: Site, tmp_path: Path) -> Callable[..., Connection]:
    def make(secret: str = "", **options: Any) -> Connection:
        known = {"url": f"{site.url}/persons", "per_minute": 60_000, "timeout": 5}
        return Connection(
            name="接口", options=known | options, secrets={"password": secret}, folder=tmp_path,
            inside=True,
        )  # fmt: skip

    return make


PEOPLE = [{"id": f"{n:03}", "info": {"age": n}} for n in range(1, 8)]


def read(to: Connection, name: str = "/", window: Window | None = None) -> list[str]:
    mapping = {"id": "no", "info.age": "age"}
    batches = KIND.read(to, name, mapping, window=window)
    return [row["no"] for batch in batches for row in batch.rows.to_pylist()]


def expect(to: Connection, reason: Reason, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read(to)
    assert caught.value.reason is reason


def test_numbers_keep_their_digits_and_nested_values_are_columns(
    site: Site, to: Callable[..., Connection]
) -> None:
    body = (
        b'{"data": [{"id": 12345678901234567890123, "fee": 1.50, "info": {"age": 7}, '
        b'"tags": [1, 2.0], "ok": true, "no": null}]}'
    )
    site.handle = lambda _p, _q, _h: (200, {}, body)
    names = ("id", "fee", "info.age", "tags", "ok", "no")
    structure = KIND.structure(to(records="data"), "/")
    assert tuple(c.name for c in structure.columns) == names
    [batch] = KIND.read(to(records="data"), "/", {n: n for n in names})
    assert batch.rows.to_pylist() == [
        {"__row": 1, "id": "12345678901234567890123", "fee": "1.50", "info.age": "7",
         "tags": "[1,2.0]", "ok": "true", "no": None}
    ]  # fmt: skip


def paged(query: dict[str, str], size: int = 3) -> list[dict[str, Any]]:
    start = (int(query["page"]) - 1) * size
    return PEOPLE[start : start + size]


def test_every_style_of_paging_gets_all_rows_once(
    site: Site, to: Callable[..., Connection]
) -> None:
    everybody = [p["id"] for p in PEOPLE]

    site.handle = lambda _p, q, _h: (200, {}, {"rows": paged(q), "total": 7})
    assert (
        read(
            to(
                paging="page",
                page_param="page",
                size_param="size",
                page_size=3,
                records="rows",
                total_path="total",
            )
        )
        == everybody
    )

    def offset(_path: str, query: dict[str, str], _headers: dict[str, str]) -> Answer:
        start = int(query["skip"])
        return 200, {}, PEOPLE[start : start + int(query["take"])]

    site.handle = offset
    assert read(to(paging="offset", page_param="skip", size_param="take", page_size=2)) == everybody

    def cursor(_path: str, query: dict[str, str], _headers: dict[str, str]) -> Answer:
        start = int(query.get("after", 0))
        following = start + 3 if start + 3 < 7 else None
        return 200, {}, {"rows": PEOPLE[start : start + 3], "page": {"next": following}}

    site.handle = cursor
    assert (
        read(to(paging="cursor", page_param="after", next_path="page.next", records="rows"))
        == everybody
    )

    def link(_path: str, query: dict[str, str], _headers: dict[str, str]) -> Answer:
        page = int(query.get("page", 1))
        headers = {"Link": f'</persons?page={page + 1}>; rel="next"'} if page < 3 else {}
        return 200, headers, paged({"page": str(page)})

    site.handle = link
    assert read(to(paging="link")) == everybody

    def following(_path: str, query: dict[str, str], _headers: dict[str, str]) -> Answer:
        page = int(query.get("page", 1))
        target = f"{site.url}/persons?page={page + 1}" if page < 3 else None
        return 200, {}, {"rows": paged({"page": str(page)}), "next": target}

    site.handle = following
    assert read(to(paging="next", next_path="next", records="rows")) == everybody


def test_a_source_that_ignores_paging_is_caught_by_its_repeated_page(
    site: Site, to: Callable[..., Connection]
) -> None:
    site.handle = lambda _p, _q, _h: (200, {}, PEOPLE[:3])
    expect(to(paging="page", size_param="size", page_size=3), Reason.LYING_PAGES, "一模一样")


def test_a_cursor_that_goes_round_is_caught(site: Site, to: Callable[..., Connection]) -> None:
    turn = iter(range(1000))
    site.handle = lambda _p, _q, _h: (
        200,
        {},
        {"rows": [{"id": str(next(turn)), "info": {"age": 1}}], "next": "same"},
    )
    expect(
        to(paging="cursor", page_param="c", next_path="next", records="rows"),
        Reason.LYING_PAGES,
        "绕回",
    )


@pytest.mark.parametrize(
    ("told", "words"), [(9, "说共有 9 条，只给了 7 条"), (5, "已有 6 条"), ("many", "没有总数")]
)
def test_a_total_that_disagrees_is_caught(
    site: Site, to: Callable[..., Connection], told: Any, words: str
) -> None:
    site.handle = lambda _p, q, _h: (200, {}, {"rows": paged(q), "total": told})
    options = {
        "paging": "page",
        "size_param": "size",
        "page_size": 3,
        "records": "rows",
        "total_path": "total",
    }
    expect(to(**options), Reason.LYING_PAGES, words)


def test_a_total_that_moves_means_the_data_moves(site: Site, to: Callable[..., Connection]) -> None:
    site.handle = lambda _p, q, _h: (200, {}, {"rows": paged(q), "total": 6 + int(q["page"])})
    expect(to(paging="page", records="rows", total_path="total"), Reason.CHANGED, "正在变动")


def test_a_page_larger_than_asked_for_is_caught(site: Site, to: Callable[..., Connection]) -> None:
    site.handle = lambda _p, _q, _h: (200, {}, PEOPLE)
    expect(
        to(paging="page", size_param="size", page_size=3), Reason.LYING_PAGES, "要 3 条，来了 7 条"
    )


def test_endless_paging_ends(site: Site, to: Callable[..., Connection]) -> None:
    site.handle = lambda _p, q, _h: (200, {}, [{"id": q["page"], "info": {"age": 1}}])
    expect(to(paging="page", max_pages=5), Reason.LYING_PAGES, "读了 5 页还没有完")


def test_a_next_page_on_another_host_is_not_followed(
    site: Site, to: Callable[..., Connection]
) -> None:
    site.handle = lambda _p, _q, _h: (
        200,
        {},
        {"rows": PEOPLE[:1], "next": "http://169.254.169.254/latest"},
    )
    expect(to(paging="next", records="rows"), Reason.FORBIDDEN_ADDRESS, "另一台主机")
    assert len(site.seen) == 1


def test_a_redirect_is_not_followed(site: Site, to: Callable[..., Connection]) -> None:
    site.handle = lambda _p, _q, _h: (302, {"Location": "http://169.254.169.254/"}, {})
    expect(to(), Reason.FORBIDDEN_ADDRESS, "没有跟过去")


def test_forms_of_signing_in(site: Site, to: Callable[..., Connection]) -> None:
    wanted: dict[str, str] = {}

    def guarded(path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if path == "/token":
            good = query["grant_type"] == "client_credentials" and headers[
                "Authorization"
            ].startswith("Basic ")
            return (200, {}, {"access_token": "t1"}) if good else (401, {}, {})
        known = all(headers.get(k) == v for k, v in wanted.items())
        return (200, {}, PEOPLE) if known else (401, {}, {})

    site.handle = guarded
    cases = [
        ({"auth": "bearer"}, {"Authorization": "Bearer s3cret"}),
        ({"auth": "basic", "user": "u"}, {"Authorization": "Basic dTpzM2NyZXQ="}),
        ({"auth": "header", "header": "X-Key"}, {"X-Key": "s3cret"}),
        (
            {"auth": "oauth2", "user": "c", "token_url": f"{site.url}/token"},
            {"Authorization": "Bearer t1"},
        ),
    ]
    for options, headers in cases:
        wanted.clear()
        wanted.update(headers)
        assert len(read(to("s3cret", **options))) == 7
    with pytest.raises(SourceError, match="不认这个密码") as caught:
        read(to("wrong", auth="bearer"))
    assert caught.value.reason is Reason.WRONG_PASSWORD
    assert "wrong" not in str(caught.value)


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


class Authority:
    """Gives tokens that are good for so many pages; wants the client named in one of the two ways."""

    def __init__(self, way: str, pages: int) -> None:
        self.way, self.pages, self.given, self.left = way, pages, 0, 0

    def handle(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        said = headers.get("Authorization", "")
        if path == "/token":
            named = (
                query.get("client_id") == "sb/系统" and query.get("client_secret") == "s:3+cret"
                if self.way == "post"
                else said == basic("sb%2F%E7%B3%BB%E7%BB%9F", "s%3A3%2Bcret")
            )
            if not named or ("client_secret" in query) is not (self.way == "post"):
                return 401, {}, {"error": "invalid_client"}
            self.given, self.left = self.given + 1, self.pages
            return 200, {}, {"access_token": f"t{self.given}", "token_type": "Bearer"}
        if said != f"Bearer t{self.given}" or not self.left:
            return 401, {}, {"error": "invalid_token"}
        self.left -= 1
        page = int(query.get("page", "1"))
        return 200, {}, PEOPLE[(page - 1) * 2 : page * 2]


@pytest.mark.parametrize("way", ["basic", "post"])
def test_a_token_that_runs_out_half_way_is_renewed_and_no_page_is_lost(
    site: Site, to: Callable[..., Connection], way: str
) -> None:
    authority = Authority(way, pages=2)
    site.handle = authority.handle
    options = {
        "auth": "oauth2", "user": "sb/系统", "token_url": f"{site.url}/token", "token_auth": way,
        "paging": "page", "page_param": "page", "size_param": "size", "page_size": 2,
    }  # fmt: skip
    assert read(to("s:3+cret", **options)) == [p["id"] for p in PEOPLE]
    assert authority.given == 2
    wrong = {**options, "token_auth": "post" if way == "basic" else "basic"}
    with pytest.raises(SourceError, match="取令牌") as caught:
        read(to("s:3+cret", **wrong))
    assert caught.value.reason is Reason.WRONG_PASSWORD


def test_a_new_token_that_is_refused_as_well_is_a_refusal_after_one_try(
    site: Site, to: Callable[..., Connection]
) -> None:
    authority = Authority("basic", pages=0)
    site.handle = authority.handle
    options = {"auth": "oauth2", "user": "sb/系统", "token_url": f"{site.url}/token"}
    with pytest.raises(SourceError, match="不认这个密码或令牌"):
        read(to("s:3+cret", **options))
    assert authority.given == 2


def test_a_busy_source_is_asked_again_when_it_says(
    site: Site, to: Callable[..., Connection]
) -> None:
    answers = iter([(429, {"Retry-After": "1"}, {}), (503, {}, {}), (200, {}, PEOPLE)])
    site.handle = lambda _p, _q, _h: next(answers)
    begun = time.monotonic()
    assert len(read(to())) == 7
    assert time.monotonic() - begun >= 1


def test_a_connection_lost_half_way_is_tried_again_then_said(
    site: Site, to: Callable[..., Connection]
) -> None:
    site.handle = lambda _p, _q, _h: (
        200,
        {"Content-Length": "100000", "Connection": "close"},
        b'[{"id": "1"',
    )
    expect(to(), Reason.LOST, "连接断了")
    assert len(site.seen) == 5


def test_what_is_no_json_or_no_list_is_said(site: Site, to: Callable[..., Connection]) -> None:
    site.handle = lambda _p, _q, _h: (200, {}, b"<html>sign in</html>")
    expect(to(), Reason.BAD_ANSWER, "登录页")
    site.handle = lambda _p, _q, _h: (200, {}, {"code": 1, "message": "bad"})
    expect(to(records="data"), Reason.BAD_ANSWER, "code、message")
    site.handle = lambda _p, _q, _h: (404, {}, {})
    expect(to(), Reason.NO_OBJECT, "不存在")


def test_a_field_that_vanished_is_named(site: Site, to: Callable[..., Connection]) -> None:
    site.handle = lambda _p, _q, _h: (200, {}, [{"id": "1"}])
    expect(to(), Reason.NO_COLUMN, "“info.age”")


def test_windows_become_parameters_and_endpoints_their_paths(
    site: Site, to: Callable[..., Connection]
) -> None:
    site.handle = lambda _p, _q, _h: (200, {}, PEOPLE)
    source = to(endpoints="/a\n/b/c", since_param="from", until_param="to", url=f"{site.url}/v1/")
    read(source, "/b/c", Window(column="-", since="2026-01-01", until="2026-02-01"))
    assert site.seen == [("/v1/b/c", {"from": "2026-01-01", "to": "2026-02-01"})]
    with pytest.raises(SourceError, match="没有登记子地址"):
        read(source, "/c")
    with pytest.raises(SourceError, match="按时间段"):
        read(to(), "/", Window(column="-", since="2026"))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "169.254.169.254",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "100.100.100.200",
    ],
)
def test_addresses_of_ourselves_and_of_metadata_are_refused(host: str) -> None:
    with pytest.raises(SourceError) as caught:
        allowed_address(host, inside=False)
    assert caught.value.reason is Reason.FORBIDDEN_ADDRESS
    if host.startswith(("169", "100", "0.")):
        with pytest.raises(SourceError):
            allowed_address(host, inside=True)


def test_loopback_is_not_called_unless_allowed(site: Site, tmp_path: Path) -> None:
    to = Connection(name="x", options={"url": site.url}, folder=tmp_path)
    expect(to, Reason.FORBIDDEN_ADDRESS, "不允许访问")
    assert site.seen == []
