"""Loads a few access requests of the demo city, one for each thing there is to do: review, answer, correct, argue."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone

from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.requests.content import Common, Wanted
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.moves import act_on, available
from chengshu.data.sharing.requests.services.submission import submit
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Account, RoleAssignment

TERM = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Story:
    """Who asks for what, and the acts after it: by which role, which act, with which words."""

    application: str
    interface: str
    purpose: str
    basis: str
    item: str
    acts: tuple[tuple[str, str, str], ...] = ()


STORIES = (
    Story(
        "zhsj", "rk-hecha", "核发市场主体登记时核对法定代表人身份", "《市场主体登记管理条例》第十五条",
        "市场主体设立登记",
    ),
    Story(
        "ygt", "rk-hecha", "建立居民健康档案时核对常住人口信息", "《基本医疗卫生与健康促进法》第二十二条",
        "居民健康档案建档", (("data_admin", "forward", ""),),
    ),
    Story(
        "zhsj", "bdc-heyan", "登记住所时核对不动产权属", "按职责需要", "市场主体住所登记",
        (("data_admin", "return", "请写明法律、法规的名称和条款"),),
    ),
    Story(
        "ygt", "hj-chaxun", "签约家庭医生时了解家庭成员", "《基本医疗卫生与健康促进法》第三十一条",
        "家庭医生签约",
        (("data_admin", "forward", ""), ("data_officer", "refuse", "家庭成员由居民自行申报，不需要查询户籍")),
    ),
)  # fmt: skip


def load(context: Any) -> None:
    """Send what was not sent yet; a request that was sent is left as people have moved it on."""
    sent = [story for story in STORIES if _tell(story)]
    context.say(f"  共享申请 {AccessRequest.objects.count()} 件，本次新增 {len(sent)} 件")


def _tell(story: Story) -> bool:
    application = Application.objects.filter(code=story.application).first()
    interface = ShareInterface.objects.filter(code=story.interface).first()
    if application is None or interface is None:
        return False
    known = AccessRequest.objects.filter(application=application, interface=interface)
    applicant = _person("data_officer", application.owner.path)
    if applicant is None or known.exists():
        return False
    until = datetime.combine(timezone.localdate() + TERM, time.max)
    common = Common(
        purpose=story.purpose, legal_basis=story.basis, business_item=story.item,
        frequency="case", per_day=2_000, valid_until=timezone.make_aware(until),
    )  # fmt: skip
    fields = [column["name"] for column in interface.columns[:3]]
    wanted = Wanted(
        interface=interface, fields=list({interface.key_column: 0} | dict.fromkeys(fields))
    )
    (item,) = submit(actor=applicant, application=application, common=common, wanted=[wanted])
    for role, act, words in story.acts:
        actor = _person(role, item.provider.path)
        # The catalogue may share it unconditionally one day; then it waits for the review.
        if actor is not None and act in {move.key for move in available(actor, item)}:
            item = act_on(
                actor=actor, item=item, act=act, reason=words, remarks={"legal_basis": words}
            )
    return True


def _person(role: str, path: str) -> Actor | None:
    """Somebody with a role at an organisation or above it, the nearest first."""
    codes = path.strip("/").split("/")
    rows = RoleAssignment.objects.filter(role=role, organization__code__in=codes)
    found = rows.select_related("account__organization", "organization")
    nearest = sorted(found, key=lambda row: (-codes.index(row.organization.code), row.pk))
    account: Account | None = nearest[0].account if nearest else None
    return Actor(account=account, name=account.display_name) if account else None
