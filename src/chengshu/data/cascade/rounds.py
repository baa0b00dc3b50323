"""The round every few minutes: fetch notes, send what waits, follow what was sent, warn of what is late.

What fails is tried again with growing pauses, and given up after :data:`MOST_ATTEMPTS` with a notice; a person can
start it again. One platform that does not answer holds up no other.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import Min, Q
from django.urls import reverse
from django.utils import timezone

from chengshu.data.cascade.adapters import Answer, Upper, UpperError
from chengshu.data.cascade.choices import (
    EntryState,
    IncomingState,
    OutgoingState,
    PlanState,
    PlatformState,
    Role,
)
from chengshu.data.cascade.models import Channel, Entry, Incoming, Outgoing, Plan, Platform
from chengshu.data.cascade.notes import Receipt
from chengshu.data.cascade.services import cataloguing, delivering, receiving, settling
from chengshu.data.cascade.services.platforms import MANAGE, conversation
from chengshu.kernel.access.actor import platform as platform_actor
from chengshu.kernel.calendar.deadlines import overdue, working_days_left
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import is_working_day, local_date
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.notices.services import notify

MOST_ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
Tried = Incoming | Outgoing | Entry
SETTLED_BY_US = (IncomingState.ACCEPTED, IncomingState.PARTLY)


def run(platform: Platform) -> Counter[str]:
    """One round with one platform; returns what was done."""
    done: Counter[str] = Counter()
    if platform.state != PlatformState.ACTIVE:
        return done
    if platform.role == Role.LOWER:
        _follow_loads(platform, done)
        _send(platform, None, done)
        return done
    try:
        upper = conversation(platform)
    except UpperError as error:
        _note_failure(platform, error)
        return done
    _entries(platform, upper, done)
    _take(platform, upper, done)
    _follow_loads(platform, done)
    _receipts(platform, upper, done)
    _send(platform, upper, done)
    _answers(platform, upper, done)
    return done


def _send(platform: Platform, upper: Upper | None, done: Counter[str]) -> None:
    rows = Outgoing.objects.select_related("plan__platform", "plan__resource__provider")
    unsent = rows.filter(
        plan__platform=platform, state__in=(OutgoingState.BUILDING, OutgoingState.SENDING)
    )
    for item in _due(unsent.order_by("pk")):
        done["delivered"] += send(item, upper)


def start_due() -> int:
    """Start the deliveries whose day has come; one that cannot start is told to the bureau and waits for the next."""
    started = 0
    due = Plan.objects.filter(state=PlanState.ACTIVE, next_at__lte=timezone.now())
    for plan in due.select_related("platform", "resource__provider", "approved_by"):
        try:
            delivering.start(actor=platform_actor("级联"), plan=plan)
            started += 1
        except Conflict as error:
            now = timezone.now()
            Plan.objects.filter(pk=plan.pk).update(next_at=now + timedelta(hours=6))
            notify(
                organization=plan.resource.provider, permission=MANAGE,
                title=f"上报没有开始：{plan}", body=error.detail, url=plan.get_absolute_url(),
                key=f"cascade-plan:{plan.pk}:{local_date(now)}",
            )  # fmt: skip
    return started


def send(item: Outgoing, upper: Upper | None) -> bool:
    """Build and send one delivery; what goes wrong is kept with it."""
    try:
        delivering.deliver(outgoing=item, upper=upper)
    except UpperError as error:
        _try_later(item, error.detail, final=error.final)
    except ChengshuError as error:
        _try_later(item, error.detail, final=True)
    else:
        return True
    return False


def _entries(platform: Platform, upper: Upper, done: Counter[str]) -> None:
    rows = Entry.objects.select_related("platform", "resource__provider")
    waiting = rows.filter(platform=platform, state=EntryState.WAITING).order_by("pk")
    for item in _due(waiting):
        try:
            cataloguing.take_answer(item=item, answer=upper.send_entry(item.document))
            done["entries"] += 1
        except UpperError as error:
            if error.final:
                # The upper side has read it and will not have it: that is an answer.
                cataloguing.take_answer(
                    item=item, answer=Answer(EntryState.RETURNED, error.message)
                )
            else:
                _try_later(item, error.detail)
                return
    for item in _due(rows.filter(platform=platform, state=EntryState.SENT)):
        try:
            answer = upper.entry_answer(item.resource.code, item.version, withdrawn=item.withdrawn)
            cataloguing.take_answer(item=item, answer=answer)
            done["entry_answers"] += item.answered_at is not None
        except UpperError as error:
            _try_later(item, error.detail)
            return


def _take(platform: Platform, upper: Upper, done: Counter[str]) -> None:
    channels = Channel.objects.select_related("platform", "resource__provider", "source")
    for channel in channels.filter(platform=platform, active=True):
        wanted = Incoming.objects.filter(channel=channel).filter(
            Q(state=IncomingState.MISSING) | Q(state=IncomingState.REFUSED, asked_at__isnull=False)
        )
        _ask_again(channel, upper)
        lowest = wanted.aggregate(least=Min("number"))["least"]
        after = channel.last_number if lowest is None else min(channel.last_number, lowest - 1)
        known = set(
            Incoming.objects.filter(channel=channel, number__gt=after)
            .exclude(pk__in=wanted.values("pk"))
            .values_list("number", flat=True)
        )
        try:
            for note in upper.notes(channel.dataset, after):
                if note.dataset == channel.dataset and note.number not in known:
                    done["notes"] += 1
                    receiving.take_note(channel=channel, note=note)
        except UpperError as error:
            _note_failure(platform, error)
            return
        except Conflict:
            done["conflicts"] += 1
    rows = Incoming.objects.select_related(
        "channel__platform", "channel__resource__provider", "channel__source"
    )
    for item in _due(
        rows.filter(channel__platform=platform, state=IncomingState.NOTED).order_by("number")
    ):
        try:
            receiving.bring(item=item, fetch=upper.fetch)
            done["brought"] += 1
        except UpperError as error:
            _try_later(item, error.detail, final=error.final)


def _ask_again(channel: Channel, upper: Upper) -> None:
    """Ask once a day for what is missing or came damaged."""
    before = timezone.now() - timedelta(days=1)
    rows = Incoming.objects.filter(channel=channel).filter(
        Q(state=IncomingState.MISSING)
        | Q(state=IncomingState.REFUSED, receipt_sent_at__isnull=False, accepted=0, duplicates=0)
    )
    for item in rows.filter(Q(asked_at=None) | Q(asked_at__lt=before)).order_by("number"):
        try:
            upper.ask_again(channel.dataset, item.number)
        except UpperError as error:
            Incoming.objects.filter(pk=item.pk).update(
                asked_at=timezone.now(), error=error.detail[:400]
            )
        else:
            Incoming.objects.filter(pk=item.pk).update(asked_at=timezone.now(), error="")


def _follow_loads(platform: Platform, done: Counter[str]) -> None:
    rows = Incoming.objects.select_related("batch")
    for item in rows.filter(channel__platform=platform, state=IncomingState.LOADING):
        if item.batch is not None:
            receiving.settle_loaded(batch=item.batch)
            done["followed"] += 1


def _receipts(platform: Platform, upper: Upper, done: Counter[str]) -> None:
    rows = Incoming.objects.filter(
        channel__platform=platform, settled_at__isnull=False, receipt_sent_at=None
    )
    for item in _due(rows.order_by("number")):
        try:
            upper.send_receipt(Receipt.parse(item.receipt))
        except UpperError as error:
            _try_later(item, error.detail)
        else:
            Incoming.objects.filter(pk=item.pk).update(
                receipt_sent_at=timezone.now(), attempts=0, error=""
            )
            done["receipts"] += 1


def _answers(platform: Platform, upper: Upper, done: Counter[str]) -> None:
    rows = Outgoing.objects.select_related("plan__platform", "plan__resource__provider")
    for item in _due(rows.filter(plan__platform=platform, state=OutgoingState.DELIVERED)):
        try:
            receipt = upper.receipt(item.parsed)
        except UpperError as error:
            if error.absent:
                # It says that it never got the batch: send it again, under the same numbers.
                delivering.redeliver(outgoing=item)
            else:
                Outgoing.objects.filter(pk=item.pk).update(error=error.detail[:400])
            continue
        if receipt is not None:
            settling.take_receipt(outgoing=item, receipt=receipt)
            done["answers"] += 1


def _due(rows: Any) -> list[Any]:
    return list(rows.filter(next_at__lte=timezone.now()))


def _try_later(item: Tried, text: str, *, final: bool = False) -> None:
    item.attempts += 1
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(item.attempts - 1, 10))
    item.next_at, item.error = timezone.now() + pause, text[:400]
    given_up = final or item.attempts >= MOST_ATTEMPTS
    if isinstance(item, Outgoing) and given_up:
        item.state = OutgoingState.FAILED
    item.save(
        update_fields=[
            "attempts",
            "next_at",
            "error",
            *(["state"] if isinstance(item, Outgoing) else []),
        ]
    )
    if given_up:
        owner = _owner(item)
        notify(
            organization=owner, permission=MANAGE, title=f"级联没有成功：{item}", body=text,
            url=_page(item), key=f"cascade-given-up:{type(item).__name__}:{item.pk}",
        )  # fmt: skip


def _owner(item: Tried) -> Any:
    if isinstance(item, Incoming):
        return item.channel.resource.provider
    return item.resource.provider if isinstance(item, Entry) else item.plan.resource.provider


def _page(item: Tried) -> str:
    return reverse("cascade:entries") if isinstance(item, Entry) else item.get_absolute_url()


def _note_failure(platform: Platform, error: UpperError) -> None:
    platform.checked_at, platform.check_passed = timezone.now(), False
    platform.check_message = error.detail[:400]
    platform.save(update_fields=["checked_at", "check_passed", "check_message"])


def warn_late() -> int:
    """Tell once every working day of deliveries whose receipt is late; returns how many were told."""
    now, table = timezone.now(), stored_table()
    today = local_date(now)
    if not is_working_day(today, table=table):
        return 0
    told = 0
    rows = Outgoing.objects.select_related("plan__platform", "plan__resource__provider")
    for item in rows.filter(state=OutgoingState.DELIVERED, receipt_due_at__lte=now):
        assert item.receipt_due_at is not None
        if overdue(item.receipt_due_at, now):
            days = max(1, -working_days_left(item.receipt_due_at, now, table=table))
            told += bool(notify(
                organization=item.plan.resource.provider, permission=MANAGE,
                title=f"{item}的回执晚了 {days} 个工作日",
                body=f"请联系{item.plan.platform.name}（{item.plan.platform.contact or '没有登记联系人'}）。",
                url=item.get_absolute_url(), key=f"cascade-late:{item.pk}:{today}",
            ))  # fmt: skip
    return told
