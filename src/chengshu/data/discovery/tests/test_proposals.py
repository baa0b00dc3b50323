"""Reverse cataloguing from a table or file to the draft, in the services and on the pages."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from chengshu.data.catalog.facade import version_content
from chengshu.data.discovery.choices import ProposalState
from chengshu.data.discovery.models import Proposal, SourceBinding
from chengshu.data.discovery.services import proposals
from chengshu.data.discovery.tests import cast as made
from chengshu.data.discovery.tests.conftest import Answering
from chengshu.data.ingest.facade import Reason, SourceColumn, SourceError
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, Unavailable
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
ROWS = 40
CSV = "身份证号,姓名,性别\n" + "\n".join(
    f"{made.id_number(i)},张三,{1 + i % 2}" for i in range(ROWS)
)


def from_file(officer: Actor, cast: Cast, text: str = CSV, name: str = "参保人员.csv") -> Proposal:
    made.category()
    made.gender_codes()
    (item,) = proposals.request_file(
        actor=officer, owner=cast.department_a, name=name, chunks=[text.encode()]
    )
    proposals.analyse(item)
    item.refresh_from_db()
    return item


def fill(item: Proposal) -> None:
    """What a person chooses on the page: a category, and a table name of the city."""
    item.content["category"]["value"] = made.LEAF
    item.content["physical_name"]["value"] = "rs_insured"
    item.save()


@pytest.fixture
def table(database: Answering, cast: Cast) -> Answering:
    made.category()
    made.gender_codes()
    database.comment = "人员信息表"
    database.columns = (
        SourceColumn(name="SFZH", type="varchar(18)", length=18, nullable=False, key=True, comment="身份证号码"),
        SourceColumn(name="XM", type="varchar(50)", length=50, comment="姓名"),
        SourceColumn(name="JE", type="numeric(12,2)", precision=12, scale=2, comment="金额(元)"),
    )  # fmt: skip
    database.rows = {
        "SFZH": [made.id_number(i) for i in range(ROWS)], "XM": ["张三"] * ROWS, "JE": ["1.50"] * ROWS
    }  # fmt: skip
    del cast
    return database


def from_table(officer: Actor, cast: Cast) -> Proposal:
    (item,) = proposals.request_tables(
        actor=officer, owner=cast.department_a, source=made.source(cast.department_a), names=["public.t_ry"]
    )  # fmt: skip
    return item


def test_an_uploaded_file_becomes_a_draft_the_catalogue_can_review(
    officer: Actor, cast: Cast
) -> None:
    item = from_file(officer, cast)
    assert (item.state, item.title, item.items, item.rows) == ("pending", "参保人员", 3, ROWS)
    fill(item)
    resource = proposals.make_draft(actor=officer, proposal=item)
    assert resource.working is not None
    content = version_content(resource.working)
    assert [(i.title, i.format or i.code_table, i.is_key) for i in content.items] == [
        ("身份证号", "id_number", True), ("姓名", "", False), ("性别", "gender", False),
    ]  # fmt: skip
    assert content.items[0].sensitivity == "L3"


def test_a_table_s_comments_and_key_are_taken_over_and_the_table_is_bound(
    officer: Actor, cast: Cast, table: Answering
) -> None:
    del table
    item = from_table(officer, cast)
    run_job.func(str(item.job_id))
    item.refresh_from_db()
    assert (item.state, item.title) == (ProposalState.READY, "人员信息表")
    fill(item)
    resource = proposals.make_draft(actor=officer, proposal=item)
    binding = SourceBinding.objects.get(resource=resource)
    assert {c["name"]: c["item"] for c in binding.structure} == {
        "SFZH": "sfzh",
        "XM": "xm",
        "JE": "je",
    }
    assert resource.working is not None
    assert resource.working.source_table == "public.t_ry"


def test_a_source_that_cannot_be_read_says_so_and_can_be_tried_again(
    officer: Actor, cast: Cast, table: Answering
) -> None:
    item = from_table(officer, cast)
    table.failure = SourceError(Reason.OTHER, "连不上“人口库”。", "请检查网络。")
    run_job.func(str(item.job_id))
    item.refresh_from_db()
    assert item.state == ProposalState.FAILED
    assert "连不上" in item.error
    table.failure = None
    again = proposals.repeat(actor=officer, proposal=item)
    run_job.func(str(again.job_id))
    item.refresh_from_db()
    assert item.state == ProposalState.READY


def test_a_killed_look_is_simply_repeated(officer: Actor, cast: Cast, table: Answering) -> None:
    del table
    item = from_table(officer, cast)
    Proposal.objects.filter(pk=item.pk).update(state=ProposalState.RUNNING)
    run_job.func(str(item.job_id))
    assert Proposal.objects.get(pk=item.pk).state == ProposalState.READY
    Job.objects.filter(pk=item.job_id).update(state="queued")
    run_job.func(str(item.job_id))
    assert Proposal.objects.get(pk=item.pk).state == ProposalState.READY


def test_what_the_catalogue_refuses_keeps_the_proposal_open(officer: Actor, cast: Cast) -> None:
    item = from_file(officer, cast)
    with pytest.raises(InvalidInput):
        proposals.make_draft(actor=officer, proposal=item)  # no category chosen
    item.refresh_from_db()
    assert item.state == ProposalState.READY


def test_two_people_cannot_overwrite_each_other(officer: Actor, cast: Cast) -> None:
    item = from_file(officer, cast)
    lines = [{"include": "1", "title": "甲"} for _ in item.content["items"]]
    proposals.edit(actor=officer, proposal=item, revision=1, head={}, items=lines)
    with pytest.raises(Conflict):
        proposals.edit(actor=officer, proposal=item, revision=1, head={}, items=lines)


def test_personal_sample_values_are_masked_before_they_are_kept(officer: Actor, cast: Cast) -> None:
    item = from_file(officer, cast)
    kept = str(item.content)
    assert made.id_number(0) not in kept
    assert made.id_number(1) not in kept


def test_every_sheet_of_a_workbook_is_a_proposal(
    officer: Actor, cast: Cast, tmp_path: Path
) -> None:
    import xlsxwriter

    made.category()
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as book:
        for name in ("人员", "单位"):
            book.add_worksheet(name).write_row(0, 0, ["编号", "名称"])
            book.get_worksheet_by_name(name).write_row(1, 0, ["1", "甲"])
    rows = proposals.request_file(
        actor=officer, owner=cast.department_a, name="b.xlsx", chunks=[(tmp_path / "b.xlsx").read_bytes()]
    )  # fmt: skip
    assert {r.object_name for r in rows} == {"b.xlsx#人员", "b.xlsx#单位"}
    assert len({r.work for r in rows}) == 1


def test_another_department_s_officer_is_refused(
    cast: Cast, actor_for: Callable[[Account], Actor], officer: Actor
) -> None:
    item = from_file(officer, cast)
    with pytest.raises(NotAllowed):
        proposals.make_draft(actor=actor_for(cast.officer_b), proposal=item)
    with pytest.raises(NotAllowed):
        proposals.request_file(
            actor=actor_for(cast.officer_b),
            owner=cast.department_a,
            name="a.csv",
            chunks=[b"a\n1\n"],
        )


def test_a_file_that_is_no_table_is_refused_before_anything_is_queued(
    officer: Actor, cast: Cast
) -> None:
    with pytest.raises((InvalidInput, Unavailable)):
        proposals.request_file(
            actor=officer, owner=cast.department_a, name="a.csv", chunks=[b"%PDF-1.7 something"]
        )
    assert not Proposal.objects.exists()


def test_the_officer_walks_from_upload_to_draft_in_the_browser(
    officer: Actor, cast: Cast, client_for: Callable[[Account], Client]
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    made.category()
    made.gender_codes()
    client = client_for(cast.officer_a)
    assert client.get("/console/discovery/new/").status_code == 200
    posted = client.post(
        "/console/discovery/new/",
        {"owner": cast.department_a.code, "file": SimpleUploadedFile("参保.csv", CSV.encode())},
    )
    item = Proposal.objects.get()
    assert posted.status_code == 302
    url = f"/console/discovery/proposals/{item.pk}/"
    assert "正在分析" in client.get(url).content.decode()
    run_job.func(str(item.job_id))
    page = client.get(url).content.decode()
    assert "身份证号" in page
    assert made.id_number(0) not in page
    client.post(f"{url}accept/")
    item.refresh_from_db()
    assert item.doubtful == 0
    form = _posted(item) | {"act": "draft", "category": made.LEAF, "physical_name": "rs_insured"}
    assert client.post(url, form).status_code == 302
    item.refresh_from_db()
    assert item.resource is not None
    assert "补全并提交审核" in client.get(url).content.decode()
    del officer


def _posted(item: Proposal) -> dict[str, str]:
    form = {
        "revision": str(item.revision),
        "title": item.title,
        "update_cycle": "daily",
        "summary": "测试",
    }
    for index, part in enumerate(item.content["items"]):
        form[f"item-{index}-include"] = "1"
        for name, guess in part["fields"].items():
            if guess["value"] not in (None, False, ""):
                form[f"item-{index}-{name}"] = str(guess["value"])
        if part["fields"]["nullable"]["value"] is False:
            form[f"item-{index}-required"] = "1"
    return form


def test_tables_are_chosen_on_a_page_and_the_work_list_shows_where_they_stand(
    cast: Cast, table: Answering, client_for: Callable[[Account], Client]
) -> None:
    del table
    client, source = client_for(cast.officer_a), made.source(cast.department_a)
    page = client.get(f"/console/discovery/sources/{source.pk}/")
    assert "public.t_ry" in page.content.decode()
    empty = client.post(
        f"/console/discovery/sources/{source.pk}/", {"owner": cast.department_a.code}
    )
    assert empty.status_code == 422
    client.post(
        f"/console/discovery/sources/{source.pk}/",
        {"owner": cast.department_a.code, "table": ["public.t_ry"]},
    )
    item = Proposal.objects.get()
    work = client.get(f"/console/discovery/works/{item.work}/")
    assert "排队中" in work.content.decode()
    live = client.get(f"/console/discovery/works/{item.work}/", headers={"HX-Request": "true"})
    assert "every 2s" in live.content.decode()
    client.post(f"/console/discovery/proposals/{item.pk}/dismiss/")
    item.refresh_from_db()
    assert item.state == ProposalState.DISMISSED
    assert "不登记" in client.get(f"/console/discovery/proposals/{item.pk}/").content.decode()
    assert client.post(f"/console/discovery/proposals/{item.pk}/again/").status_code == 302


def test_the_list_costs_the_same_however_long_it_is(
    officer: Actor,
    cast: Cast,
    client_for: Callable[[Account], Client],
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    from_file(officer, cast)
    template = Proposal.objects.get()
    for number in range(10):
        template.pk, template.object_name, template._state.adding = uuid.uuid4(), f"t{number}", True
        template.save()
    client = client_for(cast.officer_a)
    client.get("/console/discovery/proposals/")
    with django_assert_max_num_queries(16):  # type: ignore[attr-defined]
        assert client.get("/console/discovery/proposals/").status_code == 200
