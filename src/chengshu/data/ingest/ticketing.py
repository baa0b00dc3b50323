"""Quarantined rows as tickets: sent to the department, looked at again after every replay and every new delivery."""

from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.ingest import quarantined
from chengshu.data.ingest.choices import BatchState, DecisionKind, Origin
from chengshu.data.ingest.groups import Group, batches_of, group, newer_deliveries
from chengshu.data.ingest.masking import masked, masks_of
from chengshu.data.ingest.models import Batch, BatchProblem
from chengshu.data.ingest.pipeline import WriteMode
from chengshu.data.ingest.quarantined import RowFilter
from chengshu.data.tickets.facade import (
    Evidence,
    EvidenceLink,
    RecheckResult,
    Severity,
    Ticket,
    open_ticket,
)
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import ChengshuError, Conflict

KIND, NAME = "quarantine", "隔离数据"
SHOWN_ROWS, SHOWN_COLUMNS = 10, 4
_HALF = 2
_GOOD = {
    "required": "每一行都有值",
    "type": "值的写法与数据项的类型一致，如日期 2026-11-23、数字 1200.50",
    "precision": "数字在规定的位数之内",
    "length": "不超过目录规定的字数",
    "code": "只用代码表里的代码（或与代码一一对应的名称）",
    "format": "按规定的写法，如 18 位身份证号、11 位手机号",
    "check_digit": "与原件逐位一致的号码，末位校验位相符",
    "range": "在目录规定的取值范围之内",
    "pattern": "符合目录规定的写法",
    "id_as_number": "编号列在表格里设为文本后导出，不丢末位",
    "ragged": "每行的列数与表头一致",
    "encoding": "没有乱码，文件按正确的编码导出",
    "key_conflict": "同一主键只有一行，或几行内容一致",
}


def sentence(item: Group) -> str:
    """What is wrong, in plain words."""
    where = f"“{item.column_title}”" if item.column else "整行"
    return f"{item.resource}：{where}不符合“{item.rule_name}”规则的行被隔离，没有入库。"


def good_of(rule: str, column: ColumnSpec | None) -> str:
    """What a good value looks like."""
    text = _GOOD.get(rule, "符合目录的规定")
    if rule == "code" and column is not None and column.codes:
        listed = "、".join(f"{code} {name}" for code, name in list(column.codes.items())[:8])
        text += f"：{listed}"
    return f"{text}。"


def send_ticket(
    *, actor: Actor, item: Group, severity: str = Severity.NORMAL, remark: str = ""
) -> Ticket:
    """Open a ticket about a group of quarantined rows for the department that owns the data.

    Raises:
        NotAllowed: the actor may not work on this quarantine. Conflict: no undecided row is left.
    """
    resource = published_by_id(item.resource_id)
    found = batches_of(actor, item)
    if not found:
        raise Conflict("这类问题没有未处理的行了，工单没有开出。")
    check(actor, "ingest.quarantine.manage", found[0])
    column = _column(resource, item.column)
    where = item.column_title or "整行"
    return open_ticket(
        actor=actor, kind=KIND, key=item.key, resource_id=item.resource_id,
        title=f"{item.resource}：{where}不符合“{item.rule_name}”规则",
        rule=item.rule, rule_name=item.rule_name, column=item.column, affected_rows=item.open,
        severity=severity, source_ref=f"batch:{found[-1].pk}",
        evidence={
            "sentence": sentence(item) + (f"说明：{remark.strip()}" if remark.strip() else ""),
            "good": good_of(item.rule, column), "batches": [str(b.pk) for b in found],
        },
    )  # fmt: skip


def _column(resource: PublishedResource, name: str) -> ColumnSpec | None:
    return next((c for c in resource.columns if c.name == name), None)


def _batches(ticket: Ticket) -> list[Batch]:
    """The batches in which the problem was found, with their replays: a row still wrong lands in the replay."""
    first = [str(pk) for pk in ticket.evidence.get("batches", [])]
    rows = Batch.objects.filter(
        Q(pk__in=first) | Q(parent__in=first) | Q(parent__parent__in=first)
        | Q(resource_id=ticket.resource_id, created_at__gt=ticket.opened_at)
    )  # fmt: skip
    return list(rows.filter(resource_id=ticket.resource_id).order_by("created_at"))


def recheck(ticket: Ticket) -> RecheckResult:
    """Whether the rows of a ticket are in the lake, or the newest delivery no longer has the problem.

    - A whole newer delivery without the problem: mended at the source.
    - Otherwise what counts is what is left in quarantine: undecided, corrected but not replayed, or sent back.
      Rows given up with a reason are no longer a problem, but they are told.
    - Nobody has begun to correct and no newer delivery came, or a replay is still running: not to be told yet.
    """
    batches = _batches(ticket)
    running = [b for b in batches if b.state in (BatchState.QUEUED, BatchState.RUNNING)]
    if running:
        return RecheckResult(remaining=None, note="还有数据正在入库，完成后自动复检。")
    loaded = [b for b in batches if b.state == BatchState.LOADED]
    if newest := _newest_whole(ticket, loaded):
        has = BatchProblem.objects.filter(batch=newest, rule=ticket.rule, column=ticket.column)
        if not has.exists():
            return RecheckResult(
                remaining=0, note=f"新一批数据（{newest}）已没有这类问题，源头已改正。"
            )
        # What older deliveries left in quarantine came again with this one, whole.
        loaded = _family(newest, loaded)
    left = begun = given_up = 0
    for batch in loaded:
        counted = _counts(batch, ticket)
        left += counted["left"]
        begun += counted["begun"]
        given_up += counted["given_up"]
    if left == 0:
        told = f"其中 {given_up:,} 行写明原因后放弃。" if given_up else ""
        return RecheckResult(remaining=0, note=f"隔离的行都已更正回放入库。{told}")
    newer = newer_deliveries(ticket.resource_id, ticket.opened_at).exists()
    if not begun and not newer:
        return RecheckResult(
            remaining=None, note=f"隔离区还有 {left:,} 行，新一批数据还没有到；到了自动复检。"
        )
    return RecheckResult(remaining=left, note=f"隔离区还有 {left:,} 行不符合规则。")


def _newest_whole(ticket: Ticket, loaded: list[Batch]) -> Batch | None:
    """The newest delivery after the ticket was opened, when it held all rows of the source."""
    newest = newer_deliveries(ticket.resource_id, ticket.opened_at).first()
    return newest if newest is not None and _is_whole(newest, loaded) else None


def _family(root: Batch, loaded: list[Batch]) -> list[Batch]:
    """A delivery with its replays, and theirs."""
    keys, found = {root.pk}, [root]
    for batch in loaded:
        if batch.parent_id in keys:
            keys.add(batch.pk)
            found.append(batch)
    return found


def _is_whole(newest: Batch, loaded: list[Batch]) -> bool:
    """A delivery of all rows: it replaces all, or it is not much smaller than the one with the problem.

    An upload, or a plan that merges whole tables or dropped files, does not say whether it held everything; a
    plan that read from a cursor on certainly did not.
    """
    if newest.options.get("window"):
        return False
    if newest.options.get("write") in (WriteMode.SYNC, WriteMode.OVERWRITE):
        return True
    before = [b for b in loaded if b.origin != Origin.REPLAY and b.created_at < newest.created_at]
    return not before or newest.source_rows * _HALF >= before[0].source_rows


def _counts(batch: Batch, ticket: Ticket) -> dict[str, int]:
    """Rows of the ticket's problem in one batch: still wrong, taken in hand, given up."""
    has = BatchProblem.objects.filter(batch=batch, rule=ticket.rule, column=ticket.column)
    if not has.exists() or not quarantined.quarantine_file(batch).is_file():
        return {"left": 0, "begun": 0, "given_up": 0}

    def count(status: str) -> int:
        chosen = RowFilter(rule=ticket.rule, column=ticket.column, status=status)
        return len(quarantined.numbers(batch, chosen))

    replayed, corrected = count(DecisionKind.REPLAYED), count(DecisionKind.CORRECTED)
    given_up, returned = count(DecisionKind.GIVEN_UP), count(DecisionKind.RETURNED)
    undecided = count(quarantined.OPEN)
    return {
        "left": undecided + corrected + returned,
        "begun": replayed + corrected + given_up,
        "given_up": given_up,
    }


def group_url(resource_id: int, rule: str, column: str) -> str:
    """The page of one group of quarantined rows."""
    query = urlencode({"rule": rule, "column": column})
    return f"{reverse('ingest:quarantine-group', args=[resource_id])}?{query}"


def evidence_url(ticket: Ticket) -> str:
    """Where the rows can be corrected."""
    return group_url(ticket.resource_id, ticket.rule, ticket.column)


def evidence(actor: Actor, ticket: Ticket) -> Evidence:
    """Some failing rows, personal values masked, and the ways to mend them."""
    known = Evidence(
        total=ticket.affected_rows, sentence=str(ticket.evidence.get("sentence", "")),
        good=str(ticket.evidence.get("good", "")),
    )  # fmt: skip
    try:
        resource = published_by_id(ticket.resource_id)
        item = group(
            platform(), resource_id=ticket.resource_id, rule=ticket.rule, column=ticket.column
        )
    except ChengshuError:
        return known
    found = batches_of(platform(), item)
    if not found:
        return known
    rows: list[tuple[str, ...]] = []
    columns = _shown(resource, ticket.column)
    masks = masks_of(resource.columns)
    for batch in found:
        chosen = RowFilter(rule=ticket.rule, column=ticket.column, status=quarantined.OPEN)
        page = quarantined.page(batch, chosen, size=SHOWN_ROWS - len(rows))
        for work in page.rows:
            cells = [masked(masks, c.name, work.row.cells.get(c.name)) or "" for c in columns]
            rows.append((f"{batch.created_at:%m-%d} 第 {work.row.row:,} 行", *cells))
        if len(rows) >= SHOWN_ROWS:
            break
    del (
        actor
    )  # Whoever sees the ticket sees its rows masked; the links ask for the permission again.
    return Evidence(
        columns=("批次与行号", *(c.title for c in columns)), rows=tuple(rows), total=item.open,
        sentence=known.sentence, good=known.good, links=_links(ticket, found),
    )  # fmt: skip


def _shown(resource: PublishedResource, column: str) -> list[ColumnSpec]:
    """The wrong column first, then the key, then a few more."""
    order = sorted(resource.columns, key=lambda c: (c.name != column, not c.key))
    return order[:SHOWN_COLUMNS]


def _links(ticket: Ticket, found: list[Batch]) -> tuple[EvidenceLink, ...]:
    newest = found[-1]
    query = urlencode({"problem": f"{ticket.rule}:{ticket.column}", "status": quarantined.OPEN})
    return (
        EvidenceLink(title="在隔离区更正", url=evidence_url(ticket), icon="tool"),
        EvidenceLink(
            title="逐行更正 / 下载 Excel",
            url=f"{reverse('ingest:quarantine', args=[newest.pk])}?{query}",
            icon="file-spreadsheet",
        ),
    )
