"""The search page of the catalogue, and what is offered while somebody types."""

from functools import partial
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from chengshu.data.catalog.facets import Facet
from chengshu.data.catalog.finding import selectors
from chengshu.data.catalog.search import KINDS
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.search.services import suggest as suggestions
from chengshu.kernel.ui.components import Tab

LONGEST_QUERY = 80


def search(request: ActorRequest) -> HttpResponse:
    """Everything found, with facets; the whole question is in the address."""
    asked = _Asked(request.GET, request.path)
    context = {"title": "查找数据", "subtitle": "目录、数据项、标准、系统和事项，一个框里找"}
    context |= {"query": asked.query, "asked": asked}  # type: ignore[dict-item]
    if asked.query:
        words = selectors.facet_words()
        found = selectors.find(
            actor=request.actor, query=asked.query, kind=asked.kind, chosen=asked.chosen(words),
            page=asked.page,
        )  # fmt: skip
        context |= asked.shown(found, words)  # type: ignore[arg-type]
    return render(request, "catalog_finding/search.html", context)


def suggest(request: ActorRequest) -> HttpResponse:
    """Titles that hold what is typed so far."""
    typed = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    hits = suggestions(request.actor, typed, within=KINDS) if typed else []
    return render(request, "catalog_finding/suggestions.html", {"hits": hits, "typed": typed})


class _Asked:
    """The question of an address, and addresses of neighbouring questions."""

    def __init__(self, values: QueryDict, path: str) -> None:
        self.values, self.path = values, path
        self.query = values.get("q", "").strip()[:LONGEST_QUERY]
        kind = values.get("kind", "")
        self.kind = kind if kind in KINDS else ""
        number = values.get("page", "1")
        self.page = int(number) if number.isascii() and number.isdigit() and len(number) < 3 else 1  # noqa: PLR2004
        self.page = max(self.page, 1)

    def chosen(self, words: dict[str, tuple[str, selectors.Words]]) -> dict[str, list[str]]:
        """The chosen values that exist."""
        known = {key: {value for value, _word in pairs} for key, (_title, pairs) in words.items()}
        return {
            key: kept
            for key, values in known.items()
            if (kept := [v for v in self.values.getlist(key) if v in values])
        }

    def url(self, **changes: str | list[str]) -> str:
        """The same question with some of it changed; the first page unless said otherwise."""
        kept: dict[str, str | list[str]] = {
            key: values for key, values in self.values.lists() if key not in {"page", "q", "kind"}
        }
        kept |= {"q": self.query, "kind": self.kind}
        pairs = {key: value for key, value in (kept | changes).items() if value}
        return f"{self.path}?{urlencode(pairs, doseq=True)}"

    def toggled(self, key: str, value: str, chosen: bool) -> str:
        """The address with one value of a facet added or let go."""
        values = [v for v in self.values.getlist(key) if v != value]
        return self.url(**{key: values if chosen else [*values, value]})

    def shown(
        self, found: selectors.Found, words: dict[str, tuple[str, selectors.Words]]
    ) -> dict[str, object]:
        """Template context of an answer."""
        results = found.results
        everything = sum(count for _key, _name, count in found.kinds)
        chosen = self.chosen(words)
        reached = self.page * selectors.PAGE
        return {
            "found": found,
            "results": results,
            "tabs": [
                Tab(name, self.url(kind=key), key == self.kind, count)
                for key, name, count in [("", "全部", everything), *found.kinds]
            ],
            "facets": [
                Facet.of(
                    title, pairs, results.facets.get(key, {}), set(chosen.get(key, ())),
                    partial(self.toggled, key),
                )
                for key, (title, pairs) in words.items()
            ],
            "narrowed": bool(chosen),
            "all_url": f"{self.path}?{urlencode({'q': self.query})}",
            "meant_url": self.url(q=results.did_you_mean) if results.did_you_mean else "",
            "previous_url": self.url(page=str(self.page - 1)) if self.page > 1 else "",
            "next_url": self.url(page=str(self.page + 1)) if reached < results.reachable else "",
            "sections": [
                (name, hits, count, self.url(kind=key)) for key, name, hits, count in found.sections
            ],
            "list_url": reverse("catalog:resources"),
        }  # fmt: skip
