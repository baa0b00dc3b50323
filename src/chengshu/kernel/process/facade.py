"""What other packages use: starting cases, and putting their own work into the one to-do list.

A package with a state machine of its own needs no BPMN: it posts a task under its ``owner_kind`` and key, and
finishes it in the same transaction as its own change. The task then shows, is searched, sorted and counted like any
other, and opens the package's own page.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.process.candidates import group_of, people_group
from chengshu.kernel.process.choices import GroupKind, TaskState
from chengshu.kernel.process.models import OPEN_STATES, PROCESS, CandidateGroup, HumanTask
from chengshu.kernel.process.services.starting import start

PAGE_PREFIX = "/"


def post_task(
    *,
    owner_kind: str,
    owner_key: str,
    step: str,
    name: str,
    matter: str,
    title: str,
    url: str,
    organization: Organization,
    assignee: Account | None = None,
    group: CandidateGroup | None = None,
    due_at: datetime | None = None,
) -> HumanTask:
    """Put a task into the to-do list; one that is open already at that step gets the new addressee and term.

    Must run in the caller's transaction, together with the change that makes the task necessary.

    Args:
        owner_kind: the package, e.g. ``tickets``.
        owner_key: key of its object.
        step: what waits, in the package's own words (a state of its machine).
        name: what people read of the step.
        matter: the kind of business, as lists show and filter it.
        title: which one.
        url: the page of this platform where it is done.
        organization: whose it is.
        assignee: who does it; this or ``group``.
        group: one of whom does it.
        due_at: when the term ends.

    Raises:
        ValueError: the owner is the process engine, nobody or two are named, the address is outside the platform.
        TransactionManagementError: there is no open transaction.
    """
    if owner_kind == PROCESS or (assignee is None) == (group is None):
        raise ValueError("post_task() needs an owner of its own, and either assignee or group")
    if not url.startswith(PAGE_PREFIX) or url.startswith("//"):
        raise ValueError(f"a task opens a page of this platform, not {url!r}")
    _need_transaction()
    said = {
        "name": name, "matter": matter, "matter_key": owner_kind, "title": title[:200], "url": url,
        "organization": organization, "assignee": assignee, "group": group, "due_at": due_at,
    }  # fmt: skip
    return HumanTask.objects.update_or_create(
        owner_kind=owner_kind, owner_key=owner_key, step=step, state=TaskState.OPEN, defaults=said
    )[0]


def finish_task(
    *,
    actor: Actor,
    owner_kind: str,
    owner_key: str,
    step: str,
    outcome: str = "",
    comment: str = "",
) -> int:
    """Mark the open task of that step as done by ``actor``; return how many there were (0 or 1)."""
    _need_transaction()
    return HumanTask.objects.filter(
        owner_kind=owner_kind, owner_key=owner_key, step=step, state=TaskState.OPEN
    ).update(
        state=TaskState.DONE, finished_at=timezone.now(), finished_by=actor.account,
        outcome=outcome, comment=comment,
    )  # fmt: skip


def close_tasks(*, owner_kind: str, owner_key: str) -> int:
    """Take every open task of an object off the lists: nobody has to do them any more."""
    _need_transaction()
    return HumanTask.objects.filter(
        owner_kind=owner_kind, owner_key=owner_key, state__in=OPEN_STATES
    ).update(state=TaskState.CLOSED, finished_at=timezone.now())


def role_group(role: str, organization: Organization) -> CandidateGroup:
    """Whoever holds ``role`` at an organisation or above it."""
    return group_of(GroupKind.ROLE, role, organization=organization)


def permission_group(permission: str, organization: Organization) -> CandidateGroup:
    """Whoever holds ``permission`` for an organisation."""
    return group_of(GroupKind.PERMISSION, permission, organization=organization)


def _need_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            "the to-do list needs the caller's transaction"
        )


__all__ = [
    "close_tasks", "finish_task", "people_group", "permission_group", "post_task", "role_group", "start",
]  # fmt: skip
