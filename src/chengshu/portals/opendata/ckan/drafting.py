"""Actions that write datasets: always a draft or a change of one, never a publication.

They call the console's own services: the gate judges the fields, a second person approves where the rules ask for it,
and somebody who may publish does so in the console.
"""

from typing import Any

from chengshu.data.catalog.facade import PublishedResource, published, published_by_id
from chengshu.data.opening import gate
from chengshu.data.opening.choices import Licence
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services import datasets, proposals
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import NotFound
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu.portals.opendata.ckan.authoring import (
    MAX_SUMMARY,
    Said,
    authored,
    default_fields,
    entry_of,
)
from chengshu.portals.opendata.ckan.catalogue import Action
from chengshu.portals.opendata.ckan.errors import invalid, not_found, refused
from chengshu.portals.opendata.ckan.parameters import Parameters
from chengshu.portals.opendata.ckan.shapes import Shape, Site

TITLE = 120


def package_create(site: Site, given: Parameters) -> Shape:
    """Draft a dataset over a catalogue entry (extra ``catalogue_code``); it waits for review and publication."""
    said = Said(given, None)
    code = said.extras.get("catalogue_code")
    if not isinstance(code, str) or not code:
        raise invalid(
            catalogue_code="缺少。开放的数据都来自目录：请在 extras 里写目录条目的代码，没有条目的先在后台编目。"
        )
    try:
        resource = published(code)
    except NotFound as error:
        raise invalid(catalogue_code=error.detail) from error
    values: dict[str, Any] = {
        "slug": said.text("name", "", 60), "title": said.text("title", resource.title, TITLE) or resource.title,
        "summary": said.text("notes", resource.summary, MAX_SUMMARY),
        "fields": said.fields(default_fields(resource)), "theme": said.theme(""),
        "keywords": said.words(()), "licence": said.licence(Licence.CC_BY), "masks": said.masks({}),
        "basis": said.basis(""), "contact": said.text("maintainer", "", TITLE),
        "restricted": said.restricted(default=resource.open_type == gate.RESTRICTED),
    }  # fmt: skip
    _same_provider(said, given, resource)
    said.require()
    with unit_of_work():
        item = datasets.create_dataset(actor=site.actor, resource_code=code, **values)
        proposals.propose(actor=site.actor, dataset=item)
    return _told(site, item)


def package_update(site: Site, given: Parameters) -> Shape:
    """Replace a dataset's description; what decides over opening stays unless it is named."""
    return _change(site, given, whole=True)


def package_patch(site: Site, given: Parameters) -> Shape:
    """Change only what is named."""
    return _change(site, given, whole=False)


def _change(site: Site, given: Parameters, *, whole: bool) -> Shape:
    item = writable(site, given.required("id", "name"))
    resource = published_by_id(item.resource_id)
    said = Said(given, authored(site, item, resource))
    values: dict[str, Any] = {
        "title": said.text("title", resource.title if whole else item.title, TITLE),
        "summary": said.text("notes", "" if whole else item.summary, MAX_SUMMARY),
        "fields": said.fields(item.fields), "theme": said.theme("" if whole else item.theme),
        "keywords": said.words(() if whole else item.keywords), "licence": said.licence(item.licence),
        "masks": said.masks(item.masks), "basis": said.basis(item.basis),
        "contact": said.text("maintainer", "" if whole else item.contact, TITLE),
        "restricted": said.restricted(default=item.restricted), "row_filter": item.row_filter,
    }  # fmt: skip
    if said.text("name", item.slug, 60) not in {item.slug, site.identifiers.of(item.pk)}:
        said.problems["name"] = "网址名不能改，以免别人存下的网址失效。"
    if said.extras.get("catalogue_code") not in (None, "", resource.code):
        said.problems["catalogue_code"] = "不能换目录条目。请另建一个数据集。"
    _same_provider(said, given, resource)
    revision = said.revision(item.revision)
    if revision != item.revision:
        said.problems["revision"] = (
            "这个数据集刚被别人改过，没有保存。请用 package_show 重新读取后再改。"
        )
    said.require()
    with unit_of_work():
        changed = datasets.update_dataset(
            actor=site.actor, dataset=item, revision=revision, **values
        )
        proposals.propose(actor=site.actor, dataset=changed)
    return _told(site, changed)


def package_delete(site: Site, given: Parameters) -> None:
    """Drop a draft that was never published; what is open is withdrawn in the console, with a reason."""
    item = writable(site, given.required("id", "name"))
    if item.current_id is not None:
        raise invalid(id="已发布过的数据集不能删除。请在后台撤回并写明原因，访问旧网址的人会看到。")
    proposals.discard(actor=site.actor, dataset=item)


def package_owner_org_update(site: Site, given: Parameters) -> None:
    """The providing unit stands in the catalogue; naming it again changes nothing."""
    item = writable(site, given.required("id"))
    if given.required("organization_id") != item.resource.provider.code:
        raise invalid(organization_id="提供单位由目录决定，不能在这里改。")


def writable(site: Site, named: str) -> OpenDataset:
    """A dataset the token may change.

    Raises:
        CkanError: there is none (404; somebody else's draft is none), or it is somebody else's (403).
    """
    return _allowed(site, named, "opening.manage")


def own_dataset(site: Site, named: str) -> OpenDataset:
    """A dataset of the token's own unit, which it may at least read before it is public.

    Raises:
        CkanError: as :func:`writable`.
    """
    return _allowed(site, named, "opening.view")


def _allowed(site: Site, named: str, permission: str) -> OpenDataset:
    item = any_dataset(site, named)
    if item is None or not (item.public or allows(site.actor, "opening.view", item)):
        raise not_found("没有这个数据集。")
    if not allows(site.actor, permission, item):
        raise refused("这个数据集不归您管，或令牌没有这个用途。")
    return item


def any_dataset(site: Site, named: str) -> OpenDataset | None:
    """The dataset with a name or an identifier, public or not."""
    known = site.identifiers.read(named)
    found = OpenDataset.objects.select_related("resource__provider", "current")
    if known is not None and not known[1]:
        return found.filter(pk=known[0]).first()
    return found.filter(slug=named).first()


def _same_provider(said: Said, given: Parameters, resource: PublishedResource) -> None:
    owner = given.raw("owner_org")
    if owner and owner != OpenDataset(resource_id=resource.id).resource.provider.code:
        said.problems["owner_org"] = "与目录里的提供单位不符。提供单位由目录决定，可以不写。"


def _told(site: Site, item: OpenDataset) -> Shape:
    fresh = OpenDataset.objects.select_related("resource__provider", "current").get(pk=item.pk)
    return authored(site, fresh, entry_of(fresh))


ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (
        package_create, package_update, package_patch, package_delete, package_owner_org_update,
    )
}  # fmt: skip
