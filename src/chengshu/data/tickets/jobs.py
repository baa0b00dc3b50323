"""Background work of the ticket package; each may be run again from the start."""

from chengshu.data.tickets import reminders
from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.services import rechecks
from chengshu.kernel.jobs.registration import JobContext, job


@job("tickets.recheck", name="复检工单")
def recheck(context: JobContext, *, ticket: int) -> dict[str, int | None]:
    """Look again at one ticket's problem."""
    item = Ticket.objects.select_related("resource", "department").get(pk=ticket)
    if not item.is_open:
        return {"remaining": 0}
    context.progress(done=0, total=1, stage="复检")
    return {"remaining": rechecks.run(item).remaining}


@job("tickets.remind", name="工单提醒与升级")
def remind(context: JobContext) -> dict[str, int]:
    """Remind, escalate, wake what was suspended, and give back what has no officer any more."""
    del context
    return reminders.run()
