"""Start a case."""

from typing import Any

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.identity.models import Organization, Region
from chengshu.kernel.process import catalogue, clocks
from chengshu.kernel.process.choices import TraceAct
from chengshu.kernel.process.models import ProcessCase
from chengshu.kernel.process.work import CaseWork
from chengshu.kernel.unit_of_work import unit_of_work


def start(
    *,
    actor: Actor,
    process: str,
    title: str,
    data: dict[str, Any] | None = None,
    organization: Organization | None = None,
    region: Region | None = None,
    object_type: str = "",
    object_key: str = "",
    url: str = "",
) -> ProcessCase:
    """Start a case on the present version of ``process`` and open its first tasks.

    Args:
        actor: who starts it; holders of the permission the definition names (``cs:starters``), if it names one.
        process: key of a definition of some manifest.
        title: what lists show; who it is about and what for.
        data: fields conditions and candidates may read.
        organization: whose case it is; the actor's own by default.
        region: for candidates by region.
        object_type: kind of the business record, with ``object_key`` its key and ``url`` its page on the platform.
        object_key: see ``object_type``.
        url: see ``object_type``.

    Raises:
        NotFound: no such process.
        NotAllowed: the actor may not start it.
        InvalidInput: no title, or no organisation.
        Conflict: nobody can be found for the first step, or the record has a running case already.
    """
    version = catalogue.current(process)
    plan = catalogue.plan_of(version)
    place = organization or (actor.account.organization if actor.account else None)
    if place is None:
        raise InvalidInput("发起办件要写明所属单位。", kept="没有做任何改动。")
    if not title.strip():
        raise InvalidInput("请填写标题。", fields={"title": "请填写标题"})
    if plan.process.starters:
        check(actor, plan.process.starters, place)
    with unit_of_work():
        if object_key and ProcessCase.objects.filter(
            object_type=object_type, object_key=object_key, ended_at=None
        ).exists():  # fmt: skip
            raise Conflict("这条业务已有一个办件在办理中。", kept="没有重复发起。")
        case = ProcessCase(
            version=version, key=process, title=title.strip()[:200], marking={}, data=data or {},
            object_type=object_type, object_key=object_key, url=url, organization=place,
            region=region, started_by=actor.account,
        )  # fmt: skip
        case.save()
        work = CaseWork(actor, case)
        work.note(TraceAct.START, text=case.title)
        clock = plan.process.clock
        if clock is not None:
            case.term_days = clock.days
            case.due_at = clocks.hang(case, clock, case.started_at, now=work.now)
        work.begin()
        work.save("process.case.started", process=process, version=version.number)
    return case
