"""How batches, encodings and separators read on pages."""

from django.urls import reverse

from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services.extraction import object_name
from chengshu.kernel.ui.components import Balance, Fact
from chengshu.kernel.ui.formatting import duration, file_size

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8（带标记 BOM）",
    "gb18030": "GB18030（含 GBK、GB2312）",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
}
DELIMITERS = {",": "逗号", "\t": "制表符", ";": "分号", "|": "竖线"}
# The state as the shared status tags know it.
TONES = {
    BatchState.DRAFT: "pending",
    BatchState.QUEUED: "queued",
    BatchState.RUNNING: "running",
    BatchState.LOADED: "succeeded",
    BatchState.FAILED: "failed",
    BatchState.CANCELLED: "cancelled",
}


def tone(batch: Batch) -> str:
    """Key of the status tag of a batch."""
    return TONES[BatchState(batch.state)]


def batch_url(batch: Batch) -> str:
    """Where a batch's page is."""
    return reverse("ingest:batch", args=[batch.pk])


def balance(batch: Batch) -> Balance:
    """The books of a batch."""
    return Balance(
        source=batch.source_rows, accepted=batch.accepted, quarantined=batch.quarantined,
        duplicates=batch.duplicates,
    )  # fmt: skip


def source_words(batch: Batch) -> str:
    """Where the rows came from, in one phrase."""
    if batch.origin == Origin.FILE and batch.file:
        return batch.file.name
    if batch.origin == Origin.TABLE and batch.data_source:
        return f"{batch.data_source.name} · {object_name(batch.options)}"
    if batch.origin == Origin.REPLAY and batch.parent_id:
        return f"更正的 {batch.options.get('rows', 0):,} 行"
    return str(batch.get_origin_display())


def skew_words(seconds: float) -> str:
    """How far a source's clock is from ours."""
    return f"比平台{'快' if seconds > 0 else '慢'} {duration(abs(seconds))}"


def facts(batch: Batch) -> list[Fact]:
    """Who, what, from where, how it was read, which versions."""
    found = [
        Fact(
            "数据资源", batch.resource.title, reverse("catalog:resource", args=[batch.resource_id])
        ),
        Fact("提供单位", batch.resource.provider.name),
        Fact("来源", batch.get_origin_display()),
    ]
    if batch.file:
        found += [Fact("文件", batch.file.name), Fact("大小", file_size(batch.file.size))]
    if batch.data_source:
        found.append(
            Fact(
                "数据源",
                batch.data_source.name,
                reverse("ingest:source", args=[batch.data_source_id]),
            )
        )
        found.append(Fact("对象", source_words(batch).partition(" · ")[2], mono=True))
    found += _reading(batch)
    found += [
        Fact("发起人", batch.created_by or "平台"),
        Fact("发起时间", batch.created_at),
        Fact("完成时间", batch.finished_at),
    ]
    if batch.state == BatchState.LOADED:
        found += [
            Fact("用时", duration(batch.seconds)),
            Fact("目录版本", f"v{batch.catalogue_version}"),
            Fact("入库版本", batch.lake_version),
        ]
    return found


def _reading(batch: Batch) -> list[Fact]:
    options = batch.options
    if batch.origin != Origin.FILE or "encoding" not in options:
        return []
    found = []
    if options["encoding"]:
        found.append(Fact("编码", ENCODINGS.get(options["encoding"], options["encoding"])))
    if options["sheet"]:
        found.append(Fact("工作表", options["sheet"]))
    found.append(Fact("表头", f"第 {options['header_row']} 行"))
    return found
