from collections.abc import Callable

import pytest
from django.test import Client

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.accounts.services import (
    assign_role,
    change_account,
    create_account,
    revoke_role,
    set_account_state,
    sign_in,
)
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.identity.models import Account, RoleAssignment
from chengshu.kernel.identity.tests.cast import PASSWORD, Cast, make_account

ActorFor = Callable[[Account], Actor]
ClientFor = Callable[[Account], Client]
NEW = "Harbour-lights-88"


@pytest.fixture
def local(cast: Cast, actor_for: ActorFor) -> Actor:
    """Somebody who manages accounts and gives roles, but in department B and without assign_any."""
    from chengshu.kernel.registry import registry
    from chengshu.kernel.registry.manifest import RoleTemplate

    permissions = ("identity.account.manage", "identity.role.assign", "console.enter")
    registry.roles()["local"] = RoleTemplate(key="local", name="本局管理", permissions=permissions)
    RoleAssignment.objects.create(
        account=cast.stranger, role="local", organization=cast.department_b
    )
    actor = actor_for(cast.stranger)
    assert actor.scopes
    registry.roles.cache_clear()
    return actor


def test_an_account_is_created_within_the_scope_only(cast: Cast, local: Actor) -> None:
    made = create_account(
        actor=local,
        username="new",
        display_name="新人",
        password=NEW,
        organization=cast.department_b,
    )
    assert made.must_change_password
    assert sign_in(actor=Actor(), username="new", password=NEW) == made
    with pytest.raises(NotAllowed):
        create_account(
            actor=local,
            username="x",
            display_name="某",
            password=NEW,
            organization=cast.department_a,
        )
    with pytest.raises(InvalidInput):
        create_account(
            actor=local, username="y", display_name="某", password=NEW, organization=None
        )


def test_a_taken_name_is_told_beside_the_field(cast: Cast, actor_for: ActorFor) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_account(
            actor=actor_for(cast.operator), username="officer_a", display_name="某", password=NEW,
            organization=cast.city,
        )  # fmt: skip
    assert "username" in caught.value.fields


def test_nobody_gives_more_than_they_hold(cast: Cast, local: Actor) -> None:
    with pytest.raises(NotAllowed, match="不能处理含该权限的角色"):
        assign_role(
            actor=local, account=cast.officer_b, role="operator", organization=cast.department_b
        )
    given = assign_role(
        actor=local, account=cast.officer_b, role="approver", organization=cast.department_b
    )
    assert given.granted_by == cast.stranger


def test_nobody_gives_roles_outside_their_branch(cast: Cast, local: Actor) -> None:
    with pytest.raises(NotAllowed):
        assign_role(actor=local, account=cast.officer_b, role="approver", organization=cast.city)
    with pytest.raises(NotAllowed):
        assign_role(
            actor=local, account=cast.officer_a, role="approver", organization=cast.department_b
        )


def test_nobody_gives_roles_to_themselves(cast: Cast, actor_for: ActorFor) -> None:
    with pytest.raises(Conflict, match="自己"):
        assign_role(
            actor=actor_for(cast.operator), account=cast.operator, role="data_admin",
            organization=cast.city,
        )  # fmt: skip
    assert not cast.operator.assignments.filter(role="data_admin").exists()


def test_the_citys_operator_gives_any_role_once(cast: Cast, actor_for: ActorFor) -> None:
    for _ in range(2):
        assign_role(
            actor=actor_for(cast.operator), account=cast.officer_a, role="data_admin",
            organization=cast.city,
        )  # fmt: skip
    assert cast.officer_a.assignments.filter(role="data_admin").count() == 1
    record = AuditRecord.objects.get(action="identity.role_assigned")
    assert record.after == {"role": "数据管理员（data_admin）", "organization": "龙港市（330383）"}


def test_an_unknown_role_is_refused(cast: Cast, actor_for: ActorFor) -> None:
    with pytest.raises(InvalidInput, match="没有名为"):
        assign_role(
            actor=actor_for(cast.operator), account=cast.officer_a, role="emperor",
            organization=cast.city,
        )  # fmt: skip


def test_a_role_of_more_power_cannot_be_taken_away_from_below(cast: Cast, local: Actor) -> None:
    item = RoleAssignment.objects.create(
        account=cast.officer_b, role="operator", organization=cast.department_b
    )
    with pytest.raises(NotAllowed):
        revoke_role(actor=local, assignment=item)
    assert RoleAssignment.objects.filter(pk=item.pk).exists()


def test_disabling_needs_a_reason_and_never_hits_oneself(cast: Cast, actor_for: ActorFor) -> None:
    operator = actor_for(cast.operator)
    with pytest.raises(Conflict, match="停用自己"):
        set_account_state(actor=operator, account=cast.operator, active=False, reason="休假")
    with pytest.raises(InvalidInput, match="原因"):
        set_account_state(actor=operator, account=cast.officer_a, active=False, reason=" ")
    set_account_state(actor=operator, account=cast.officer_a, active=False, reason="离职")
    with pytest.raises(NotAllowed):
        sign_in(actor=Actor(), username="officer_a", password=PASSWORD)
    assert AuditRecord.objects.get(action="identity.account_state").reason == "离职"


def test_the_second_of_two_people_is_told(cast: Cast, actor_for: ActorFor) -> None:
    change = {"display_name": "王某", "post": "科长", "organization": cast.department_a}
    operator = actor_for(cast.operator)
    change_account(actor=operator, account=cast.officer_a, version=1, **change)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="刚被他人修改"):
        change_account(actor=operator, account=cast.officer_a, version=1, **change)  # type: ignore[arg-type]


def test_an_account_cannot_be_moved_out_of_ones_branch(cast: Cast, local: Actor) -> None:
    with pytest.raises(NotAllowed):
        change_account(
            actor=local, account=cast.officer_b, version=1, display_name="李", post="",
            organization=cast.department_a,
        )  # fmt: skip


def test_the_list_shows_ones_branch_and_filters_by_state_and_role(
    cast: Cast, client_for: ClientFor
) -> None:
    Account.objects.filter(pk=cast.officer_b.pk).update(is_active=False)

    def names(query: str) -> set[str]:
        page = client_for(cast.operator).get(f"/console/accounts/{query}")
        return {row.cells[0].value for row in page.context["table"].rows}

    assert names("?state=inactive") == {"李市监"}
    assert "李市监" not in names("?state=active")
    assert names("?role=security_admin") == {"金安全"}
    assert names("?q=窗口") == {"周窗口"}
    assert "章群众" in names("")
    assert client_for(cast.officer_a).get("/console/accounts/").status_code == 403


def test_pages_go_on_by_key_and_cost_the_same(
    cast: Cast,
    client_for: ClientFor,
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    for number in range(120):
        make_account(f"z{number:03}", f"员工{number:03}", cast.department_a, role="approver")
    client = client_for(cast.operator)
    seen: list[str] = []
    url = "/console/accounts/?q=员工"
    while url:
        with django_assert_max_num_queries(7):
            page = client.get(url)
        table = page.context["table"]
        seen += [row.cells[1].value for row in table.rows]
        url = table.pager.next_url
    assert seen == [f"z{number:03}" for number in range(120)]


def test_a_person_creates_an_account_and_gives_it_a_role_in_the_browser(
    cast: Cast, client_for: ClientFor
) -> None:
    operator = client_for(cast.operator)
    form = {"username": "xin.ren", "display_name": "新人", "organization": cast.department_a.pk}
    page = operator.post("/console/accounts/new/", form)
    password = page.context["password"]
    made = Account.objects.get(username="xin.ren")
    role = {"role": "data_officer", "organization": cast.department_a.pk, "valid_until": ""}
    assert operator.post(f"/console/accounts/{made.pk}/roles/", role).status_code == 302
    text = operator.get(f"/console/accounts/{made.pk}/").content.decode()
    assert "数据专员" in text
    assert "创建账号" in text
    assert sign_in(actor=Actor(), username="xin.ren", password=password) == made
    item = made.assignments.get()
    operator.post(f"/console/accounts/{made.pk}/roles/{item.pk}/revoke/")
    assert not made.assignments.exists()


def test_wrong_input_of_a_role_is_told_on_the_same_page(cast: Cast, client_for: ClientFor) -> None:
    url = f"/console/accounts/{cast.officer_a.pk}/roles/"
    page = client_for(cast.operator).post(url, {"role": "data_officer"})
    assert page.status_code == 422
    assert "请选择机构" in page.content.decode()


def test_disable_unlock_and_enable_in_the_browser(cast: Cast, client_for: ClientFor) -> None:
    operator, pk = client_for(cast.operator), cast.officer_a.pk
    page = operator.post(f"/console/accounts/{pk}/disable/", {"reason": ""})
    assert "请写明原因" in page.content.decode()
    operator.post(f"/console/accounts/{pk}/disable/", {"reason": "借调"})
    assert "已停用" in operator.get(f"/console/accounts/{pk}/").content.decode()
    operator.post(f"/console/accounts/{pk}/enable/")
    assert Account.objects.get(pk=pk).is_active
    Account.objects.filter(pk=pk).update(locked_until="2099-01-01T00:00Z")
    operator.post(f"/console/accounts/{pk}/unlock/")
    assert not Account.objects.get(pk=pk).is_locked


def test_the_edit_page_saves_and_tells_the_second_person(cast: Cast, client_for: ClientFor) -> None:
    url = f"/console/accounts/{cast.officer_a.pk}/edit/"
    operator = client_for(cast.operator)
    assert operator.get(url).status_code == 200
    form = {
        "display_name": "王某",
        "post": "科长",
        "organization": cast.department_a.pk,
        "version": 1,
    }
    assert operator.post(url, form).status_code == 302
    assert operator.post(url, form).status_code == 409


def test_the_own_profile_shows_roles_and_sign_ins(cast: Cast, client_for: ClientFor) -> None:
    sign_in(actor=Actor(address="10.2.3.4"), username="officer_a", password=PASSWORD)
    client = client_for(cast.officer_a)
    text = client.get("/console/profile/").content.decode()
    assert "数据专员" in text
    assert "10.2.3.4" in text
    client.post("/console/profile/", {"display_name": "王社事", "post": "科员"})
    assert Account.objects.get(pk=cast.officer_a.pk).post == "科员"
    assert client.post("/console/profile/", {"display_name": ""}).status_code == 200
