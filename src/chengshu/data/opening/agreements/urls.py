"""Routes of restricted opening in the console."""

from chengshu.data.opening.agreements import views
from chengshu.data.opening.agreements.services import PERMISSION
from chengshu.kernel.access.routing import page

app_name = "opening_agreements"
_AT = "console/opening/accesses/"
urlpatterns = [
    page(_AT, views.AccessList.as_view(), name="accesses", permission=PERMISSION),
    page(f"{_AT}agreement/", views.agreement, name="agreement", permission=PERMISSION),
    page(f"{_AT}<int:pk>/", views.access, name="access", permission=PERMISSION),
]
