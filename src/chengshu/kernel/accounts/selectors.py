"""Reads organisations, accounts and their history within the reader's scope."""

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import NotFound
from chengshu.kernel.identity.models import Account, Organization

SIGN_IN_ACTIONS = ("identity.sign_in", "identity.sign_in_failed", "identity.sign_in_locked")


def organizations(
    actor: Actor, permission: str = "identity.organization.view"
) -> QuerySet[Organization]:
    """Units the actor may see (or, with another permission, act on)."""
    return scope(actor, permission, Organization.objects.select_related("parent"))


def organization(actor: Actor, pk: int) -> Organization:
    """One unit.

    Raises:
        NotFound: there is none, or not for this reader.
    """
    item = organizations(actor).filter(pk=pk).first()
    if item is None:
        raise NotFound("没有找到这个机构。", advice="可能已被移走，或不在您的查看范围。")
    return item


def with_counts(rows: QuerySet[Organization]) -> QuerySet[Organization]:
    """Add the number of active staff accounts and of direct units below."""
    return rows.annotate(
        account_count=Count("accounts", filter=Q(accounts__is_active=True), distinct=True),
        child_count=Count("children", distinct=True),
    )


def accounts(actor: Actor, permission: str = "identity.account.view") -> QuerySet[Account]:
    """Accounts the actor may see (or act on)."""
    return scope(actor, permission, Account.objects.select_related("organization"))


def account(actor: Actor, pk: int) -> Account:
    """One account.

    Raises:
        NotFound: there is none, or not for this reader.
    """
    item = accounts(actor).filter(pk=pk).first()
    if item is None:
        raise NotFound("没有找到这个账号。", advice="可能已被移走，或不在您的查看范围。")
    return item


def narrowed_by_state(rows: QuerySet[Account], state: str) -> QuerySet[Account]:
    """Accounts in the state the list shows: active, locked or inactive."""
    locked = Q(locked_until__gt=timezone.now())
    if state == "inactive":
        return rows.filter(is_active=False)
    if state == "locked":
        return rows.filter(locked, is_active=True)
    return rows.filter(~locked | Q(locked_until=None), is_active=True)


def state_of(item: Account) -> str:
    """The state key of an account, as status tags know it."""
    if not item.is_active:
        return "inactive"
    return "locked" if item.is_locked else "active"


def history(item: Account | Organization, limit: int = 12) -> list[AuditRecord]:
    """What happened to an account or unit, newest first."""
    return list(
        AuditRecord.objects.filter(object_type=item._meta.label_lower, object_id=str(item.pk))[
            :limit
        ]
    )


def sign_ins(item: Account, limit: int = 10) -> list[AuditRecord]:
    """The last sign-ins and failures of an account, newest first."""
    return list(
        AuditRecord.objects.filter(
            object_type="identity.account", object_id=str(item.pk), action__in=SIGN_IN_ACTIONS
        )[:limit]
    )
