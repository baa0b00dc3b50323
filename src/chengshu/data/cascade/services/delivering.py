"""Deliver: start a delivery of an approved plan, send its parts and its note, follow the receipt.

A number is taken when the delivery starts, and the next one is taken only when this one has left: numbers never skip.
Every step may be repeated after ``kill -9``: the other side counts a batch and a part by number once.
"""

import shutil

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from chengshu.data.cascade.adapters import Upper
from chengshu.data.cascade.choices import (
    UNDER_WAY,
    Mode,
    OutgoingState,
    PlatformState,
    Role,
)
from chengshu.data.cascade.models import Outgoing, Plan
from chengshu.data.cascade.services import building, planning
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.catalog.facade import published_by_id
from chengshu.data.ingest.facade import lake
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import add_working_days
from chengshu.kernel.errors import Conflict
from chengshu.kernel.events.services import emit
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work


def start(*, actor: Actor, plan: Plan) -> Outgoing:
    """Begin the next delivery of a plan, with the newest data; a job builds and sends it.

    Raises:
        Conflict: not approved, paused, nothing collected, or the delivery before has not left yet.
    """
    check(actor, MANAGE, plan)
    planning.require_approved(plan)
    resource = published_by_id(plan.resource_id)
    if plan.platform.state != PlatformState.ACTIVE:
        raise Conflict(
            f"“{plan.platform}”已暂停。", kept="没有送出任何数据。", advice="请先恢复它。"
        )
    if not lake().exists(resource.lake_table):
        raise Conflict(f"“{resource.title}”还没有数据。", advice="请先归集。")
    with unit_of_work():
        locked = Plan.objects.select_for_update().get(pk=plan.pk)
        if locked.outgoing.filter(state__in=UNDER_WAY).exists():
            raise Conflict("上一批还没有送出。", advice="请等它送出，或处理没有送出的原因后重试。")
        base = _base(locked, keyed=bool(resource.key))
        number = (locked.outgoing.aggregate(most=Max("number"))["most"] or 0) + 1
        item = Outgoing.objects.create(
            plan=plan, number=number, state=OutgoingState.BUILDING,
            mode=Mode.CHANGES if base else Mode.FULL,
            lake_version=lake().version(resource.lake_table),
            base_version=base.lake_version if base else None,
        )  # fmt: skip
        locked.next_at = planning.next_run(locked, timezone.now())
        locked.save(update_fields=["next_at"])
        record(
            actor=actor, action="cascade.delivery_started", obj=item,
            after={"number": number, "mode": item.mode, "version": item.lake_version,
                   "approved_by": plan.approved_by.username if plan.approved_by else ""},
        )  # fmt: skip
        enqueue(
            "cascade.deliver", actor=actor, title=f"上报：{item}", arguments={"outgoing": item.pk},
            key=f"cascade-deliver:{item.pk}", organization=plan.resource.provider,
            object_url=reverse("cascade:delivery", args=[item.pk]),
        )  # fmt: skip
    return item


def _base(plan: Plan, *, keyed: bool) -> Outgoing | None:
    """The delivery a new one is compared with: the last that was accepted whole, under the plan as it now stands.

    After a partly refused one its rows come again, mended or not; after a new approval everything does.
    """
    if plan.mode != Mode.CHANGES or not keyed:
        return None
    whole = plan.outgoing.filter(state=OutgoingState.ACCEPTED, created_at__gte=plan.approved_at)
    return whole.order_by("-number").first()


def deliver(*, outgoing: Outgoing, upper: Upper | None) -> None:
    """Build what is not built and send what is not sent. ``upper`` None: a lower platform comes for it.

    Raises:
        UpperError: the other side cannot be reached now, or refuses. Conflict: the plan no longer holds.
    """
    if outgoing.state in (OutgoingState.BUILDING, OutgoingState.FAILED) and not outgoing.note:
        building.build(outgoing)
    # Between building and sending a person may have stopped the plan.
    planning.require_approved(Plan.objects.select_related("platform").get(pk=outgoing.plan_id))
    note = outgoing.parsed
    if upper is not None:
        by_name = {file.name: file for file in note.files}
        for part in outgoing.parts.filter(sent_at=None):
            upper.send_part(note, by_name[part.name], building.path_of(outgoing, part.name))
            part.sent_at = timezone.now()
            part.save(update_fields=["sent_at"])
        upper.commit(note)
    with unit_of_work():
        now = timezone.now()
        outgoing.state, outgoing.sent_at, outgoing.error = OutgoingState.DELIVERED, now, ""
        days = outgoing.plan.receipt_days
        outgoing.receipt_due_at = add_working_days(now, days, table=stored_table())
        outgoing.next_at, outgoing.attempts = now, 0
        outgoing.save()
        emit(
            type="city.cascade.delivery.sent", source="cascade", subject=str(outgoing.pk),
            data={"dataset": note.dataset, "number": note.number, "rows": note.rows},
            idempotency_key=f"cascade-sent:{outgoing.pk}",
        )  # fmt: skip


def redeliver(*, outgoing: Outgoing) -> None:
    """The other side lacks the batch or got it damaged: send its parts once more, under the same numbers."""
    with unit_of_work():
        item = Outgoing.objects.select_for_update().get(pk=outgoing.pk)
        if item.state not in (OutgoingState.DELIVERED, OutgoingState.REFUSED) or item.accepted:
            return
        item.parts.update(sent_at=None)
        item.state, item.receipt, item.answered_at = OutgoingState.SENDING, {}, None
        item.refused, item.duplicates, item.unexplained = 0, 0, 0
        item.next_at, item.attempts = timezone.now(), 0
        if item.plan.platform.role == Role.LOWER:
            item.state = OutgoingState.DELIVERED
        item.save()


def retry(*, actor: Actor, outgoing: Outgoing) -> None:
    """Try a delivery that has not left, or that was refused whole, again now.

    Raises:
        Conflict: it has left and something of it was taken.
    """
    check(actor, MANAGE, outgoing)
    if outgoing.state not in (OutgoingState.FAILED, OutgoingState.SENDING, OutgoingState.REFUSED):
        raise Conflict("这一批已经送出。", kept="没有做任何改动。")
    with unit_of_work():
        if outgoing.state == OutgoingState.REFUSED:
            redeliver(outgoing=outgoing)
        Outgoing.objects.filter(pk=outgoing.pk).update(attempts=0, next_at=timezone.now())
        Outgoing.objects.filter(pk=outgoing.pk, state=OutgoingState.FAILED).update(
            state=OutgoingState.SENDING if outgoing.note else OutgoingState.BUILDING
        )
        record(actor=actor, action="cascade.delivery_retried", obj=outgoing)
    outgoing.refresh_from_db()


def clear_files(outgoing: Outgoing) -> None:
    """Files of a delivery that was answered are needed no more; the note and the receipt stay."""
    shutil.rmtree(outgoing.folder, ignore_errors=True)
