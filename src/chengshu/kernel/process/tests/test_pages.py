"""The to-do list and the page of a case, as people use them."""

import pytest
from django.test import Client
from django.urls import reverse

from chengshu.kernel.identity.models import Account
from chengshu.kernel.process.models import HumanTask
from chengshu.kernel.process.services import holding, pressing, remarks
from chengshu.kernel.process.services.holding import task_url
from chengshu.kernel.process.tests.conftest import Seal, actor


def browser(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def page(client: Client, name: str, *args: object, **query: str) -> str:
    response = client.get(reverse(f"process:{name}", args=args), query)
    assert response.status_code == 200, response.content
    return response.content.decode()


def do(client: Client, case, key: str, **data: object) -> str:
    where = reverse("process:act", args=[case.pk, key])
    return client.post(where, data, follow=True).content.decode()


def test_a_case_is_walked_from_page_to_page(seal: Seal) -> None:
    case = seal.start()
    mine = browser(seal.starter)
    assert "合同用印" in page(mine, "todo")
    text = page(mine, "case", case.pk)
    assert "份数" in text
    assert "填写申请：办理中" in text
    refused = mine.post(reverse("process:act", args=[case.pk, "complete"]), {"outcome": "submit"})
    assert refused.status_code == 422
    assert "请填写份数" in refused.content.decode()
    assert "已办理" in do(mine, case, "complete", outcome="submit", copies="2", important="on")
    reviewer = browser(seal.cast.approver)
    text = page(reviewer, "case", case.pk)
    assert "重要文件" in text
    assert "填写申请：已办" in text
    assert "签收" in text
    assert "已签收" in do(reviewer, case, "claim")
    assert "请写明原因" in do(reviewer, case, "back", **{"back-step": "apply", "back-text": ""})
    do(
        reviewer,
        case,
        "back",
        **{"back-step": "apply", "back-text": "份数不对", "back-straight": "on"},
    )
    text = page(mine, "case", case.pk)
    assert "科室负责人审核：已退回" in text
    assert "份数不对" in text


def test_every_list_shows_its_own_and_searches(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    remarks.copy_to(actor=actor(seal.starter), case_id=case.pk, people=[seal.cast.officer_b])
    pressing.supervise(actor=actor(seal.cast.leader), case_id=case.pk, note="本周办结")
    assert "合同用印" in page(browser(seal.cast.approver), "todo", q="用印", sort="due")
    assert "合同用印" not in page(browser(seal.cast.approver), "todo", clock="late")
    mine = browser(seal.starter)
    for name in ("done", "started"):
        assert "合同用印" in page(mine, name)
    reader = browser(seal.cast.officer_b)
    assert "未读" in page(reader, "copies")
    page(reader, "case", case.pk)
    assert "已读" in page(reader, "copies")
    assert "本周办结" in page(browser(seal.cast.leader), "supervised")
    assert mine.get(reverse("process:supervised")).status_code == 403


def test_selected_tasks_are_done_at_once_and_the_others_explained(seal: Seal) -> None:
    first, other = seal.start(), seal.start()
    seal.apply(first)
    keys = [seal.task(first, "review").pk, seal.task(other, "apply").pk]
    answer = browser(seal.cast.approver).post(
        reverse("process:batch"), {"selected": keys}, follow=True
    )
    assert "已办理 1 项" in answer.content.decode()
    assert "这一步要逐件办理" in answer.content.decode()
    assert HumanTask.objects.get(pk=keys[0]).state == "done"


@pytest.mark.parametrize(
    ("key", "data", "says"),
    [
        ("release", {}, "已放回"),
        ("supplement", {"supplement-text": "缺合同"}, "已要求补正"),
        ("comment", {"comment-text": "已核实"}, "已留言"),
        ("delegate", {"delegate-person": "deputy"}, "已征求许副局的意见"),
        ("transfer", {"transfer-person": "deputy"}, "已转给许副局"),
        ("add_signer", {"add_signer-person": "deputy"}, "已请许副局会签"),
        ("copy", {"copy-person": "deputy"}, "已抄送许副局"),
    ],
)
def test_each_act_of_the_page_reaches_its_service(
    seal: Seal, key: str, data: dict[str, object], says: str
) -> None:
    case = seal.start()
    seal.apply(case)
    holding.claim(actor=actor(seal.cast.approver), task_id=seal.task(case, "review").pk)
    filled = {k: seal.deputy.pk if v == "deputy" else v for k, v in data.items()}
    assert says in do(browser(seal.cast.approver), case, key, **filled)


def test_pressing_and_managing_acts_reach_their_services(seal: Seal) -> None:
    case = seal.start()
    seal.apply(case)
    assert "提醒了 1 人" in do(browser(seal.starter), case, "urge")
    assert "已撤回" in do(browser(seal.starter), case, "withdraw")
    seal.apply(case)
    leader, operator = browser(seal.cast.leader), browser(seal.cast.operator)
    assert "已督办" in do(leader, case, "supervise", **{"supervise-text": "快"})
    assert "已解除督办" in do(leader, case, "relieve")
    assert "已暂停" in do(operator, case, "suspend", **{"suspend-text": "等批复"})
    assert "已恢复" in do(operator, case, "resume")
    assert "已跳转" in do(operator, case, "jump", **{"jump-step": "apply", "jump-text": "错件"})
    assert "已撤销" in do(operator, case, "cancel", **{"cancel-text": "重复"})


def test_a_case_and_its_files_are_hidden_from_those_it_does_not_concern(
    seal: Seal, settings, tmp_path
) -> None:
    settings.DATA_DIR = tmp_path
    case = seal.start()
    item = remarks.attach(
        actor=actor(seal.starter), case_id=case.pk, name="合同.txt", chunks=[b"secret"]
    )
    where = reverse("process:attachment", args=[case.pk, item.pk])
    answer = browser(seal.starter).get(where)
    assert b"".join(answer.streaming_content) == b"secret"
    stranger = browser(seal.cast.stranger)
    assert stranger.get(where).status_code == 404
    assert stranger.get(task_url(case.pk)).status_code == 404
    assert "合同.txt" in page(browser(seal.starter), "case", case.pk)


def test_notices_lead_to_the_page_of_the_case(seal: Seal) -> None:
    assert task_url(7) == reverse("process:case", args=[7])
