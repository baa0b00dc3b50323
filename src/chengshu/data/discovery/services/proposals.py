"""Reverse cataloguing: look at sources, let a person confirm, write the draft through the catalogue."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from django.utils import timezone

from chengshu.data.catalog.facade import (
    PublishedResource,
    Resource,
    create_resource,
    leaf_category,
    list_published,
    published_queryset,
)
from chengshu.data.discovery import documents, sourcing
from chengshu.data.discovery.choices import Origin, ProposalState
from chengshu.data.discovery.inference import Guess, Knowledge, TableProposal, propose
from chengshu.data.discovery.inference.words import likeness
from chengshu.data.discovery.knowledge import gather
from chengshu.data.discovery.models import Proposal
from chengshu.data.discovery.services.bindings import bind
from chengshu.data.ingest.facade import DataSource, SourceStructure, objects
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.files.services import store
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

MOST_TABLES = 200
PURPOSE = "discovery"
PERMISSION = "discovery.propose"
WORK_URL = "/console/discovery/works/"


def request_tables(
    *, actor: Actor, owner: Organization, source: DataSource, names: Sequence[str]
) -> list[Proposal]:
    """Queue a look at tables of a registered source; one proposal each, one work list.

    Raises:
        InvalidInput: none chosen, too many, or one that is not there. Unavailable: the source cannot be read.
    """
    check(actor, PERMISSION, owner)
    check(actor, "ingest.source.manage", source)
    if not 0 < len(names) <= MOST_TABLES:
        raise InvalidInput(
            f"请选择 1 到 {MOST_TABLES} 张表。",
            fields={"tables": "还没有选择" if not names else "选得太多"},
        )
    there = {found.name: found for found in objects(actor=actor, source=source)}
    absent = [name for name in names if name not in there]
    if absent:
        raise InvalidInput(f"数据源里没有这些表：{'、'.join(absent[:5])}。", kept="没有开始分析。")
    return _queue(
        actor, owner,
        [
            Proposal(
                owner=owner, origin=Origin.SOURCE, data_source=source, object_name=name,
                content={"comment": there[name].comment}, created_by=actor.account,
            )
            for name in names
        ],
    )  # fmt: skip


def request_file(
    *, actor: Actor, owner: Organization, name: str, chunks: Iterable[bytes]
) -> list[Proposal]:
    """Keep an uploaded file and queue a look at it; every filled sheet of a workbook is a proposal of its own.

    Raises:
        InvalidInput: no table, misnamed, damaged or too large.
    """
    check(actor, PERMISSION, owner)
    file = store(actor=actor, name=name, chunks=chunks, purpose=PURPOSE, organization=owner)
    sheets = sourcing.sheets(sourcing.path_of(file))
    rows = [
        Proposal(
            owner=owner, origin=Origin.FILE, file=file, object_name=f"{file.name}#{sheet}" if sheet else file.name,
            content={"sheet": sheet}, created_by=actor.account,
        )
        for sheet in sheets
    ]  # fmt: skip
    return _queue(actor, owner, rows)


def _queue(actor: Actor, owner: Organization, rows: list[Proposal]) -> list[Proposal]:
    work = uuid.uuid4()
    with unit_of_work():
        for row in rows:
            row.work = work
        Proposal.objects.bulk_create(rows)
        for row in rows:
            _enqueue(actor, row)
        record(
            actor=actor, action="discovery.proposal_requested", obj=rows[0],
            after={"objects": [row.object_name for row in rows], "owner": owner.code},
        )  # fmt: skip
    return rows


def _enqueue(actor: Actor, row: Proposal) -> None:
    row.job = enqueue(
        "discovery.propose", actor=actor, title=f"生成目录建议：{row.object_name}"[:200],
        arguments={"proposal": str(row.pk)}, organization=row.owner,
        object_url=f"{WORK_URL}{row.work}/",
    )  # fmt: skip
    row.save(update_fields=["job"])


def repeat(*, actor: Actor, proposal: Proposal) -> Proposal:
    """Look again, after a failure or because the source has changed; what was edited is lost.

    Raises:
        Conflict: it is being looked at, or a draft was made of it.
    """
    check(actor, PERMISSION, proposal)
    with unit_of_work():
        locked = Proposal.objects.select_for_update().get(pk=proposal.pk)
        if locked.state in (ProposalState.QUEUED, ProposalState.RUNNING, ProposalState.DRAFTED):
            raise Conflict(f"“{locked}”{locked.get_state_display()}，不能重新分析。")
        locked.state, locked.error = ProposalState.QUEUED, ""
        locked.save(update_fields=["state", "error"])
        _enqueue(actor, locked)
    return locked


def analyse(proposal: Proposal, knowledge: Knowledge | None = None) -> TableProposal:
    """Read the sample and fill the proposal in; the job's work, safe to repeat.

    Raises:
        Unavailable, InvalidInput: the source or file cannot be read; says why.
    """
    entries = list_published()
    known = knowledge or gather(entries)
    if proposal.origin == Origin.SOURCE and proposal.data_source is not None:
        structure = sourcing.describe(proposal.data_source, proposal.object_name)
        table = sourcing.table_of(structure, str(proposal.content.get("comment", "")))
        sample = sourcing.sample_table(proposal.data_source, structure)
        described = _described(structure)
    elif proposal.file is not None:
        path = sourcing.path_of(proposal.file)
        table, sample = sourcing.sample_file(path, proposal.content.get("sheet"))
        described = {}
    else:
        raise InvalidInput("来源已经不在了。", advice="请重新选择表或上传文件。")
    if not table.columns:
        raise InvalidInput("没有读到任何一列。", kept="没有生成建议。")
    found = propose(table, sample, known)
    content = documents.document(found, category=_category(proposal.owner, found, entries))
    content |= {k: proposal.content[k] for k in ("sheet", "comment") if k in proposal.content}
    content["summary"] = _summary(proposal, found)
    _fill(proposal, content, rows=found.rows)
    proposal.structure = described
    proposal.state, proposal.error = ProposalState.READY, ""
    proposal.save()
    return found


def _described(structure: SourceStructure) -> dict[str, Any]:
    return {"columns": sourcing.document(structure), "fingerprint": structure.fingerprint}


def _fill(proposal: Proposal, content: documents.Document, *, rows: int | None = None) -> None:
    proposal.content = content
    proposal.title = str(documents.value(content, "title") or "")[:120]
    proposal.items = sum(item["include"] for item in content["items"])
    proposal.doubtful = documents.count_doubtful(content)
    proposal.updated_at = timezone.now()
    if rows is not None:
        proposal.rows = rows


def _summary(proposal: Proposal, found: TableProposal) -> str:
    titles = [str(i.value("title")) for i in found.items[:4] if i.value("title")]
    return f"{proposal.owner.name}的{found.title.value}，包括{'、'.join(titles)}等 {len(found.items)} 项"


def _category(
    owner: Organization, found: TableProposal, published: Sequence[PublishedResource]
) -> Guess:
    """The category of the most alike entry, of the own department before others."""
    title = str(found.title.value)
    columns = {str(i.value("name")) for i in found.items}
    best: tuple[float, str, str] = (0.0, "", "")
    entries = {e.code: e for e in published}
    rows = published_queryset().filter(code__in=entries).select_related("category")
    for row in rows:
        names = {c.name for c in entries[row.code].columns}
        shared = len(names & columns) / max(len(names | columns), 1)
        score = likeness(title, row.title) + 0.5 * shared + 0.3 * (row.provider_id == owner.pk)
        best = max(best, (score, row.category.code, row.title))
    score, code, alike = best
    if not code or score < 0.4:  # noqa: PLR2004
        return Guess("", "没有相近的目录，请选择", 0.0)
    return Guess(code, f"与“{alike}”相近", min(0.9, score / 1.6))


def edit(
    *,
    actor: Actor,
    proposal: Proposal,
    revision: int,
    head: Mapping[str, str],
    items: list[Mapping[str, str]],
) -> Proposal:
    """Keep what a person changed; unchanged fields keep their reasons.

    Raises:
        Conflict: somebody saved meanwhile, or it is not open any more.
    """
    check(actor, PERMISSION, proposal)
    with unit_of_work():
        locked = _locked(proposal)
        if locked.revision != revision:
            raise Conflict(
                "这份建议刚被别人改过。", kept="您的修改没有保存。", advice="请刷新页面后再改。"
            )
        _fill(locked, documents.changed(locked.content, head, items))
        locked.revision += 1
        locked.save()
        record(
            actor=actor,
            action="discovery.proposal_edited",
            obj=locked,
            after={"items": locked.items},
        )
    return locked


def _locked(proposal: Proposal) -> Proposal:
    locked = (
        Proposal.objects.select_for_update(of=("self",))
        .select_related("owner", "data_source")
        .get(pk=proposal.pk)
    )
    if locked.state != ProposalState.READY:
        raise Conflict(
            f"“{locked}”{locked.get_state_display()}，不能再改。", kept="没有做任何改动。"
        )
    return locked


def accept_all(*, actor: Actor, proposal: Proposal) -> Proposal:
    """Confirm every guess as it stands, so that nothing is marked doubtful any more."""
    check(actor, PERMISSION, proposal)
    with unit_of_work():
        locked = _locked(proposal)
        content = dict(locked.content)
        for item in content["items"]:
            for name in documents.doubtful(item):
                item["fields"][name]["edited"] = True
        _fill(locked, content)
        locked.revision += 1
        locked.save()
        record(
            actor=actor,
            action="discovery.proposal_edited",
            obj=locked,
            after={"items": locked.items},
        )
    return locked


def make_draft(*, actor: Actor, proposal: Proposal) -> Resource:
    """Write the draft entry through the catalogue and bind it to its source table.

    Raises:
        InvalidInput: what the catalogue refuses, with the item it is about. Conflict: not open any more.
    """
    check(actor, PERMISSION, proposal)
    with unit_of_work():
        locked = _locked(proposal)
        content = locked.content
        source = locked.data_source
        resource = create_resource(
            actor=actor, provider=locked.owner,
            category=leaf_category(str(documents.value(content, "category") or "")),
            physical_name=str(documents.value(content, "physical_name") or ""),
            content=documents.version_content(
                content, source=source.name if source else "",
                table=locked.object_name if source else "",
            ),
        )  # fmt: skip
        if source is not None:
            bind(
                actor=actor, resource=resource, source=source, object_name=locked.object_name,
                columns=locked.structure["columns"], fingerprint=locked.structure["fingerprint"],
                mapping=mapping_of(locked),
            )  # fmt: skip
        locked.state, locked.resource, locked.updated_at = (
            ProposalState.DRAFTED,
            resource,
            timezone.now(),
        )
        locked.save(update_fields=["state", "resource", "updated_at"])
        record(
            actor=actor, action="discovery.proposal_drafted", obj=locked,
            after={"resource": resource.code, "items": locked.items},
        )  # fmt: skip
    return resource


def mapping_of(proposal: Proposal) -> dict[str, str]:
    """Source column → data item, of the included items."""
    return {
        item["column"]: str(documents.value(item["fields"], "name"))
        for item in proposal.content.get("items", ())
        if item["include"]
    }


def dismiss(*, actor: Actor, proposal: Proposal) -> None:
    """Put a table aside that needs no entry."""
    check(actor, PERMISSION, proposal)
    with unit_of_work():
        locked = Proposal.objects.select_for_update().get(pk=proposal.pk)
        if locked.state == ProposalState.DRAFTED:
            raise Conflict("已经生成了目录草稿。", advice="不需要时请在目录里放弃草稿。")
        locked.state = ProposalState.DISMISSED
        locked.save(update_fields=["state"])
        record(actor=actor, action="discovery.proposal_dismissed", obj=locked)


def file_title(name: str) -> str:
    """A file's name without its ending."""
    return PurePath(name).stem
