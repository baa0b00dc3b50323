"""Routes of corrections."""

from django.views.decorators.http import require_POST

from chengshu.data.sharing.corrections.services import REPORT
from chengshu.data.sharing.corrections.views import pages
from chengshu.kernel.access.routing import page

VIEW = "sharing.view"
ROOT = "console/sharing/corrections/"

app_name = "sharing_corrections"
urlpatterns = [
    page(ROOT, pages.CorrectionList.as_view(), name="corrections", permission=VIEW),
    page(f"{ROOT}new/<slug:code>/", pages.new, name="new", permission=REPORT),
    page(f"{ROOT}<int:pk>/", pages.detail, name="correction", permission=VIEW),
    page(f"{ROOT}<int:pk>/values/", require_POST(pages.values), name="values", permission=VIEW),
]
