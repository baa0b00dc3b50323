"""Deny by default: every route and every API operation declares who may use it."""

import pytest
from django.core import checks
from django.core.management import call_command
from django.utils.module_loading import import_string

from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN
from chengshu.kernel.registry import registry
from chengshu.kernel.registry.validation import problems
from tests.arch.source import routes


def known(permission: str) -> bool:
    return permission in {PUBLIC, SIGNED_IN} or permission in registry.permissions()


def test_every_page_declares_a_known_permission() -> None:
    silent = []
    for route, pattern in routes():
        if route.startswith("api/v1/"):
            continue
        permission = getattr(pattern.callback, "chengshu_permission", None)
        if permission is None or not known(permission):
            silent.append(f"{route}: {permission}")
    assert silent == []


def test_every_api_operation_declares_a_known_permission() -> None:
    from chengshu.conf.urls import api

    silent = []
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                permission = getattr(operation.view_func, "chengshu_permission", None)
                if permission is None or not known(permission):
                    silent.append(f"{operation.methods} {prefix}{path}")
    assert silent == []


def test_manifests_are_valid() -> None:
    assert problems(registry.manifests()) == []


def test_every_demo_loader_is_there() -> None:
    # Only found at start-up, where importing them all would cost every process a second.
    paths = [manifest.demo.load for manifest in registry.manifests() if manifest.demo]
    assert all(callable(import_string(path)) for path in paths)
    assert paths


def test_every_permission_is_given_to_some_role() -> None:
    given = {key for role in registry.roles().values() for key in role.permissions}
    assert sorted(set(registry.permissions()) - given) == []


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_django_finds_nothing_wrong() -> None:
    assert [str(message) for message in checks.run_checks()] == []
