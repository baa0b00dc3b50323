"""A job that says when it runs and writes its one effect at the end."""

import os
import time
from pathlib import Path

from chengshu.kernel.identity.models import Region
from chengshu.kernel.jobs.registration import JobContext, job
from chengshu.kernel.unit_of_work import unit_of_work


@job("slow.count", name="慢慢数")
def count(context: JobContext, diary: str, steps: int) -> dict[str, int]:
    """Count ``steps`` tenths of a second; note every start with the process id in ``diary``."""
    with Path(diary).open("a") as file:
        file.write(f"{os.getpid()}\n")
    for done in range(steps):
        context.progress(done=done, total=steps, stage="数数", force=True)
        time.sleep(0.1)
    with unit_of_work():
        Region.objects.create(code=str(Region.objects.count()), name="数完", level="grid")
    return {"steps": steps}
