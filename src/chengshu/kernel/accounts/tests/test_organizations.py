from collections.abc import Callable

import pytest
from django.test import Client

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.accounts.services import save_organization
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.identity.models import Account, Organization, RoleAssignment
from chengshu.kernel.identity.tests.cast import Cast, make_organization

ActorFor = Callable[[Account], Actor]


def save(actor: Actor, item: Organization | None, **changes: object) -> Organization:
    fields: dict[str, object] = {
        "code": "330383-NEW", "name": "新局", "short": "", "kind": "department", "parent": None,
    }  # fmt: skip
    if item is not None:
        fields |= {n: getattr(item, n) for n in ("code", "name", "short", "kind", "parent")}
    return save_organization(actor=actor, organization=item, **(fields | changes))  # type: ignore[arg-type]


def test_moving_a_branch_moves_every_path_below_it(cast: Cast, actor_for: ActorFor) -> None:
    office = make_organization("A-1", "一科", parent=cast.department_a)
    desk = make_organization("A-1-1", "一科一组", parent=office)
    save(actor_for(cast.operator), office, parent=cast.department_b)
    desk.refresh_from_db()
    assert desk.path == f"{cast.department_b.path}A-1/A-1-1/"
    record = AuditRecord.objects.get(action="identity.organization_changed")
    assert (record.before["parent"], record.after["parent"]) == ("社会事业局", "市场监管局")


def test_a_new_code_reaches_the_paths_below(cast: Cast, actor_for: ActorFor) -> None:
    office = make_organization("A-1", "一科", parent=cast.department_a)
    save(actor_for(cast.operator), cast.department_a, code="330383-XX")
    office.refresh_from_db()
    assert office.path == "/330383/330383-XX/A-1/"


def test_a_unit_cannot_be_put_below_itself(cast: Cast, actor_for: ActorFor) -> None:
    office = make_organization("A-1", "一科", parent=cast.department_a)
    with pytest.raises(InvalidInput, match="自己或它的下级"):
        save(actor_for(cast.operator), cast.department_a, parent=office)
    with pytest.raises(InvalidInput, match="自己或它的下级"):
        save(actor_for(cast.operator), cast.department_a, parent=cast.department_a)


def test_the_second_of_two_people_is_told(cast: Cast, actor_for: ActorFor) -> None:
    operator = actor_for(cast.operator)
    seen = cast.department_a.version
    save(operator, cast.department_a, name="社会事业局（改）", version=seen)
    with pytest.raises(Conflict, match="刚被他人修改"):
        save(operator, cast.department_a, name="另一个名字", version=seen)
    cast.department_a.refresh_from_db()
    assert cast.department_a.name == "社会事业局（改）"


@pytest.mark.parametrize("code", ["A/B", "", "A%", "A_B", "中文", "-A", "/"])
def test_a_code_that_would_break_paths_is_refused(
    cast: Cast, actor_for: ActorFor, code: str
) -> None:
    with pytest.raises(InvalidInput, match="机构代码只能"):
        save(actor_for(cast.operator), None, code=code, parent=cast.city)


def test_codes_differ_by_more_than_case(cast: Cast, actor_for: ActorFor) -> None:
    with pytest.raises(InvalidInput, match="已被使用"):
        save(actor_for(cast.operator), None, code="330383-shsy", parent=cast.city)


def test_only_the_platform_plants_a_root(cast: Cast, actor_for: ActorFor) -> None:
    with pytest.raises(InvalidInput, match="请选择上级机构"):
        save(actor_for(cast.operator), None)
    with pytest.raises(InvalidInput, match="请选择上级机构"):
        save(actor_for(cast.operator), cast.department_a, parent=None)
    assert save(platform(), None).path == "/330383-NEW/"
    assert save(actor_for(cast.operator), cast.city, name="龙港").name == "龙港"


def test_a_manager_of_one_branch_stays_in_it(cast: Cast, actor_for: ActorFor) -> None:
    RoleAssignment.objects.create(
        account=cast.stranger, role="operator", organization=cast.department_b
    )
    local = actor_for(cast.stranger)
    office = make_organization("B-1", "一科", parent=cast.department_b)
    assert save(local, None, parent=cast.department_b).parent == cast.department_b
    with pytest.raises(NotAllowed):
        save(local, None, code="X", parent=cast.department_a)
    with pytest.raises(NotAllowed):
        save(local, office, parent=cast.department_a)
    with pytest.raises(NotAllowed):
        save(local, cast.department_a, name="改名")


def test_the_form_keeps_what_was_typed_when_somebody_was_faster(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    client = client_for(cast.operator)
    url = f"/console/organizations/{cast.department_a.pk}/edit/"
    form = {
        "name": "我的改动", "short": "社事", "code": "330383-SHSY", "kind": "department",
        "parent": cast.city.pk, "active": "on", "version": 1,
    }  # fmt: skip
    Organization.objects.filter(pk=cast.department_a.pk).update(version=2)
    response = client.post(url, form)
    text = response.content.decode()
    assert response.status_code == 409
    assert "刚被他人修改" in text
    assert "我的改动" in text
    assert client.post(url, form | {"version": 2}).status_code == 302


def test_a_unit_outside_the_scope_is_not_there(
    cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    client = client_for(cast.officer_a)
    assert client.get(f"/console/organizations/{cast.department_a.pk}/").status_code == 200
    assert client.get(f"/console/organizations/{cast.department_b.pk}/").status_code == 404
    assert client.get(f"/console/organizations/{cast.department_a.pk}/edit/").status_code == 403


def test_the_list_costs_the_same_for_many_units(
    cast: Cast,
    client_for: Callable[[Account], Client],
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    for number in range(60):
        make_organization(f"C-{number}", f"第{number}社区", "community", cast.city)
    client = client_for(cast.operator)
    with django_assert_max_num_queries(9):
        text = client.get("/console/organizations/").content.decode()
    assert "第59社区" in text


def test_a_branch_narrows_the_list(cast: Cast, client_for: Callable[[Account], Client]) -> None:
    make_organization("A-1", "一科", parent=cast.department_a)
    page = client_for(cast.operator).get(f"/console/organizations/?in={cast.department_a.pk}")
    assert {row.key for row in page.context["table"].rows} == {
        str(o.pk) for o in Organization.objects.filter(path__startswith=cast.department_a.path)
    }
