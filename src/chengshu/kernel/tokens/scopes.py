"""What a token can be for. Packages that take tokens say so in their ``apps.py``; nobody lists them here."""

from collections.abc import Iterable
from dataclasses import dataclass

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import holds


@dataclass(frozen=True, slots=True)
class TokenScope:
    """One purpose with the permissions it may use; a token never has more than these, and never more than its owner."""

    key: str
    name: str
    permissions: tuple[str, ...]


_SCOPES: dict[str, TokenScope] = {}


def register_scope(scope: TokenScope) -> None:
    """Offer a purpose on the page where tokens are made."""
    _SCOPES[scope.key] = scope


def scopes() -> list[TokenScope]:
    """All purposes by key."""
    return [_SCOPES[key] for key in sorted(_SCOPES)]


def offered_to(actor: Actor) -> list[TokenScope]:
    """Purposes somebody holds every permission for, somewhere."""
    return [scope for scope in scopes() if all(holds(actor, key) for key in scope.permissions)]


def permissions_of(keys: Iterable[str]) -> frozenset[str]:
    """Permissions of some purposes; one that no package offers any more gives none."""
    return frozenset(p for key in keys if key in _SCOPES for p in _SCOPES[key].permissions)


def names_of(keys: Iterable[str]) -> str:
    """Purposes as people read them."""
    return "、".join(_SCOPES[key].name if key in _SCOPES else key for key in keys)
