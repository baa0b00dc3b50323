"""What every act leaves behind: a line in the time line, a record in the audit chain, an event, a notice."""

from typing import Any

from django.utils import timezone

from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.flow import ANSWER, HOLDERS, REVIEW, Holder, word
from chengshu.data.sharing.requests.models import AccessRequest, RequestEvent
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.notices.services import notify


def leave(
    *,
    actor: Actor,
    item: AccessRequest,
    action: str,
    before: State | None,
    reason: str = "",
    data: dict[str, Any] | None = None,
    worked_days: int | None = None,
    late: bool | None = None,
) -> RequestEvent:
    """Write all traces of one act (inside the caller's transaction)."""
    event = RequestEvent.objects.create(
        request=item, at=timezone.now(), action=action, actor=actor.account,
        actor_name=actor.name[:60], organization_name=actor.organization_name[:60],
        before=before or "", after=item.state, reason=reason, data=data or {},
        worked_days=worked_days, late=late,
    )  # fmt: skip
    record(
        actor=actor, action=f"access_request.{action}", obj=item, reason=reason,
        before={"state": str(before)} if before else None,
        after={
            "state": str(item.state), "due": item.due_at.isoformat() if item.due_at else "",
            **(data or {}),
        },
    )  # fmt: skip
    kind = "submitted" if action == "submit" else "moved" if item.is_open else "closed"
    emit(
        type=f"city.access_request.{kind}", source="sharing_requests", subject=item.number,
        data={
            "request": item.pk, "number": item.number, "act": action, "state": str(item.state),
            "application": item.application.code, "interface": item.interface.code,
        },
    )  # fmt: skip
    if action != "attach":
        _tell(item, event)
    elif item.is_open and HOLDERS[State(item.state)] is not Holder.APPLICANT:
        tell_holder(
            item, title=f"共享申请 {item.number} 补充了材料", key=f"access-request:{item.pk}:{event.pk}",
            body=f"{item.application} → {item.interface}",
        )  # fmt: skip
    return event


def city_of(item: AccessRequest) -> Organization:
    """The root of the city: whose data bureau reviews and decides."""
    return Organization.objects.get(code=item.provider.path.strip("/").split("/")[0])


def tell_holder(item: AccessRequest, *, title: str, body: str, key: str) -> int:
    """Tell whoever has to act now; returns how many were told."""
    holder, url = HOLDERS[State(item.state)], item.get_absolute_url()
    if holder is Holder.BUREAU:
        return notify(
            organization=city_of(item), permission=REVIEW, title=title, body=body, url=url, key=key
        )
    if holder is Holder.PROVIDER:
        return notify(
            organization=item.provider, permission=ANSWER, title=title, body=body, url=url, key=key
        )
    return tell_applicant(item, title=title, body=body, key=key)


def tell_applicant(item: AccessRequest, *, title: str, body: str, key: str) -> int:
    """Tell who sent the request; nobody when the account is gone."""
    if item.applicant is None:
        return 0
    return notify(
        account=item.applicant, title=title, body=body, url=item.get_absolute_url(), key=key
    )


def _tell(item: AccessRequest, event: RequestEvent) -> None:
    """Whoever has to act next, and the applicant of everything others did."""
    key, done = f"access-request:{item.pk}:{event.pk}", word(event.action)
    subject = f"{item.application} → {item.interface}"
    body = "\n".join(part for part in (subject, event.reason) if part)
    title = f"共享申请 {item.number} {done}"
    told_applicant = HOLDERS[State(item.state)] is Holder.APPLICANT
    if item.is_open:
        tell_holder(item, title=title, body=body, key=key)
    elif event.action == "withdraw" and event.before in {State.ANSWER, State.DELIVERY}:
        notify(
            organization=item.provider, permission=ANSWER, title=title, body=body,
            url=item.get_absolute_url(), key=key,
        )  # fmt: skip
    if not told_applicant and item.applicant is not None and event.actor_id != item.applicant.pk:
        tell_applicant(item, title=title, body=body, key=f"{key}:applicant")
