"""Watches the sources of bound entries, and turns a change there into a proposed change of the catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
from django.db import IntegrityError, transaction
from django.utils import timezone

from chengshu.data.catalog.facade import (
    ItemContent,
    Resource,
    VersionContent,
    edit_draft,
    start_change,
    version_content,
)
from chengshu.data.discovery import sourcing, structure
from chengshu.data.discovery.choices import BindingState, FindingKind, FindingState
from chengshu.data.discovery.inference import SourceColumn, SourceTable, propose
from chengshu.data.discovery.inference.declared import logical
from chengshu.data.discovery.knowledge import gather
from chengshu.data.discovery.models import DriftFinding, SourceBinding
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

DECIDE = "discovery.drift.decide"
_TEXT_LIMIT = 4000


def watch(binding: SourceBinding) -> DriftFinding | None:
    """Look at the source once; returns the open finding, None when all is as agreed.

    A source that cannot be reached is said on the binding and changes nothing else.
    """
    try:
        found = sourcing.describe(binding.data_source, binding.object_name)
    except ChengshuError as error:
        _note(binding, BindingState.UNREACHABLE, error.detail)
        return None
    columns = sourcing.document(found)
    changes = structure.compare(binding.structure, columns)
    if not changes:
        with unit_of_work():
            _note(binding, BindingState.SAME, "")
            _open(binding.resource_id, FindingKind.STRUCTURE).update(state=FindingState.GONE)
        return None
    _note(binding, BindingState.CHANGED, structure.summary(changes))
    return report(
        resource=binding.resource, kind=FindingKind.STRUCTURE, mark=structure.mark(changes),
        changes=[c.as_dict() for c in changes], summary=structure.summary(changes),
        breaking=any(c.breaking for c in changes), columns=columns,
    )  # fmt: skip


def _note(binding: SourceBinding, state: str, message: str) -> None:
    binding.state, binding.message, binding.checked_at = state, message[:500], timezone.now()
    binding.save(update_fields=["state", "message", "checked_at"])


def _open(resource_id: int, kind: str) -> Any:
    return DriftFinding.objects.filter(resource=resource_id, kind=kind, state=FindingState.OPEN)


def report(
    *,
    resource: Resource,
    kind: str,
    mark: str,
    changes: Sequence[Mapping[str, Any]],
    summary: str,
    breaking: bool,
    columns: Sequence[Mapping[str, Any]] = (),
) -> DriftFinding | None:
    """Keep a finding once and tell the department; None when it was ignored before."""
    known = DriftFinding.objects.filter(resource=resource, kind=kind, mark=mark)
    seen = known.exclude(state=FindingState.GONE).first()
    if seen is not None:
        return seen if seen.state == FindingState.OPEN else None
    with unit_of_work():
        # What differed before and differs otherwise now is one finding, not two.
        _open(resource.pk, kind).update(state=FindingState.GONE)
        try:
            with transaction.atomic():
                finding = DriftFinding.objects.create(
                    resource=resource, kind=kind, mark=mark, changes=list(changes),
                    summary=summary[:300], breaking=breaking, structure=list(columns),
                )  # fmt: skip
        except IntegrityError:  # another check found it in the same moment
            return known.exclude(state=FindingState.GONE).first()
        record(
            actor=platform("来源检查"), action="discovery.drift_found", obj=finding,
            after={"changes": len(changes)},
        )  # fmt: skip
        emit(
            type="city.discovery.drift.found", source="discovery", subject=resource.code,
            data={"finding": finding.pk, "kind": kind, "breaking": breaking},
        )  # fmt: skip
        notify(
            title=f"“{resource.title}”的来源有变动", body=summary,
            url=f"/console/discovery/drift/{finding.pk}/", organization=resource.provider,
            permission=DECIDE, key=f"discovery.drift:{finding.pk}",
        )  # fmt: skip
    return finding


def ignore(*, actor: Actor, finding: DriftFinding, reason: str) -> DriftFinding:
    """Leave the catalogue as it is; the same change is not reported again.

    Raises:
        InvalidInput: no reason. Conflict: decided already.
    """
    check(actor, DECIDE, finding)
    if not reason.strip():
        raise InvalidInput("请写明为什么可以忽略。", fields={"reason": "请填写"})
    with unit_of_work():
        locked = _undecided(finding)
        _decide(locked, actor, FindingState.IGNORED, reason.strip())
        record(
            actor=actor,
            action="discovery.drift_ignored",
            obj=locked,
            after={"reason": reason.strip()},
        )
    return locked


def _undecided(finding: DriftFinding) -> DriftFinding:
    locked = (
        DriftFinding.objects.select_for_update(of=("self",))
        .select_related("resource", "resource__published", "resource__working")
        .get(pk=finding.pk)
    )
    if locked.state != FindingState.OPEN:
        raise Conflict(f"这处变动{locked.get_state_display()}。", kept="没有做任何改动。")
    return locked


def _decide(finding: DriftFinding, actor: Actor, state: str, reason: str) -> None:
    finding.state, finding.reason = state, reason[:300]
    finding.decided_at, finding.decided_by = timezone.now(), actor.account
    finding.save(update_fields=["state", "reason", "decided_at", "decided_by"])


def apply(*, actor: Actor, finding: DriftFinding) -> int:
    """Open a new draft version of the entry that follows the source; returns its number.

    The binding takes over the new structure at once, so that the same change is not found again.

    Raises:
        Conflict: a draft is open already, or the finding is decided.
    """
    check(actor, DECIDE, finding)
    with unit_of_work():
        locked = _undecided(finding)
        if locked.kind != FindingKind.STRUCTURE:
            raise Conflict("数据变动不改目录。", advice="请核实数据后处理，或写明理由忽略。")
        version = start_change(actor=actor, resource=locked.resource)
        before = version_content(version)
        content, mapping = followed(before, locked)
        edit_draft(actor=actor, version=version, revision=version.revision, content=content)
        binding = SourceBinding.objects.select_for_update().get(resource=locked.resource_id)
        binding.structure = [
            {**c, "item": mapping.get(str(c["name"]), "")} for c in locked.structure
        ]
        binding.state, binding.message = BindingState.SAME, ""
        binding.save(update_fields=["structure", "state", "message"])
        _decide(locked, actor, FindingState.PROPOSED, f"目录变更 v{version.number}")
        record(
            actor=actor, action="discovery.drift_applied", obj=locked,
            after={"version": version.number},
        )  # fmt: skip
    return version.number


def followed(
    before: VersionContent, finding: DriftFinding
) -> tuple[VersionContent, dict[str, str]]:
    """The entry as the source is now, and the new source column → item mapping.

    A renamed column keeps its item, so consumers notice nothing; a removed one takes its item away; an added one is
    proposed like in reverse cataloguing.
    """
    items = {item.name: item for item in before.items}
    mapping = {
        str(c["name"]): str(c.get("item") or "")
        for c in SourceBinding.objects.get(resource=finding.resource_id).structure
    }
    added: list[str] = []
    for change in finding.changes:
        match change["kind"]:
            case "renamed":
                mapping[change["column"]] = mapping.pop(change["before"], "")
            case "removed":
                items.pop(mapping.pop(change["column"], ""), None)
            case "added":
                added.append(change["column"])
            case "altered":
                item = items.get(change["item"])
                if item is not None:
                    items[item.name] = _altered(item, _column(finding.structure, change["column"]))
    for item in _proposed(finding, added):
        name = item.name
        while name in items:
            name += "_new"
        items[name] = replace(item, name=name)
        mapping[_source_of(item, added, finding)] = name
    note = f"来源结构变动：{finding.summary}"[:500]
    return replace(before, items=tuple(items.values()), change_note=note), mapping


def _column(columns: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(c for c in columns if c["name"] == name)


def _altered(item: ItemContent, column: Mapping[str, Any]) -> ItemContent:
    """The item with the source's new facts. Codes and identifiers stay text whatever the source calls them."""
    kind = logical(str(column.get("type", "")), scale=column.get("scale"))
    fixed = bool(item.format or item.code_table)
    if kind and kind != item.type and not fixed:
        item = replace(item, type=kind, length=None, precision=None, scale=None)
    if item.type == "text" and column.get("length") and not fixed:
        item = replace(item, length=min(int(column["length"]), _TEXT_LIMIT))
    if item.type == "decimal" and column.get("precision"):
        item = replace(item, precision=column["precision"], scale=column.get("scale") or 0)
    if column.get("nullable") and not item.is_key:
        item = replace(item, nullable=True)
    return item


def _proposed(finding: DriftFinding, added: Sequence[str]) -> list[ItemContent]:
    if not added:
        return []
    from chengshu.data.discovery.documents import item_content

    columns = tuple(
        SourceColumn(
            name=name, comment=str(c.get("comment") or ""), declared=str(c.get("type") or ""),
            type=logical(str(c.get("type") or ""), scale=c.get("scale")), length=c.get("length"),
            precision=c.get("precision"), scale=c.get("scale"), nullable=True,
        )
        for name in added for c in [_column(finding.structure, name)]
    )  # fmt: skip
    empty = pa.table({name: pa.array([], pa.string()) for name in added})
    found = propose(SourceTable(name="", columns=columns), empty, gather())
    return [
        item_content({"fields": {n: g.as_dict() for n, g in item.guesses.items()}})
        for item in found.items
    ]


def _source_of(item: ItemContent, added: Sequence[str], finding: DriftFinding) -> str:
    from chengshu.data.discovery.inference.words import snake

    del finding
    return next((name for name in added if snake(name) == item.name), added[0])
