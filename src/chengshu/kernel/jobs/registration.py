"""The decorator that makes a function a kind of job, and what the function receives."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.jobs.models import Job, JobState

PROGRESS_SECONDS = 0.5


class JobCancelled(ChengshuError):
    """The person asked to stop; the function must leave nothing half-written."""

    title = "任务已取消"


class JobContext:
    """What a running job may say and ask."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._last = 0.0
        self._asked = 0.0
        self._cancel = False

    def progress(
        self,
        *,
        done: int | None = None,
        total: int | None = None,
        stage: str | None = None,
        counts: dict[str, int] | None = None,
        force: bool = False,
    ) -> None:
        """Report progress; written at most twice a second unless the stage changes.

        Raises:
            JobCancelled: somebody asked to cancel.
        """
        job = self.job
        force = force or (stage is not None and stage != job.stage)
        job.done = job.done if done is None else done
        job.total = job.total if total is None else total
        job.stage = job.stage if stage is None else stage
        job.counts = job.counts if counts is None else counts
        now = time.monotonic()
        if not force and now - self._last < PROGRESS_SECONDS:
            return
        self._last = now
        Job.objects.filter(id=job.id, state=JobState.RUNNING).update(
            done=job.done, total=job.total, stage=job.stage, counts=job.counts,
            heartbeat_at=timezone.now(),
        )  # fmt: skip
        self.check_cancelled()

    def cancel_requested(self) -> bool:
        """Whether somebody asked to cancel; asks the database at most twice a second."""
        now = time.monotonic()
        if now - self._asked >= PROGRESS_SECONDS:
            self._asked = now
            self._cancel = Job.objects.filter(id=self.job.id, cancel_requested=True).exists()
        return self._cancel

    def check_cancelled(self) -> None:
        """Raise :class:`JobCancelled` when somebody asked to cancel."""
        if Job.objects.filter(id=self.job.id, cancel_requested=True).exists():
            raise JobCancelled("任务已按要求取消。", kept="已经入库的数据没有变化。")


EVERY_MOMENT: dict[str, Callable[[], int]] = {}
"""What the worker does again and again, several times a second; each returns how much it found to do."""


def every_moment(key: str) -> Callable[[Callable[[], int]], Callable[[], int]]:
    """Register a function the worker calls all the time, on a thread of its own: for what is due at a moment.

    It must be quick when nothing is due, and safe to run in several workers at once.
    """

    def register(function: Callable[[], int]) -> Callable[[], int]:
        EVERY_MOMENT[key] = function
        return function

    return register


JobFunction = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class JobKind:
    """A registered kind of job."""

    key: str
    name: str
    function: JobFunction
    max_attempts: int
    patient: bool = False


KINDS: dict[str, JobKind] = {}


def job(
    key: str, *, name: str, max_attempts: int = 3, patient: bool = False
) -> Callable[[JobFunction], JobFunction]:
    """Register ``function(context, **arguments)`` as the job kind ``key``.

    The function must be safe to run again from the start: a killed worker's job is started anew. A ``patient`` kind
    lets everything else go first: nobody waits in front of its page.
    """

    def register(function: JobFunction) -> JobFunction:
        if key in KINDS and KINDS[key].function is not function:
            raise ValueError(f"job kind {key!r} is registered twice")
        KINDS[key] = JobKind(key, name, function, max_attempts, patient)
        return function

    return register
