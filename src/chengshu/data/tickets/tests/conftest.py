"""Fixtures of the ticket tests: a published entry, and a kind whose second look answers what the test says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.utils import timezone

from chengshu.data.catalog.models import Category, Resource, ResourceVersion
from chengshu.data.tickets.facade import RecheckResult, Ticket, open_ticket, register_kind
from chengshu.data.tickets.kinds import KINDS
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast

KIND = "test"


@dataclass
class Judge:
    """What the next re-check finds."""

    remaining: int | None = 0
    note: str = ""
    asked: list[int] = field(default_factory=list)

    def recheck(self, ticket: Ticket) -> RecheckResult:
        self.asked.append(ticket.pk)
        return RecheckResult(remaining=self.remaining, note=self.note)


@pytest.fixture
def judge() -> Iterator[Judge]:
    """A registered kind, ``test``."""
    item = Judge()
    register_kind(KIND, "测试检查", item.recheck, lambda ticket: f"/console/?ticket={ticket.pk}")
    yield item
    KINDS.pop(KIND)


@pytest.fixture
def resource(cast: Cast) -> Resource:
    """A published entry of department A."""
    category, _ = Category.objects.get_or_create(
        code="3/01/002/01", defaults={"name": "人员", "level": 4}
    )
    item = Resource.objects.create(
        code="3/01/002/01/00001", title="人员登记信息", provider=cast.department_a,
        category=category, physical_name="person_register", lake_table="std/person_register",
    )  # fmt: skip
    version = ResourceVersion.objects.create(
        resource=item, number=1, title=item.title, summary="测试用", level="L3",
        sharing_type="conditional", open_type="forbidden", update_cycle="daily", item_count=0,
    )  # fmt: skip
    version.state, version.published_at = "published", timezone.now()
    version.save()
    item.state, item.published, item.working = "published", version, None
    item.save()
    return item


@pytest.fixture
def opened(resource: Resource, judge: Judge) -> Callable[..., Ticket]:
    """A function that opens a ticket as the platform."""
    del judge

    def make(key: str = "k1", rows: int = 3, **more: object) -> Ticket:
        return open_ticket(
            actor=platform(), kind=KIND, resource_id=resource.pk, title="身份证号校验位不对",
            rule="check_digit", rule_name="校验位", column="id_number", affected_rows=rows,
            evidence={"sentence": "末位要与前 17 位相符", "good": "与原件一致的号码"}, key=key,
            **more,
        )  # fmt: skip

    return make


@pytest.fixture
def officer(cast: Cast, actor_for: Callable[[Account], Actor]) -> Actor:
    """The data officer of department A."""
    return actor_for(cast.officer_a)


@pytest.fixture
def admin(cast: Cast, actor_for: Callable[[Account], Actor]) -> Actor:
    """The data administrator."""
    return actor_for(cast.admin)
