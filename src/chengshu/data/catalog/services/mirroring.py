"""What an entry repeats of the version people see, so that lists and filters need no join into versions."""

from chengshu.data.catalog.models import BusinessItem, Resource, ResourceVersion


def mirror(resource: Resource, version: ResourceVersion) -> None:
    """Copy title, system, warehouse and kind; the caller saves the entry."""
    resource.title, resource.kind = version.title, version.kind
    resource.system, resource.warehouse = version.system, version.warehouse


def mirror_business(resource: Resource, version: ResourceVersion) -> None:
    """Make the entry's business items those of ``version``; the entry must be stored."""
    codes = list(version.business_codes)
    found = BusinessItem.objects.filter(code__in=codes) if codes else BusinessItem.objects.none()
    resource.business_items.set(found)
