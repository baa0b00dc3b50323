"""Routes of the hints."""

from chengshu.data.sharing.hints import views
from chengshu.data.sharing.hints.services import JUDGE
from chengshu.kernel.access.routing import page

ROOT = "console/sharing/hints/"

app_name = "sharing_hints"
urlpatterns = [
    page(ROOT, views.HintList.as_view(), name="hints", permission=JUDGE),
    page(f"{ROOT}<int:pk>/", views.detail, name="hint", permission=JUDGE),
]
