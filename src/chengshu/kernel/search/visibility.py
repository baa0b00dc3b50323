"""Which places a reader may find."""

from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from chengshu.kernel.access.actor import Actor, Scope
from chengshu.kernel.search.models import SearchPlace


def visible(actor: Actor) -> QuerySet[SearchPlace]:
    """Public things, and what the actor holds the permission for where it belongs."""
    everything = SearchPlace.objects.all()
    if actor.system:
        return everything
    by_scope: dict[tuple[Scope, ...], list[str]] = {}
    for permission, scopes in actor.scopes.items():
        by_scope.setdefault(scopes, []).append(permission)
    conditions = [Q(permission="")]
    for scopes, permissions in by_scope.items():
        places = [Q(organization_path__startswith=s.organization_path) for s in scopes]
        conditions.append(
            Q(permission__in=permissions) & reduce(or_, places, Q(organization_path=""))
        )
    return everything.filter(reduce(or_, conditions))
