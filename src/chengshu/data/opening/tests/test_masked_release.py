"""Fields above L1 leave masked, on a stated basis, after a second person agreed; L4 never leaves."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.test import Client

from chengshu.data.catalog.dcat import graph as building_graph
from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.services import review
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.opening import gate, offers, terms, zone
from chengshu.data.opening.choices import ApprovalState, DatasetState
from chengshu.data.opening.lineage import masks_in_force, opened_edges
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.release import building
from chengshu.data.opening.services import approvals, datasets
from chengshu.data.opening.tests.cast import (
    BASIS,
    MASKED_FIELDS,
    MASKS,
    RESTRICTED,
    SENSITIVE,
    Scene,
    collect,
    keepers,
    release,
)
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue, run_job
from chengshu.kernel.notices.models import Notice
from chengshu_lake import Lake


def published(item: OpenDataset) -> OpenDataset:
    release(item)
    item.refresh_from_db()
    return item


def text_of(path: Path) -> str:
    """Everything a reader of the file could see, however it is packed."""
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist()) + str(pq.read_metadata(path).to_dict())
    return path.read_text("utf-8-sig")


def originals() -> set[str]:
    found = set()
    for row in keepers(60):
        found |= {
            row["keeper"],
            row["keeper_mobile"],
            row["opened_on"].isoformat(),
            str(row["cost"]),
        }
    return found


def test_no_original_value_occurs_in_anything_that_is_released(
    sensitive: Scene, client: Client
) -> None:
    item = published(sensitive.approved())
    assert item.rows == 60
    assert item.current is not None
    seen = {path.name: text_of(path) for path in item.current.path.iterdir()}
    assert {"data.csv", "data.json", "data.xlsx", "data.parquet"} <= set(seen)
    for path in (
        "/open/datasets/public-facility/", "/open/api/v1/datasets/public-facility",
        "/open/api/v1/datasets/public-facility/records?limit=60",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200, path
        seen[path] = answer.text
    seen["profile"] = json.dumps(item.current.profile, ensure_ascii=False)
    seen["search"] = item.search_text
    table = Lake.read(building.lake(), item.current.open_table, as_of=item.current.open_version)
    seen["lake"] = str(table.read_all().to_pylist())
    for place, text in seen.items():
        assert not [value for value in originals() if value in text], place
    records = json.loads(item.current.file("json").read_text("utf-8"))
    assert records[1] == {
        "facility_no": "BM00001", "facility_name": "便民设施1号", "opened_on": "2015",
        "keeper": "王**", "keeper_mobile": "154****0001", "cost": "100-109",
    }  # fmt: skip


def test_page_interface_catalogue_and_files_say_how_a_field_was_masked(
    sensitive: Scene, client: Client
) -> None:
    item = published(sensitive.approved())
    assert item.current is not None
    page = client.get("/open/datasets/public-facility/").text
    assert "已脱敏：电话号码" in page
    assert BASIS in page
    fields = client.get("/open/api/v1/datasets/public-facility").json()["fields"]
    shown = {f["name"]: (f["type"], f.get("mask"), f.get("mask_name")) for f in fields}
    assert shown["keeper_mobile"] == ("text", "phone", "电话号码")
    assert shown["opened_on"] == ("text", "year", "日期只留年份")
    assert shown["facility_no"] == ("text", None, None)
    assert "已脱敏：姓名" in text_of(item.current.file("xlsx"))
    found = offers.of_resources([sensitive.resource.pk])[sensitive.resource.pk]
    entries = Resource.objects.select_related("provider", "category", "published")
    told = building_graph.entries(
        building_graph.Site("http://x/"), entries, {sensitive.resource.pk: list(found)}
    )
    assert "责任人姓名（姓名）" in told.serialize(format="turtle")


def test_audit_lineage_and_the_gallery_show_the_masks(sensitive: Scene) -> None:
    item = published(sensitive.approved())
    record = AuditRecord.objects.get(action="opening.dataset_released")
    assert record.after["masks"] == MASKS
    assert (record.after["basis"], record.after["approved_by"]) == (BASIS, "admin同志")
    how = {e.target.title: e.how for e in opened_edges([sensitive.resource.pk]) if e.how}
    assert how["责任人姓名"] == "脱敏：姓名"
    assert sorted(masks_in_force()) == sorted(MASKS.values())
    assert item.current is not None
    assert item.current.approval["basis"] == BASIS


@pytest.mark.parametrize("level", ["L2", "L3"])
def test_a_field_above_l1_needs_a_mask_of_the_library(sensitive: Scene, level: str) -> None:
    for mask, said in (
        ("", f"是 {level} 级"),
        ("none", "不脱敏"),
        ("rot13", "不认识"),
        ("shift:30,gone", "gone"),
    ):
        with pytest.raises(InvalidInput) as caught:
            sensitive.masked(
                fields=["facility_no", "keeper" if level == "L3" else "cost"],
                masks={"keeper": mask, "cost": mask},
            )
        assert said in caught.value.fields["fields"], mask


def test_l4_is_never_opened_whatever_the_mask(sensitive: Scene) -> None:
    entry = building.published_by_id(sensitive.resource.pk)
    columns = tuple(
        replace(c, sensitivity="L4") if c.name == "keeper" else c for c in entry.columns
    )
    with pytest.raises(InvalidInput, match="“责任人姓名”是 L4 级，任何时候都不开放"):
        gate.require(
            replace(entry, columns=columns),
            MASKED_FIELDS,
            gate.Terms(masks=MASKS | {"keeper": "full"}, approved=True),
        )


def test_what_names_a_person_stays_closed_when_it_was_declared_harmless(scene: Scene) -> None:
    with pytest.raises(InvalidInput, match="没有保存") as caught:
        scene.dataset(fields=["facility_no", "keeper"], masks={"keeper": "name"}, basis=BASIS)
    assert "看起来是个人姓名" in caught.value.fields["fields"]


def test_nobody_publishes_before_a_second_person_agreed(sensitive: Scene) -> None:
    item = sensitive.masked()
    with pytest.raises(Conflict, match="还没有经另一人审批"):
        datasets.publish(actor=sensitive.admin, dataset=item)
    approvals.submit(actor=sensitive.officer, dataset=item)
    with pytest.raises(Conflict, match="还没有经另一人审批"):
        datasets.publish(actor=sensitive.admin, dataset=item)
    with pytest.raises(NotAllowed):
        approvals.approve(actor=sensitive.officer, dataset=item)
    approvals.approve(actor=sensitive.admin, dataset=item)
    datasets.publish(actor=sensitive.admin, dataset=item)
    assert {
        "opening.approval_submitted", "opening.approval_approved",
    } <= set(AuditRecord.objects.values_list("action", flat=True))  # fmt: skip
    titles = list(Notice.objects.order_by("pk").values_list("title", flat=True))
    assert any(t.startswith("待审批：开放") for t in titles)
    assert any("已通过" in t for t in titles)


def test_who_wrote_or_submitted_it_cannot_approve_it(sensitive: Scene) -> None:
    own = sensitive.masked(actor=sensitive.admin)
    approvals.submit(actor=sensitive.city.second_admin, dataset=own)
    for actor in (sensitive.admin, sensitive.city.second_admin):
        with pytest.raises(NotAllowed, match="自己编写或提交"):
            approvals.approve(actor=actor, dataset=own)
    with pytest.raises(NotAllowed):
        approvals.approve(actor=platform(), dataset=own)
    assert terms.in_force(own) is None


def edited(scene: Scene, item: OpenDataset, **changes) -> None:
    values = {
        "title": item.title, "summary": item.summary, "fields": item.fields, "theme": item.theme,
        "keywords": item.keywords, "masks": item.masks, "basis": item.basis,
    }  # fmt: skip
    item.refresh_from_db()
    datasets.update_dataset(
        actor=scene.officer, dataset=item, revision=item.revision, **values | changes
    )
    item.refresh_from_db()


def test_a_change_of_fields_masks_rows_or_basis_asks_again_and_another_title_does_not(
    sensitive: Scene,
) -> None:
    item = sensitive.approved()
    edited(sensitive, item, title="便民设施责任人（脱敏）")
    assert terms.in_force(item) is not None
    for change in (
        {"masks": MASKS | {"keeper": "full"}}, {"basis": BASIS + "。"}, {"fields": MASKED_FIELDS[:3]},
        {"row_filter": {"prefix": ["facility_no", "BM0000"]}},
    ):  # fmt: skip
        edited(sensitive, item, **change)
        assert terms.in_force(item) is None, change
        with pytest.raises(Conflict):
            datasets.publish(actor=sensitive.admin, dataset=item)
        approvals.submit(actor=sensitive.officer, dataset=item)
        approvals.approve(actor=sensitive.admin, dataset=item)
        assert terms.in_force(item) is not None


def test_what_was_changed_after_it_was_submitted_cannot_be_approved(sensitive: Scene) -> None:
    item = sensitive.masked()
    approvals.submit(actor=sensitive.officer, dataset=item)
    edited(sensitive, item, masks=MASKS | {"keeper": "keep:1,1"})
    with pytest.raises(Conflict, match="又改过"):
        approvals.approve(actor=sensitive.admin, dataset=item)
    approvals.send_back(actor=sensitive.admin, dataset=item, remark="请重新提交")
    assert terms.latest(item).state == ApprovalState.RETURNED
    with pytest.raises(Conflict, match="没有待审批"):
        approvals.send_back(actor=sensitive.admin, dataset=item, remark="再退一次")


def test_a_request_needs_a_basis_and_is_made_once(sensitive: Scene) -> None:
    item = sensitive.masked(basis="")
    with pytest.raises(InvalidInput) as caught:
        approvals.submit(actor=sensitive.officer, dataset=item)
    assert "basis" in caught.value.fields
    edited(sensitive, item, basis=BASIS)
    approvals.submit(actor=sensitive.officer, dataset=item)
    with pytest.raises(Conflict, match="待审批"):
        approvals.submit(actor=sensitive.officer, dataset=item)


def test_harmless_data_needs_no_approval(scene: Scene) -> None:
    with pytest.raises(Conflict, match="不需要审批"):
        approvals.submit(actor=scene.officer, dataset=scene.dataset())


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("keep:3,6", "“联系电话”用“保留首尾（3,6）”后仍有 60 个值认得出来"),
        ("keep:0,64", ""),
        ("hash", ""),
    ],
)
def test_a_mask_that_leaves_values_recognisable_is_refused_with_the_field(
    sensitive: Scene, mask: str, said: str
) -> None:
    item = sensitive.approved(masks=MASKS | {"keeper_mobile": mask})
    if not said:
        assert published(item).rows == 60
        return
    for _ in range(2):  # a retry finds nothing that the first run committed
        with pytest.raises(InvalidInput, match="脱敏不够") as caught:
            release(item)
        assert said in caught.value.detail
        assert "154" not in caught.value.detail
    item.refresh_from_db()
    assert (item.state, item.current) == (DatasetState.DRAFT, None)


def test_the_scan_looks_at_what_the_masks_left(sensitive: Scene) -> None:
    """A pseudonym of another kind of field keeps the form: eleven digits may look like somebody's mobile."""
    item = sensitive.approved(masks=MASKS | {"keeper_mobile": "pseudo_code"})
    with pytest.raises(InvalidInput, match=r"“联系电话”脱敏后仍有 \d+ 行像手机号"):
        release(item)


def test_pseudonyms_are_the_datasets_own_and_stay_the_same_between_releases(
    sensitive: Scene,
) -> None:
    masks = MASKS | {"keeper_mobile": "pseudo_phone", "keeper": "pseudo_name"}

    def shown(item: OpenDataset) -> dict[str, tuple[str, str]]:
        assert item.current is not None
        records = json.loads(item.current.file("json").read_text("utf-8"))
        return {r["facility_no"]: (r["keeper"], r["keeper_mobile"]) for r in records}

    item = published(sensitive.approved(masks=masks))
    first = shown(item)
    collect(sensitive.resource, keepers(61))
    second = shown(published(item))
    assert second.items() >= first.items()
    assert len(second) == 61
    other = shown(published(sensitive.approved(masks=masks, slug="other")))
    assert not set(first.values()) & set(other.values())


def test_the_order_of_rows_does_not_give_a_masked_or_hidden_key_away(sensitive: Scene) -> None:
    fields = ["keeper", "keeper_mobile"]
    masks = {"keeper": "full", "keeper_mobile": "hash"}
    item = published(sensitive.approved(fields=fields, masks=masks))
    assert item.current is not None
    shown = [r["keeper_mobile"] for r in json.loads(item.current.file("json").read_text("utf-8"))]
    assert shown == sorted(shown)
    assert len(set(shown)) == 60


def test_dates_are_shifted_by_a_subject_that_is_not_released_itself(sensitive: Scene) -> None:
    masks = {"opened_on": "shift:30,facility_no"}
    item = published(sensitive.approved(fields=["facility_name", "opened_on"], masks=masks))
    assert item.current is not None
    records = json.loads(item.current.file("json").read_text("utf-8"))
    assert list(records[0]) == ["facility_name", "opened_on"]
    assert not {r["opened_on"] for r in records} & {"******", *originals()}


def test_new_data_is_released_under_the_same_approval(sensitive: Scene) -> None:
    item = published(sensitive.approved())
    assert release(item)["unchanged"] is True
    collect(sensitive.resource, keepers(61))
    assert release(item) == {"release": 2, "rows": 61}


def test_a_stricter_catalogue_takes_the_dataset_off_the_portal(sensitive: Scene) -> None:
    item = published(sensitive.approved())
    datasets.recheck(actor=platform(), dataset=item)
    item.refresh_from_db()
    assert item.state == DatasetState.PUBLISHED
    items = tuple(
        replace(i, sensitivity="L3") if i.name == "facility_name" else i for i in SENSITIVE.items
    )
    entry = catalog_cast.changed(
        sensitive.city, sensitive.resource, replace(SENSITIVE, items=items)
    )
    review.approve(actor=sensitive.admin, version=entry.working)
    dispatch()
    item.refresh_from_db()
    assert item.state == DatasetState.WITHDRAWN
    assert "设施名称" in item.state_reason


def test_a_retry_after_an_edit_never_serves_what_was_copied_before(
    sensitive: Scene, monkeypatch
) -> None:
    """The commit of a run that died may hold fewer masks than the dataset asks for now."""
    entry = building.published_by_id(sensitive.resource.pk)
    columns = [c for c in entry.columns if c.name in MASKED_FIELDS]
    common = {
        "resource": entry,
        "columns": columns,
        "row_filter": None,
        "name": "x",
        "commit_key": "job",
    }
    first = zone.copy_to_zone(**common, masks=MASKS)
    again = zone.copy_to_zone(**common, masks=MASKS)
    other = zone.copy_to_zone(**common, masks=MASKS | {"keeper": "full"})
    assert first.version == again.version
    kept = building.lake().read(other.table, columns=["keeper"], as_of=other.version).read_all()
    assert set(kept["keeper"].to_pylist()) == {"******"}


def test_the_draft_shows_what_the_public_would_see(sensitive: Scene) -> None:
    entry = building.published_by_id(sensitive.resource.pk)
    shown = zone.masked_sample(entry, MASKED_FIELDS, MASKS, "public-facility")
    assert set(shown) == set(MASKS)
    assert set(shown["keeper"]) == {"王**"}


def test_no_approval_opens_a_restricted_resource_to_everybody(bound: Scene) -> None:
    fields = ["facility_no", "facility_name"]
    with pytest.raises(InvalidInput) as caught:
        bound.dataset(fields=fields, basis=BASIS)
    assert "按协议开放" in caught.value.fields["restricted"]
    # One that was approved before the rule, or whose catalogue entry changed since.
    item = bound.dataset(fields=fields, basis=BASIS, restricted=True)
    OpenDataset.objects.filter(pk=item.pk).update(restricted=False)
    item.refresh_from_db()
    for step in (approvals.submit, datasets.publish):
        with pytest.raises(ChengshuError, match="审批通过了也不能开放给所有人") as refused:
            step(actor=bound.admin, dataset=item)
        assert "按协议开放" in refused.value.advice
    with pytest.raises(ChengshuError, match="审批通过了也不能开放给所有人"):
        release(item)


def test_under_the_agreement_a_restricted_resource_is_published_after_an_approval(
    bound: Scene,
) -> None:
    item = bound.dataset(fields=["facility_no", "facility_name"], basis=BASIS, restricted=True)
    with pytest.raises(ChengshuError, match="是受限开放的资源，还没有经另一人审批"):
        release(item)
    approvals.submit(actor=bound.officer, dataset=item)
    approvals.approve(actor=bound.admin, dataset=item)
    assert published(item).public


def test_what_is_open_to_everybody_leaves_when_its_entry_becomes_restricted(
    sensitive: Scene,
) -> None:
    item = published(sensitive.approved())
    entry = catalog_cast.changed(sensitive.city, sensitive.resource, RESTRICTED)
    review.approve(actor=sensitive.admin, version=entry.working)
    dispatch()
    item.refresh_from_db()
    assert item.state == "withdrawn"
    assert "不能开放给所有人" in item.state_reason


def test_the_daily_round_withdraws_what_was_opened_before_the_rule(bound: Scene) -> None:
    item = published(bound.approved(restricted=True))
    enqueue("opening.recheck", actor=platform(), title="复核", key="first")
    run_job.func(str(Job.objects.get(key="first").pk))
    item.refresh_from_db()
    assert item.public
    OpenDataset.objects.filter(pk=item.pk).update(restricted=False)
    enqueue("opening.recheck", actor=platform(), title="复核", key="second")
    run_job.func(str(Job.objects.get(key="second").pk))
    item.refresh_from_db()
    assert item.state == "withdrawn"
