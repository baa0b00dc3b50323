"""Under which terms a dataset may be opened: its masks, its legal basis, and the approval in force."""

import hashlib
import json
from typing import Any

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.opening import gate
from chengshu.data.opening.choices import ApprovalState
from chengshu.data.opening.disclosure.rules import loosened
from chengshu.data.opening.gate import Terms
from chengshu.data.opening.masking import released
from chengshu.data.opening.models import Approval, DatasetRelease, OpenDataset


def digest(dataset: OpenDataset) -> str:
    """What an approval covers: fields, masks, rows, basis and what is asked of a release about people."""
    content: list[Any] = [
        dataset.resource_id, sorted(dataset.fields), dict(dataset.masks), dataset.row_filter,
        dataset.basis.strip(),
    ]  # fmt: skip
    if dataset.restricted:
        content.append("agreement")
    if dataset.privacy:
        content.append(dataset.privacy)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def latest(dataset: OpenDataset) -> Approval | None:
    """The newest request for approval, decided or not."""
    return (
        Approval.objects.filter(dataset=dataset)
        .select_related("submitted_by", "decided_by")
        .order_by("-pk")
        .first()
    )


def in_force(dataset: OpenDataset) -> Approval | None:
    """The approval of exactly what the dataset says now."""
    found = latest(dataset)
    if found is None or found.state != ApprovalState.APPROVED:
        return None
    return found if found.digest == digest(dataset) else None


def of_dataset(dataset: OpenDataset, resource: PublishedResource) -> Terms:
    """The terms of the next release."""
    return Terms(
        masks=dict(dataset.masks), approved=in_force(dataset) is not None,
        agreement=dataset.restricted, loosened=tuple(ways_loosened(dataset, resource)),
    )  # fmt: skip


def ways_loosened(dataset: OpenDataset, resource: PublishedResource) -> list[str]:
    """In which ways the dataset asks less than the platform of a release about people."""
    if not dataset.privacy:
        return []
    chosen = [released(c, dataset.masks) for c in resource.columns if c.name in set(dataset.fields)]
    return loosened(dataset.privacy, chosen, dataset.masks)


def needs_approval(dataset: OpenDataset, resource: PublishedResource) -> bool:
    """Whether a second person has to agree to the dataset as it is."""
    return gate.needs_approval(resource, dataset.fields) or bool(ways_loosened(dataset, resource))


def of_release(release: DatasetRelease) -> Terms:
    """The terms under which a release was given away."""
    masks = {c["name"]: c["mask"] for c in release.columns if c.get("mask")}
    return Terms(masks=masks, approved=bool(release.approval), agreement=release.dataset.restricted)


def recorded(approval: Approval | None) -> dict[str, Any]:
    """An approval as a release keeps it; empty where none was needed."""
    if approval is None:
        return {}
    return {
        "id": approval.pk, "basis": approval.basis,
        "by": str(approval.decided_by or ""),
        "at": approval.decided_at.isoformat() if approval.decided_at else "",
    }  # fmt: skip
