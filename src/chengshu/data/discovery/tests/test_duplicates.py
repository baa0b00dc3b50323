"""Items several departments collect are found by their values; a designated source brings roles, conflicts, tickets."""

from collections.abc import Callable

import pytest
from django.test import Client

from chengshu.data.catalog.facade import list_published
from chengshu.data.discovery.choices import ClusterState, MemberRole
from chengshu.data.discovery.facade import lead_source
from chengshu.data.discovery.models import ClusterMember, Conflict, ItemCluster
from chengshu.data.discovery.services import duplicates
from chengshu.data.discovery.similarity import find, holders_of
from chengshu.data.discovery.similarity.clusters import kappa
from chengshu.data.discovery.tests import cast as made
from chengshu.data.tickets.facade import Ticket
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict as StateConflict
from chengshu.kernel.errors import InvalidInput, NotAllowed
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.notices.models import Notice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
PEOPLE = 80
WRONG = 6


def items(phone: str, note: str) -> tuple[dict[str, object], ...]:
    return (
        {"name": "id_number", "title": "公民身份号码", "is_key": True, "nullable": False, "format": "id_number"},
        {"name": "phone", "title": phone, "format": "mobile", "sensitivity": "L3"},
        {"name": "hobby", "title": note},
    )  # fmt: skip


@pytest.fixture
def city(cast: Cast) -> Cast:
    numbers = [made.id_number(i) for i in range(PEOPLE)]
    phones = [f"1540000{i:04d}" for i in range(PEOPLE)]
    deviating = [f"1549999{i:04d}" if i < WRONG else p for i, p in enumerate(phones)]
    a = made.entry(cast.department_a, "a_people", "居民", items("联系电话", "爱好"))
    b = made.entry(cast.department_b, "b_people", "参保人", items("本人号码", "爱好"))
    made.put(a, {"id_number": numbers, "phone": phones, "hobby": [f"甲{i}" for i in range(PEOPLE)]})
    made.put(
        b, {"id_number": numbers, "phone": deviating, "hobby": [f"乙{i}" for i in range(PEOPLE)]}
    )
    return cast


def phone_cluster() -> ItemCluster:
    duplicates.search_duplicates()
    return ItemCluster.objects.get(
        members__column="phone", members__resource__physical_name="a_people"
    )


def lead_of(cluster: ItemCluster) -> ClusterMember:
    return cluster.members.get(resource__physical_name="a_people")


def test_other_names_with_the_same_values_are_one_and_the_same_name_with_other_values_is_not(
    city: Cast,
) -> None:
    del city
    found = find(duplicates.lake(), holders_of(list_published()))
    columns = [{m.holder.column for m in cluster.members} for cluster in found]
    assert {"phone"} in columns
    assert {"id_number"} in columns
    assert not any("hobby" in c for c in columns)


def test_a_column_that_agrees_with_nobody_of_its_name_is_found_by_its_values(cast: Cast) -> None:
    def names(*titles: str) -> tuple[dict[str, object], ...]:
        number = {
            "name": "id_number", "title": "公民身份号码", "is_key": True, "nullable": False,
            "format": "id_number",
        }  # fmt: skip
        return (number, *({"name": f"name_{n}", "title": t} for n, t in enumerate(titles)))

    people = [made.id_number(i) for i in range(PEOPLE)]
    now, before = [f"甲{i}" for i in range(PEOPLE)], [f"乙{i}" for i in range(PEOPLE)]
    a = made.entry(cast.department_a, "a_names", "户籍", names("别名", "曾用名"))
    b = made.entry(cast.department_b, "b_names", "档案", names("别名"))
    made.put(a, {"id_number": people, "name_0": now, "name_1": before})
    made.put(b, {"id_number": people, "name_0": before})

    found = find(duplicates.lake(), holders_of(list_published()))

    places = [{(m.holder.table, m.holder.column) for m in cluster.members} for cluster in found]
    assert {(a.lake_table, "name_1"), (b.lake_table, "name_0")} in places
    assert not any((a.lake_table, "name_0") in place for place in places)


def test_agreement_by_chance_counts_for_nothing() -> None:
    assert kappa(0.9, 0.9) == 0.0
    assert kappa(1.0, 0.5) == 1.0


def test_searching_again_keeps_what_was_decided(city: Cast, admin: Actor) -> None:
    del city
    cluster = phone_cluster()
    duplicates.reject(actor=admin, cluster=cluster, note="一个是座机")
    duplicates.search_duplicates()
    cluster.refresh_from_db()
    assert cluster.state == ClusterState.REJECTED
    assert cluster.members.count() == 2


def test_the_lead_source_is_one_per_element_and_the_others_are_told(
    city: Cast, admin: Actor
) -> None:
    cluster = phone_cluster()
    lead = duplicates.designate(actor=admin, member=lead_of(cluster), basis="三定方案")
    assert lead_source(lead.element) == lead
    roles = dict(cluster.members.values_list("resource__physical_name", "role"))
    assert roles == {"a_people": MemberRole.LEAD, "b_people": MemberRole.REFERENCE}
    assert Notice.objects.filter(organization=city.department_b).exists()
    cluster.refresh_from_db()
    assert cluster.state == ClusterState.CONFIRMED
    with pytest.raises(StateConflict):
        duplicates.reject(actor=admin, cluster=cluster, note="反悔")


def test_without_a_basis_nobody_becomes_the_source(
    city: Cast, admin: Actor, officer: Actor
) -> None:
    del city
    cluster = phone_cluster()
    with pytest.raises(InvalidInput):
        duplicates.designate(actor=admin, member=lead_of(cluster), basis="")
    with pytest.raises(NotAllowed):
        duplicates.designate(actor=officer, member=lead_of(cluster), basis="我说的")
    assert lead_source(cluster.key) is None


def test_differing_values_are_counted_exactly_and_shown_masked(
    city: Cast, admin: Actor, client_for: Callable[[Account], Client]
) -> None:
    cluster = phone_cluster()
    duplicates.designate(actor=admin, member=lead_of(cluster), basis="三定方案")
    assert duplicates.count_conflicts(cluster) == WRONG
    conflict = Conflict.objects.get()
    assert (conflict.compared, conflict.differing) == (PEOPLE, WRONG)
    assert conflict.rate == WRONG / PEOPLE
    page = (
        client_for(city.admin).get(f"/console/discovery/conflicts/{conflict.pk}/").content.decode()
    )
    assert page.count("<tr") == WRONG + 1
    assert made.id_number(0) not in page
    assert "15499990000" not in page


def test_one_click_sends_one_ticket_that_closes_when_the_values_agree(
    city: Cast, admin: Actor
) -> None:
    cluster = phone_cluster()
    duplicates.designate(actor=admin, member=lead_of(cluster), basis="三定方案")
    duplicates.count_conflicts(cluster)
    conflict = Conflict.objects.get()
    ticket = duplicates.send_ticket(actor=admin, conflict=conflict)
    assert duplicates.send_ticket(actor=admin, conflict=conflict).pk == ticket.pk
    assert ticket.department_id == city.department_b.pk
    assert Ticket.objects.get().affected_rows == WRONG
    from chengshu.data.discovery.ticketing import evidence, evidence_url, recheck

    assert recheck(ticket).remaining == WRONG
    assert evidence(admin, ticket).total == WRONG
    assert evidence_url(ticket).endswith(f"/conflicts/{conflict.pk}/")
    numbers = [made.id_number(i) for i in range(PEOPLE)]
    phones: list[str] = [f"1540000{i:04d}" for i in range(PEOPLE)]
    made.put(
        conflict.member.resource, {"id_number": numbers, "phone": phones, "hobby": ["乙"] * PEOPLE}
    )
    assert recheck(ticket).remaining == 0


def test_the_administrator_decides_on_the_pages(
    city: Cast, client_for: Callable[[Account], Client]
) -> None:
    cluster = phone_cluster()
    client = client_for(city.admin)
    assert "重新查找" in client.get("/console/discovery/clusters/").content.decode()
    assert client.post("/console/discovery/clusters/search/").status_code == 302
    url = f"/console/discovery/clusters/{cluster.pk}/"
    assert "以选中的一处为数源" in client.get(url).content.decode()
    assert client.post(f"{url}confirm/").status_code == 302
    assert client.post(f"{url}reject/", {"note": ""}).status_code == 422
    assert client.post(f"{url}designate/", {"member": "", "basis": "x"}).status_code == 422
    chosen = {"member": str(lead_of(cluster).pk), "basis": "三定方案"}
    assert client.post(f"{url}designate/", chosen).status_code == 302
    assert client.post(f"{url}compare/").status_code == 302
    duplicates.count_conflicts(cluster)
    assert "改为共享调用" in client.get(url).content.decode()
    conflict = Conflict.objects.get()
    assert client.post(f"/console/discovery/conflicts/{conflict.pk}/ticket/").status_code == 302
    entry = lead_of(cluster).resource_id
    assert "本资源是数源" in client.get(f"/console/catalog/resources/{entry}/").content.decode()
    reader = client_for(city.officer_a)
    assert "重新查找" not in reader.get("/console/discovery/clusters/").content.decode()
    assert reader.post(f"{url}confirm/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_differing_rows_can_be_looked_at_outside_any_transaction(
    city: Cast, admin: Actor, client_for: Callable[[Account], Client]
) -> None:
    cluster = phone_cluster()
    duplicates.designate(actor=admin, member=lead_of(cluster), basis="三定方案")
    duplicates.count_conflicts(cluster)
    url = f"/console/discovery/conflicts/{Conflict.objects.get().pk}/"
    assert client_for(city.admin).get(url).status_code == 200
