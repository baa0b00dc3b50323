"""One upper platform, made up: a batch it handed back two rows short, and a delivery of ours with its receipt.

It speaks through an exchange folder, so that everything really runs and nothing is sent anywhere.
"""

import csv
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from chengshu.data.cascade import rounds
from chengshu.data.cascade.adapters.folder import allowed_roots
from chengshu.data.cascade.choices import Rank, Role, Way
from chengshu.data.cascade.models import Incoming, Outgoing, Platform
from chengshu.data.cascade.notes import Note, NoteFile, receipt_of
from chengshu.data.cascade.services import cataloguing, channels, delivering, planning, platforms
from chengshu.data.catalog.facade import Resource, published_by_id, published_queryset
from chengshu.data.ingest.facade import lake
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Account, RoleAssignment
from chengshu.kernel.jobs.services import run_job

NAME = "温州市公共数据平台（示例）"
FOLDER = "cascade-wenzhou-demo"
RETURNED, DELIVERED = "gjt_bus_line", "ss_care_institution"
ROWS, SHORT, TWO = 40, 2, 2
BASIS = "示例：市级公共数据归集清单"


def load(context: Any) -> None:
    """Make the platform and let one batch go each way, once."""
    found = {r.physical_name: r for r in published_queryset().select_related("category")}
    if not Platform.objects.filter(name=NAME).exists() and {RETURNED, DELIVERED} <= set(found):
        root = allowed_roots()[0] / FOLDER
        (root / "up").mkdir(parents=True, exist_ok=True)
        item, _secret = platforms.register(
            actor=context.actor,
            content=platforms.Registration(
                name=NAME, role=Role.UPPER, rank=Rank.CITY, way=Way.FOLDER, address=FOLDER,
                contact="示例",
            ),
        )  # fmt: skip
        platforms.test_connection(actor=context.actor, platform=item)
        _return(context.actor, item, found[RETURNED], root)
        _deliver(context.actor, item, found[DELIVERED], root)
        rounds.run(item)
    context.say(f"  级联：收到 {Incoming.objects.count()} 批，上报 {Outgoing.objects.count()} 批")


def _return(actor: Actor, item: Platform, resource: Resource, root: Path) -> None:
    """The upper side hands back rows of ours, two fewer than its note says."""
    channels.open_channel(
        actor=actor, platform=item, dataset="bus_line", resource_code=resource.code,
        upper_department="温州市交通运输局（示例）",
    )  # fmt: skip
    published = published_by_id(resource.pk)
    names = [column.name for column in published.columns]
    rows = lake().read(published.lake_table, columns=names, limit=ROWS - SHORT).read_all()
    folder = root / "down" / "returns" / "bus_line" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bus_line-1.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(["" if v is None else v for v in row.values()] for row in rows.to_pylist())
    content = path.read_bytes()
    told = NoteFile(path.name, ROWS, len(content), sha256(content).hexdigest())
    note = Note(dataset="bus_line", number=1, rows=ROWS, files=(told,), period="2026-11")
    (folder / "note.json").write_text(json.dumps(note.document(), ensure_ascii=False))
    rounds.run(item)
    batch = Incoming.objects.get(channel__platform=item).batch
    if batch is not None:
        run_job.func(str(batch.job_id))


def _deliver(actor: Actor, item: Platform, resource: Resource, root: Path) -> None:
    """A plan of one administrator, approved by another, its first delivery, and the receipt as it would come."""
    held = RoleAssignment.objects.filter(role="data_admin", account__is_active=True)
    people = [
        Actor(account=account, name=account.display_name)
        for account in Account.objects.filter(pk__in=held.values("account")).order_by("pk")[:2]
    ]
    if len(people) < TWO:
        return
    planner, approver = people
    columns = planning.may_leave(published_by_id(resource.pk))
    plan = planning.create(
        actor=planner, platform=item, resource_code=resource.code,
        content=planning.PlanContent(fields=[c.name for c in columns], basis=BASIS),
    )  # fmt: skip
    planning.submit(actor=planner, plan=plan)
    planning.decide(actor=approver, plan=plan, agree=True)
    sent = delivering.start(actor=actor, plan=plan)
    delivering.deliver(outgoing=sent, upper=platforms.conversation(item))
    note = sent.parsed
    receipt = receipt_of(
        note, loaded=note.rows, accepted=note.rows, quarantined=0, duplicates=0, reasons=[]
    )
    place = root / "down" / "deliveries" / note.dataset / str(note.number)
    place.mkdir(parents=True, exist_ok=True)
    (place / "receipt.json").write_text(json.dumps(receipt.document(), ensure_ascii=False))
    if resource.published is not None and resource.published.level < "L4":
        cataloguing.send_up(actor=actor, platform=item, resource=resource)
