"""Routes of sign-in, the own account, organisations and accounts."""

from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN, page
from chengshu.kernel.accounts.views import accounts, organizations, profile, signing_in

app_name = "identity"

_ORGS = "console/organizations/"
_VIEW_ORG, _MANAGE_ORG = "identity.organization.view", "identity.organization.manage"
_ACCOUNTS = "console/accounts/"
_VIEW, _MANAGE, _ASSIGN = (
    "identity.account.view",
    "identity.account.manage",
    "identity.role.assign",
)

urlpatterns = [
    page("sign-in/", signing_in.sign_in, name="sign-in", permission=PUBLIC),
    page("sign-out/", signing_in.sign_out, name="sign-out", permission=SIGNED_IN),
    page("account/password/", signing_in.password, name="password", permission=SIGNED_IN),
    page("console/profile/", profile.profile, name="profile", permission=SIGNED_IN),
    page(
        _ORGS, organizations.OrganizationList.as_view(), name="organizations", permission=_VIEW_ORG
    ),
    page(
        f"{_ORGS}new/",
        organizations.organization_new,
        name="organization-new",
        permission=_MANAGE_ORG,
    ),
    page(
        f"{_ORGS}<int:pk>/", organizations.organization, name="organization", permission=_VIEW_ORG
    ),
    page(
        f"{_ORGS}<int:pk>/edit/",
        organizations.organization_edit,
        name="organization-edit",
        permission=_MANAGE_ORG,
    ),
    page(_ACCOUNTS, accounts.AccountList.as_view(), name="accounts", permission=_VIEW),
    page(f"{_ACCOUNTS}new/", accounts.account_new, name="account-new", permission=_MANAGE),
    page(f"{_ACCOUNTS}<int:pk>/", accounts.account, name="account", permission=_VIEW),
    *(
        page(
            f"{_ACCOUNTS}<int:pk>/{verb}/",
            getattr(accounts, f"account_{verb}"),
            name=f"account-{verb}",
            permission=_MANAGE,
        )
        for verb in ("edit", "disable", "enable", "unlock", "reset")
    ),
    page(
        f"{_ACCOUNTS}<int:pk>/roles/", accounts.role_assign, name="role-assign", permission=_ASSIGN
    ),
    page(
        f"{_ACCOUNTS}<int:pk>/roles/<int:assignment>/revoke/",
        accounts.role_revoke,
        name="role-revoke",
        permission=_ASSIGN,
    ),
]
