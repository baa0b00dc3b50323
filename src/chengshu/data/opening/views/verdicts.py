"""What the gate says, as a table and facts beside the form."""

from dataclasses import dataclass

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.opening import gate
from chengshu.kernel.ui.components import Column, EmptyState, Fact, Table


@dataclass(frozen=True, slots=True)
class _Row:
    title: str
    reason: str
    advice: str


def refused_table(resource: PublishedResource) -> Table:
    """Fields that may not be opened, with reason and way out."""
    rows = [_Row(v.column.title, v.reason, v.advice) for v in gate.judge(resource) if not v.allowed]
    columns = (
        Column(key="title", title="字段", kind="main"),
        Column(key="reason", title="为什么不能开放"),
        Column(key="advice", title="怎么办"),
    )
    return Table.plain(
        key="refused", columns=columns, rows=rows, caption="不能开放的字段",
        empty=EmptyState(title="没有", text="所有字段都可以开放。", icon="circle-check"),
    )  # fmt: skip


def resource_facts(resource: PublishedResource) -> list[Fact]:
    """The resource beside the form."""
    return [
        Fact("数据资源", resource.title),
        Fact("提供单位", resource.provider_name),
        Fact("资源代码", resource.code, mono=True),
        Fact("目录版本", f"第 {resource.version} 版"),
        Fact("级别", resource.level),
        Fact("可开放字段", f"{len(gate.allowed_fields(resource))} / {len(resource.columns)}"),
    ]
