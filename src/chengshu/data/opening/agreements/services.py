"""Apply, decide, hand out a key, fetch, withdraw."""

import hashlib
import secrets
from datetime import date, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from chengshu.data.opening.agreements.models import AccessState, Agreement, RestrictedAccess
from chengshu.data.opening.agreements.selectors import current_agreement, restricted_dataset
from chengshu.data.opening.models import OpenDataset
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.calendar.deadlines import due
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, NotSignedIn
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

PERMISSION = "opening.grant"
PURPOSE_LEAST, REMARK_LENGTH, TEXT_LEAST = 20, 300, 50
LONGEST_DAYS = 365


def publish_agreement(*, actor: Actor, text: str) -> Agreement:
    """Put a new version in force; those who accepted an earlier one keep it.

    Raises:
        InvalidInput: too short. Conflict: nothing was changed.
    """
    check(actor, PERMISSION)
    told = text.strip()
    if len(told) < TEXT_LEAST:
        raise InvalidInput("没有保存。", fields={"text": f"至少 {TEXT_LEAST} 个字"})
    with unit_of_work():
        last = current_agreement()
        if last.text == told:
            raise Conflict("内容没有变化。", kept=f"仍是第 {last.number} 版。")
        made = Agreement.objects.create(number=last.number + 1, text=told, made_by=actor.account)
        record(
            actor=actor, action="opening.agreement_made", obj=made,
            after={"number": made.number, "digest": made.digest},
        )  # fmt: skip
    return made


def apply(
    *, actor: Actor, dataset: OpenDataset, purpose: str, unit: str, agreement: int, accepted: bool
) -> RestrictedAccess:
    """Apply under one's own name, accepting the agreement in force; ``agreement`` is the version that was shown.

    Raises:
        NotSignedIn: nobody is named. InvalidInput: no purpose, or not accepted. Conflict: the agreement has a newer
            version, or an application or a grant runs already.
    """
    if actor.account is None:
        raise NotSignedIn("受限开放要实名申请。", advice="请先登录。")
    problems = {}
    if len(purpose.strip()) < PURPOSE_LEAST:
        problems["purpose"] = f"请用至少 {PURPOSE_LEAST} 个字写清做什么、谁来用、结果是否公开"
    if not accepted:
        problems["accepted"] = "请阅读并接受协议"
    if problems:
        raise InvalidInput("没有提交。", kept="您填写的内容还在这个页面上。", fields=problems)
    now = timezone.now()
    with unit_of_work():
        text = current_agreement()
        if text.number != agreement:
            raise Conflict("协议刚有新版本。", kept="没有提交。", advice="请读过新版再提交。")
        held = RestrictedAccess.objects.filter(dataset=dataset, account=actor.account)
        for one in held.filter(state=AccessState.GRANTED):
            if one.expired:
                one.state, one.remark = AccessState.WITHDRAWN, "期限已过"
                one.save(update_fields=["state", "remark"])
        if held.filter(state__in=(AccessState.WAITING, AccessState.GRANTED)).exists():
            raise Conflict("您已申请过这个数据集。", advice="请在本页看进展。")
        item = RestrictedAccess.objects.create(
            dataset=dataset, account=actor.account, unit=unit.strip(), purpose=purpose.strip(),
            agreement=text, accepted_by=actor.name, accepted_digest=text.digest, accepted_at=now,
            due_at=due(now, settings.OPENING_ANSWER_DAYS, table=stored_table()).at,
        )  # fmt: skip
        record(
            actor=actor, action="opening.access_applied", obj=item,
            after={"agreement": text.number, "digest": text.digest, "purpose": item.purpose},
        )  # fmt: skip
        notify(
            organization=dataset.resource.provider, permission=PERMISSION,
            title=f"受限开放申请：{dataset.title}", body=item.purpose, url=item.get_absolute_url(),
            key=f"opening.access:{item.pk}",
        )  # fmt: skip
    return item


def grant(
    *, actor: Actor, access: RestrictedAccess, until: date, remark: str = ""
) -> RestrictedAccess:
    """Let the applicant in until the end of a day.

    Raises:
        InvalidInput: a day in the past or too far off. Conflict: decided already. NotAllowed: one's own application.
    """
    today = timezone.localdate()
    if not today <= until <= today + timedelta(days=LONGEST_DAYS):
        raise InvalidInput("没有同意。", fields={"until": f"从今天起最长 {LONGEST_DAYS} 天"})
    return _decide(actor, access, AccessState.GRANTED, remark, until)


def refuse(*, actor: Actor, access: RestrictedAccess, remark: str) -> RestrictedAccess:
    """Say no, with a reason.

    Raises:
        InvalidInput: no reason. Conflict, NotAllowed: as :func:`grant`.
    """
    return _decide(actor, access, AccessState.REFUSED, _reason(remark), None)


def withdraw(*, actor: Actor, access: RestrictedAccess, remark: str) -> RestrictedAccess:
    """Take it back; the next request with the key is refused.

    Raises:
        InvalidInput: no reason. Conflict: nothing is granted.
    """
    check(actor, PERMISSION, access)
    reason = _reason(remark)
    with unit_of_work():
        item = RestrictedAccess.objects.select_for_update().get(pk=access.pk)
        if item.state != AccessState.GRANTED:
            raise Conflict("现在没有授权可收回。", advice="请刷新页面。")
        item.state, item.remark, item.key_digest = AccessState.WITHDRAWN, reason, ""
        item.save()
        _told(actor, item, AccessState.GRANTED)
    return item


def new_key(*, actor: Actor, access: RestrictedAccess) -> str:
    """A fresh key, shown this once; the former one ends.

    Raises:
        NotAllowed: somebody else's access. Conflict: not granted, or expired.
    """
    if actor.account is None or access.account_id != actor.account.pk:
        raise NotAllowed("只有申请人自己能领取密钥。")
    with unit_of_work():
        item = RestrictedAccess.objects.select_for_update().get(pk=access.pk)
        if not item.open:
            raise Conflict("还没有同意，或期限已过。", kept="没有发放密钥。")
        key = secrets.token_urlsafe(32)
        item.key_digest = _digest(key)
        item.save(update_fields=["key_digest"])
        record(actor=actor, action="opening.access_key", obj=item)
    return key


def admit(*, actor: Actor, slug: str, key: str) -> RestrictedAccess:
    """Who may fetch a dataset now, by key or, signed in, by name; recorded before anything is handed out.

    Raises:
        NotAllowed: no grant, or it was withdrawn or has expired. NotFound: no such dataset any more.
    """
    dataset = restricted_dataset(slug)
    with unit_of_work():
        found = RestrictedAccess.objects.select_for_update(of=("self",)).filter(
            dataset=dataset, state=AccessState.GRANTED
        )
        if key:
            found = found.filter(key_digest=_digest(key))
        else:
            found = found.filter(account=actor.account) if actor.account else found.none()
        item = found.select_related("account", "dataset__current").first()
        if item is None or not item.open:
            raise NotAllowed(
                "没有授权，或密钥不对、已收回、已过期。",
                kept="没有给出数据。",
                advice="请在数据集页面看状态。",
            )
        RestrictedAccess.objects.filter(pk=item.pk).update(
            fetched=F("fetched") + 1, fetched_at=timezone.now()
        )
        record(
            actor=Actor(account=item.account, name=item.accepted_by),
            action="opening.access_fetched", obj=item,
            after={"release": item.dataset.current.number if item.dataset.current else 0},
        )  # fmt: skip
    return item


def _decide(
    actor: Actor, access: RestrictedAccess, state: AccessState, remark: str, until: date | None
) -> RestrictedAccess:
    check(actor, PERMISSION, access)
    if actor.account is None or access.account_id == actor.account.pk:
        raise NotAllowed("不能答复自己的申请。")
    with unit_of_work():
        item = RestrictedAccess.objects.select_for_update().get(pk=access.pk)
        if item.state != AccessState.WAITING:
            raise Conflict("这份申请已经答复过了。", advice="请刷新页面。")
        item.state, item.remark, item.expires_on = state, remark.strip()[:REMARK_LENGTH], until
        item.decided_by, item.decided_at = actor.account, timezone.now()
        item.save()
        _told(actor, item, AccessState.WAITING)
    return item


def _told(actor: Actor, item: RestrictedAccess, before: AccessState) -> None:
    record(
        actor=actor, action=f"opening.access_{item.state}", obj=item, reason=item.remark,
        before={"state": before}, after={"state": item.state, "until": str(item.expires_on or "")},
    )  # fmt: skip
    notify(
        account=item.account, title=f"受限开放“{item.dataset.title}”：{item.get_state_display()}",
        body=item.remark, url=f"/open/restricted/{item.dataset.slug}/",
        key=f"opening.access:{item.pk}:{item.state}",
    )  # fmt: skip


def _reason(text: str) -> str:
    if not text.strip():
        raise InvalidInput("没有办理。", fields={"remark": "请写明原因，申请人会看到"})
    return text.strip()[:REMARK_LENGTH]


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
