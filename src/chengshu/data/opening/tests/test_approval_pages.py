"""Two people and their pages: masks and basis on the form, the request, what the approver sees, the way back."""

from collections.abc import Callable

import pytest
from django.test import Client

from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.tests.cast import BASIS, CONTENT, MASKED_FIELDS, MASKS, Scene
from chengshu.kernel.identity.models import Account
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job

LIST = "/console/opening/datasets/"
PAGE = f"{LIST}public-facility/"


@pytest.fixture
def officer(sensitive: Scene, client_for: Callable[[Account], Client]) -> Client:
    assert sensitive.officer.account is not None
    return client_for(sensitive.officer.account)


@pytest.fixture
def admin(sensitive: Scene, client_for: Callable[[Account], Client]) -> Client:
    assert sensitive.admin.account is not None
    return client_for(sensitive.admin.account)


def filled(**changes) -> dict:
    return {
        "title": "便民设施责任人", "slug": "public-facility", "summary": CONTENT.summary, "theme": "living",
        "keywords": "公厕", "licence": "CC-BY-4.0", "fields": MASKED_FIELDS, "basis": BASIS,
        **{f"mask_{name}": mask for name, mask in MASKS.items()},
    } | changes  # fmt: skip


def test_from_masks_on_the_form_over_a_second_person_to_the_portal(
    sensitive: Scene, officer: Client, admin: Client
) -> None:
    form = f"{LIST}new/{sensitive.resource.code}/"
    assert sensitive.resource.title in officer.get(f"{LIST}new/").text
    page = officer.get(form).text
    assert "责任人姓名怎么脱敏" in page
    assert '<option value="name" selected>' in page
    assert "不脱敏" not in page
    officer.post(form, filled(basis=""))
    item = OpenDataset.objects.get()
    assert item.masks == MASKS

    # Without a basis the way leads back to the form.
    answer = officer.post(f"{PAGE}submit/")
    assert answer.headers["Location"] == f"{PAGE}edit/"
    assert "写明法律依据" in officer.get(f"{PAGE}edit/").text
    officer.post(f"{PAGE}edit/", filled(revision=item.revision))
    assert officer.post(f"{PAGE}submit/").headers["Location"] == PAGE
    assert "等待另一人审批" in officer.get(PAGE).text
    assert "通过审批" not in officer.get(PAGE).text
    assert officer.post(f"{PAGE}approve/").status_code == 403

    seen = admin.get(PAGE).text
    for expected in ("通过审批", "退回", BASIS, "154****0000", "officer同志"):
        assert expected in seen
    assert "15400000000" not in seen
    assert "待审批" in admin.get(LIST, {"approval": "waiting"}).text
    assert (
        "便民设施责任人" not in admin.get(LIST, {"approval": "approved"}).text.partition("<main")[2]
    )
    admin.post(f"{PAGE}approve/")
    admin.post(f"{PAGE}publish/")
    run_job.func(str(Job.objects.get(kind="opening.publish").id))
    assert "已经审批" in admin.get(PAGE).text
    assert "已脱敏" in admin.get("/open/datasets/public-facility/").text


def test_a_request_is_sent_back_with_a_remark(
    sensitive: Scene, officer: Client, admin: Client
) -> None:
    officer.post(f"{LIST}new/{sensitive.resource.code}/", filled())
    officer.post(f"{PAGE}submit/")
    assert "退回意见" in admin.get(f"{PAGE}return/").text
    admin.post(f"{PAGE}return/", {"reason": "姓名请全部隐藏"})
    page = officer.get(PAGE).text
    assert "姓名请全部隐藏" in page
    assert "提交审批" in page
    item = OpenDataset.objects.get()
    officer.post(f"{PAGE}edit/", filled(revision=item.revision, mask_keeper="full"))
    assert "内容改过" in officer.get(PAGE).text


def test_the_author_is_told_that_another_must_approve(sensitive: Scene, admin: Client) -> None:
    admin.post(f"{LIST}new/{sensitive.resource.code}/", filled())
    admin.post(f"{PAGE}submit/")
    answer = admin.post(f"{PAGE}approve/")
    assert answer.status_code == 403
    assert "自己编写或提交" in answer.text


def test_a_dataset_of_a_resource_out_of_service_still_has_its_page(
    sensitive: Scene, officer: Client
) -> None:
    from chengshu.data.catalog.services import lifecycle

    officer.post(f"{LIST}new/{sensitive.resource.code}/", filled())
    lifecycle.suspend(actor=sensitive.admin, resource=sensitive.resource, reason="核对中")
    assert officer.get(PAGE).status_code == 200


def test_the_form_of_a_restricted_resource_offers_the_agreement_only(
    bound: Scene, client_for: Callable[[Account], Client]
) -> None:
    assert bound.officer.account is not None
    client = client_for(bound.officer.account)
    form = f"{LIST}new/{bound.resource.code}/"
    page = client.get(form).text
    assert "只能按协议开放" in page
    # What a browser does not send of a locked box, nor what somebody sends instead, decides.
    client.post(form, filled(restricted=""))
    item = OpenDataset.objects.get()
    assert item.restricted
    assert "按协议开放" in client.get(PAGE).text
