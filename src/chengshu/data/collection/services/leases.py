"""One run at a time writes a resource: a lease in the database, so that a killed worker's claim is not lost.

A lease ends with its run: a killed worker's job goes back to the queue and its run goes on under the same
lease; a run whose job is given up for dead is closed by :func:`settle`, which wakes the next one.
"""

from chengshu.data.collection.choices import UNDER_WAY, RunState
from chengshu.data.collection.models import Lease, Run
from chengshu.kernel.unit_of_work import unit_of_work


def take(run: Run) -> Run | None:
    """Claim the resource for a run; returns None, or the run that holds it (the claimant then waits).

    Waiting is noted under the lock of the lease, so that whoever lets go after it sees the one who waits.
    """
    resource = run.plan.resource_id
    with unit_of_work():
        Lease.objects.get_or_create(resource_id=resource, defaults={"run": run})
        held = Lease.objects.select_for_update(of=("self",)).select_related("run__plan")
        lease = held.get(resource_id=resource)
        if lease.run_id == run.pk:
            return None
        if lease.run.state in UNDER_WAY:
            run.state = RunState.WAITING
            run.message = f"等待前一批：{lease.run.plan.name} 正在写入同一个数据资源。"
            run.save(update_fields=["state", "message"])
            return lease.run
        lease.run = run
        lease.save(update_fields=["run"])
    return None


def release(run: Run) -> None:
    """Let go (inside the caller's transaction)."""
    Lease.objects.filter(run=run).delete()


def next_waiting(resource_id: int) -> Run | None:
    """The run that has waited longest for a resource."""
    rows = Run.objects.filter(plan__resource_id=resource_id, state=RunState.WAITING)
    return rows.select_related("plan").order_by("created_at").first()
