"""Hands failing rows to people: unmasked with a reason, or as Excel for correction; both leave a trace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from chengshu.data.catalog.facade import Resource, published_by_id
from chengshu.data.ingest.facade import masked, masks_of
from chengshu.data.quality.failing import failing_page
from chengshu.data.quality.models import RuleResult
from chengshu.data.quality.trail import about
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

SHORTEST_REASON = 4
MOST_EXPORTED = 20_000
CHUNK = 1_000


def note_unmasking(*, actor: Actor, resource: Resource, reason: str, shown: str) -> None:
    """Record why somebody looks at personal values; for this answer only.

    Raises:
        InvalidInput: no reason.
    """
    check(actor, "quality.rows.unmask", resource)
    if len(reason.strip()) < SHORTEST_REASON:
        raise InvalidInput(
            "请写明为什么要看原值。", fields={"reason": f"请写明原因，至少 {SHORTEST_REASON} 个字"}
        )
    with unit_of_work():
        record(
            actor=actor, action="quality.rows.unmask", **about(resource), reason=reason.strip(),
            after={"shown": shown},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """Titles and rows of a worksheet."""

    titles: list[str]
    rows: Iterator[list[Any]]
    watermark: str


def rows_for_export(
    *, actor: Actor, resource: Resource, result: RuleResult, reason: str = ""
) -> Exported:
    """The failing rows of one rule; personal values are masked unless a reason is given and the actor may see them."""
    check(actor, "quality.rows.export", resource)
    plain = bool(reason.strip())
    if plain:
        note_unmasking(actor=actor, resource=resource, reason=reason, shown=f"导出：{result.title}")
    published = published_by_id(resource.pk)
    masks = {} if plain else masks_of(published.columns)
    total = min(result.failed, MOST_EXPORTED)
    with unit_of_work():
        record(
            actor=actor, action="quality.rows_exported", **about(resource), reason=reason.strip(),
            after={"rule": result.title, "rows": total, "masked": not plain},
        )  # fmt: skip

    def rows() -> Iterator[list[Any]]:
        for start in range(0, total, CHUNK):
            page = failing_page(
                result.evaluation, result, published, start=start, size=min(CHUNK, total - start)
            )
            for row in page.rows:
                yield [
                    result.title,
                    *(
                        masked(masks, c.name, row.get(c.name))
                        if c.name in masks
                        else row.get(c.name)
                        for c in published.columns
                    ),
                ]

    day = f"{timezone.localtime():%Y-%m-%d %H:%M}"
    mark = (
        f"{actor.name} 于 {day} 导出，{'含原值' if plain else '个人信息已脱敏'}，仅供改正数据使用"
    )
    return Exported(["问题", *(c.title for c in published.columns)], rows(), mark)
