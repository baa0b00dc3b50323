"""Send the form: one request per interface, each with its own clock; or one request to change a grant in force."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from chengshu.data.sharing.choices import ApplicationState, GrantState
from chengshu.data.sharing.declarations import kinds_for
from chengshu.data.sharing.models import Application, Grant
from chengshu.data.sharing.requests import clock
from chengshu.data.sharing.requests.content import (
    NOT_SENT,
    Common,
    Wanted,
    differences,
    require_common,
    require_grantable,
    standing,
)
from chengshu.data.sharing.requests.flow import APPLY, OPEN
from chengshu.data.sharing.requests.models import AccessRequest, CartItem, RequestForm
from chengshu.data.sharing.requests.services.carts import require_shareable
from chengshu.data.sharing.requests.services.trace import leave
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work


def submit(
    *, actor: Actor, application: Application, common: Common, wanted: Sequence[Wanted]
) -> list[AccessRequest]:
    """Send one form over several interfaces: all of them or none; the sent ones leave the actor's cart.

    Raises:
        NotAllowed: the application is not the actor's to apply for.
        InvalidInput: something is missing, or the gateway could not enforce what is asked for; the message names the
            interface. Conflict: the application is suspended, has a grant, or asks already.
    """
    check(actor, APPLY, application)
    if not wanted:
        raise InvalidInput("还没有选择接口。", kept=NOT_SENT, advice="请先把接口加入申请车。")
    if application.state != ApplicationState.ACTIVE:
        raise Conflict(f"应用“{application}”已停用，不能申请。", kept=NOT_SENT)
    require_common(common)
    with unit_of_work():
        form = RequestForm.objects.create(application=application, applicant=actor.account)
        sent = [_send(actor, form, common, want, position=n) for n, want in enumerate(wanted, 1)]
        CartItem.objects.filter(
            account=actor.account, interface__in=[want.interface for want in wanted]
        ).delete()
    return sent


def submit_change(*, actor: Actor, grant: Grant, common: Common, wanted: Wanted) -> AccessRequest:
    """Ask to change or to prolong a grant in force: fields, rows, ways of calling, quota, networks, term.

    It is reviewed and answered as the first one was; until then the grant stays as it is.

    Raises:
        NotAllowed, InvalidInput: as for :func:`submit`, and when nothing would change.
        Conflict: the grant was revoked, the application is suspended, or asks already.
    """
    application = grant.application
    check(actor, APPLY, application)
    if grant.state == GrantState.REVOKED:
        raise Conflict("这项授权已经收回。", kept=NOT_SENT, advice="请重新申请。")
    if application.state != ApplicationState.ACTIVE:
        raise Conflict(f"应用“{application}”已停用，不能申请。", kept=NOT_SENT)
    require_common(common)
    with unit_of_work():
        form = RequestForm.objects.create(application=application, applicant=actor.account)
        return _send(actor, form, common, wanted, amends=grant)


def _send(
    actor: Actor, form: RequestForm, common: Common, want: Wanted, *, position: int = 1,
    amends: Grant | None = None,
) -> AccessRequest:  # fmt: skip
    interface, now = want.interface, timezone.now()
    require_shareable(interface)
    _require_first(form.application, want, amends)
    published = interface.resource.published
    assert published is not None
    assert common.valid_until is not None
    item = AccessRequest(
        number=f"{form.number}-{position}", form=form, application=form.application,
        interface=interface, provider=interface.resource.provider, applicant=actor.account,
        sharing_type=published.sharing_type, purpose=common.purpose.strip(),
        legal_basis=common.legal_basis.strip(), business_item=common.business_item.strip(),
        frequency=common.frequency, per_day=common.per_day, networks=common.networks,
        valid_until=common.valid_until, fields=want.fields, row_filter=want.row_filter,
        kinds=kinds_for(interface, want.kinds), amends=amends, sent_at=now,
        base=standing(amends) if amends is not None else None,
    )  # fmt: skip
    if amends is not None and not differences(item):
        raise InvalidInput("和现在的授权一样，没有要变的。", kept=NOT_SENT)
    _require_grantable(item)
    clock.turn(item, None, now)
    try:
        # A savepoint of its own: on PostgreSQL a refused twin would end the caller's transaction.
        with transaction.atomic():
            item.save()
    except IntegrityError as error:
        raise _twin(want) from error
    leave(
        actor=actor, item=item, action="submit", before=None,
        data={"fields": item.fields, "sharing": str(item.sharing_type),
              **({"amends": amends.pk, "wants": differences(item)} if amends else {})},
    )  # fmt: skip
    return item


def _require_grantable(item: AccessRequest) -> None:
    try:
        require_grantable(item)
    except InvalidInput as error:
        raise InvalidInput(
            f"“{item.interface}”：{error.message}", kept=NOT_SENT, fields=error.fields
        ) from error


def _require_first(application: Application, want: Wanted, amends: Grant | None) -> None:
    interface = want.interface
    granted = application.grants.filter(interface=interface).exclude(state=GrantState.REVOKED)
    if amends is None and granted.exists():
        raise Conflict(
            f"“{application}”已有“{interface}”的授权。", kept=NOT_SENT,
            advice="请把它移出申请车；字段不够用、要到期时，在授权页点“申请变更”或“续期”。",
        )  # fmt: skip
    if AccessRequest.objects.filter(
        application=application, interface=interface, state__in=OPEN
    ).exists():
        raise _twin(want)


def _twin(want: Wanted) -> Conflict:
    return Conflict(
        f"“{want.interface}”的申请已在办理中。", kept=NOT_SENT, advice="请在“我的申请”里查看进展。"
    )
