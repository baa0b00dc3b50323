"""Report a wrong value, close the report with its ticket, and tell everybody who received the value."""

from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.corrections import source
from chengshu.data.sharing.corrections.models import Correction, Informed, Outcome
from chengshu.data.sharing.corrections.receivers import Receiver, receivers_of
from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.publishing import keys
from chengshu.data.sharing.uses.models import RecordUse
from chengshu.data.tickets.facade import Resolution, Ticket, open_ticket
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import seal
from chengshu.kernel.errors import InvalidInput, NotAllowed
from chengshu.kernel.events.services import emit
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.keys import hash_record_key

REPORT = "sharing_corrections.report"
KIND = "sharing.correction"
# 政务数据共享条例 asks for a limit of checking and correcting; ten working days is our default.
TERM_DAYS = 10
LONGEST_VALUE, SHORTEST_EVIDENCE, LONGEST_EVIDENCE = 200, 5, 500
NOTHING = "没有提交。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a consumer says: which record, which field, what was received, what it should be, and how it is known."""

    key: str
    column: str
    right: str
    evidence: str
    wrong: str = ""


def report(
    *, actor: Actor, application: Application, interface: ShareInterface, content: Report
) -> Correction:
    """Report a wrong value: a ticket of the source department with a term of ten working days.

    Only about a record that the application has received, and a field it was granted: whoever may not see a value
    must not be able to guess at it here either. Whether the reported value is the source's present one is never told.

    Raises:
        NotAllowed: the application is not the actor's. InvalidInput: with messages by field.
    """
    check(actor, REPORT, application)
    key_hash = hash_record_key(keys().record_key, content.key.strip())
    _require_valid(application, interface, content, key_hash)
    now = source.record_of(interface, content.key.strip()) or {}
    made = Correction(
        application=application, interface=interface, key_hash=key_hash, column=content.column,
        key_sealed=seal(content.key.strip(), place=source.KEY_PLACE),
        wrong_sealed=seal(content.wrong.strip(), place=source.VALUE_PLACE),
        right_sealed=seal(content.right.strip(), place=source.VALUE_PLACE),
        before_sealed=seal(now.get(content.column, ""), place=source.VALUE_PLACE),
        evidence=content.evidence.strip(), reported_by=actor.account,
    )  # fmt: skip
    with unit_of_work():
        made.ticket = _ticket(made)
        made.save()
        record(
            actor=actor, action=REPORT, obj=made, reason=made.evidence,
            after={"interface": interface.code, "column": made.column, "ticket": made.ticket.number},
        )  # fmt: skip
        _tell("reported", made)
    return made


def _require_valid(
    application: Application, interface: ShareInterface, content: Report, key_hash: str
) -> None:
    problems = {}
    grants = application.grants.filter(interface=interface).values_list("fields", flat=True)
    if not any(content.column in fields for fields in grants):
        problems["column"] = "这个字段没有授权给您的应用，不能报告它的值"
    received = RecordUse.objects.filter(
        key_hash=key_hash, profile__application=application.code, profile__interface=interface.code
    ).exclude(found=False)
    if not received.exists():
        problems["key"] = "您的应用没有通过这个接口查到过这条记录（刚查的约一分钟后可报）"
    if not content.right.strip():
        problems["right"] = "请填写应为的值"
    for name, value in (("right", content.right), ("wrong", content.wrong)):
        if len(value.strip()) > LONGEST_VALUE:
            problems[name] = f"最多 {LONGEST_VALUE} 个字"
    if not SHORTEST_EVIDENCE <= len(content.evidence.strip()) <= LONGEST_EVIDENCE:
        problems["evidence"] = f"请用 {SHORTEST_EVIDENCE} 至 {LONGEST_EVIDENCE} 个字写明依据"
    if problems:
        raise InvalidInput(
            "没有提交，请按提示修改。",
            advice="依据如：身份证原件、结婚证、法院文书。",
            fields=problems,
        )


def _ticket(made: Correction) -> Ticket:
    """The source's ticket; a second report of the same value joins the first one's."""
    resource = made.interface.resource
    same = Correction.objects.filter(
        interface__resource=resource, column=made.column, key_hash=made.key_hash
    )
    # A rejected report is closed for good; new evidence is a new question.
    rejected = same.filter(outcome=Outcome.REJECTED).count()
    return open_ticket(
        # The consumer holds no right to open tickets at another department; who reported is in the audit.
        actor=platform("校核纠错"), kind=KIND, resource_id=resource.pk, column=made.column,
        title=f"校核：{made.interface.title}，一条记录的“{made.column_title}”有误",
        key=f"{resource.pk}:{made.column}:{made.key_hash}:{rejected}",
        affected_rows=1, term_days=TERM_DAYS,
        evidence={
            "sentence": f"{made.application.owner.short}的“{made.application.name}”报告，见校核单",
            "good": "查证后在源系统更正并重新归集，平台比对到新值即办结；查证无误的请“提出异议”并写明理由",
        },
    )  # fmt: skip


def _tell(what: str, item: Correction, **more: object) -> None:
    emit(
        type=f"city.sharing_corrections.{what}", source="sharing_corrections", subject=str(item.pk),
        data={
            "interface": item.interface.code, "column": item.column,
            "ticket": item.ticket.number, **more,
        },
    )  # fmt: skip


def reveal(*, actor: Actor, item: Correction) -> tuple[str, str, str]:
    """Key, received value and value it should be, unsealed; on record.

    Raises:
        NotAllowed: the actor belongs neither to the reporting unit nor to the department that handles the ticket.
    """
    if not (may_report(actor, item.application) or handles(actor, item.ticket)):
        raise NotAllowed("只有报告单位和经办单位可以看原值。")
    with unit_of_work():
        record(actor=actor, action="sharing_corrections.revealed", obj=item)
    return source.key_of(item), source.value_of(item, "wrong"), source.value_of(item, "right")


def may_report(actor: Actor, application: Application) -> bool:
    """Whether the actor reports for this application."""
    return allows(actor, REPORT, application)


def handles(actor: Actor, ticket: Ticket) -> bool:
    """Whether the actor works on this ticket."""
    return allows(actor, "tickets.ticket.handle", ticket)


def close(*, ticket: Ticket) -> int:
    """Give the ticket's reports their outcome and tell the reporters; return how many were open.

    Called when the ticket closes. Whoever received a corrected value is told as soon as the interfaces answer with
    the new one (:func:`inform_ready`).
    """
    last = ticket.history.first()
    answer = last.reason if last else ""
    corrected, now = ticket.resolution == Resolution.FIXED, timezone.now()
    with unit_of_work():
        rows = Correction.objects.select_for_update(of=("self",)).filter(
            ticket=ticket, outcome=Outcome.OPEN
        )
        found = list(rows.select_related("application__owner", "interface__resource", "ticket"))
        for item in found:
            item.outcome = Outcome.CORRECTED if corrected else Outcome.REJECTED
            item.answer, item.closed_at = answer, now
            item.corrected_version = source.version_of(item.interface) if corrected else None
            item.save(update_fields=["outcome", "answer", "closed_at", "corrected_version"])
            record(
                actor=platform("校核纠错"), action=f"sharing_corrections.{item.outcome}", obj=item,
                reason=answer,
            )  # fmt: skip
            _tell(item.outcome, item)
            notify(
                organization=item.application.owner, permission=REPORT,
                title=f"校核单{item.get_outcome_display()}：{item}", body=answer,
                url=item.get_absolute_url(), key=f"correction:{item.pk}:{ticket.version}",
            )  # fmt: skip
    if corrected:
        inform_ready(resource_id=ticket.resource_id)
    return len(found)


def inform_ready(*, resource_id: int) -> int:
    """Tell the receivers of corrected records of a resource whose interfaces answer with the new value.

    An interface that still answers with the old one would only give it out again. Returns how many were told.
    """
    told = 0
    with unit_of_work():
        waiting = Correction.objects.select_for_update(of=("self",)).filter(
            interface__resource=resource_id, outcome=Outcome.CORRECTED, informed_at=None
        )
        rows = waiting.select_related("interface__resource", "ticket").order_by("pk")
        for item in rows:
            if not _still_old(item):
                told += _inform(item)
    return told


def _still_old(item: Correction) -> bool:
    # A proxied interface keeps no copy that could be old.
    online = ShareInterface.objects.filter(
        resource=item.interface.resource_id, state=InterfaceState.ONLINE, source=None
    )
    behind = Q(lake_version=None) | Q(lake_version__lt=item.corrected_version or 0)
    return online.filter(behind).exists()


def _inform(item: Correction) -> int:
    item.informed_at = timezone.now()
    item.save(update_fields=["informed_at"])
    if Correction.objects.filter(ticket=item.ticket, informed_at__isnull=False, pk__lt=item.pk,
                                 closed_at=item.closed_at).exists():  # fmt: skip
        return 0  # another report of the same value has told them
    receivers = receivers_of(item)
    owners = {
        a.code: a
        for a in Application.objects.filter(
            code__in=[r.application for r in receivers]
        ).select_related("owner")
    }
    known = [(r, owners[r.application]) for r in receivers if r.application in owners]
    for receiver, application in known:
        _inform_one(item, receiver, application)
    record(
        actor=platform("校核纠错"), action="sharing_corrections.informed", obj=item,
        after={"applications": len(known)},
    )  # fmt: skip
    return len(known)


def _inform_one(item: Correction, receiver: Receiver, application: Application) -> None:
    Informed.objects.create(
        correction=item, application=application, uses=receiver.uses, last_at=receiver.last_at,
        request_ids=receiver.request_ids,
    )  # fmt: skip
    numbers = "、".join(receiver.request_ids[-10:]) or "（历史调用没有编号）"
    notify(
        organization=application.owner, permission=REPORT,
        title=f"您查过的一条记录已更正：{item}",
        body=f"“{application.name}”查过这条记录 {receiver.uses} 次，“{item.column_title}”当时有误，数源已更正。\n"
        f"请按留痕编号找到当时的业务，重新查询：{numbers}",
        url=item.get_absolute_url(), key=f"correction-informed:{item.pk}:{application.pk}",
    )  # fmt: skip
    _tell(
        "informed", item, application=application.code, uses=receiver.uses,
        request_ids=receiver.request_ids,
    )  # fmt: skip
