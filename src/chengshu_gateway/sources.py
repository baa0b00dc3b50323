"""How a department's interface is called: address, parameters, where its answer holds the records."""

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from chengshu_gateway import cursors

MAX_PARAMETERS = 20
MAX_RECORDS = 500
MAX_BYTES = 4 << 20
MAX_TIMEOUT = 20.0
MAX_ATTEMPTS = 3
MAX_CACHE = 3600
_SHORTEST = 0.5
_LEAST_BYTES = 1024
_LONGEST_PARAMETER = 1000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}")
_PLACE = re.compile(r"\{([^{}]*)\}")
_PATH = re.compile(r"[^\s.]+(\.[^\s.]+)*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")

Place = Literal["query", "path", "body"]


class SourceError(ValueError):
    """A source that cannot be accepted; the text says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter of a request; `place` is where the department's interface takes it."""

    name: str
    title: str = ""
    required: bool = True
    place: Place = "query"
    length: int = 100


@dataclass(frozen=True, slots=True)
class Source:
    """A department's interface.

    `url` may hold `{parameter}` in its path; `fields` maps a column to the dotted path of its value in
    a record; `rows_at` is the dotted path of the record or the list of records in the answer (empty:
    the answer itself). `success_at`/`success_is` say which value tells success where the status does
    not. `headers` are the sealed credentials. `timeout` is in seconds, retries included; `attempts`
    above one and `cache_seconds` need `idempotent`. `networks` are what the administrator allows
    besides public addresses.
    """

    url: str
    method: str = "GET"
    parameters: tuple[Parameter, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)
    rows_at: str = ""
    success_at: str = ""
    success_is: tuple[str, ...] = ()
    headers: str = field(default="", repr=False)
    timeout: float = 5.0
    attempts: int = 1
    idempotent: bool = True
    cache_seconds: int = 0
    most: int = 100
    max_bytes: int = 1 << 20
    absent_404: bool = False
    networks: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Source":
        """Rebuild a source from its JSON form."""
        return cls(
            **{
                **document,
                "parameters": tuple(Parameter(**each) for each in document["parameters"]),
                "success_is": tuple(document["success_is"]),
                "networks": tuple(document["networks"]),
            }
        )

    @property
    def fingerprint(self) -> str:
        """The same for the same source: what was learnt about one is not held against its successor."""
        content = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def seal_headers(key: bytes, interface: str, headers: dict[str, str]) -> str:
    """Return credentials sealed for one interface; `key` is `GatewayKeys.source`."""
    return cursors.seal(key, _context(interface), [headers]) if headers else ""


def open_headers(key: bytes, interface: str, sealed: str) -> dict[str, str]:
    """Return what `seal_headers` took; raises SourceError when it was sealed for something else."""
    if not sealed:
        return {}
    try:
        [headers] = cursors.open_sealed(key, _context(interface), sealed)
    except cursors.CursorError as error:
        raise SourceError("来源接口的认证信息解不开，请重新发布。") from error
    return dict(headers)


def _context(interface: str) -> bytes:
    return b"source\0" + interface.encode()


def check(source: Source, columns: set[str]) -> None:
    """Raise SourceError unless the gateway can call the source for these columns."""
    for problem in _problems(source, columns):
        raise SourceError(problem)


def check_headers(headers: dict[str, str]) -> None:
    """Raise SourceError unless these can be sent as headers."""
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
            raise SourceError("认证请求头的名称或内容不合规：只能用可见的 ASCII 字符。")
        if name.lower() in {"host", "content-length", "transfer-encoding", "connection"}:
            raise SourceError(f"请求头 {name} 由网关自己填写，不能作认证。")


def _problems(source: Source, columns: set[str]) -> Iterator[str]:
    yield from _address_problems(source)
    yield from _parameter_problems(source)
    if not source.fields or not set(source.fields) <= columns:
        yield "返回字段的对应关系不合规：至少一个字段，且都在接口字段中。"
    paths = [*source.fields.values(), *filter(None, (source.rows_at, source.success_at))]
    if not all(_PATH.fullmatch(path) for path in paths):
        yield "应答里的位置写成用点隔开的成员名，例如 data.list。"
    if bool(source.success_at) != bool(source.success_is):
        yield "成功标志要同时写明位置和值，或都不写。"
    limits = (
        (_SHORTEST <= source.timeout <= MAX_TIMEOUT, f"时限为 0.5 至 {MAX_TIMEOUT:g} 秒。"),
        (1 <= source.attempts <= MAX_ATTEMPTS, f"最多尝试 {MAX_ATTEMPTS} 次。"),
        (0 <= source.cache_seconds <= MAX_CACHE, f"缓存最多 {MAX_CACHE} 秒。"),
        (1 <= source.most <= MAX_RECORDS, f"一次最多返回 {MAX_RECORDS} 条。"),
        (_LEAST_BYTES <= source.max_bytes <= MAX_BYTES, f"应答最大 {MAX_BYTES >> 20} MB。"),
        (
            source.idempotent or (source.attempts == 1 and not source.cache_seconds),
            "不是幂等的接口（重复调用会产生影响）不能重试，也不能缓存。",
        ),
    )
    yield from (text for kept, text in limits if not kept)


def _address_problems(source: Source) -> Iterator[str]:
    if source.method not in {"GET", "POST"}:
        yield "请求方法只能是 GET 或 POST。"
    try:
        parts = urlsplit(source.url)
        port = parts.port
    except ValueError:
        yield "来源地址不合规。"
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        yield "来源地址应以 http:// 或 https:// 开头，写明主机。"
    if parts.username is not None or parts.password is not None or parts.fragment:
        yield "来源地址里不能写账号、密码和 # 片段；认证信息另填。"
    if not source.url.isascii() or any(c.isspace() or c == "\\" for c in source.url):
        yield "来源地址只能用 ASCII 字符，不能有空格和反斜杠。"
    if _PLACE.search(parts.netloc) or _PLACE.search(parts.query):
        yield "参数只能嵌在来源地址的路径里，不能嵌在主机名或查询串里。"
    for network in source.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield f"允许的网段 {network!r} 不合规。"


def _parameter_problems(source: Source) -> Iterator[str]:
    names = [each.name for each in source.parameters]
    if len(names) > MAX_PARAMETERS or len(set(names)) != len(names):
        yield f"请求参数最多 {MAX_PARAMETERS} 个，不能重名。"
    for each in source.parameters:
        if not _NAME.fullmatch(each.name) or not 1 <= each.length <= _LONGEST_PARAMETER:
            yield f"请求参数 {each.name!r} 不合规：以字母开头，长度 1 至 1,000。"
        if each.place not in ("query", "path", "body"):
            yield f"请求参数 {each.name} 的位置只能是 query、path 或 body。"
        if each.place == "body" and source.method != "POST":
            yield f"请求参数 {each.name} 放在请求体里，请求方法须是 POST。"
        if each.place == "path" and not each.required:
            yield f"请求参数 {each.name} 在路径里，必须是必填。"
    embedded = _PLACE.findall(urlsplit(source.url).path)
    if sorted(embedded) != sorted(each.name for each in source.parameters if each.place == "path"):
        yield "来源地址路径里的 {参数} 要与位置为 path 的参数一一对应。"
