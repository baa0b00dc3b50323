"""Routes of one's own tokens."""

from chengshu.kernel.access.routing import SIGNED_IN, page
from chengshu.kernel.tokens import views

app_name = "tokens"
_OWN = "console/profile/tokens/"
urlpatterns = [
    page(_OWN, views.own, name="list", permission=SIGNED_IN),
    page(f"{_OWN}new/", views.new, name="new", permission=SIGNED_IN),
    page(f"{_OWN}<slug:prefix>/revoke/", views.revoke, name="revoke", permission=SIGNED_IN),
]
