"""The documents of the control plane and of the open interfaces say what these do, whatever is asked."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.test import Client
from schemathesis import Case, Response
from schemathesis.schemas import BaseSchema

from chengshu.data.opening.services import interfaces
from chengshu.data.opening.tests.cast import Scene as OpenScene
from chengshu.data.sharing.tests.cast import Scene
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job
from tests.openapi.conformance import fuzz

pytestmark = pytest.mark.service
TOKEN = "a" * 32


def signed_in(actor: Actor) -> Client:
    """Somebody who signed in."""
    client = Client()
    client.force_login(actor.account)
    return client


def cookies_of(client: Client) -> dict[str, str]:
    """What a browser would send."""
    name = settings.SESSION_COOKIE_NAME
    return {name: client.cookies[name].value, settings.CSRF_COOKIE_NAME: TOKEN}


def document_of(client: Client, address: str) -> BaseSchema:
    """A document of this platform, to be tried in this process."""
    schema = schemathesis.openapi.from_dict(client.get(address).json())
    schema.app = get_wsgi_application()
    return schema


def test_the_administrators_interface(shared: Scene, one_connection: Callable[[], None]) -> None:
    caller = shared.shared()
    client = signed_in(shared.city.admin)
    cookies = cookies_of(client)
    schema = document_of(client, "/api/v1/openapi.json")
    one_connection()
    schema.config.generation.with_security_parameters = False

    def send(case: Case) -> Response:
        with transaction.atomic():
            try:
                return case.call(cookies=cookies, headers={"X-CSRFToken": TOKEN})
            finally:
                transaction.set_rollback(True)

    known: dict[str, Any] = {
        "code": [caller.grant.interface.code, caller.grant.application.code, shared.resource.code],
        "grant_id": [caller.grant.pk], "key_id": [caller.key.key_id],
        "resource": [shared.resource.code], "application": [caller.grant.application.code],
        "interface": [caller.grant.interface.code], "owner": [shared.city.market.code],
    }  # fmt: skip
    found = fuzz(schema, send, examples=3, known=known)
    assert not found.problems, "\n".join(found.problems)


def test_the_open_interfaces(opened: OpenScene, one_connection: Callable[[], None]) -> None:
    interfaces.create_interface(
        actor=opened.admin, resource_code=opened.resource.code, slug="facility", title="设施查询"
    )
    run_job.func(str(Job.objects.get(kind="opening.publish_interface").id))
    schema = document_of(Client(), "/open/api/v1/openapi.json")
    one_connection()
    known: dict[str, Any] = {
        "slug": ["public-facility", "facility"], "limit": [0, 5], "offset": [0, 3],
        "sort": ["-seats", "name"], "q": ["公厕"], "id": ["public-facility"],
    }  # fmt: skip
    found = fuzz(schema, lambda case: case.call(), examples=6, known=known)
    assert not found.problems, "\n".join(found.problems)
