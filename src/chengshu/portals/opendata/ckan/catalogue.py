"""Actions that find and show datasets, providers, themes and keywords."""

from collections.abc import Callable, Sequence
from typing import Any

from chengshu.data.opening import selectors
from chengshu.data.opening.models import OpenDataset
from chengshu.kernel.identity.models import Organization
from chengshu.portals.opendata.ckan import authoring, query, shapes
from chengshu.portals.opendata.ckan.entries import (
    FACETS,
    THEMES,
    Entry,
    counted,
    every_entry,
    in_order,
    orders,
)
from chengshu.portals.opendata.ckan.errors import not_found, unsearchable
from chengshu.portals.opendata.ckan.parameters import Parameters
from chengshu.portals.opendata.ckan.shapes import Shape, Site

MOST_ROWS = 1_000
DEFAULT_ROWS = 10
SHOWN_FACETS = 50
ALL_FACETS = "-1"
SUGGESTED = 10
MOST = 10**9


def package_list(site: Site, given: Parameters) -> list[str]:
    """Names of all datasets; ``limit`` and ``offset`` page."""
    names = sorted(entry.slug for entry in every_entry(site.identifiers))
    return _paged(names, given)


def current_package_list_with_resources(site: Site, given: Parameters) -> list[Shape]:
    """Datasets with their files, the newest first."""
    limit = given.number("limit", DEFAULT_ROWS, most=MOST_ROWS)
    start = given.number("offset", 0, most=MOST)
    return _packages(site, every_entry(site.identifiers)[start : start + limit])


def package_show(site: Site, given: Parameters) -> Shape:
    """One dataset by name or identifier; with a token of its unit also a draft, and what it will open next."""
    named = given.required("id", "name_or_id")
    return _working_copy(site, named) or shapes.package(site, described_dataset(site, named))


def _working_copy(site: Site, named: str) -> Shape | None:
    if site.actor.account is None:
        return None
    known = site.identifiers.read(named)
    found = OpenDataset.objects.select_related("resource__provider", "current")
    item = (
        found.filter(pk=known[0]) if known and not known[1] else found.filter(slug=named)
    ).first()
    return authoring.working_copy(site, item) if item is not None else None


def described_dataset(site: Site, named: str) -> OpenDataset:
    """The dataset with a name or an identifier whose description is public: open, or under an agreement."""
    return selectors.described_dataset(_slug(site, named))


def named_dataset(site: Site, named: str) -> OpenDataset:
    """The dataset with a name or an identifier that is open to everybody.

    Raises:
        NotFound: there is none. Gone: it was withdrawn; says why.
    """
    return selectors.public_dataset(_slug(site, named))


def _slug(site: Site, named: str) -> str:
    known = site.identifiers.read(named)
    if known is None or known[1]:
        return named
    return OpenDataset.objects.filter(pk=known[0]).values_list("slug", flat=True).first() or named


def named_file(site: Site, identifier: str) -> tuple[OpenDataset, Shape]:
    """The dataset of a file and the file's shape.

    Raises:
        CkanError: no such file.
    """
    known = site.identifiers.read(identifier)
    if known is None or not known[1]:
        raise not_found("没有这个文件。文件的标识见 package_show 的 resources。")
    dataset = named_dataset(site, site.identifiers.of(known[0]))
    assert dataset.current is not None
    for shape in shapes.resources(site, dataset, dataset.current):
        if shape["id"] == identifier.lower():
            return dataset, shape
    raise not_found(f"这个数据集的当前版本没有 {known[1]} 格式的文件。")


def package_search(site: Site, given: Parameters) -> Shape:
    """Search with filters, order, pages and facets."""
    asked = [given.text("q"), given.text("fq"), *given.names("fq_list")]
    parsed = [query.parse(text) for text in asked]
    order = orders(given.text("sort"))
    facets = _facets_asked(given)
    needed = {*facets, *(name for name, _ in order), *(f for part in parsed for f in part.fields)}
    entries = every_entry(site.identifiers, *needed)
    found = in_order([e for e in entries if all(part.holds(e) for part in parsed)], order)
    start = given.number("start", 0, most=MOST)
    rows = given.number("rows", DEFAULT_ROWS, most=MOST_ROWS)
    counts, told = _facets(found, facets, given)
    return {
        "count": len(found), "sort": given.text("sort") or "metadata_modified desc",
        "facets": counts, "search_facets": told,
        "results": _only(_packages(site, found[start : start + rows]), given.names("fl")),
    }  # fmt: skip


def _packages(site: Site, entries: Sequence[Entry]) -> list[Shape]:
    datasets = selectors.public_datasets_in_order([entry.pk for entry in entries])
    return [shapes.package(site, dataset) for dataset in datasets]


def _only(found: list[Shape], fields: list[str]) -> list[Shape]:
    if not fields or "*" in fields:
        return found
    return [{name: shape[name] for name in fields if name in shape} for shape in found]


def _facets_asked(given: Parameters) -> list[str]:
    wanted = given.names("facet.field") if given.flag("facet", default=True) else []
    for field in wanted:
        if field not in FACETS:
            raise unsearchable(f"不能按“{field[:40]}”分面。可用：{'、'.join(FACETS)}。")
    return wanted


def _facets(found: list[Entry], fields: list[str], given: Parameters) -> tuple[Shape, Shape]:
    every = given.text("facet.limit") == ALL_FACETS
    limit = MOST if every else given.number("facet.limit", SHOWN_FACETS, most=MOST)
    least = given.number("facet.mincount", 1, most=MOST)
    facets: Shape = {}
    told: Shape = {}
    for field in fields:
        values = [pair for pair in counted(found, field) if pair[1] >= least][:limit]
        words = _words_of(field, found)
        facets[field] = dict(values)
        told[field] = {
            "title": FACETS[field],
            "items": [
                {"name": value, "display_name": words.get(value, value), "count": count}
                for value, count in values
            ],
        }
    return facets, told


def _words_of(field: str, found: Sequence[Entry]) -> dict[str, str]:
    if field == "groups":
        return THEMES
    return {e.provider: e.provider_name for e in found} if field == "organization" else {}


def package_autocomplete(site: Site, given: Parameters) -> list[Shape]:
    """Datasets whose name or title holds some characters."""
    part = given.required("q").lower()
    limit = given.number("limit", SUGGESTED, most=MOST_ROWS)
    found = []
    for entry in every_entry(site.identifiers, "title"):
        field = "name" if part in entry.slug else "title" if part in entry.title.lower() else ""
        if field:
            shown = entry.slug if field == "name" else f"{entry.title} ({entry.slug})"
            found.append(
                shapes.briefly(entry) | {"match_field": field, "match_displayed": shown}
            )  # fmt: skip
    return found[:limit]


# ---- providers and themes: two kinds of the same


def organization_list(site: Site, given: Parameters) -> list[Any]:
    """Units that opened something; ``all_fields`` tells more than the names."""
    entries = every_entry(site.identifiers, "organization")
    counts = dict(counted(entries, "organization"))
    if not given.flag("all_fields"):
        return _paged(_chosen(sorted(counts), given.names("organizations")), given)
    codes = _chosen(sorted(counts), given.names("organizations"))
    units = Organization.objects.filter(code__in=codes).order_by("code")
    return _paged(
        [shapes.organization(unit) | {"display_name": unit.name, "package_count": counts[unit.code]}
         for unit in units],
        given,
    )  # fmt: skip


def organization_show(site: Site, given: Parameters) -> Shape:
    """One unit that opened something."""
    code = given.required("id")
    own = [e for e in every_entry(site.identifiers, "organization") if e.provider == code]
    if not own:
        raise not_found("没有开放过数据的单位用这个代码。可用的见 organization_list。")
    unit = Organization.objects.get(code=code)
    return _with_datasets(site, shapes.organization(unit) | {"display_name": unit.name}, own, given)


def group_list(site: Site, given: Parameters) -> list[Any]:
    """Themes that have datasets."""
    counts = dict(counted(every_entry(site.identifiers, "groups"), "groups"))
    names = _chosen(sorted(counts), given.names("groups"))
    if not given.flag("all_fields"):
        return _paged(names, given)
    return _paged([shapes.group(n) | {"package_count": counts[n]} for n in names], given)


def group_show(site: Site, given: Parameters) -> Shape:
    """One theme; one that has no dataset yet is shown too."""
    theme = given.required("id")
    if theme not in THEMES:
        raise not_found("没有这个主题。可用的见 group_list。")
    own = [e for e in every_entry(site.identifiers, "groups") if e.theme == theme]
    return _with_datasets(site, shapes.group(theme), own, given)


def group_package_show(site: Site, given: Parameters) -> list[Shape]:
    """The datasets of a theme."""
    theme = given.required("id")
    if theme not in THEMES:
        raise not_found("没有这个主题。可用的见 group_list。")
    own = [e for e in every_entry(site.identifiers, "groups") if e.theme == theme]
    return _packages(site, own[: given.number("limit", MOST_ROWS, most=MOST_ROWS)])


def tag_list(site: Site, given: Parameters) -> list[Any]:
    """Keywords in use; ``query`` narrows, ``all_fields`` tells more."""
    part = given.text("query").lower()
    words = sorted(
        w for w, _ in counted(every_entry(site.identifiers, "tags"), "tags") if part in w.lower()
    )
    return [shapes.tag(word) for word in words] if given.flag("all_fields") else words


def tag_show(site: Site, given: Parameters) -> Shape:
    """One keyword and the datasets that carry it."""
    word = given.required("id")
    own = [e for e in every_entry(site.identifiers, "tags") if word in e.tags]
    if not own:
        raise not_found("没有数据集用这个关键词。可用的见 tag_list。")
    shape = shapes.tag(word)
    if given.flag("include_datasets"):
        shape["packages"] = _packages(site, own[:MOST_ROWS])
    return shape


def _chosen(names: list[str], wanted: list[str]) -> list[str]:
    return [name for name in names if name in wanted] if wanted else names


def _paged(items: list[Any], given: Parameters) -> list[Any]:
    start = given.number("offset", 0, most=MOST)
    return items[start : start + given.number("limit", MOST, most=MOST)]


def _with_datasets(site: Site, shape: Shape, own: list[Entry], given: Parameters) -> Shape:
    shape |= {"package_count": len(own), "extras": [], "tags": [], "groups": [], "users": []}
    if given.flag("include_datasets"):
        shape["packages"] = _packages(site, own[:MOST_ROWS])
    return shape


Action = Callable[[Site, Parameters], Any]
ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (
        package_list, current_package_list_with_resources, package_show,
        package_search, package_autocomplete, organization_list, organization_show, group_list,
        group_show, group_package_show, tag_list, tag_show,
    )
}  # fmt: skip
