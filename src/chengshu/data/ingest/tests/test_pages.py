"""The pages as their people meet them: board, upload, confirmation, batch, workbench, preview."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest import quarantined
from chengshu.data.ingest.choices import BatchState, DecisionKind
from chengshu.data.ingest.models import Batch, Collected
from chengshu.data.ingest.search import batch_documents
from chengshu.data.ingest.services import exporting, quarantine
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import HEADERS, id_number, row, table
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job

pytestmark = pytest.mark.django_db
BAD_ID = "339983198001010010"
ClientFor = Callable[[Account], Client]


@pytest.fixture
def client(client_for: ClientFor, cast: Cast) -> Client:
    return client_for(cast.officer_a)


@pytest.fixture
def batch(officer: Actor, resource: Resource) -> Batch:
    """Good rows 2 and 4; row 3 has a wrong identity number, row 5 a wrong code, row 6 is ragged."""
    rows = [row(1), row(2, 身份证号=BAD_ID), row(3), row(4, 性别="9"), [*row(5), "多"]]
    return factories.load(officer, resource, table(rows))


def text(answer: Any) -> str:
    return str(answer.content.decode())


def url(name: str, *arguments: object) -> str:
    return reverse(f"ingest:{name}", args=arguments)


def send(client: Client, resource: Resource, content: bytes, name: str = "人员.csv") -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(url("new", resource.pk), {"file": file}, follow=True)


def test_from_upload_to_loaded_in_the_browser(client: Client, resource: Resource) -> None:
    content = table([row(1, 姓名="王小明"), row(2)], (*HEADERS,)).encode("gb18030")
    page = send(client, resource, content)
    batch = Batch.objects.get()
    assert page.redirect_chain[-1][0] == url("confirm", batch.pk)
    body = text(page)
    assert "GB18030（含 GBK、GB2312）" in body
    assert "可信度" in body
    assert "王**" in body
    assert "王小明" not in body, "personal data is masked in the preview"
    assert id_number(1) not in body

    mapping = {
        f"map-{i}": name
        for i, name in enumerate(page.context["headers"][j].target for j in range(8))
    }
    page = client.post(url("confirm", batch.pk), mapping | {"header_row": "1"}, follow=True)
    assert page.redirect_chain[-1][0] == url("batch", batch.pk)
    assert "排队中" in text(page)
    batch.refresh_from_db()
    factories.run(batch)
    done = text(client.get(url("batch", batch.pk)))
    assert "账平" in done
    assert "没有被隔离的行" in done
    again = client.post(url("confirm", batch.pk), mapping, follow=True)
    assert "已经确认过" in text(again)


def test_the_person_corrects_header_row_and_mapping_and_sees_the_preview_again(
    client: Client, resource: Resource
) -> None:
    content = "龙港市人员登记表\n" + table([[*row(1), "无"]], ("编号", *HEADERS[1:], "备注")) + "\n"
    send(client, resource, content.encode())
    batch = Batch.objects.get()
    page = client.get(url("confirm", batch.pk), {"header_row": "2", "encoding": "utf-8"})
    body = text(page)
    assert page.context["missing"] == ["人员编号"]
    assert "必填的数据项还没有对应的列：人员编号" in body
    assert page.context["unused"] == ["编号", "备注"]

    fields = {"header_row": "2", "encoding": "utf-8", "delimiter": ","}
    targets = [h.target for h in page.context["headers"]]
    fields |= {f"map-{i}": target for i, target in enumerate(targets)}
    refused = client.post(url("confirm", batch.pk), fields)
    assert refused.status_code == 422
    assert "“人员编号” 没有对应的列" in text(refused)
    client.post(url("confirm", batch.pk), fields | {"map-0": "person_no"})
    batch.refresh_from_db()
    assert batch.options["mapping"]["编号"] == "person_no"
    assert factories.run(batch).accepted == 1


def test_a_plainly_wrong_encoding_is_named_as_the_cause(client: Client, resource: Resource) -> None:
    send(client, resource, table([row(i) for i in range(9)]).encode("gb18030"))
    page = client.get(
        url("confirm", Batch.objects.get().pk), {"encoding": "utf-8", "header_row": "1"}
    )
    assert "请改选 GB18030" in text(page)
    assert "表头里有同名的列" not in text(page)


def test_duplicate_headers_are_explained_and_may_be_left_out(
    client: Client, resource: Resource
) -> None:
    content = table([[*row(1), "另一个"]], (*HEADERS, "金额"))
    page = send(client, resource, content.encode())
    batch = Batch.objects.get()
    assert "表头里有同名的列" in text(page)
    fields = {f"map-{i}": h.target for i, h in enumerate(page.context["headers"])}
    assert client.post(url("confirm", batch.pk), fields | {"header_row": "1"}).status_code == 422
    left_out = fields | {"map-7": "", "map-8": "", "header_row": "1"}
    assert client.post(url("confirm", batch.pk), left_out).status_code == 302
    batch.refresh_from_db()
    assert factories.run(batch).accepted == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("空.csv", b"", "空的"), ("人员.xlsx", b"a,b\n1,2\n", "扩展名是 .xlsx")],
)
def test_a_refused_upload_says_why_on_the_same_page(
    client: Client, resource: Resource, name: str, content: bytes, words: str
) -> None:
    page = send(client, resource, content, name)
    assert page.status_code == 422
    assert words in text(page)


def test_an_uncertain_encoding_is_not_chosen_beforehand(client: Client, resource: Resource) -> None:
    page = send(client, resource, "person_no,full_name\n1,䶮\n".encode("gb18030"))
    assert not any(choice.chosen for choice in page.context["encodings"])
    batch = Batch.objects.get()
    fields = {"header_row": "1", "map-0": "person_no", "map-1": "full_name"}
    assert "编码不能确定" in text(client.post(url("confirm", batch.pk), fields))


def test_the_batch_page_shows_live_progress_and_can_be_cancelled(
    client: Client, resource: Resource
) -> None:
    send(client, resource, table([row(1)]).encode())
    batch = Batch.objects.get()
    fields = {f"map-{i}": spec["name"] for i, spec in enumerate(factories.ITEMS)}
    client.post(url("confirm", batch.pk), fields | {"header_row": "1"})
    batch.refresh_from_db()
    Job.objects.filter(pk=batch.job_id).update(
        state="running", done=400, total=1000, stage="读取与校验", counts={"accepted": 390}
    )
    Batch.objects.filter(pk=batch.pk).update(state="running")
    live = client.get(url("batch", batch.pk), headers={"HX-Request": "true"})
    assert "40%" in text(live)
    assert "every 1s" in text(live)
    assert "HX-Refresh" not in live.headers
    client.post(url("cancel", batch.pk))
    assert "已要求取消" in text(client.get(url("batch", batch.pk)))
    Job.objects.filter(pk=batch.job_id).update(state="cancelled")
    ended = client.get(url("batch", batch.pk), headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    page = text(client.get(url("batch", batch.pk)))
    assert "已取消" in page
    assert "重新归集" in page
    fresh = client.post(url("again", batch.pk), follow=True)
    assert "开始归集" in text(fresh)


def test_a_failed_batch_says_why_and_what_to_do(
    client: Client, officer: Actor, resource: Resource
) -> None:
    failed = factories.load(officer, resource, table([row(1), row(2, 姓名='"张'), row(3), row(4)]))
    page = text(client.get(url("batch", failed.pk)))
    assert "引号没有闭合" in page
    assert "文件不用再传" in page


def test_the_loaded_batch_leads_from_a_problem_to_its_rows(client: Client, batch: Batch) -> None:
    page = text(client.get(url("batch", batch.pk)))
    assert "未处理 3" in page
    link = re.search(r'href="([^"]*quarantine/\?problem=check_digit[^"]*)"', page)
    assert link
    lines = client.get(link[1].replace("&amp;", "&")).context["lines"]
    assert [line.number for line in lines] == [3]


def test_personal_values_are_masked_until_a_reason_is_given(client: Client, batch: Batch) -> None:
    page = client.get(url("quarantine", batch.pk))
    body = text(page)
    assert BAD_ID not in body
    assert "330383" not in body or "339983********" in body
    assert "校验位不对" in body
    assert "显示原值后更正" in body
    assert 'name="cell-gender"' in body, "what is not personal can be corrected at once"
    assert 'name="cell-id_number"' not in body

    refused = client.post(url("quarantine", batch.pk), {"reason": "看"})
    assert refused.status_code == 422
    assert BAD_ID not in text(refused)
    shown = text(client.post(url("quarantine", batch.pk), {"reason": "与原件核对"}))
    assert BAD_ID in shown
    assert 'name="cell-id_number"' in shown
    trail = AuditRecord.objects.get(action="ingest.personal.unmask")
    assert (trail.reason, trail.after) == ("与原件核对", {"shown": "第 3、5、6 行"})
    assert BAD_ID not in text(client.get(url("quarantine", batch.pk))), "once only"


def test_a_cell_corrected_in_place_comes_back_masked_and_is_replayed(
    client: Client, batch: Batch
) -> None:
    answer = client.post(
        url("row", batch.pk, 3),
        {"cell-id_number": id_number(7), "cell-gender": "1"},
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/x/?status=open"},
    )
    body = text(answer)
    assert "已更正待回放" in body
    told = answer.context
    assert (told["undecided"], told["decided"].corrected) == (2, 1)
    assert told["chosen"].status == "open"
    assert body.count('hx-swap-oob="true"') == 2, "the tally and the replay button follow"
    assert id_number(7) not in body
    assert batch.decisions.get().values == {"id_number": id_number(7)}

    page = client.post(url("replay", batch.pk), follow=True)
    child = batch.replays.get()
    assert page.redirect_chain[-1][0] == url("batch", child.pk)
    assert factories.run(child).accepted == 1
    assert "原批次" in text(client.get(url("batch", child.pk)))
    assert "回放 1 行" in text(client.get(url("batch", batch.pk)))
    late = client.post(
        url("row", batch.pk, 3), {"cell-gender": "2"}, headers={"HX-Request": "true"}
    )
    assert late.status_code == 409
    assert "已经回放" in text(late)


def test_a_ragged_row_is_corrected_as_a_whole(client: Client, officer: Actor, batch: Batch) -> None:
    client.post(url("quarantine", batch.pk), {"reason": "与原件核对"})
    fields = {
        f"cell-{spec['name']}": value for spec, value in zip(factories.ITEMS, row(5), strict=True)
    }
    client.post(url("row", batch.pk, 6), fields)
    client.post(url("replay", batch.pk))
    assert factories.run(batch.replays.get()).accepted == 1


def test_rows_are_returned_by_choice_and_by_filter(client: Client, batch: Batch) -> None:
    client.post(url("send-back", batch.pk), {"row": ["3"], "note": "请核对", "scope": "selected"})
    assert batch.decisions.get().row_number == 3
    client.post(url("send-back", batch.pk), {"note": "请重报", "scope": "all"})
    assert batch.decisions.filter(kind=DecisionKind.RETURNED).count() == 3
    page = text(client.get(url("quarantine", batch.pk), {"status": "returned"}))
    assert "请重报" in page


def test_the_quarantine_goes_out_and_comes_back_as_excel(client: Client, batch: Batch) -> None:
    import io

    import openpyxl

    answer = client.post(url("export", batch.pk))
    assert "attachment" in answer.headers["Content-Disposition"]
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
    sheet = book.active
    assert sheet is not None
    heads = [cell.value for cell in sheet[1]]
    sheet.cell(row=2, column=heads.index("身份证号") + 1).value = id_number(8)
    target = io.BytesIO()
    book.save(target)
    file = SimpleUploadedFile("更正.xlsx", target.getvalue())
    page = client.post(url("corrections", batch.pk), {"file": file}, follow=True)
    assert "已采用表格中 1 行的更正" in text(page)
    assert AuditRecord.objects.filter(action="ingest.quarantine_exported").count() == 1


def test_a_large_quarantine_is_written_by_a_job(
    client: Client, officer: Actor, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "DIRECT_ROWS", 2)
    assert client.get(url("exported", batch.pk)).status_code == 404
    client.post(url("export", batch.pk))
    job = Job.objects.get(kind="ingest.export")
    from chengshu.kernel.jobs.services import run_job

    run_job.func(str(job.pk))
    job.refresh_from_db()
    assert job.result == {"rows": 3}
    answer = client.get(url("exported", batch.pk))
    assert b"".join(answer.streaming_content).startswith(b"PK")  # type: ignore[attr-defined]


def test_the_preview_is_masked_and_finds_a_key(client: Client, batch: Batch) -> None:
    where = url("preview", batch.resource_id)
    body = text(client.get(where))
    assert "P00001" in body
    assert "张*" in body
    assert id_number(1) not in body
    assert "154****0001" in body
    found = client.get(where, {"key-person_no": "P00003"}).context["rows"]
    assert [r.cells[0].value for r in found.rows] == ["P00003"]
    assert "没有这个主键" in text(client.get(where, {"key-person_no": "nobody"}))
    shown = text(client.post(where, {"reason": "核对入库结果"}))
    assert id_number(1) in shown


def test_a_preview_before_the_first_load_offers_it(client: Client, resource: Resource) -> None:
    body = text(client.get(url("preview", resource.pk)))
    assert "还没有归集数据" in body
    assert url("new", resource.pk) in body


def test_other_departments_and_strangers_see_nothing_of_it(
    client_for: ClientFor, cast: Cast, batch: Batch
) -> None:
    other, stranger = client_for(cast.officer_b), client_for(cast.stranger)
    for name in ("batch", "quarantine"):
        assert other.get(url(name, batch.pk)).status_code == 404
        assert stranger.get(url(name, batch.pk)).status_code == 403
    assert other.post(url("replay", batch.pk)).status_code == 404
    assert other.get(url("new", batch.resource_id)).status_code == 404
    page = text(other.get(url("preview", batch.resource_id)))
    assert "只对提供单位和数据管理员开放" in page
    assert "P00001" not in page
    assert not other.get(url("board")).context["table"].rows
    assert not other.get(url("batches")).context["table"].rows

    leader = client_for(cast.leader)
    assert leader.get(url("batch", batch.pk)).status_code == 200
    assert leader.post(url("replay", batch.pk)).status_code == 403
    assert 'name="cell-' not in text(leader.get(url("quarantine", batch.pk)))
    assert leader.post(url("quarantine", batch.pk), {"reason": "想看一看"}).status_code == 403


def test_the_board_counts_what_the_lake_holds(client: Client, cast: Cast, batch: Batch) -> None:
    factories.publish(cast.department_a, title="空资源", physical_name="empty_one")
    page = client.get(url("board"))
    body = text(page)
    assert "账平" in body
    assert [s.value for s in page.context["stats"]] == [2, 1, 1, 0]
    assert page.context["balance"].source == 5
    empty = client.get(url("board"), {"held": "no"}).context["table"]
    assert [r.cells[0].value for r in empty.rows] == ["空资源"]
    assert empty.rows[0].cells[-1].value == "归集"


def test_lists_cost_the_same_for_many_as_for_few(
    client: Client,
    cast: Cast,
    resource: Resource,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for index in range(30):
        entry = factories.publish(cast.department_a, factories.ITEMS[:2], physical_name=f"t{index}")
        Collected.objects.create(resource=entry, rows=index)
        Batch.objects.create(resource=entry, origin="demo", state=BatchState.LOADED)
    with django_assert_max_num_queries(20):
        client.get(url("board"))
    with django_assert_max_num_queries(11):
        client.get(url("batches"))


def test_sorting_the_board_by_rows_survives_empty_ones(
    client: Client, cast: Cast, batch: Batch
) -> None:
    factories.publish(cast.department_a, title="空资源", physical_name="empty_one")
    for sort in ("rows", "-rows", "bytes", "-at"):
        assert client.get(url("board"), {"sort": sort}).status_code == 200


def test_search_finds_batches_by_file_and_only_in_scope(batch: Batch, cast: Cast) -> None:
    [document] = batch_documents(None)
    assert "人员.csv" in document.keywords
    assert document.organization_path == cast.department_a.path
    assert document.permission == "ingest.view"


def test_a_million_rejects_page_by_page_is_a_narrow_read(
    officer: Actor, resource: Resource
) -> None:
    """Filters and pages of many rejects agree with the counts written at load."""
    rows = [row(i, 性别="9") for i in range(3000)]
    big = factories.load(officer, resource, table(rows))
    assert big.quarantined == 3000
    page = quarantined.page(
        big, quarantined.RowFilter(rule="code", column="gender"), size=20, after=2900
    )
    assert [r.row.row for r in page.rows] == list(range(2901, 2921))
    assert quarantine.send_back(
        actor=officer, batch=big, note="整批重报", row_numbers=quarantined.numbers(big, quarantined.RowFilter())
    ) == 3000  # fmt: skip
