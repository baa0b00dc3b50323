"""A fixed cast for the tests of every package: who acts, in which organisation, with which role.

=============  ==========================================  =====================
who            where                                       role
=============  ==========================================  =====================
admin          智慧城市建设中心, role at the city's root    data_admin
operator       智慧城市建设中心, role at the city's root    operator
auditor        智慧城市建设中心, role at the city's root    security_admin
officer_a      社会事业局 (department_a)                    data_officer
officer_b      市场监管局 (department_b)                    data_officer
approver       社会事业局                                   approver
leader         城市, role at the city's root                leader
citizen        no organisation                             citizen
stranger       市场监管局, active, without any role         – (must be refused)
=============  ==========================================  =====================
"""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password

from chengshu.kernel.identity.choices import AccountKind, OrganizationKind, RegionLevel
from chengshu.kernel.identity.models import Account, Organization, Region, RoleAssignment

PASSWORD = "Bridge-2026-river"


@dataclass(frozen=True, slots=True)
class Cast:
    """Organisations and accounts by the part they play."""

    city: Organization
    bureau: Organization
    department_a: Organization
    department_b: Organization
    community: Organization
    admin: Account
    operator: Account
    auditor: Account
    officer_a: Account
    officer_b: Account
    approver: Account
    leader: Account
    citizen: Account
    stranger: Account


def make_organization(
    code: str,
    name: str,
    kind: str = OrganizationKind.DEPARTMENT,
    parent: Organization | None = None,
    region: Region | None = None,
) -> Organization:
    """Create a unit."""
    return Organization.objects.create(
        code=code, name=name, short=name, kind=kind, parent=parent, region=region
    )


def make_account(
    username: str,
    name: str,
    organization: Organization | None,
    *,
    role: str = "",
    at: Organization | None = None,
    kind: str = AccountKind.STAFF,
) -> Account:
    """Create an account with :data:`PASSWORD`, and with a role at ``at`` (default its organisation)."""
    account = Account.objects.create(
        username=username,
        display_name=name,
        organization=organization,
        kind=kind,
        password=make_password(PASSWORD),
    )
    place = at or organization
    if role and place is not None:
        RoleAssignment.objects.create(account=account, role=role, organization=place)
    return account


def make_cast() -> Cast:
    """Create the whole cast."""
    county = Region.objects.create(
        code="330383000000", name="龙港市", level=RegionLevel.COUNTY, parent=None
    )
    place = Region.objects.create(
        code="330383001000", name="海城社区", level=RegionLevel.COMMUNITY, parent=county
    )
    city = make_organization("330383", "龙港市", OrganizationKind.MUNICIPAL, region=county)
    bureau = make_organization("330383-ZHCS", "智慧城市建设中心", parent=city)
    department_a = make_organization("330383-SHSY", "社会事业局", parent=city)
    department_b = make_organization("330383-SCJG", "市场监管局", parent=city)
    community = make_organization(
        "330383001000", "海城社区", OrganizationKind.COMMUNITY, city, place
    )
    return Cast(
        city=city,
        bureau=bureau,
        department_a=department_a,
        department_b=department_b,
        community=community,
        admin=make_account("admin", "陈管理", bureau, role="data_admin", at=city),
        operator=make_account("operator", "林运维", bureau, role="operator", at=city),
        auditor=make_account("auditor", "金安全", bureau, role="security_admin", at=city),
        officer_a=make_account("officer_a", "王社事", department_a, role="data_officer"),
        officer_b=make_account("officer_b", "李市监", department_b, role="data_officer"),
        approver=make_account("approver", "周窗口", department_a, role="approver"),
        leader=make_account("leader", "吴市长", city, role="leader"),
        citizen=make_account("citizen", "章群众", None, kind=AccountKind.CITIZEN),
        stranger=make_account("stranger", "外来者", department_b),
    )
