"""The bulk job of a page, drawn on that page: live while it runs, how it ended for a day."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.ingest.services import background
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.jobs import selectors
from chengshu.kernel.jobs.views import progress_of

SHOWN_FOR = timedelta(days=1)
_LIVE = "live"
_WARNING = "取消后，已处理的行保留，其余的不再处理。确定取消吗？"


def asked(request: ActorRequest) -> bool:
    """Whether the page asks only for the progress of its job."""
    return _LIVE in request.GET and bool(request.headers.get("HX-Request"))


def answer(request: ActorRequest, url: str) -> HttpResponse:
    """The progress alone; once the job has ended the whole page is asked for anew."""
    known = context(request, url)
    response = render(request, "ingest/bulk_live.html", known)
    job = known["bulk_job"]
    if job is None or job.finished:
        # The answer to a refused form stands at the form's address, which cannot be asked for anew.
        at = urlsplit(request.headers.get("HX-Current-URL", "")).path
        same = at in {"", urlsplit(url).path}
        response.headers["HX-Refresh" if same else "HX-Redirect"] = "true" if same else url
    return response


def context(request: ActorRequest, url: str) -> dict[str, Any]:
    """What ``bulk_live.html`` draws for the page at ``url``."""
    job = background.job_at(url)
    if job is not None and job.finished and job.finished_at is not None:
        job = job if timezone.now() - job.finished_at < SHOWN_FOR else None
    if job is None:
        return {"bulk_job": None}
    may_stop = selectors.may_cancel(request.actor, job) and not job.cancel_requested
    progress = replace(
        progress_of(job), cancel_warning=_WARNING,
        cancel_url=reverse("jobs:cancel", args=[job.pk]) if may_stop else "",
    )  # fmt: skip
    joined = "&" if urlsplit(url).query else "?"
    rows = job.result.get("rows", 0) if isinstance(job.result, dict) else 0
    return {
        "bulk_job": job, "bulk_progress": progress, "bulk_rows": rows,
        "bulk_live_url": f"{url}{joined}{_LIVE}=1",
    }  # fmt: skip
