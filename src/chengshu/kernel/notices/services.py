"""Tell people something: the one door for every package's notices and reminders."""

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import NotFound
from chengshu.kernel.identity.models import Account, Organization, RoleAssignment
from chengshu.kernel.notices.models import Notice, Receipt
from chengshu.kernel.registry import registry
from chengshu.kernel.unit_of_work import unit_of_work

TITLE_LENGTH = 120


def notify(
    *,
    title: str,
    body: str = "",
    url: str = "",
    organization: Organization | None = None,
    permission: str = "",
    account: Account | None = None,
    key: str = "",
) -> int:
    """Tell one account, or whoever holds ``permission`` for ``organization``; return how many were told.

    For an organisation the holders at that organisation itself are told; where it has none, those of the nearest
    organisation above it, so that a notice is never lost for want of a role. Inside a transaction of the caller the
    notice is written with it or not at all.

    Args:
        title: one line, cut at 120 characters.
        body: what happened and what to do; plain text, line breaks are kept.
        url: page of this platform to open (begins with one ``/``).
        organization: whose people; needs ``permission``.
        permission: key of a manifest.
        account: one person instead.
        key: the same key is told once, whatever happens (idempotency); empty: every call tells again.

    Raises:
        ValueError: neither or both addressees, or an address outside the platform.
        LookupError: the permission is in no manifest.
    """
    if (account is None) == (organization is None) or bool(permission) != bool(organization):
        raise ValueError("notify() needs either account, or organization and permission")
    if url and (not url.startswith("/") or url.startswith("//")):
        raise ValueError(f"a notice opens a page of this platform, not {url!r}")
    people = [account] if account else _holders(organization, permission)
    with unit_of_work():
        try:
            # A savepoint of its own: on PostgreSQL a refused twin would end the caller's transaction.
            with transaction.atomic():
                notice = Notice.objects.create(
                    key=key or uuid.uuid4().hex, title=title[:TITLE_LENGTH], body=body, url=url,
                    organization=organization,
                )  # fmt: skip
        except IntegrityError:
            if not (key and Notice.objects.filter(key=key).exists()):
                raise
            return 0
        Receipt.objects.bulk_create(Receipt(notice=notice, account=person) for person in people)
    return len(people)


def _holders(organization: Organization | None, permission: str) -> list[Account]:
    if permission not in registry.permissions():
        raise LookupError(f"permission {permission!r} is in no manifest")
    assert organization is not None
    roles = [key for key, role in registry.roles().items() if permission in role.permissions]
    codes = organization.path.strip("/").split("/")
    rows = (
        RoleAssignment.objects.filter(
            role__in=roles, organization__code__in=codes, region=None, account__is_active=True
        )
        .exclude(valid_until__lte=timezone.now())
        .select_related("account", "organization")
        .order_by("account_id")
    )
    at: dict[str, dict[int, Account]] = {}
    for row in rows:
        at.setdefault(row.organization.code, {})[row.account_id] = row.account
    nearest = next((at[code] for code in reversed(codes) if code in at), {})
    return list(nearest.values())


def mark_read(*, actor: Actor, receipt_id: int) -> Receipt:
    """Mark one of the actor's own notices as read and return it.

    Raises:
        NotFound: it is not theirs, or does not exist.
    """
    with unit_of_work():
        receipt = (
            Receipt.objects.filter(pk=receipt_id, account=actor.account)
            .select_related("notice")
            .first()
        )
        if receipt is None:
            raise NotFound("没有找到这条通知。", advice="它可能是发给别人的。")
        if receipt.read_at is None:
            receipt.read_at = timezone.now()
            receipt.save(update_fields=["read_at"])
    return receipt


def mark_all_read(*, actor: Actor) -> int:
    """Mark all of the actor's notices as read; return how many were not."""
    with unit_of_work():
        return Receipt.objects.filter(account=actor.account, read_at=None).update(
            read_at=timezone.now()
        )
