"""Who may draft, publish and withdraw; what new data and a changed catalogue do to what is open."""

from dataclasses import replace

import pytest
from django.core.management import call_command

from chengshu.data.catalog.services import lifecycle
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.opening import demo, selectors
from chengshu.data.opening.choices import DatasetState, InterfaceState
from chengshu.data.opening.errors import Gone
from chengshu.data.opening.models import OpenDataset, OpenInterface
from chengshu.data.opening.services import datasets, interfaces
from chengshu.data.opening.services.downloads import count_download
from chengshu.data.opening.subscribers import batch_loaded
from chengshu.data.opening.tests.cast import CONTENT, OPEN, Scene, collect, rows
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chengshu.kernel.events.dispatch import dispatch
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import emit
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.services import run_job
from chengshu.kernel.unit_of_work import unit_of_work


def loaded(scene: Scene) -> Event:
    with unit_of_work():
        return emit(type="city.ingest.batch.loaded", source="ingest", subject=scene.resource.code)


def test_an_officer_drafts_and_the_bureau_publishes(scene: Scene) -> None:
    item = scene.dataset()
    assert item.state == DatasetState.DRAFT
    with pytest.raises(NotAllowed):
        datasets.publish(actor=scene.officer, dataset=item)
    job = datasets.publish(actor=scene.admin, dataset=item)
    item.refresh_from_db()
    assert (item.state, item.job_id) == (DatasetState.PUBLISHING, job.id)
    run_job.func(str(job.id))
    item.refresh_from_db()
    job.refresh_from_db()
    assert (job.state, item.state, item.rows) == (JobState.SUCCEEDED, DatasetState.PUBLISHED, 60)
    acts = set(AuditRecord.objects.values_list("action", flat=True))
    assert {"opening.dataset_created", "opening.publish", "opening.dataset_released"} <= acts


def test_strangers_and_nobody_may_not_draft(scene: Scene) -> None:
    for actor in (scene.city.stranger, scene.city.nobody):
        with pytest.raises(NotAllowed):
            scene.dataset(actor=actor)
    assert not OpenDataset.objects.exists()


def test_a_second_publication_waits_for_the_first(scene: Scene) -> None:
    item = scene.dataset()
    datasets.publish(actor=scene.admin, dataset=item)
    with pytest.raises(Conflict, match="正在发布"):
        datasets.publish(actor=scene.admin, dataset=item)


@pytest.mark.parametrize("slug", ["", "A", "a_b", "a--b", "-a", "new", "a/b", "数据", "x" * 61])
def test_slugs_that_cannot_stand_in_an_address_are_refused(scene: Scene, slug: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        scene.dataset(slug=slug)
    assert "slug" in caught.value.fields


def test_all_mistakes_are_told_at_once(scene: Scene) -> None:
    scene.dataset()
    with pytest.raises(InvalidInput) as caught:
        scene.dataset(title=" ", summary="短", theme="no", licence="no", fields=[*OPEN, "keeper"])
    assert set(caught.value.fields) == {"slug", "title", "summary", "theme", "licence", "fields"}


def test_two_people_editing_the_second_is_told(scene: Scene) -> None:
    item = scene.dataset()
    values = {
        "actor": scene.officer, "dataset": item, "title": "新名称", "summary": CONTENT.summary,
        "fields": OPEN[:3], "theme": "living", "revision": 1,
    }  # fmt: skip
    datasets.update_dataset(**values)
    with pytest.raises(Conflict, match="刚被别人改过"):
        datasets.update_dataset(**values)


def test_a_withdrawn_dataset_is_gone_with_its_reason(scene: Scene) -> None:
    item = scene.public()
    with pytest.raises(InvalidInput):
        datasets.withdraw(actor=scene.admin, dataset=item, reason=" ")
    datasets.withdraw(actor=scene.admin, dataset=item, reason="坐标有误")
    with pytest.raises(Gone, match="坐标有误"):
        selectors.public_dataset(item.slug)
    assert (selectors.count_datasets(), selectors.count_rows()) == (0, 0)
    with pytest.raises(NotFound):
        selectors.public_dataset("never-was")


def test_a_failed_publication_returns_to_draft_and_says_why(scene: Scene) -> None:
    item = scene.dataset(row_filter={"eq": ["facility_no", "没有"]})
    job = datasets.publish(actor=scene.admin, dataset=item)
    run_job.func(str(job.id))
    item.refresh_from_db()
    assert item.state == DatasetState.DRAFT
    assert "没有任何记录" in item.error


def test_new_data_renews_what_is_open_once_per_event(scene: Scene) -> None:
    item = scene.public()
    scene.dataset(slug="draft-only")
    collect(scene.resource, rows(90))
    event = loaded(scene)
    batch_loaded(event)
    batch_loaded(event)
    jobs = list(Job.objects.filter(kind="opening.publish"))
    assert [job.arguments for job in jobs] == [{"dataset": item.slug}]
    assert selectors.public_dataset(item.slug).rows == 60
    run_job.func(str(jobs[0].id))
    assert selectors.public_dataset(item.slug).rows == 90
    batch_loaded(event)
    item.refresh_from_db()
    assert item.state == DatasetState.PUBLISHED


def test_the_subscriber_is_reached_by_the_outbox(scene: Scene) -> None:
    scene.public()
    loaded(scene)
    dispatch()
    assert Job.objects.filter(kind="opening.publish").count() == 1


def test_a_catalogue_that_closes_a_resource_takes_it_off_the_portal(scene: Scene) -> None:
    item = scene.public()
    interface = interfaces.create_interface(
        actor=scene.admin,
        resource_code=scene.resource.code,
        slug="facility",
        title="设施",
        start=False,
    )
    lifecycle.suspend(actor=scene.admin, resource=scene.resource, reason="核对中")
    dispatch()
    item.refresh_from_db()
    interface.refresh_from_db()
    assert (item.state, interface.state) == (DatasetState.WITHDRAWN, InterfaceState.OFFLINE)
    assert "不再符合开放条件" in item.state_reason


def test_a_field_that_became_sensitive_takes_the_dataset_off_the_portal(scene: Scene) -> None:
    item = scene.public()
    items = tuple(replace(i, sensitivity="L3") if i.name == "remark" else i for i in CONTENT.items)
    content = replace(CONTENT, items=items, open_type="restricted", open_condition="依申请")
    entry = catalog_cast.changed(scene.city, scene.resource, content)
    from chengshu.data.catalog.services import review

    review.approve(actor=scene.admin, version=entry.working)
    dispatch()
    item.refresh_from_db()
    assert item.state == DatasetState.WITHDRAWN


def test_an_interface_serves_its_own_copy(scene: Scene) -> None:
    interface = interfaces.create_interface(
        actor=scene.admin, resource_code=scene.resource.code, slug="facility", title="设施",
        fields=["facility_no", "facility_name"],
    )  # fmt: skip
    assert selectors.count_interfaces() == 0
    run_job.func(str(Job.objects.get(kind="opening.publish_interface").id))
    interface.refresh_from_db()
    assert (interface.state, interface.rows) == (InterfaceState.ONLINE, 60)
    assert interface.open_table == "open/api_facility"
    assert [c["name"] for c in interface.columns] == ["facility_no", "facility_name"]
    assert selectors.count_interfaces() == 1


def test_only_the_bureau_opens_interfaces_and_takes_them_offline(scene: Scene) -> None:
    with pytest.raises(NotAllowed):
        interfaces.create_interface(
            actor=scene.officer, resource_code=scene.resource.code, slug="facility", title="设施"
        )
    item = interfaces.create_interface(
        actor=scene.admin, resource_code=scene.resource.code, slug="facility", title="设施"
    )
    interfaces.set_online(actor=scene.admin, interface=item, online=False, reason="维护")
    with pytest.raises(Gone, match="维护"):
        selectors.public_interface("facility")
    interfaces.set_online(
        actor=scene.admin, interface=OpenInterface.objects.get(), online=True, reason=""
    )
    assert OpenInterface.objects.get().state == InterfaceState.PUBLISHING


def test_downloads_are_counted_by_day_and_format(scene: Scene) -> None:
    item = scene.public()
    for kind in ("csv", "csv", "json"):
        count_download(dataset=item, file_format=kind)
    item.refresh_from_db()
    assert item.downloads == 3
    assert dict(item.download_counts.values_list("format", "count")) == {"csv": 2, "json": 1}


@pytest.mark.parametrize(
    "words", ["便民", "公厕", "点位信息", "设施编号", "LIVING".lower(), "人社局"]
)
def test_short_chinese_words_find_a_dataset_by_all_that_describes_it(
    scene: Scene, words: str
) -> None:
    scene.public()
    found = selectors.public_datasets(words).count()
    assert found == (0 if words == "living" else 1)
    assert selectors.public_datasets(f"{words} 没有这个词").count() == 0


def test_facets_count_what_each_choice_leaves(scene: Scene) -> None:
    scene.public()
    scene.public(slug="second", theme="transport", title="公交站点信息")
    shelf = selectors.shelf(words="", chosen={"theme": "transport"}, sort="title")
    assert len(shelf.ids) == 1
    themes = {v.value: (v.count, v.chosen) for v in shelf.facets[0].values}
    assert themes == {"living": (1, False), "transport": (1, True)}
    assert {v.value: v.count for v in shelf.facets[2].values} == dict.fromkeys(
        ("csv", "json", "xlsx", "parquet", "geojson"), 1
    )


def test_the_demo_loader_publishes_the_citys_dataset_and_interfaces_once(
    scene: Scene, monkeypatch
) -> None:
    from types import SimpleNamespace as Plain

    city = Plain(
        open_dataset="public_facility",
        open_interfaces=[
            Plain(code="open-facility", title="便民设施查询", entry="public_facility")
        ],
    )
    monkeypatch.setattr(demo, "city", lambda: city)
    said: list[str] = []
    context = Plain(actor=platform("演示数据"), scale="small", say=said.append)
    for _ in range(2):
        demo.load(context)
    assert (selectors.count_datasets(), selectors.count_rows(), selectors.count_interfaces()) == (
        1,
        60,
        1,
    )
    assert OpenDataset.objects.get().releases.count() == 1
    assert OpenInterface.objects.get().dataset is not None
    assert "开放接口 1 个" in said[-1]


def test_public_things_are_found_in_the_search_box_and_withdrawn_ones_not(scene: Scene) -> None:
    from chengshu.kernel.search.services import search

    item = scene.public()
    dispatch()
    assert [h.url for h in search(platform(), "便民设施").hits if h.kind == "opening.dataset"] == [
        f"/open/datasets/{item.slug}/"
    ]
    datasets.withdraw(actor=scene.admin, dataset=item, reason="更正")
    dispatch()
    assert not [h for h in search(platform(), "便民设施").hits if h.kind == "opening.dataset"]


def test_no_migration_is_missing(db) -> None:
    call_command(
        "makemigrations", "opening", check=True, dry_run=True, verbosity=0, skip_checks=True
    )
