"""The pages: the wizard from entry to first run, the run and what one can do, lists, board, reconciliation."""

from datetime import date

import pytest
from django.urls import reverse

from chengshu.data.catalog.facade import Warehouse
from chengshu.data.collection.choices import CheckState, PlanState, RunState
from chengshu.data.collection.models import Plan, Run
from chengshu.data.collection.services import backfill, reconciliation
from chengshu.data.collection.tests.factories import ITEMS, go, make_plan, work
from chengshu.data.collection.tests.shop import MAPPING, Shop
from chengshu.data.ingest.facade import Reason, SourceError
from chengshu.data.ingest.tests import factories
from chengshu.kernel.jobs.services import run_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def resource(cast, lake_dir):
    return factories.publish(cast.department_a, ITEMS)


@pytest.fixture
def client(client_for, cast):
    return client_for(cast.officer_a)


def url(name: str, *args: object) -> str:
    return reverse(f"collection:{name}", args=args)


def text(response) -> str:
    return response.content.decode()


def test_from_entry_to_first_run(client, resource, source, shop: Shop):
    shop.put(1)
    page = text(client.get(url("new"), {"q": "人员"}))
    assert url("new-source", resource.pk) in page
    assert url("new-object", resource.pk, source.pk) in text(
        client.get(url("new-source", resource.pk))
    )
    assert "main.people" in text(client.get(url("new-object", resource.pk, source.pk)))
    where = url("new-plan", resource.pk, source.pk) + "?object=main.people"
    page = client.get(where)
    assert page.status_code == 200
    assert "每一列归到哪个数据项" in text(page)
    posted = {f"map-{n}": MAPPING[c] for n, c in enumerate(shop.columns)} | {
        "name": "人员每日归集", "mode": "incremental", "cursor_column": "changed",
        "cursor_kind": "", "lag": "10", "source_zone": "Asia/Shanghai", "max_lost_percent": "20",
        "schedule": "workday", "at_time": "07:00", "catch_up": "once", "first_run": "1",
    }  # fmt: skip
    refused = client.post(where, posted)
    assert refused.status_code == 422
    assert "请选择游标类型" in text(refused)
    made = client.post(where, posted | {"cursor_kind": "datetime"})
    run = Run.objects.get()
    assert made.url == url("run", run.pk)
    work(run)
    page = text(client.get(made.url))
    assert "已入库" in page
    assert "迟到" in page
    page = text(client.get(url("plan", run.plan_id)))
    assert "每个工作日 07:00" in page
    assert "2026-11-23 08:00:00" in page
    assert "人员每日归集" in text(client.get(url("plans")))


def test_a_source_that_does_not_answer_is_said_on_the_page(client, resource, source, shop: Shop):
    shop.refuse = SourceError(Reason.REFUSED, "对方没有在该地址和端口提供服务。")
    page = client.get(url("new-plan", resource.pk, source.pk) + "?object=main.people")
    assert page.status_code == 503
    assert "没有在该地址和端口提供服务" in text(page)


def test_a_held_run_is_confirmed_on_its_page(client, resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source, mode="snapshot")
    for n in range(10):
        shop.put(n)
    go(officer, plan)
    shop.rows = {"P00001": shop.rows["P00001"]}
    run = go(officer, plan)
    page = text(client.get(url("run", run.pk)))
    assert "待确认删除" in page
    assert "确认删除并入库" in page
    client.post(url("run-confirm", run.pk))
    assert work(run).state == RunState.SUCCEEDED


def test_failed_drifted_waiting_and_running_runs_have_their_words(
    client, resource, source, shop: Shop, officer
):
    plan = make_plan(officer, resource, source)
    shop.put(1)
    shop.refuse = SourceError(Reason.LOST, "连接断了。")
    failed = go(officer, plan)
    assert "继续" in text(client.get(url("run", failed.pk)))
    shop.refuse = None
    client.post(url("run-resume", failed.pk))
    live = client.get(url("run", failed.pk), headers={"HX-Request": "true"})
    assert "hx-get" in text(live)
    assert "进度" in text(client.get(url("run", failed.pk)))
    work(failed)
    done = client.get(url("run", failed.pk), headers={"HX-Request": "true"})
    assert done.headers["HX-Refresh"] == "true"
    client.post(url("run-again", failed.pk))
    again = Run.objects.exclude(pk=failed.pk).get()
    client.post(url("run-cancel", again.pk))
    again.refresh_from_db()
    assert again.state == RunState.CANCELLED
    del shop.columns["amount"]
    assert "修改任务" in text(client.get(url("run", go(officer, plan).pk)))


def test_a_plan_is_changed_paused_and_taken_up_again(client, resource, source, shop: Shop, officer):
    plan = make_plan(officer, resource, source)
    page = client.get(url("edit", plan.pk))
    assert page.status_code == 200
    posted = {f"map-{n}": MAPPING[c] for n, c in enumerate(shop.columns)} | {
        "name": "新名字", "mode": "snapshot", "lag": "0", "source_zone": "Asia/Shanghai",
        "max_lost_percent": "5", "schedule": "cron", "cron": "0 */2 * * *", "catch_up": "skip",
    }  # fmt: skip
    assert client.post(url("edit", plan.pk), posted).status_code == 302
    plan.refresh_from_db()
    assert (plan.name, plan.mode, plan.max_lost_percent) == ("新名字", "snapshot", 5)
    assert client.post(url("pause", plan.pk), {"reason": ""}).status_code == 422
    assert client.get(url("pause", plan.pk)).status_code == 200
    client.post(url("pause", plan.pk), {"reason": "对方停机"})
    assert "对方停机" in text(client.get(url("plan", plan.pk)))
    client.post(url("resume", plan.pk))
    assert Plan.objects.get().state == PlanState.ACTIVE
    shop.refuse = SourceError(Reason.REFUSED, "连不上。")
    assert "连不上" in text(client.get(url("edit", plan.pk)))


def test_back_fill_and_reconciliation_in_the_browser(client, resource, source, shop: Shop, officer):
    for day in range(1, 4):
        shop.put(day, at=f"2026-11-0{day} 08:00:00")
    plan = make_plan(officer, resource, source, mode="incremental")
    go(officer, plan)
    assert client.get(url("backfill-new", plan.pk)).status_code == 200
    wrong = {"first": "2026-11-02", "last": "2026-11-01", "step": "day"}
    assert client.post(url("backfill-new", plan.pk), wrong).status_code == 422
    client.post(url("backfill-new", plan.pk), wrong | {"last": "2026-11-03"})
    item = plan.backfills.get()
    work(item.runs.get())
    page = text(client.get(url("backfill", item.pk)))
    assert "2026-11-02" in page
    client.post(url("backfill-cancel", item.pk))
    assert "已取消" in text(client.get(url("backfill", item.pk)))
    shop.put(9, at="2026-11-03 09:00:00")
    client.post(url("ask-check", plan.pk))
    check = plan.reconciliations.get()
    assert "排队中" in text(client.get(url("check", check.pk)))
    assert "hx-get" in text(client.get(url("check", check.pk), headers={"HX-Request": "true"}))
    run_job.func(str(check.job_id))
    page = text(client.get(url("check", check.pk)))
    assert "不一致" in page
    assert "P00009" in page
    assert "不一致" in text(client.get(url("checks")))


def test_the_board_shows_what_really_ran(client, resource, source, shop: Shop, officer):
    assert client.get(url("board")).status_code == 200
    plan = make_plan(officer, resource, source)
    shop.put(1)
    go(officer, plan)
    shop.refuse = SourceError(Reason.LOST, "连接断了。")
    go(officer, plan)
    page = text(client.get(url("board"), {"provider": resource.provider.code, "days": "7"}))
    assert "每天归集的行数" in page
    assert "连接断了" in page
    assert "连接断了" not in text(client.get(url("board"), {"source": "999999"}))


def test_the_board_looks_at_one_warehouse(client, resource, source, shop: Shop, officer):
    source.warehouse = Warehouse.objects.create(code="dw-one", name="民政数据仓")
    source.save()
    other = Warehouse.objects.create(code="dw-two", name="空的数据仓")
    for number in (1, 2, 3):
        shop.put(number)
    go(officer, make_plan(officer, resource, source))
    whole = client.get(url("board"))
    assert "民政数据仓" in text(whole)
    assert "空的数据仓" not in text(whole)
    for house, rows in ((source.warehouse, 3), (other, 0)):
        page = client.get(url("board"), {"warehouse": house.pk})
        assert page.context["stats"][0].value == rows
        assert len(page.context["oldest"].rows) == (1 if rows else 0)
        plans = client.get(url("plans"), {"warehouse": source.warehouse.pk})
        assert "人员" in text(plans)


def test_the_warehouse_page_lists_the_sources_one_may_use(client, client_for, cast, source):
    source.warehouse = Warehouse.objects.create(code="dw-one", name="民政数据仓")
    source.save()
    where = reverse("catalog:warehouse", args=[source.warehouse.pk])
    assert "测试库" in text(client.get(where))
    stranger = text(client_for(cast.officer_b).get(where))
    assert "测试库" not in stranger
    assert "还没有数据源归入这个数据仓" in stranger


def test_a_run_with_rejected_rows_leads_to_them(client, resource, source, shop: Shop, officer):
    shop.put(1, name="")
    run = go(officer, make_plan(officer, resource, source))
    page = text(client.get(url("run", run.pk)))
    assert reverse("ingest:quarantine", args=[run.batch_id]) in page
    assert "质量等级" in page


def test_lists_cost_the_same_for_one_and_for_many(
    client, resource, source, officer, django_assert_max_num_queries
):
    for _ in range(6):
        go(officer, make_plan(officer, resource, source))
    for name, most in (("plans", 16), ("runs", 16), ("checks", 14), ("board", 30)):
        with django_assert_max_num_queries(most):
            assert client.get(url(name)).status_code == 200


def test_another_department_sees_and_does_nothing(client_for, cast, resource, source, officer):
    plan = make_plan(officer, resource, source)
    run = Run.objects.create(plan=plan, reason="manual")
    stranger = client_for(cast.officer_b)
    for name, pk in (("plan", plan.pk), ("run", run.pk), ("edit", plan.pk)):
        assert stranger.get(url(name, pk)).status_code == 404
    assert stranger.post(url("run-now", plan.pk)).status_code == 404
    assert plan.name not in text(stranger.get(url("plans")))


def test_services_refuse_who_may_not(cast, actor_for, resource, source, officer):
    from chengshu.kernel.errors import NotAllowed

    plan = make_plan(officer, resource, source, mode="incremental")
    stranger = actor_for(cast.officer_b)
    for act in (
        lambda: reconciliation.ask(actor=stranger, plan=plan),
        lambda: go(stranger, plan),
        lambda: backfill.start(
            actor=stranger, plan=plan, first=date(2026, 1, 1), last=date(2026, 1, 2), step="day"
        ),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert not plan.reconciliations.filter(state=CheckState.QUEUED).exists()
