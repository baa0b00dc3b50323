"""The actor: who acts in this call, from where, with which permissions at which organisations."""

from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import Q
from django.utils import timezone

from chengshu.kernel.identity.models import Account, RoleAssignment
from chengshu.kernel.registry import registry


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a permission holds: below an organisation path, optionally within one region."""

    organization_path: str
    region: str = ""


@dataclass(eq=False)
class Actor:
    """Somebody (or the platform itself) who calls a service.

    Attributes:
        account: the account, None for the anonymous public and for the platform.
        name: name for audit and pages.
        system: True for jobs and commands of the platform itself; it may do everything and is audited as such.
        address, request_id: from where, for audit.
        only: the permissions a token leaves of the account's; None when the person acts without one.
        token: the beginning of the token that acts; empty when none does.
    """

    account: Account | None = None
    name: str = "访客"
    system: bool = False
    address: str = ""
    request_id: str = ""
    extra_scopes: dict[str, tuple[Scope, ...]] = field(default_factory=dict)
    only: frozenset[str] | None = None
    token: str = ""

    @property
    def is_signed_in(self) -> bool:
        return self.account is not None

    @property
    def organization_name(self) -> str:
        if self.account is None or self.account.organization is None:
            return ""
        return self.account.organization.short

    @property
    def initials(self) -> str:
        """Two characters for the avatar: given name in Chinese habit."""
        return self.name[-2:] if self.name else "?"

    @cached_property
    def roles(self) -> tuple[tuple[str, Scope], ...]:
        """Roles held now, each with where. One query per actor."""
        if self.account is None or not self.account.is_active:
            return ()
        rows = (
            RoleAssignment.objects.filter(account=self.account)
            .filter(Q(valid_until=None) | Q(valid_until__gt=timezone.now()))
            .values_list("role", "organization__path", "region_id")
        )
        return tuple((role, Scope(path, region or "")) for role, path, region in rows)

    @cached_property
    def scopes(self) -> dict[str, tuple[Scope, ...]]:
        """Permission key → where it holds, by the roles held."""
        if self.account is None or not self.account.is_active:
            return dict(self.extra_scopes)
        roles = registry.roles()
        found: dict[str, list[Scope]] = {k: list(v) for k, v in self.extra_scopes.items()}
        for role, where in self.roles:
            template = roles.get(role)
            for key in template.permissions if template else ():
                found.setdefault(key, []).append(where)
        return {
            key: tuple(dict.fromkeys(scopes))
            for key, scopes in found.items()
            if self.only is None or key in self.only
        }

    @cached_property
    def role_names(self) -> tuple[str, ...]:
        """Names of the roles held, for the person menu."""
        roles = registry.roles()
        return tuple(dict.fromkeys(roles[key].name for key, _where in self.roles if key in roles))


ANONYMOUS = Actor()


def platform(name: str = "平台") -> Actor:
    """The platform itself, for jobs, schedules and commands."""
    return Actor(name=name, system=True)
