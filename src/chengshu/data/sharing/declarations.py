"""What a department declares of its interface, and how the gateway reads it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from chengshu.data.contract.facade import ColumnSpec, ColumnType
from chengshu.data.sharing.choices import CallKind, lookup_only
from chengshu.data.sharing.models import ProxySource, ShareInterface
from chengshu.kernel.crypto.facade import open_sealed
from chengshu_gateway.sources import Parameter, Source, seal_headers

HEADERS_PLACE = "sharing.proxy_source.headers"
_TYPES = {ColumnType.DATETIME: "timestamp"}
_LINE = re.compile(
    r"(?P<name>\S+)\s+(?P<title>\S+)(?:\s+(?P<need>必填|选填))?"
    r"(?:\s+(?P<place>query|path|body))?(?:\s+(?P<length>\d{1,4}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A department's interface as its officer fills it in; `headers` None: as they were."""

    url: str
    method: str = "GET"
    parameters: tuple[Parameter, ...] = ()
    mapping: dict[str, str] = field(default_factory=dict)
    rows_at: str = ""
    success_at: str = ""
    success_is: tuple[str, ...] = ()
    headers: dict[str, str] | None = None
    timeout_ms: int = 5000
    attempts: int = 1
    idempotent: bool = True
    cache_seconds: int = 0
    most: int = 100
    absent_404: bool = False

    def source(self) -> Source:
        """As the gateway reads it, without credentials."""
        return Source(
            url=self.url, method=self.method, parameters=self.parameters, fields=self.mapping,
            rows_at=self.rows_at, success_at=self.success_at, success_is=self.success_is,
            timeout=self.timeout_ms / 1000, attempts=self.attempts, idempotent=self.idempotent,
            cache_seconds=self.cache_seconds, most=self.most, absent_404=self.absent_404,
            networks=tuple(settings.PROXY_NETWORKS),
        )  # fmt: skip


def source_of(interface: ShareInterface) -> ProxySource | None:
    """The department's interface behind an interface; None: it answers from its snapshot."""
    # Django's "does not exist" of a one-to-one is an AttributeError.
    found: ProxySource | None = getattr(interface, "source", None)
    return found


def declaration_of(item: ProxySource) -> Declaration:
    """What was declared."""
    return Declaration(
        url=item.url, method=item.method, mapping=item.mapping, rows_at=item.rows_at,
        parameters=tuple(Parameter(**each) for each in item.parameters),
        success_at=item.success_at, success_is=tuple(item.success_is),
        timeout_ms=item.timeout_ms, attempts=item.attempts, idempotent=item.idempotent,
        cache_seconds=item.cache_seconds, most=item.most, absent_404=item.absent_404,
    )  # fmt: skip


def wire_source(interface: ShareInterface, key: bytes) -> Source | None:
    """The source for the rules, its credentials sealed with the gateway's key.

    Raises:
        SealedValueError: the credentials were sealed with a key that is gone.
    """
    item = source_of(interface)
    if item is None:
        return None
    text = open_sealed(item.headers_sealed, place=HEADERS_PLACE)
    headers: dict[str, str] = json.loads(text) if text else {}
    plain = declaration_of(item).source()
    values: dict[str, Any] = {name: getattr(plain, name) for name in Source.__dataclass_fields__}
    return Source(**{**values, "headers": seal_headers(key, interface.code, headers)})


def column_of(column: ColumnSpec) -> dict[str, Any]:
    """A field of the catalogue as interfaces without a snapshot keep it."""
    return {
        "name": column.name, "type": _TYPES.get(column.type, str(column.type)),
        "title": column.title, "sensitivity": column.sensitivity or "",
        "format": str(column.format or ""), "length": column.length,
    }  # fmt: skip


def kinds_of(interface: ShareInterface) -> list[tuple[str, str]]:
    """The ways in which an interface can be called, with their words."""
    proxied = source_of(interface) is not None
    return [(k, t) for k, t in CallKind.choices if (k == CallKind.PROXY) == proxied]


def kinds_for(interface: ShareInterface, chosen: list[str] | None) -> list[str]:
    """The ways that are meant: a proxied interface is called in one way, whatever was chosen."""
    if source_of(interface) is not None:
        return [CallKind.PROXY.value]
    return lookup_only() if chosen is None else chosen


def host_of(item: ProxySource) -> str:
    """Where the interface is, without what follows the host."""
    parts = urlsplit(item.url)
    return f"{parts.scheme}://{parts.netloc}"


def parameters_from(text: str) -> tuple[Parameter, ...]:
    """Read parameters, one a line: name, title, 必填/选填, place, greatest length.

    Raises:
        ValueError: the line that cannot be read.
    """
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        read = _LINE.fullmatch(line)
        if read is None:
            raise ValueError(line)
        place: Any = read["place"] or "query"
        found.append(
            Parameter(
                read["name"], read["title"], required=read["need"] != "选填", place=place,
                length=int(read["length"] or 100),
            )
        )  # fmt: skip
    return tuple(found)


def parameters_as_text(parameters: tuple[Parameter, ...]) -> str:
    """The inverse of :func:`parameters_from`."""
    return "\n".join(
        f"{p.name} {p.title or p.name} {'必填' if p.required else '选填'} {p.place} {p.length}"
        for p in parameters
    )
