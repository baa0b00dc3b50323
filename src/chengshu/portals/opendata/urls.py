"""Routes of the open-data portal. Everything here is public but messages about new releases."""

from chengshu.kernel.access.routing import PUBLIC, SIGNED_IN, page
from chengshu.portals.opendata.ckan import views as ckan
from chengshu.portals.opendata.views import (
    api,
    charts,
    datasets,
    downloads,
    feeds,
    home,
    metadata,
    restricted,
    voices,
)
from chengshu.portals.opendata.views.negotiation import negotiated

app_name = "opendata"
_SET = "open/datasets/<slug:slug>/"
_API = "open/api/v1/"
urlpatterns = [
    page("open/", negotiated(home.home), name="home", permission=PUBLIC),
    page("open/datasets/", negotiated(home.listing), name="datasets", permission=PUBLIC),
    page("open/interfaces/", home.interfaces, name="interfaces", permission=PUBLIC),
    page(_SET, negotiated(datasets.page), name="dataset", permission=PUBLIC),
    page(
        f"{_SET}files/<int:number>/<slug:name>.<str:file_format>", downloads.release_file,
        name="release-file", permission=PUBLIC,
    ),
    page(f"{_SET}chart/", charts.embedded, name="chart", permission=PUBLIC),
    page(f"{_SET}chart.csv", charts.numbers, name="chart-numbers", permission=PUBLIC),
    page(f"{_SET}datapackage.json", metadata.data_package, name="datapackage", permission=PUBLIC),
    page(f"{_SET}dcat.<slug:suffix>", metadata.dcat_description, name="dcat", permission=PUBLIC),
    page(
        "open/restricted/<slug:slug>/dcat.<slug:suffix>", metadata.dcat_description,
        name="restricted-dcat", permission=PUBLIC,
    ),
    page(f"{_SET}croissant.json", metadata.croissant_description, name="croissant", permission=PUBLIC),
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
    page(f"{_API}openapi.json", api.openapi, name="openapi", permission=PUBLIC),
    page("open/restricted/", restricted.listing, name="restricted-list", permission=PUBLIC),
    page("open/restricted/<slug:slug>/", negotiated(restricted.page), name="restricted", permission=PUBLIC),
    page("open/restricted/<slug:slug>/apply/", restricted.apply, name="restricted-apply", permission=SIGNED_IN),
    page("open/restricted/<slug:slug>/key/", restricted.key, name="restricted-key", permission=SIGNED_IN),
    page(
        "open/restricted/<slug:slug>.<str:file_format>", restricted.file, name="restricted-file",
        permission=PUBLIC,
    ),
    page("open/voices/", voices.listing, name="voices", permission=PUBLIC),
    page("open/voices/new/", voices.new, name="voice-new", permission=PUBLIC),
    page("open/voices/<str:token>/", voices.voice, name="voice", permission=PUBLIC),
    page(f"{_SET}follow/", voices.follow, name="follow", permission=SIGNED_IN),
    page(f"{_SET}feed.atom", feeds.dataset_atom, name="dataset-atom", permission=PUBLIC),
    page("open/feed.atom", feeds.atom, name="atom", permission=PUBLIC),
    page("open/feed.rss", feeds.rss, name="rss", permission=PUBLIC),
    page("sitemap.xml", feeds.sitemap, name="sitemap", permission=PUBLIC),
    page("robots.txt", feeds.robots, name="robots", permission=PUBLIC),
    page("api/3/action/<str:name>", ckan.action, name="ckan", permission=PUBLIC),
    page("api/action/<str:name>", ckan.action, name="ckan-unversioned", permission=PUBLIC),
]  # fmt: skip
