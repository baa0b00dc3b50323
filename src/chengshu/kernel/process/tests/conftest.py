"""The seal application beside the real packages, and the cast with the people its process needs."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast, make_account, make_cast
from chengshu.kernel.process import catalogue
from chengshu.kernel.process.models import HumanTask, ProcessCase
from chengshu.kernel.process.services import completing, starting
from chengshu.kernel.process.tests.seal.manifest import MANIFEST
from chengshu.kernel.registry import registry


def actor(account: Account) -> Actor:
    """Who acts: a fresh one for every call, as every request makes one."""
    return Actor(account=account, name=account.display_name)


@dataclass(frozen=True, slots=True)
class Seal:
    """The application with its people."""

    cast: Cast
    starter: Account
    deputy: Account
    chief: Account

    def start(self, **data: object) -> ProcessCase:
        """A case of the starter in 社会事业局."""
        filled = {"signers": [self.deputy.username, self.chief.username], **data}
        return starting.start(
            actor=actor(self.starter), process="seal", title="合同用印", data=filled
        )

    def task(self, case: ProcessCase, step: str, account: Account | None = None) -> HumanTask:
        """The one open task at a step (of one person, in a countersign)."""
        rows = HumanTask.objects.filter(case=case, step=step, state="open")
        return rows.get(assignee=account) if account else rows.get()

    def do(
        self, case: ProcessCase, step: str, account: Account, outcome: str, **more: object
    ) -> HumanTask:
        """Complete the open task at a step."""
        rows = HumanTask.objects.filter(case=case, step=step, state="open")
        mine = rows.filter(assignee=account).first() or rows.get(assignee=None)
        return completing.complete(
            actor=actor(account),
            task_id=mine.pk,
            outcome=outcome,
            **more,  # type: ignore[arg-type]
        )

    def apply(self, case: ProcessCase, **values: object) -> None:
        """The first step."""
        self.do(case, "apply", self.starter, "submit", values={"copies": "2", **values})

    def open_steps(self, case: ProcessCase) -> list[str]:
        """Where something waits for somebody."""
        rows = HumanTask.objects.filter(case=case, state__in=["open", "waiting"])
        return sorted(rows.values_list("step", flat=True))


@pytest.fixture
def seal_declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Declare the seal process beside those of the real packages."""
    real = registry.manifests()
    monkeypatch.setattr(registry, "manifests", lambda: (*real, MANIFEST))
    registry.process_services.cache_clear()
    catalogue.declared.cache_clear()
    yield
    registry.process_services.cache_clear()
    catalogue.declared.cache_clear()


@pytest.fixture
def seal(db: None, seal_declared: None) -> Seal:
    """The application in an empty city."""
    return make_seal()


def make_seal() -> Seal:
    """The cast, and who asks and signs in 社会事业局."""
    cast = make_cast()
    return Seal(
        cast,
        make_account("clerk", "方经办", cast.department_a, role="approver", at=cast.community),
        make_account("deputy", "许副局", cast.department_a),
        make_account("chief", "徐局长", cast.department_a),
    )
