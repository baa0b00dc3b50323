"""Open a resource as a dataset: draft, publish, renew, withdraw."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, published, published_by_id
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening import gate, terms
from chengshu.data.opening.choices import DatasetState, Licence, Theme
from chengshu.data.opening.models import SLUG_LENGTH, OpenDataset
from chengshu.data.opening.row_scope import check_filter
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
RESERVED_SLUGS = {"new"}
SUMMARY_LENGTH = 10
MAX_KEYWORDS = 12
BASIS_LENGTH = 500
CONTACT_LENGTH = 120
_MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_AUDITED = (
    "title", "summary", "fields", "row_filter", "licence", "keywords", "theme", "update_cycle",
    "masks", "basis", "privacy", "contact",
    "restricted",
)  # fmt: skip


def create_dataset(
    *,
    actor: Actor,
    resource_code: str,
    slug: str,
    title: str,
    summary: str,
    fields: Sequence[str],
    theme: str,
    keywords: Sequence[str] = (),
    licence: str = Licence.CC_BY,
    row_filter: dict[str, Any] | None = None,
    masks: Mapping[str, str] | None = None,
    basis: str = "",
    contact: str = "",
    restricted: bool = False,
) -> OpenDataset:
    """Draft a dataset over chosen fields of a published resource.

    ``masks`` are declarations by field (L2 and L3 need one); ``basis`` is the law or the subjects' authorisation, asked
    for when the dataset is submitted for approval.

    Raises:
        Conflict: the resource may not be opened. InvalidInput: a value is missing or taken, or a field may not be
        opened; says which and why.
    """
    resource = published(resource_code)
    item = OpenDataset(
        slug=slug.strip(), resource_id=resource.id, update_cycle=resource.update_cycle,
        created_by=actor.account, changed_by=actor.account,
    )  # fmt: skip
    check(actor, "opening.manage", item)
    said = _Description(
        title,
        summary,
        fields,
        theme,
        keywords,
        licence,
        row_filter,
        masks or {},
        basis,
        contact,
        restricted,
    )
    _fill(item, resource, said, _slug_problems(item.slug))
    with unit_of_work():
        item.save()
        record(actor=actor, action="opening.dataset_created", obj=item, after=audited(item))
    return item


def update_dataset(
    *,
    actor: Actor,
    dataset: OpenDataset,
    revision: int,
    title: str,
    summary: str,
    fields: Sequence[str],
    theme: str,
    keywords: Sequence[str] = (),
    licence: str = Licence.CC_BY,
    row_filter: dict[str, Any] | None = None,
    masks: Mapping[str, str] | None = None,
    basis: str = "",
    contact: str = "",
    restricted: bool = False,
) -> OpenDataset:
    """Change a dataset; fields and rows reach the public with the next publication.

    Raises:
        Conflict: somebody else changed it first. InvalidInput, Conflict: as :func:`create_dataset`.
    """
    check(actor, "opening.manage", dataset)
    resource = published_by_id(dataset.resource_id)
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        if item.revision != revision:
            raise Conflict(
                "这个数据集刚被别人改过。", kept="您填写的内容还在这个页面上。",
                advice="请刷新看过新内容再决定。",
            )  # fmt: skip
        before = audited(item)
        agreed = terms.digest(item)
        said = _Description(
            title,
            summary,
            fields,
            theme,
            keywords,
            licence,
            row_filter,
            masks or {},
            basis,
            contact,
            restricted,
        )
        _fill(item, resource, said, {})
        if terms.digest(item) != agreed:
            item.changed_by = actor.account
        item.revision += 1
        item.updated_at = timezone.now()
        item.save()
        record(
            actor=actor,
            action="opening.dataset_edited",
            obj=item,
            before=before,
            after=audited(item),
        )
    return item


def publish(*, actor: Actor, dataset: OpenDataset) -> Job:
    """Queue the next release; the gate is asked now and again by the job.

    Raises:
        Conflict: already being published, or the resource may not be opened. InvalidInput: a field may not be opened.
    """
    check(actor, "opening.publish", dataset)
    resource = published_by_id(dataset.resource_id)
    gate.require(resource, dataset.fields, terms.of_dataset(dataset, resource))
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        job = running_job(item)
        if job is not None:
            raise Conflict("这个数据集正在发布。", advice="请等它完成，进度在数据集页面上。")
        job = _queue(actor, item, key=None)
        record(actor=actor, action="opening.publish", obj=item, after={"job": str(job.id)})
    return job


def refresh(*, actor: Actor, dataset: OpenDataset, key: str) -> Job | None:
    """Queue a renewal because new data arrived; nothing for datasets that are not public. ``key`` makes it once."""
    if not dataset.public:
        return None
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        return _queue(actor, item, key=key) if item.public else None


def _queue(actor: Actor, item: OpenDataset, *, key: str | None) -> Job:
    job = enqueue(
        "opening.publish", actor=actor, title=f"发布开放数据集：{item.title}", key=key,
        arguments={"dataset": item.slug}, organization=item.resource.provider,
        object_url=f"/console/opening/datasets/{item.slug}/",
    )  # fmt: skip
    if item.job_id != job.id and not job.finished:
        item.state, item.job_id, item.state_reason = DatasetState.PUBLISHING, job.id, ""
        item.save(update_fields=["state", "job_id", "state_reason"])
    return job


def running_job(dataset: OpenDataset) -> Job | None:
    """The unfinished publication of a dataset."""
    if dataset.job_id is None:
        return None
    job = Job.objects.filter(id=dataset.job_id).first()
    return job if job is not None and not job.finished else None


def withdraw(*, actor: Actor, dataset: OpenDataset, reason: str) -> OpenDataset:
    """Take a dataset off the portal at once; its releases stay as history and are served no more.

    Raises:
        InvalidInput: no reason. Conflict: it is not public.
    """
    check(actor, "opening.publish", dataset)
    if not reason.strip():
        raise InvalidInput(
            "没有撤回。", fields={"reason": "请写明撤回原因，会显示给访问旧网址的人"}
        )
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        if item.state not in {DatasetState.PUBLISHED, DatasetState.PUBLISHING}:
            raise Conflict("这个数据集现在没有开放，无需撤回。")
        before = {"state": item.state}
        item.state, item.state_reason = DatasetState.WITHDRAWN, reason.strip()[:300]
        item.save(update_fields=["state", "state_reason"])
        record(
            actor=actor, action="opening.dataset_withdrawn", obj=item, before=before,
            after={"state": item.state}, reason=reason.strip(),
        )  # fmt: skip
        emit(
            type="city.opening.dataset.withdrawn", source="opening", subject=item.slug,
            data={"id": item.pk, "reason": item.state_reason},
        )  # fmt: skip
    return item


def recheck(*, actor: Actor, dataset: OpenDataset) -> bool:
    """Withdraw a public dataset that the catalogue no longer allows to be open; return whether it was.

    What counts is what the public can download now: the fields of the current release.
    """
    if not dataset.public:
        return False
    release = dataset.current
    shown = release.column_names if release else dataset.fields
    try:
        resource = published_by_id(dataset.resource_id)
        agreed = terms.of_release(release) if release else terms.of_dataset(dataset, resource)
        gate.require(resource, shown, agreed)
    except ChengshuError as error:
        withdraw(
            actor=actor, dataset=dataset, reason=f"目录变更后不再符合开放条件：{error.message}"
        )
        return True
    return False


@dataclass(frozen=True, slots=True)
class _Description:
    """What a person says of a dataset."""

    title: str
    summary: str
    fields: Sequence[str]
    theme: str
    keywords: Sequence[str]
    licence: str
    row_filter: dict[str, Any] | None
    masks: Mapping[str, str]
    basis: str
    contact: str
    restricted: bool


def _problems(item: OpenDataset, said: _Description) -> dict[str, str]:
    problems: dict[str, str] = {}
    if not said.title.strip():
        problems["title"] = "请填写名称"
    if len(said.summary.strip()) < SUMMARY_LENGTH:
        problems["summary"] = f"请用至少 {SUMMARY_LENGTH} 个字说清这是什么数据、怎么来的"
    if said.theme not in Theme.values:
        problems["theme"] = "请选择主题"
    if said.licence not in Licence.values:
        problems["licence"] = "请选择许可"
    if len(said.basis.strip()) > BASIS_LENGTH:
        problems["basis"] = f"最多 {BASIS_LENGTH} 个字"
    if len(said.contact.strip()) > CONTACT_LENGTH or _MOBILE.search(said.contact):
        problems["contact"] = f"写单位和办公电话，不写个人手机，最多 {CONTACT_LENGTH} 个字"
    if item.public and item.restricted != said.restricted:
        problems["restricted"] = "已开放的数据集不能改开放方式，请先撤回"
    return problems


def _fill(
    item: OpenDataset, resource: PublishedResource, said: _Description, problems: dict[str, str]
) -> None:
    problems |= _problems(item, said)
    if resource.open_type == gate.RESTRICTED and not said.restricted:
        first = "请先撤回。" if item.public else ""
        problems["restricted"] = "".join(gate.REFUSED_OPENING[gate.RESTRICTED]) + first
    words = list(dict.fromkeys(word.strip() for word in said.keywords if word.strip()))
    if len(words) > MAX_KEYWORDS:
        problems["keywords"] = f"最多 {MAX_KEYWORDS} 个关键词"
    columns: Sequence[ColumnSpec] = ()
    try:
        # Which way it may go is told beside its own field.
        columns = gate.choose(resource, said.fields, said.masks, agreement=True)
        check_filter(said.row_filter, resource.columns)
    except InvalidInput as error:
        problems |= error.fields
    if problems:
        raise InvalidInput("数据集没有保存。", fields=problems)
    item.title, item.summary, item.theme = said.title.strip(), said.summary.strip(), said.theme
    item.fields, item.keywords = [c.name for c in columns], words
    item.licence, item.row_filter = said.licence, said.row_filter
    item.masks = {name: said.masks[name] for name in item.fields if said.masks.get(name)}
    item.restricted = said.restricted
    item.basis, item.contact = said.basis.strip(), said.contact.strip()


def well_formed(slug: str) -> bool:
    """Whether a name can stand in an address: it must not look like one of the pages either."""
    return bool(SLUG.fullmatch(slug)) and "--" not in slug and slug not in RESERVED_SLUGS


def _slug_problems(slug: str) -> dict[str, str]:
    if not well_formed(slug):
        return {"slug": f"用小写字母、数字和连字符，最多 {SLUG_LENGTH} 位"}
    if OpenDataset.objects.filter(slug=slug).exists():
        return {"slug": "这个网址名已被使用"}
    return {}


def audited(item: OpenDataset) -> dict[str, Any]:
    """What the trail keeps of a dataset."""
    return {name: getattr(item, name) for name in _AUDITED}
