"""From data in the lake to a finding, a decision, and what follows."""

import pyarrow as pa
import pytest
from django.urls import reverse

from chengshu.data.catalog.content import ItemContent, version_content
from chengshu.data.catalog.facade import published_by_id
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.classification import services
from chengshu.data.classification.models import Finding, ResourceScan
from chengshu.data.tickets.facade import Ticket
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.dispatch import dispatch
from chengshu_lake import Lake

pytestmark = pytest.mark.django_db
ID = "390383199003121214"
ITEMS = (
    ItemContent(name="case_no", title="编号", length=20, is_key=True, nullable=False,
                sensitivity="L1", definition="编号"),
    ItemContent(name="remark", title="备注", length=200, sensitivity="L1", definition="备注"),
    ItemContent(name="number", title="对象标识", length=30, sensitivity="L1", definition="对象"),
    ItemContent(name="window", title="窗口", length=30, sensitivity="L1", definition="窗口"),
)  # fmt: skip


def valid_id(number):
    body = f"39038319900312{number:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def rows(count=200, *, planted=True, numbers=True):
    return pa.table(
        {
            "case_no": [f"LG{n:08d}" for n in range(count)],
            "remark": [
                f"本人身份证{valid_id(n % 900)}已核对" if planted and n == 7 else "资料齐全"
                for n in range(count)
            ],
            "number": [valid_id(n % 900) if numbers else f"DX{n:06d}" for n in range(count)],
            "window": ["A01综合窗口"] * count,
        }
    )


def store(resource, table):
    lake = Lake(services.scan.__globals__["scan_table"].__globals__["settings"].LAKE_ROOT)
    if not lake.exists(resource.lake_table):
        lake.create(resource.lake_table, table.schema)
    lake.overwrite(resource.lake_table, table)


@pytest.fixture
def city(settings, tmp_path):
    settings.DATA_DIR, settings.LAKE_ROOT = tmp_path, str(tmp_path / "lake")
    return catalog_cast.assemble()


@pytest.fixture
def resource(city):
    from dataclasses import replace

    content = replace(catalog_cast.PENSION, items=ITEMS, open_type="restricted")
    entry = catalog_cast.published(city, name="harmless_register", content=content)
    store(entry, rows())
    return entry


@pytest.fixture
def found(resource):
    services.scan(published_by_id(resource.pk))
    return {(f.column, f.kind): f for f in Finding.objects.select_related("resource__provider")}


def test_numbers_in_a_harmless_column_and_inside_remarks_become_masked_findings(found):
    assert set(found) == {("number", "id_number"), ("remark", "id_number")}
    whole, inside = found["number", "id_number"], found["remark", "id_number"]
    assert (whole.declared_level, whole.proposed_level, whole.proposed_format) == (
        "L1", "L3", "id_number",
    )  # fmt: skip
    assert whole.share == 1
    assert not whole.embedded
    assert inside.embedded
    assert inside.hits == 1
    assert inside.proposed_format == "", "a remark is no identity number column"
    told = str([f.examples for f in found.values()]) + whole.reason + inside.reason
    assert valid_id(7) not in told
    assert "390383********" in told


def test_the_scan_says_how_much_it_saw_and_what_it_may_have_missed(resource, found, monkeypatch):
    scan = ResourceScan.objects.get()
    assert (scan.rows, scan.looked_at, scan.blind_share) == (200, 200, 0)
    monkeypatch.setattr("chengshu.data.classification.scanning.WHOLE", 50)
    monkeypatch.setattr("chengshu.data.classification.scanning.SAMPLE", 40)
    services.scan(published_by_id(resource.pk))
    scan.refresh_from_db()
    assert scan.looked_at == 40
    assert scan.blind_share == pytest.approx(3 / 40)


def test_accepting_writes_a_draft_that_raises_level_and_format(city, resource, found):
    services.accept(actor=city.officer, finding=found["number", "id_number"])
    services.accept(actor=city.officer, finding=found["remark", "id_number"])
    resource.refresh_from_db()
    items = {i.name: i for i in version_content(resource.working).items}
    assert (items["number"].sensitivity, items["number"].format) == ("L3", "id_number")
    assert (items["remark"].sensitivity, items["remark"].format) == ("L3", "")
    assert items["window"].sensitivity == "L1"
    services.scan(published_by_id(resource.pk))
    assert set(Finding.objects.values_list("state", flat=True)) == {"accepted"}


def test_a_false_alarm_is_remembered_with_its_reason(city, resource, found):
    item = found["remark", "id_number"]
    with pytest.raises(InvalidInput):
        services.dismiss(actor=city.officer, finding=item, reason="否")
    services.dismiss(actor=city.officer, finding=item, reason="是业务流水号，不是证件号")
    services.scan(published_by_id(resource.pk))
    item.refresh_from_db()
    assert (item.state, item.decision) == ("dismissed", "是业务流水号，不是证件号")
    assert AuditRecord.objects.filter(action="classification.dismissed").exists()
    with pytest.raises(Conflict):
        services.accept(actor=city.officer, finding=item)
    services.reopen(actor=city.officer, finding=item)
    item.refresh_from_db()
    assert item.state == "open"


def test_what_is_gone_from_the_data_is_closed_and_comes_back_as_open(resource, found):
    store(resource, rows(planted=False, numbers=False))
    services.scan(published_by_id(resource.pk))
    assert set(Finding.objects.values_list("state", flat=True)) == {"gone"}
    store(resource, rows())
    services.scan(published_by_id(resource.pk))
    assert set(Finding.objects.values_list("state", flat=True)) == {"open"}


def test_another_department_may_neither_see_nor_decide(city, found, client):
    item = found["number", "id_number"]
    with pytest.raises(NotAllowed):
        services.dismiss(actor=city.stranger, finding=item, reason="不是我们的数据")
    client.force_login(city.stranger.account)
    assert client.get(reverse("classification:finding", args=[item.pk])).status_code == 404


def test_a_ticket_goes_to_the_department_once_and_its_recheck_scans_again(city, resource, found):
    from chengshu.data.classification import services

    item = found["remark", "id_number"]
    services.hand_over(actor=city.admin, finding=item)
    services.hand_over(actor=city.admin, finding=item)
    ticket = Ticket.objects.get()
    assert ticket.department == city.hr
    assert services.recheck(ticket).remaining == 1
    store(resource, rows(planted=False))
    assert services.recheck(ticket).remaining == 0


def test_new_data_and_a_new_catalogue_version_ask_for_another_scan(resource, found):
    from chengshu.kernel.events.services import emit
    from chengshu.kernel.unit_of_work import unit_of_work

    while dispatch():
        continue
    services.scan(published_by_id(resource.pk))
    assert resource not in services.waiting()
    with unit_of_work():
        emit(type="city.ingest.batch.loaded", source="ingest", subject=resource.code)
    while dispatch():
        continue
    assert resource in services.waiting()


def test_the_pages_show_findings_masked_and_count_the_same_for_many(
    city, resource, found, client, django_assert_max_num_queries
):
    client.force_login(city.officer.account)
    for name, args in (("overview", ()), ("findings", ()), ("resource", (resource.pk,))):
        with django_assert_max_num_queries(30):
            page = client.get(reverse(f"classification:{name}", args=args))
        assert page.status_code == 200
        assert "身份证号" in page.content.decode()
    item = found["number", "id_number"]
    body = client.get(reverse("classification:finding", args=[item.pk])).content.decode()
    assert "390383********" in body
    assert valid_id(0) not in body
    assert "采纳建议" in body
    refused = client.post(reverse("classification:dismiss", args=[item.pk]), {"reason": ""})
    assert refused.status_code == 422
    assert "至少写 4 个字" in refused.content.decode()
    taken = client.post(reverse("classification:accept", args=[item.pk]))
    assert taken.url == reverse("catalog:edit", args=[resource.pk])
    client.post(reverse("classification:reopen", args=[item.pk]))
    client.post(reverse("classification:hand-over", args=[item.pk]))
    client.post(reverse("classification:dismiss", args=[item.pk]), {"reason": "确实是误报"})
    item.refresh_from_db()
    assert item.state == "dismissed"
    assert client.post(reverse("classification:scan-all")).status_code == 302
    assert client.post(reverse("classification:scan-one", args=[resource.pk])).status_code == 302


def test_the_gallery_of_masks_computes_its_examples(city, client):
    client.force_login(city.officer.account)
    body = client.get(reverse("classification:masks")).content.decode()
    assert "390383********4578" in body
    assert "欧***" in body
    assert "假名" in body
