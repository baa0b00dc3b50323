"""JSON API of quality under ``/api/v1/quality/``: grades, rule results, and asking for an evaluation."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Schema, Status

from chengshu.data.quality import selectors
from chengshu.data.quality.models import Evaluation
from chengshu.data.quality.services.requests import request_evaluation
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rest import ApiRouter, Number
from chengshu.kernel.errors import NotFound

router = ApiRouter()
_MOST = 500


class GradeOut(Schema):
    """The latest evaluation of a resource; scores are 0–100, dimensions that were not evaluated are left out."""

    resource_id: int
    resource: str
    title: str
    provider: str
    at: datetime
    score: float
    grade: str
    grade_name: str
    dimensions: dict[str, float]
    rows: int
    failing: int
    quarantined: int


class ResultOut(Schema):
    """One rule: ``failed`` stored and ``quarantined`` records break it."""

    key: str
    title: str
    dimension: str
    severity: str
    origin: str
    checked: int
    failed: int
    quarantined: int
    error: str


class EvaluationOut(GradeOut):
    """An evaluation with its rules and the fixes that pay most, best first."""

    fixes: list[dict[str, Any]]
    results: list[ResultOut]
    notes: list[str]


class JobOut(Schema):
    """The background job that evaluates."""

    job: UUID


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _grade(item: Evaluation) -> dict[str, Any]:
    return {
        "resource_id": item.resource_id, "resource": item.resource.code,
        "title": item.resource.title, "provider": item.resource.provider.code, "at": item.at,
        "score": round(item.score, 2), "grade": item.grade,
        "grade_name": item.get_grade_display(), "dimensions": item.dimensions, "rows": item.rows,
        "failing": item.failing, "quarantined": item.quarantined,
    }  # fmt: skip


@router.operation(
    "GET", "/grades", permission="quality.view", response=list[GradeOut], summary="各资源的质量等级"
)
def grades(request: HttpRequest, provider: str = "", grade: str = "") -> list[dict[str, Any]]:
    """Latest grades in the caller's scope, lowest score first, at most 500."""
    rows = selectors.evaluations(_actor(request))
    if provider:
        rows = rows.filter(resource__provider__code=provider)
    if grade:
        rows = rows.filter(grade=grade)
    return [_grade(item) for item in rows.order_by("score")[:_MOST]]


@router.operation(
    "GET", "/resources/{int:resource_id}", permission="quality.view", response=EvaluationOut,
    summary="一个资源的质量评价",
)  # fmt: skip
def evaluation(request: HttpRequest, resource_id: Number) -> dict[str, Any]:
    """Scores, rules and fixes of one resource; 404 before its first evaluation."""
    item = selectors.latest(_actor(request), resource_id)
    if item is None:
        raise NotFound("这个资源还没有质量评价。")
    results = [
        {name: getattr(result, name) for name in ResultOut.model_fields}
        for result in item.results.all()
    ]
    return _grade(item) | {"fixes": item.fixes, "results": results, "notes": item.notes}


@router.operation(
    "POST", "/resources/{int:resource_id}/evaluate", permission="quality.evaluate",
    response={202: JobOut}, summary="发起质量评价",
)  # fmt: skip
def evaluate(request: HttpRequest, resource_id: Number) -> Status[dict[str, Any]]:
    """Evaluate every rule again, in the background."""
    job = request_evaluation(actor=_actor(request), resource_id=resource_id, full=True)
    return Status(202, {"job": job.id})
