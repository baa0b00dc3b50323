"""Routes of changes."""

from django.views.decorators.http import require_POST

from chengshu.data.catalog.changing import views
from chengshu.kernel.access.routing import page

ONE = "console/catalog/resources/<int:resource_id>/"

app_name = "catalog_changing"
urlpatterns = [
    page(
        f"{ONE}submission/", views.submission, name="submit", permission="catalog.resource.submit"
    ),
    page(
        f"{ONE}life/<slug:verb>/", views.life, name="life", permission="catalog.resource.suspend"
    ),
    page(
        f"{ONE}life/retire/cancel/", require_POST(views.cancel), name="cancel-retirement",
        permission="catalog.resource.suspend",
    ),
]  # fmt: skip
