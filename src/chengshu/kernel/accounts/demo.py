"""Loads the demo city's organisations, regions, people and accounts. All persons are generated."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import seal, search_hash
from chengshu.kernel.identity.choices import AccountKind, OrganizationKind, RegionLevel
from chengshu.kernel.identity.models import (
    Account,
    Organization,
    Person,
    Region,
    RoleAssignment,
)
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_demo import city

KINDS = {
    "city": OrganizationKind.MUNICIPAL,
    "department": OrganizationKind.DEPARTMENT,
    "community": OrganizationKind.COMMUNITY,
    "management_area": OrganizationKind.COMMUNITY,
    "enterprise": OrganizationKind.ENTERPRISE,
}
ACCOUNT_KINDS = {"citizen": AccountKind.CITIZEN, "enterprise": AccountKind.ENTERPRISE}
CITY = "330383"
# Roles whose work is the whole city, wherever the person's desk stands.
CITY_WIDE = {"data_admin", "leader", "operator", "security_admin", "duty_officer"}
CITY_REGION = "330383000000"


def load(context: Any) -> None:
    """Create what is missing; existing accounts keep their password."""
    with unit_of_work():
        _regions()
        organizations = _organizations()
        # One hash for all: scrypt is slow on purpose, and these accounts share a printed password anyway.
        hashed = make_password(context.password)
        created = sum(_account(account, organizations, hashed) for account in city().accounts)
        if created:
            record(
                actor=context.actor,
                action="demo.identity_loaded",
                object_type="demo",
                object_name="演示城市：机构与账号",
                after={"organizations": len(organizations), "accounts": created},
            )
    context.say(f"  机构 {len(organizations)} 个，账号 {len(city().accounts)} 个")


def _regions() -> None:
    root, _ = Region.objects.get_or_create(
        code=CITY_REGION, defaults={"name": "龙港市", "level": RegionLevel.COUNTY}
    )
    known = set(Region.objects.values_list("code", flat=True))
    centres = {c.code: (c.longitude, c.latitude) for c in city().communities}
    rows = [
        Region(
            code=o.region,
            name=o.short,
            level=RegionLevel.COMMUNITY,
            parent=root,
            longitude=centres.get(o.region, (None, None))[0],
            latitude=centres.get(o.region, (None, None))[1],
        )
        for o in city().organisations
        if o.kind in {"community", "management_area"} and o.region not in known
    ]
    Region.objects.bulk_create(rows)


def _organizations() -> dict[str, Organization]:
    found = {o.code: o for o in Organization.objects.select_related("parent")}
    for item in city().organisations:
        if item.code in found:
            continue
        region = item.region if item.kind in {"community", "management_area"} else CITY_REGION
        found[item.code] = Organization.objects.create(
            code=item.code,
            name=item.name,
            short=item.short,
            kind=KINDS[item.kind],
            parent=found.get(item.parent),
            region_id=region,
        )
    return found


def _account(item: Any, organizations: dict[str, Organization], hashed: str) -> int:
    if Account.objects.filter(username=item.username).exists():
        return 0
    person = Person.objects.create(
        name=item.name,
        id_number_sealed=seal(item.id_number, place="person.id_number"),
        id_number_hash=search_hash(item.id_number, place="person.id_number"),
        mobile_sealed=seal(item.phone, place="person.mobile"),
        mobile_hash=search_hash(item.phone, place="person.mobile"),
    )
    organization = organizations[item.organisation]
    account = Account.objects.create(
        username=item.username,
        display_name=item.name,
        kind=ACCOUNT_KINDS.get(item.role, AccountKind.STAFF),
        organization=organization,
        person=person,
        password=hashed,
        password_changed_at=timezone.now(),
    )
    # No region: a community's path already narrows, and a region would shut out models that know none.
    place = organizations[CITY] if item.role in CITY_WIDE else organization
    RoleAssignment.objects.create(account=account, role=item.role, organization=place)
    return 1
