"""Routes of the open-data portal. Everything here is public."""

from chengshu.kernel.access.routing import PUBLIC, page
from chengshu.portals.opendata.views import api, datasets, downloads, home

app_name = "opendata"
_SET = "open/datasets/<slug:slug>/"
_API = "open/api/v1/"
urlpatterns = [
    page("open/", home.home, name="home", permission=PUBLIC),
    page("open/datasets/", home.listing, name="datasets", permission=PUBLIC),
    page("open/interfaces/", home.interfaces, name="interfaces", permission=PUBLIC),
    page(_SET, datasets.page, name="dataset", permission=PUBLIC),
    page(
        f"{_SET}files/<int:number>/<slug:name>.<str:file_format>", downloads.release_file,
        name="release-file", permission=PUBLIC,
    ),
    page("open/datasets/<slug:slug>.<str:file_format>", downloads.latest, name="latest", permission=PUBLIC),
    page(f"{_API}datasets", api.datasets, name="api-datasets", permission=PUBLIC),
    page(f"{_API}datasets/<slug:slug>", api.dataset, name="api-dataset", permission=PUBLIC),
    page(
        f"{_API}datasets/<slug:slug>/records", api.dataset_records, name="api-dataset-records",
        permission=PUBLIC,
    ),
    page(f"{_API}interfaces", api.interfaces, name="api-interfaces", permission=PUBLIC),
    page(
        f"{_API}interfaces/<slug:slug>/records", api.interface_records,
        name="api-interface-records", permission=PUBLIC,
    ),
]  # fmt: skip
