"""What the kinds of entries have of their own: how the thing itself is reached, and in which ways it can be collected.

The one place that knows the difference: forms, validation and pages ask for the fields, collection asks for the ways.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chengshu.data.catalog.choices import ResourceKind
from chengshu.kernel.errors import Conflict


class Way(StrEnum):
    """How rows come in."""

    DATABASE = "database"
    FILE = "file"
    ENDPOINT = "endpoint"
    PUSH = "push"


WAY_NAMES: Mapping[Way, str] = {
    Way.DATABASE: "从数据库归集", Way.FILE: "从文件归集（上传、文件夹、SFTP）",
    Way.ENDPOINT: "从接口取数", Way.PUSH: "由对方推送",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessField:
    """One of the version's ``access_`` fields as a kind calls it."""

    title: str
    demand: str = ""
    """What is said when it is missing at submission; "" when it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one kind can do; ``later`` says what to do while nothing of it can be collected."""

    ways: frozenset[Way]
    fields: Mapping[str, AccessField] = field(default_factory=dict)
    later: str = ""


KINDS: Mapping[str, Kind] = {
    ResourceKind.TABLE: Kind(ways=frozenset(Way)),
    ResourceKind.INTERFACE: Kind(
        ways=frozenset({Way.ENDPOINT, Way.PUSH}),
        fields={
            "access_protocol": AccessField(title="接口协议", demand="请填写接口协议，如 REST/JSON"),
            "access_method": AccessField(title="请求方法"),
            "access_address": AccessField(title="接口地址", demand="请填写接口地址"),
        },
    ),
    ResourceKind.FILE: Kind(
        ways=frozenset({Way.FILE}),
        fields={
            "access_address": AccessField(
                title="路径与文件名", demand="请填写路径与文件名，如 /报送/2026/*.csv"
            )
        },
    ),
    ResourceKind.STREAM: Kind(
        ways=frozenset(),
        fields={
            "access_protocol": AccessField(title="消息协议", demand="请填写消息协议，如 MQTT、Kafka"),
            "access_address": AccessField(title="主题（topic）", demand="请填写主题（topic）"),
        },
        later="数据流的采集以后提供。现在可以请数源系统把它落成库表或文件，另行登记为库表、文件资源后归集。",
    ),
}  # fmt: skip


def kind_of(kind: str) -> Kind:
    """What a kind can do; a kind nobody knows can do nothing."""
    return KINDS.get(kind) or Kind(ways=frozenset(), later="请在目录里重新选择资源类型。")


def missing_access(kind: str, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Fields of the kind that are demanded and empty, with what to say."""
    for name, spec in kind_of(kind).fields.items():
        if spec.demand and not given.get(name, "").strip():
            yield name, spec.demand


def require_way(*, title: str, kind: str, way: str | None, items: int) -> None:
    """Raise Conflict, with the next step, unless an entry can be collected so; ``way`` None: in any way."""
    can, word = kind_of(kind), dict(ResourceKind.choices).get(kind, kind)
    if not can.ways:
        raise Conflict(
            f"“{title}”是{word}资源，现在还不能归集。", kept="没有归集任何数据。", advice=can.later
        )
    if way is not None and way not in can.ways:
        ways = "，或".join(WAY_NAMES[w] for w in Way if w in can.ways)
        raise Conflict(
            f"“{title}”是{word}资源，不能{WAY_NAMES[Way(way)]}。", kept="没有归集任何数据。",
            advice=f"可以{ways}；类型登记得不对的，请变更目录。",
        )  # fmt: skip
    if not items:
        raise Conflict(
            f"“{title}”还没有登记数据项，不知道按什么校验。", kept="没有归集任何数据。",
            advice="请先变更目录，登记数据项并发布，再来归集。",
        )  # fmt: skip
