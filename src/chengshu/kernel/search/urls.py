"""Routes of the search package."""

from chengshu.kernel.access.routing import page
from chengshu.kernel.search import views

app_name = "search"
_MANAGE = "search.synonym.manage"
urlpatterns = [
    page("console/synonyms/", views.SynonymList.as_view(), name="synonyms", permission=_MANAGE),
    page("console/synonyms/new/", views.synonym, name="synonym-new", permission=_MANAGE),
    page("console/synonyms/<int:pk>/", views.synonym, name="synonym", permission=_MANAGE),
    page(
        "console/synonyms/<int:pk>/remove/", views.remove, name="synonym-remove", permission=_MANAGE
    ),
]
