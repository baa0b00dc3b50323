"""Indexes the demo city's history of calls, once."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.sharing.demo import HISTORY, history
from chengshu.data.sharing.models import CallCursor
from chengshu.data.sharing.usage import ANSWERED, OK
from chengshu.data.sharing.uses.index import Profile, Writer
from chengshu.data.sharing.uses.models import RecordUse
from chengshu.kernel.unit_of_work import unit_of_work

CURSOR = "demo-uses"


def load(context: Any) -> None:
    """Write the look-ups of the history that sharing has loaded; a killed load leaves nothing and is repeated."""
    loaded = CallCursor.objects.filter(name=HISTORY, batch__gt=0).exists()
    done, _created = CallCursor.objects.get_or_create(name=CURSOR)
    if loaded and not done.batch:
        with unit_of_work():
            write(context.scale)
            CallCursor.objects.filter(name=CURSOR).update(batch=1)
    context.say(f"  数据使用记录 {RecordUse.objects.count():,} 条")


def write(scale: Any) -> None:
    """Write the look-ups of the history inside the caller's transaction."""
    names = ("application", "interface", "outcome", "key_hash", "called_at")
    writer = Writer()
    profiles: dict[tuple[str, str], Profile] = {}
    for batch in history(scale):
        answered = pc.is_in(batch.column("outcome"), value_set=pa.array(ANSWERED))
        # In the order of the index, which then grows at its end instead of all over.
        rows = batch.filter(answered).sort_by(
            [("key_hash", "ascending"), ("called_at", "ascending")]
        )
        columns: list[list[Any]] = [rows.column(name).to_pylist() for name in names]
        for application, interface, outcome, key_hash, at in zip(*columns, strict=True):
            pair = (application, interface)
            profile = profiles.get(pair)
            if profile is None:
                profile = profiles[pair] = Profile(application, interface, "lookup")
            writer.add(profile, key_hash, at, found=outcome == OK)
    writer.flush()
