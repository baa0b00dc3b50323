"""What the gate says, beside the form."""

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.opening import gate
from chengshu.data.opening.gate import FieldVerdict
from chengshu.kernel.ui.components import Fact


def refused_fields(resource: PublishedResource, *, masked: bool = False) -> list[FieldVerdict]:
    """Fields that may not be opened, with reason and way out; ``masked``: those that a mask would open are no such."""
    return [
        verdict
        for verdict in gate.judge(resource)
        if not verdict.allowed and not (masked and verdict.maskable)
    ]


def resource_facts(resource: PublishedResource) -> list[Fact]:
    """The resource beside the form."""
    return [
        Fact("数据资源", resource.title),
        Fact("提供单位", resource.provider_name),
        Fact("资源代码", resource.code, mono=True),
        Fact("目录版本", f"第 {resource.version} 版"),
        Fact("级别", resource.level),
        Fact("可直接开放的字段", f"{len(gate.allowed_fields(resource))} / {len(resource.columns)}"),
    ]
