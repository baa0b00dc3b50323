"""JSON API of corrections under ``/api/v1/corrections/``: report, list, get.

POST /api/v1/corrections/corrections   {"application": "grid-app", "interface": "resident-by-no",
"key": "R1", "column": "mobile", "right": "15400000000",
"evidence": "当事人出示的本人手机"}
GET  /api/v1/corrections/corrections
GET  /api/v1/corrections/corrections/12
"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Schema

from chengshu.data.sharing import selectors as sharing
from chengshu.data.sharing.corrections import selectors, services
from chengshu.data.sharing.corrections.models import Correction
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rest import ApiRouter

router = ApiRouter()
VIEW = "sharing.view"
MOST = 200


class ReportIn(Schema):
    """A wrong value: ``key`` as it was asked for, ``column`` by its name, ``wrong`` as it was received."""

    application: str
    interface: str
    key: str
    column: str
    right: str
    evidence: str
    wrong: str = ""


class CorrectionOut(Schema):
    """A report; ``outcome`` is open, corrected or rejected. Key and values are never shown here."""

    id: int
    application: str
    interface: str
    column: str
    outcome: str
    answer: str
    ticket: str
    due_at: datetime | None
    reported_at: datetime
    closed_at: datetime | None
    informed_at: datetime | None
    url: str


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def correction_out(item: Correction) -> dict[str, Any]:
    """A report as the API shows it."""
    return {
        "id": item.pk, "application": item.application.code, "interface": item.interface.code,
        "column": item.column, "outcome": item.outcome, "answer": item.answer,
        "ticket": item.ticket.number, "due_at": item.ticket.due_at,
        "reported_at": item.reported_at, "closed_at": item.closed_at,
        "informed_at": item.informed_at, "url": item.get_absolute_url(),
    }  # fmt: skip


@router.operation(
    "POST", "/corrections", permission=services.REPORT, response=CorrectionOut,
    summary="报告数据有误",
)  # fmt: skip
def report(request: HttpRequest, body: ReportIn) -> dict[str, Any]:
    """Report a wrong value; 422 with messages by field when something is missing or was never received."""
    actor = _actor(request)
    item = services.report(
        actor=actor, application=sharing.application(actor, body.application),
        interface=sharing.interface(actor, body.interface),
        content=services.Report(
            key=body.key, column=body.column, right=body.right, wrong=body.wrong,
            evidence=body.evidence,
        ),
    )  # fmt: skip
    return correction_out(item)


@router.operation(
    "GET", "/corrections", permission=VIEW, response=list[CorrectionOut], summary="校核单列表"
)
def corrections(request: HttpRequest, outcome: str = "") -> list[dict[str, Any]]:
    """The newest 200 reports in the caller's scope."""
    rows = selectors.corrections(_actor(request))
    rows = rows.filter(outcome=outcome) if outcome else rows
    return [correction_out(item) for item in rows[:MOST]]


@router.operation(
    "GET", "/corrections/{int:pk}", permission=VIEW, response=CorrectionOut, summary="一张校核单"
)
def correction(request: HttpRequest, pk: int) -> dict[str, Any]:
    """One report."""
    return correction_out(selectors.correction(_actor(request), pk))
