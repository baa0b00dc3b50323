"""The pages and the API: what each person sees, may do, and is refused."""

import re
from collections.abc import Callable
from io import BytesIO

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.tests import factories
from chengshu.data.quality.models import Evaluation, Rule
from chengshu.data.quality.presentation import fix_lines, places
from chengshu.data.quality.services.evaluation import evaluate
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job

pytestmark = pytest.mark.django_db
ClientFor = Callable[[Account], Client]


@pytest.fixture
def graded(loaded: Resource) -> Resource:
    evaluate(resource_ids=[loaded.pk], full=True)
    return loaded


@pytest.fixture
def officer_client(cast: Cast, client_for: ClientFor) -> Client:
    return client_for(cast.officer_a)


def rows_url(resource: Resource) -> str:
    found = Evaluation.objects.get(resource=resource, latest=True)
    key = found.results.get(key__startswith="gender:").key
    return f"{reverse('quality:rows', args=[resource.pk])}?rule={key}"


def test_overview_before_and_after_the_first_evaluation(
    loaded: Resource, cast: Cast, client_for: ClientFor
) -> None:
    client = client_for(cast.admin)
    assert "还没有质量评价" in client.get("/console/quality/").content.decode()
    evaluate(resource_ids=[loaded.pk])
    page = client.get("/console/quality/").content.decode()
    assert "先改什么" in page
    assert "单位排名" in page
    department = client.get(reverse("quality:department", args=[loaded.provider_id]))
    assert "得分最低的资源" in department.content.decode()


def test_the_resource_tab_says_what_to_fix_first(graded: Resource, officer_client: Client) -> None:
    page = officer_client.get(reverse("quality:resource", args=[graded.pk])).content.decode()
    assert "改正 2 条" in page
    assert "一致性 80.0→100.0" in page
    entry = officer_client.get(reverse("catalog:resource", args=[graded.pk])).content.decode()
    assert "看质量" in entry


def test_the_page_of_a_loaded_batch_waits_for_the_grade_and_shows_what_it_did(
    loaded: Resource, officer: Actor, officer_client: Client
) -> None:
    evaluate(resource_ids=[loaded.pk])
    before = Evaluation.objects.get(resource=loaded, latest=True)
    headers = tuple("公民身份号码" if h == "身份证号" else h for h in factories.HEADERS)
    right = [factories.row(n, 身份证号=factories.id_number(2 * n + 1)) for n in (8, 9, 10)]
    batch = factories.load(officer, loaded, factories.table(right, headers))
    url = reverse("ingest:batch", args=[batch.pk])
    page = officer_client.get(url).content.decode()
    assert "新数据正在评价" in page
    poll = re.search(r'hx-get="([^"]*/grade/[^"]*)"', page)
    assert poll is not None
    evaluate(resource_ids=[loaded.pk], full=True)
    after = Evaluation.objects.get(resource=loaded, latest=True)
    told = officer_client.get(poll[1]).content.decode()
    assert "hx-get" not in told
    assert f"比这次归集前高 {places(after.score - before.score)} 分" in told
    assert after.get_grade_display() in told
    assert officer_client.get(f"{poll[1].partition('?')[0]}?since=gestern").status_code == 422


def test_the_batch_page_names_the_two_most_rewarding_fixes(
    graded: Resource, officer_client: Client
) -> None:
    batch = Batch.objects.get(resource=graded)
    page = officer_client.get(reverse("ingest:batch", args=[batch.pk])).content.decode()
    found = Evaluation.objects.get(resource=graded, latest=True)
    assert len(found.fixes) > 1
    assert [line.title in page for line in fix_lines(found)[:3]] == [True, True, False][
        : len(found.fixes)
    ]


def test_a_resource_without_any_failing_rule_has_a_quality_page(
    resource: Resource, officer: Actor, officer_client: Client
) -> None:
    factories.load(officer, resource, factories.table([factories.row(1)]))
    evaluate(resource_ids=[resource.pk])
    found = Evaluation.objects.get(resource=resource, latest=True)
    assert not found.results.exists()
    page = officer_client.get(reverse("quality:resource", args=[resource.pk]))
    assert "没有要改的" in page.content.decode()


def test_a_rule_leads_to_its_quarantined_rows_alone(
    graded: Resource, officer_client: Client
) -> None:
    url = f"{reverse('quality:rows', args=[graded.pk])}?rule=id_number:check_digit"
    link = officer_client.get(url).context["quarantine_url"]
    assert [line.number for line in officer_client.get(link).context["lines"]] == [11]
    other = link.replace("check_digit", "required")
    assert officer_client.get(other).context["lines"] == []


def test_lists_cost_the_same_whatever_their_length(
    graded: Resource, officer_client: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        page = officer_client.get(reverse("quality:resources"))
    assert graded.title in page.content.decode()


def test_failing_rows_are_masked_until_a_reason_is_given(
    graded: Resource, officer_client: Client
) -> None:
    url = rows_url(graded)
    page = officer_client.get(url).content.decode()
    assert "P00008" in page
    assert "33998319800101" not in page
    refused = officer_client.post(url, {"reason": ""})
    assert refused.status_code == 422
    shown = officer_client.post(url, {"reason": "核对原始登记表"}).content.decode()
    assert "33998319800101" in shown
    assert AuditRecord.objects.filter(action="quality.rows.unmask").count() == 1


def test_failing_rows_leave_as_excel_masked_by_default(
    graded: Resource, officer_client: Client
) -> None:
    key = rows_url(graded).partition("?rule=")[2]
    answer = officer_client.post(reverse("quality:export", args=[graded.pk]), {"rule": key})
    content = b"".join(answer.streaming_content)  # type: ignore[arg-type]
    sheet = openpyxl.load_workbook(BytesIO(content)).active
    rows = list(sheet.iter_rows(values_only=True))  # type: ignore[union-attr]
    assert rows[0][0] == "问题"
    assert [row[1] for row in rows[1:3]] == ["P00008", "P00009"]
    assert "33998319800101" not in str(rows)
    assert AuditRecord.objects.filter(action="quality.rows_exported").exists()


def test_a_rule_is_built_previewed_tried_and_saved(
    graded: Resource, officer_client: Client
) -> None:
    new = f"{reverse('quality:rule-new', args=[graded.pk])}?kind=compare"
    assert "两个字段比较" in officer_client.get(new).content.decode()
    filled = {
        "left": "amount", "operator": "<=", "value": "10", "title": "金额不超过十元",
        "dimension": "accuracy", "severity": "normal",
    }  # fmt: skip
    preview = reverse("quality:preview", args=[graded.pk, "compare"])
    words = officer_client.post(preview, filled).content.decode()
    assert "“金额”必须不大于10" in words
    assert "请填写" in officer_client.post(preview, filled | {"left": ""}).content.decode()
    tried = officer_client.post(reverse("quality:try", args=[graded.pk, "compare"]), filled)
    assert "9 条不符合" in tried.content.decode()
    assert officer_client.post(new, filled | {"left": ""}).status_code == 422
    assert officer_client.post(new, filled).status_code == 302
    rule = Rule.objects.get()
    page = officer_client.get(reverse("quality:rule", args=[rule.pk])).content.decode()
    assert "v1 金额不超过十元" in page
    officer_client.post(reverse("quality:switch", args=[rule.pk]))
    rule.refresh_from_db()
    assert not rule.enabled


@pytest.mark.parametrize(
    "kind",
    [
        "when",
        "lookup",
        "unique",
        "pattern",
        "gender",
        "birth",
        "stale",
        "region",
        "expression",
        "threshold",
    ],
)
def test_every_kind_has_a_builder(kind: str, graded: Resource, officer_client: Client) -> None:
    url = f"{reverse('quality:rule-new', args=[graded.pk])}?kind={kind}"
    assert officer_client.get(url).status_code == 200
    assert (
        officer_client.post(url, {"dimension": "accuracy", "severity": "normal"}).status_code == 422
    )


def test_rules_list_switches_built_in_rules(graded: Resource, officer_client: Client) -> None:
    page = officer_client.get(reverse("quality:rules", args=[graded.pk])).content.decode()
    assert "模板规则" in page
    assert "SQL（专家）" not in page
    officer_client.post(
        reverse("quality:built-in", args=[graded.pk]), {"key": "amount:type", "enabled": "0"}
    )
    assert (
        "启用：金额：类型"
        in officer_client.get(reverse("quality:rules", args=[graded.pk])).content.decode()
    )
    found = officer_client.get(reverse("quality:found", args=[graded.pk]))
    assert "没有发现新的规则" in found.content.decode()


def test_a_ticket_is_asked_for_then_opened(graded: Resource, officer_client: Client) -> None:
    found = Evaluation.objects.get(resource=graded, latest=True)
    broken = found.results.get(key__startswith="gender:")
    url = reverse("quality:ticket", args=[graded.pk, broken.pk])
    assert "2 条记录不合格" in officer_client.get(url).content.decode()
    assert officer_client.post(url).status_code == 302


def test_the_policy_page_is_for_the_data_bureau(
    cast: Cast, client_for: ClientFor, officer_client: Client
) -> None:
    url = reverse("quality:policy")
    assert officer_client.get(url).status_code == 403
    admin = client_for(cast.admin)
    page = admin.get(url)
    form = page.context["form"]
    values = {name: field.initial for name, field in form.fields.items()}
    assert admin.post(url, values | {"thresholds__good": 100}).status_code == 422
    assert admin.post(url, values).status_code == 302


def test_another_department_is_refused(graded: Resource, cast: Cast, client_for: ClientFor) -> None:
    other = client_for(cast.officer_b)
    tab = other.get(reverse("quality:resource", args=[graded.pk])).content.decode()
    assert "只对提供单位和数据管理员开放" in tab
    assert other.get(reverse("quality:rules", args=[graded.pk])).status_code == 403
    assert other.get(rows_url(graded)).status_code == 404


def test_the_api_gives_grades_details_and_takes_requests(
    graded: Resource, officer_client: Client
) -> None:
    grades = officer_client.get("/api/v1/quality/grades").json()
    assert [item["resource_id"] for item in grades] == [graded.pk]
    detail = officer_client.get(f"/api/v1/quality/resources/{graded.pk}").json()
    assert {r["key"]: r["failed"] for r in detail["results"]}["gender:id_number:gender"] == 2
    assert detail["fixes"]
    answer = officer_client.post(f"/api/v1/quality/resources/{graded.pk}/evaluate")
    assert answer.status_code == 202
    assert Job.objects.filter(kind="quality.evaluate", created_by__isnull=False).exists()
    page = officer_client.post(reverse("quality:evaluate", args=[graded.pk]))
    assert page.status_code == 302
