"""The documents of one grant: OpenAPI 3.1 and the data contract, from the same rules the gateway goes by."""

from typing import Any

from django.conf import settings

from chengshu.data.catalog.facade import Resource
from chengshu.data.sharing.choices import ApplicationState, GrantState
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.publishing import keys, publishable, wire_interface
from chengshu.kernel.errors import Conflict
from chengshu_gateway.description import contract, openapi
from chengshu_gateway.policy import CompiledGrant

# Words of the standard for a contract's life.
_STATUS = {"active": "active", "suspended": "deprecated", "revoked": "retired"}


def compiled(item: Grant) -> CompiledGrant:
    """A grant as the gateway answers by it.

    Raises:
        Conflict: the gateway refuses the grant as it stands (for example its fields left the interface).
    """
    interface = wire_interface(item.interface)
    made, problem = publishable(item, interface)
    if made is None:
        raise Conflict(f"这项授权目前不能调用，没有接口说明。{problem}")
    return CompiledGrant(made, interface, keys().for_application(made.app_id))


def openapi_document(item: Grant) -> dict[str, Any]:
    """The OpenAPI 3.1 document; raises Conflict as :func:`compiled`."""
    return openapi.document(compiled(item), server=settings.GATEWAY_URL)


def data_contract(item: Grant) -> dict[str, Any]:
    """The contract in the Open Data Contract Standard; raises Conflict as :func:`compiled`."""
    application, interface = item.application, item.interface
    resource: Resource = interface.resource
    version = resource.published
    working = item.state == GrantState.ACTIVE and application.state == ApplicationState.ACTIVE
    parties = contract.Parties(
        provider=resource.provider.name,
        consumer=application.owner.name,
        application=application.name,
        purpose=item.purpose,
        summary=version.summary if version else "",
        contact=application.contact,
        status=_STATUS[item.state] if working or item.state != GrantState.ACTIVE else "deprecated",
        cycle=version.update_cycle if version else "",
        granted_at=item.granted_at,
        levels=tuple((c["name"], c.get("sensitivity", "")) for c in interface.columns),
    )
    return contract.document(compiled(item), parties, server=settings.GATEWAY_URL)
