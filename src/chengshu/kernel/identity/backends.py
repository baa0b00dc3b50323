"""Loads the account of a session together with its organisation, in one query."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from chengshu.kernel.identity.models import Account


class AccountBackend(BaseBackend):
    """Session → account. Checking a password is ``services.sign_in``, which counts failures and locks."""

    def authenticate(self, request: HttpRequest | None, **_credentials: Any) -> None:
        """Never signs anybody in by itself."""
        del request

    def get_user(self, user_id: int) -> Account | None:
        return (
            Account.objects.select_related("organization")
            .filter(pk=user_id, is_active=True)
            .first()
        )
