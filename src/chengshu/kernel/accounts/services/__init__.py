"""What may be done with accounts, roles and organisations; one transaction each, authorised and audited."""

from chengshu.kernel.accounts.services.accounts import (
    change_account,
    create_account,
    save_person,
    set_account_state,
    update_profile,
)
from chengshu.kernel.accounts.services.organizations import save_organization
from chengshu.kernel.accounts.services.passwords import (
    change_password,
    generate_password,
    reset_password,
)
from chengshu.kernel.accounts.services.roles import assign_role, revoke_role
from chengshu.kernel.accounts.services.signing_in import sign_in, sign_out

__all__ = [
    "assign_role",
    "change_account",
    "change_password",
    "create_account",
    "generate_password",
    "reset_password",
    "revoke_role",
    "save_organization",
    "save_person",
    "set_account_state",
    "sign_in",
    "sign_out",
    "update_profile",
]
