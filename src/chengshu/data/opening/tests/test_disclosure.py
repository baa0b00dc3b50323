"""Nobody can be told apart in what leaves, nor by comparing it with what left before; a refusal says where."""

import random
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest

from chengshu.data.opening.disclosure import rules
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.release.looking import look
from chengshu.data.opening.services import approvals, datasets, privacy
from chengshu.data.opening.tests import residents
from chengshu.data.opening.tests.cast import BASIS, Scene, collect, release, rows
from chengshu.data.opening.tests.residents import people, person
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job

PAGE = "/console/opening/datasets/relief/"


@pytest.fixture
def relief(db, settings, data_dir: Path) -> Scene:
    """Six groups of six people, and one group of two."""
    settings.LAKE_ROOT = str(data_dir / "lake")
    scene = residents.catalogued()
    alone = [person(900, 6, "低保"), person(901, 6, "临时救助")]
    residents.collect(scene.resource, people(6, 6) + alone)
    return scene


def looked(item: OpenDataset) -> dict:
    """What a look finds now."""
    item.refresh_from_db()
    return look(dataset=item, job_id=uuid4(), context=None)


def test_a_group_too_small_is_refused_by_row_and_column_with_ways_out(relief: Scene) -> None:
    item = residents.draft(relief)
    with pytest.raises(InvalidInput, match="1 组人数少于 5 人，共 2 人") as refused:
        release(item)
    # What the error says travels to logs and lists: no values of people in it.
    assert "3303831" not in refused.value.detail
    item.refresh_from_db()
    assert (item.state, item.current) == ("draft", None)
    [cell] = item.review["cells"]
    assert cell["columns"] == ["gender", "age_band", "community_code"]
    assert cell["values"] == {
        "gender": "男",
        "age_band": "30-39岁",
        "community_code": "330383100002",
    }
    assert (cell["rows"], cell["keys"]) == (2, ["JZ00900", "JZ00901"])
    assert "mask:community_code:region:6" in {one["key"] for one in item.review["proposals"]}


def test_the_ways_out_lead_to_a_release_without_the_refused_rows(relief: Scene) -> None:
    item = residents.draft(relief)
    assert looked(item)["small_people"] == 2
    privacy.apply_proposal(actor=relief.officer, dataset=item, key="suppress")
    with pytest.raises(Conflict, match="已经过时"):
        privacy.apply_proposal(actor=relief.officer, dataset=item, key="suppress")
    release(item)
    item.refresh_from_db()
    assert item.current is not None
    assert (item.rows, item.current.review["left_out"]) == (36, 2)
    assert "JZ00900" not in item.current.file("csv").read_text("utf-8-sig")
    assert "values" not in str(item.current.review)

    coarse = residents.draft(relief, slug="relief-coarse")
    looked(coarse)
    coarse.refresh_from_db()
    privacy.apply_proposal(actor=relief.officer, dataset=coarse, key="mask:community_code:region:6")
    assert looked(coarse)["cells"] == []
    release(coarse)
    coarse.refresh_from_db()
    assert coarse.rows == 38


def test_a_group_that_is_large_but_all_alike_is_refused(relief: Scene) -> None:
    residents.collect(relief.resource, [person(800 + i, 7, "特困供养") for i in range(6)])
    residents.collect(relief.resource, [person(900 + i, 6, f"{i}") for i in range(5)])
    found = looked(residents.draft(relief))
    assert (found["small_groups"], found["alike_groups"], found["alike_people"]) == (0, 1, 6)
    [cell] = found["cells"]
    assert "救助类别少于 2 种" in cell["why"]
    assert cell["columns"][-1] == "relief"


def test_one_newcomer_is_told_apart_by_two_releases_and_many_are_not(relief: Scene) -> None:
    item = residents.draft(relief)
    privacy.set_rules(actor=relief.officer, dataset=item, wanted={"suppress": True})
    release(item)
    residents.collect(relief.resource, [person(700, 0, "临时救助")])
    with pytest.raises(InvalidInput, match="与第 1 版相比，1 行增减可以单独认出"):
        release(item)
    item.refresh_from_db()
    [cell] = item.review["cells"]
    assert (cell["kind"], cell["rows"]) == ("appeared", 1)
    assert item.current is not None
    assert item.current.number == 1
    residents.collect(relief.resource, [person(701 + i, 0, "低保") for i in range(4)])
    assert release(item) == {"release": 2, "rows": 41}


def test_asking_less_than_the_platform_needs_a_second_person(relief: Scene) -> None:
    item = residents.draft(relief, basis=BASIS)
    stricter = privacy.set_rules(actor=relief.officer, dataset=item, wanted={"k": 9})
    assert stricter.privacy == {"k": 9}
    privacy.set_rules(
        actor=relief.officer, dataset=item, wanted={"roles": {"gender": "none"}, "k": 2}
    )
    with pytest.raises(Conflict, match="“性别”不再当作准标识符"):
        datasets.publish(actor=relief.admin, dataset=OpenDataset.objects.get(pk=item.pk))
    approvals.submit(actor=relief.officer, dataset=item)
    approvals.approve(actor=relief.admin, dataset=item)
    release(item)
    item.refresh_from_db()
    assert item.current is not None
    assert item.current.approval["basis"] == BASIS
    with pytest.raises(InvalidInput) as refused:
        privacy.set_rules(actor=relief.officer, dataset=item, wanted={"k": 2, "l": 3})
    assert "l" in refused.value.fields


def test_tables_about_things_are_not_judged_and_figures_count_people(scene: Scene) -> None:
    assert looked(scene.dataset())["applies"] is False
    columns = [c for c in residents.ITEMS if c.name in {"gender", "community_code"}]
    assert columns
    from chengshu.data.catalog.contract import column_spec

    specs = [column_spec(c, {}) for c in columns]
    counted = column_spec(residents.ItemContent(name="n", title="人数", type="integer"), {})
    told = rules.parts([*specs, counted], {}, rules.read({}))
    assert (told.quasi, told.weight) == (("gender", "community_code"), "n")


def test_sizes_are_those_a_plain_count_finds(relief: Scene) -> None:
    dice = random.Random(7)
    crowd = [person(1000 + i, dice.randrange(12), dice.choice("甲乙丙")) for i in range(300)]
    residents.collect(relief.resource, crowd)
    found = looked(residents.draft(relief))
    everybody = [*people(6, 6), person(900, 6, "低保"), person(901, 6, "临时救助"), *crowd]
    sizes = Counter((p["gender"], p["age_band"], p["community_code"]) for p in everybody)
    assert found["classes"] == len(sizes)
    assert found["least"] == min(sizes.values())
    assert found["small_people"] == sum(n for n in sizes.values() if n < 5)
    assert sum(n for _, n in found["histogram"]) == len(everybody) == found["people"]


def test_the_page_shows_values_to_those_who_handle_the_dataset_only(
    relief: Scene, client_for
) -> None:
    item = residents.draft(relief)
    officer = client_for(relief.officer.account)
    assert "评估要求" in officer.get(PAGE).text
    officer.post(f"{PAGE}look/")
    run_job.func(str(Job.objects.get(kind="opening.look").id))
    page = officer.get(PAGE).text
    for expected in (
        "有不能开放的行列",
        "这组只有 2 人",
        "330383100002",
        "隐去这些组的行",
        "JZ00901",
    ):
        assert expected in page
    form = officer.get(f"{PAGE}privacy/").text
    assert "GB/T 42460-2023" in form
    officer.post(f"{PAGE}way-out/", {"key": "suppress"})
    item.refresh_from_db()
    assert item.privacy == {"suppress": True}
    officer.post(f"{PAGE}privacy/", {"k": 7, "l": 2, "differencing": "on", "role_gender": "quasi",
                                     "role_age_band": "quasi", "role_community_code": "quasi",
                                     "role_relief": "sensitive", "role_record_no": "none"})  # fmt: skip
    item.refresh_from_db()
    assert item.privacy == {"k": 7}


def test_personal_data_is_told_with_the_keys_of_its_rows_and_a_way_out(scene: Scene) -> None:
    collect(scene.resource, rows(2, remark="联系 13912345678"))
    item = scene.dataset()
    found = looked(item)
    [cell] = found["cells"]
    assert (cell["kind"], cell["columns"]) == ("personal", ["remark"])
    assert cell["keys"] == ["BM00000", "BM00001"]
    privacy.apply_proposal(actor=scene.officer, dataset=item, key="drop:remark")
    assert looked(item)["cells"] == []
