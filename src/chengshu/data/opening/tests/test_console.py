"""The officers' pages: choose, see why fields are refused, publish with live progress, withdraw."""

from collections.abc import Callable

import pytest
from django.test import Client

from chengshu.data.opening.choices import DatasetState
from chengshu.data.opening.description_quality import judge_description
from chengshu.data.opening.models import OpenDataset, OpenInterface
from chengshu.data.opening.tests.cast import CONTENT, OPEN, Scene
from chengshu.kernel.identity.models import Account
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job

LIST = "/console/opening/datasets/"
PAGE = f"{LIST}public-facility/"
INTERFACES = "/console/opening/interfaces/"


@pytest.fixture
def officer(scene: Scene, client_for: Callable[[Account], Client]) -> Client:
    assert scene.officer.account is not None
    return client_for(scene.officer.account)


@pytest.fixture
def admin(scene: Scene, client_for: Callable[[Account], Client]) -> Client:
    assert scene.admin.account is not None
    return client_for(scene.admin.account)


def filled(**changes) -> dict:
    return {
        "title": "便民设施", "slug": "public-facility", "summary": CONTENT.summary, "theme": "living",
        "keywords": "公厕，座椅 位置", "licence": "CC-BY-4.0", "fields": OPEN,
    } | changes  # fmt: skip


def test_from_choosing_a_resource_to_the_portal_and_back(
    scene: Scene, officer: Client, admin: Client
) -> None:
    assert "还没有开放数据集" in officer.get(LIST).text
    assert scene.resource.title in officer.get(f"{LIST}new/").text
    form = f"{LIST}new/{scene.resource.code}/"
    page = officer.get(form).text
    assert "责任人姓名" in page
    assert "看起来是个人姓名" in page
    assert 'value="keeper_mobile" id="id_fields' not in page
    answer = officer.post(form, filled())
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    item = OpenDataset.objects.get()
    assert (item.keywords, item.fields) == (["公厕", "座椅", "位置"], OPEN)
    assert "现在是草稿" in officer.get(PAGE).text
    assert officer.post(f"{PAGE}publish/").status_code == 403

    admin.post(f"{PAGE}publish/")
    assert "progress-" in admin.get(PAGE).text
    assert "HX-Refresh" not in admin.get(f"{PAGE}progress/").headers
    run_job.func(str(Job.objects.get(kind="opening.publish").id))
    assert admin.get(f"{PAGE}progress/").headers["HX-Refresh"] == "true"
    assert "描述怎样更好" in admin.get(PAGE).text
    assert admin.get("/open/datasets/public-facility/").status_code == 200

    assert "撤回" in admin.get(f"{PAGE}withdraw/").text
    admin.post(f"{PAGE}withdraw/", {"reason": "核对坐标"})
    assert "核对坐标" in admin.get(PAGE).text
    assert admin.get("/open/datasets/public-facility/").status_code == 410


def test_mistakes_stay_on_the_form_with_what_was_typed(scene: Scene, officer: Client) -> None:
    form = f"{LIST}new/{scene.resource.code}/"
    answer = officer.post(
        form, filled(slug="Bad Slug", summary="短", filter_field="seats", filter_operator="eq",
                     filter_value="很多"),
    )  # fmt: skip
    assert answer.status_code == 200
    assert "用小写字母、数字和连字符" in answer.text
    assert "Bad Slug" in answer.text
    assert "类型不符" in answer.text
    assert not OpenDataset.objects.exists()


def test_a_refused_field_that_is_posted_anyway_is_refused(scene: Scene, officer: Client) -> None:
    officer.post(f"{LIST}new/{scene.resource.code}/", filled(fields=[*OPEN, "keeper_mobile"]))
    assert not OpenDataset.objects.exists()


def test_a_dataset_is_edited_with_its_row_scope(scene: Scene, officer: Client) -> None:
    item = scene.dataset(row_filter={"prefix": ["facility_no", "BM"]})
    page = officer.get(f"{PAGE}edit/").text
    assert 'value="BM"' in page
    scope = {"filter_field": "kind", "filter_operator": "in", "filter_value": "01，02"}
    officer.post(f"{PAGE}edit/", filled(revision=item.revision, **scope))
    item.refresh_from_db()
    assert (item.title, item.row_filter) == ("便民设施", {"in": ["kind", ["01", "02"]]})


def test_others_departments_do_not_see_it(scene: Scene, client_for) -> None:
    scene.dataset()
    stranger = client_for(scene.city.stranger.account)
    assert "便民设施" not in stranger.get(LIST).text.partition("<main")[2]
    assert stranger.get(PAGE).status_code == 404
    assert client_for(scene.city.nobody.account).get(LIST).status_code == 403
    assert Client().get(LIST).status_code == 302


def test_an_interface_goes_online_and_offline(scene: Scene, admin: Client, officer: Client) -> None:
    assert scene.resource.title in admin.get(f"{INTERFACES}new/").text
    form = f"{INTERFACES}new/{scene.resource.code}/"
    assert officer.get(form).status_code == 403
    assert "不能开放的字段" in admin.get(form).text
    admin.post(form, {"title": "设施查询", "slug": "facility", "summary": "", "fields": OPEN})
    run_job.func(str(Job.objects.get(kind="opening.publish_interface").id))
    assert "已上线" in admin.get(INTERFACES).text
    assert "interfaces/facility/records" in admin.get(f"{INTERFACES}facility/").text
    assert "原因" in admin.get(f"{INTERFACES}facility/offline/").text
    admin.post(f"{INTERFACES}facility/offline/", {"reason": "维护"})
    assert admin.get("/open/api/v1/interfaces/facility/records").status_code == 410
    admin.post(f"{INTERFACES}facility/online/")
    assert OpenInterface.objects.get().state == "publishing"


def test_the_list_asks_the_database_a_constant_number_of_times(
    scene: Scene, admin: Client, django_assert_max_num_queries
) -> None:
    for number in range(15):
        scene.dataset(slug=f"set-{number}")
    OpenDataset.objects.filter(slug="set-1").update(state=DatasetState.WITHDRAWN)
    with django_assert_max_num_queries(16):
        admin.get(LIST)


def test_what_the_description_lacks_is_mended_by_a_click(scene: Scene, officer: Client) -> None:
    item = scene.public(keywords=[], summary="公厕和座椅的位置与时间")
    page = officer.get(PAGE).text
    for expected in (
        "至少写 3 个关键词",
        "城市公共便民设施、生活服务、公共厕所",
        "做到涨 9 分",
        "12345 政务服务热线",
    ):
        assert expected in page
    before = judge_description(item, item.current).score
    for key in ("keywords", "contact", "summary"):
        officer.post(f"{PAGE}mend/", {"key": key})
    item.refresh_from_db()
    assert item.keywords[:2] == ["城市公共便民设施", "生活服务"]
    assert item.summary.endswith("等 12 个字段。")
    assert (before, judge_description(item, item.current).score) == (60, 87)
    assert officer.post(f"{PAGE}mend/", {"key": "keywords"}).status_code == 409
    assert "12345 政务服务热线" in officer.get("/open/datasets/public-facility/").text
