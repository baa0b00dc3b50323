"""Notices reach the right people once, and nobody else reads them."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import NotFound
from chengshu.kernel.identity.models import Account, Organization, RoleAssignment
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.notices import selectors, services
from chengshu.kernel.notices.models import Notice, Receipt
from chengshu.kernel.unit_of_work import unit_of_work

PERMISSION = "identity.account.manage"
Actors = Callable[[Account], Actor]


@pytest.fixture
def holder(cast: Cast) -> Account:
    """An account that holds the permission at one department, and nothing above it."""
    account = Account.objects.create(
        username="holder", display_name="持有人", organization=cast.department_a
    )
    RoleAssignment.objects.create(account=account, role="operator", organization=cast.department_a)
    return account


def test_the_holders_of_the_organisation_itself_are_told(
    holder: Account, actor_for: Actors
) -> None:
    told = services.notify(
        organization=holder.organization, permission=PERMISSION, title="目录已暂停", url="/console/"
    )

    assert told == 1
    assert selectors.unread(actor_for(holder)) == 1


def test_without_a_holder_the_nearest_above_is_told(holder: Account, actor_for: Actors) -> None:
    assert holder.organization is not None
    below = Organization.objects.create(
        code="below", name="下属单位", short="下属", kind="institution", parent=holder.organization
    )

    services.notify(organization=below, permission=PERMISSION, title="提醒")

    assert selectors.unread(actor_for(holder)) == 1


def test_the_same_key_is_told_once_and_leaves_the_callers_transaction_whole(
    holder: Account, actor_for: Actors
) -> None:
    with unit_of_work():
        first = services.notify(account=holder, title="到期提醒", key="due:1")
        second = services.notify(account=holder, title="到期提醒", key="due:1")
        services.notify(account=holder, title="另一件事", key="due:2")

    assert (first, second) == (1, 0)
    assert selectors.unread(actor_for(holder)) == 2
    assert Notice.objects.filter(key="due:1").count() == 1


def test_a_closed_account_is_not_told(holder: Account) -> None:
    holder.is_active = False
    holder.save()

    services.notify(organization=holder.organization, permission=PERMISSION, title="提醒")

    assert not Receipt.objects.filter(account=holder).exists()


@pytest.mark.parametrize("url", ["https://example.org/", "//example.org/x", "javascript:alert(1)"])
def test_a_notice_cannot_lead_out_of_the_platform(holder: Account, url: str) -> None:
    with pytest.raises(ValueError, match="page of this platform"):
        services.notify(account=holder, title="看这里", url=url)


def test_an_addressee_is_demanded(holder: Account) -> None:
    with pytest.raises(ValueError, match="needs either"):
        services.notify(title="谁都没有")
    with pytest.raises(LookupError):
        services.notify(organization=holder.organization, permission="no.such", title="提醒")


def test_reading_lowers_the_count_and_strangers_cannot_read(
    holder: Account, actor_for: Actors, client_for: Callable[[Account], Client]
) -> None:
    services.notify(account=holder, title="目录已恢复", body="可以继续使用", url="/console/x/")
    receipt = Receipt.objects.get(account=holder)
    stranger = Account.objects.create(username="another", display_name="别人")

    with pytest.raises(NotFound):
        services.mark_read(actor=actor_for(stranger), receipt_id=receipt.pk)
    client = client_for(holder)
    listed = client.get("/console/notices/").content.decode()
    assert "目录已恢复" in listed
    assert "通知 1 条未读" in listed
    opened = client.get(f"/console/notices/{receipt.pk}/").content.decode()
    assert "可以继续使用" in opened
    assert "/console/x/" in opened
    assert selectors.unread(actor_for(holder)) == 0
    answer = client_for(stranger).get(f"/console/notices/{receipt.pk}/", follow=True)
    assert answer.status_code == 404


def test_all_can_be_marked_as_read(
    holder: Account, actor_for: Actors, client_for: Callable[[Account], Client]
) -> None:
    for number in range(3):
        services.notify(account=holder, title=f"第 {number} 条")

    page = client_for(holder).post("/console/notices/read-all/", follow=True).content.decode()

    assert "已把 3 条通知标为已读" in page
    assert selectors.unread(actor_for(holder)) == 0


def test_the_list_costs_the_same_for_any_number(
    holder: Account, client_for: Callable[[Account], Client]
) -> None:
    client = client_for(holder)
    counts = []
    for number in (1, 12):
        for index in range(number):
            services.notify(account=holder, title=f"{number}-{index}")
        with CaptureQueriesContext(connection) as queries:
            client.get("/console/notices/")
        counts.append(len(queries))

    assert counts[0] == counts[1]
