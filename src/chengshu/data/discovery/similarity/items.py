"""Which tables are about persons or organisations, and which of their columns may be the same fact."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.discovery.inference.words import stem

PERSON, ORGANISATION = "person", "org"
SUBJECTS = {PERSON: "自然人", ORGANISATION: "法人"}
_FORMATS = {"id_number": PERSON, "uscc": ORGANISATION}
# A citizen's number of somebody beside the row's subject does not make the row be about them.
_BESIDE = re.compile(
    r"法定代表|法人|户主|监护|配偶|父亲|母亲|家长|经办|代办|联系人|负责人|工作单位|用人单位|参保单位|紧急"
)
# Facts about the record, not about the subject.
_RECORD = re.compile(
    r"(创建|更新|修改|交换|入库|操作|审核|审批|上报|录入|统计|抽取|推送|同步|受理|办理|办结|申请|送达|数据|版本|批次|备注|说明|意见|附件|档案|流水|序号|排序|数源|来源|源系统|打印|印制|材料|数据状态|方式|渠道|结果|原因|事由)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One column that may hold a fact about a subject."""

    resource: int
    unit: int
    table: str
    column: str
    title: str
    subject: str
    subject_column: str
    element: str
    group: str
    kind: str


def subject_of(entry: PublishedResource) -> tuple[str, str] | None:
    """Kind of subject and the column with its number; None for a table about neither."""
    found = [
        (not c.key, position, _FORMATS[str(c.format)], c.name)
        for position, c in enumerate(entry.columns)
        if c.format and str(c.format) in _FORMATS and not _BESIDE.search(c.title)
    ]  # fmt: skip
    if not found:
        return None
    _, _, subject, column = min(found)
    return subject, column


def holders_of(entries: Iterable[PublishedResource]) -> list[Holder]:
    """Columns that could be collected twice: of tables with a subject, in groups known to two departments."""
    found: list[Holder] = []
    for entry in entries:
        about = subject_of(entry)
        if about is None:
            continue
        subject, key = about
        found += [
            _holder(entry, column, subject, key)
            for column in entry.columns
            if str(column.type) != "boolean" and not _RECORD.search(column.title)
        ]
    units: dict[str, set[int]] = {}
    for holder in found:
        units.setdefault(holder.group, set()).add(holder.unit)
    # Groups of one department stay in play too: by their values they may be another department's under a new name.
    return found


def _holder(entry: PublishedResource, column: ColumnSpec, subject: str, key: str) -> Holder:
    element = entry.elements.get(column.name, "")
    is_subject = column.name == key
    name = "#" if is_subject else (stem(column.title) or column.title)
    kind = str(column.format or "") or ("code" if column.codes else str(column.type))
    return Holder(
        resource=entry.id, unit=entry.provider_id, table=entry.lake_table, column=column.name,
        title=column.title, subject=subject, subject_column=key, element=element,
        group=f"{subject}:{name}", kind=kind,
    )  # fmt: skip


def by_table(holders: Iterable[Holder]) -> Mapping[str, list[Holder]]:
    """Holders by lake table."""
    found: dict[str, list[Holder]] = {}
    for holder in holders:
        found.setdefault(holder.table, []).append(holder)
    return found
