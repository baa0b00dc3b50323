"""What the public says: the list of what was answered, the form, one's own message, and following a dataset."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.data.opening import selectors as opening
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.voices import selectors, services
from chengshu.data.opening.voices.choices import HINTS, VoiceKind
from chengshu.data.opening.voices.forms import VoiceForm
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest, client_address
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Crumb, EmptyState
from chengshu.portals.opendata import limits

SHOWN = 50
ON_PAGE = 5


def listing(request: ActorRequest) -> HttpResponse:
    """Everything that was answered, by kind."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in VoiceKind.values else ""
    here = reverse("opendata:voices")
    context = {
        "title": "互动与成果", "voices": selectors.public_voices(kind=kind)[:SHOWN], "kind": kind,
        "kinds": [("全部", here, not kind), *(
            (word, f"{here}?{urlencode({'kind': value})}", value == kind)
            for value, word in VoiceKind.choices
        )],
        "crumbs": [Crumb("首页", reverse("opendata:home")), Crumb("互动与成果")],
        "nothing": EmptyState(
            title="还没有公开的内容", icon="message", text="提出的需求、纠错和成果答复后会公开在这里。"
        ),
    }  # fmt: skip
    return render(request, "opendata/voices.html", context)


def new(request: ActorRequest) -> HttpResponse:
    """Say something; without signing in, too."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in VoiceKind.values else VoiceKind.DEMAND.value
    slug = request.GET.get("dataset", "")
    dataset = opening.public_dataset(slug) if slug else None
    form = VoiceForm(request.POST or None, kind=kind)
    if request.method == "POST" and form.is_valid():
        limits.count(request)
        try:
            item = services.submit(
                actor=request.actor, kind=kind, title=form.cleaned_data["title"],
                text=form.cleaned_data["text"], link=form.cleaned_data.get("link", ""), dataset=dataset,
                address=client_address(request),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已提交。请记下这个网址，答复会出在这里。")
            return redirect("opendata:voice", item.token)
    word = VoiceKind(kind).label
    context = {
        "title": word, "form": form, "hint": HINTS[kind], "dataset": dataset,
        "cancel_url": reverse("opendata:dataset", args=[slug]) if dataset else reverse("opendata:voices"),
        "crumbs": [
            Crumb("首页", reverse("opendata:home")), Crumb("互动与成果", reverse("opendata:voices")),
            Crumb(word),
        ],
    }  # fmt: skip
    return render(request, "opendata/voice_form.html", context)


def voice(request: ActorRequest, token: str) -> HttpResponse:
    """One message under the address that only its author was given."""
    item = selectors.own_voice(token)
    context = {
        "title": item.title, "voice": item,
        "crumbs": [
            Crumb("首页", reverse("opendata:home")), Crumb("互动与成果", reverse("opendata:voices")),
            Crumb(item.title),
        ],
    }  # fmt: skip
    response = render(request, "opendata/voice.html", context)
    # The address is the key to it: it must not travel on in a header of the next page.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
def follow(request: ActorRequest, slug: str) -> HttpResponse:
    """Be told of new releases, or no longer."""
    dataset = opening.public_dataset(slug)
    wanted = request.POST.get("wanted") == "1"
    services.follow(actor=request.actor, dataset=dataset, wanted=wanted)
    messages.success(request, "有新版本会发消息给您。" if wanted else "已取消订阅。")
    return redirect("opendata:dataset", slug)


def exchange(actor: Actor, dataset: OpenDataset) -> dict[str, Any]:
    """What the page of a dataset says of its exchange with the public."""
    form = reverse("opendata:voice-new")

    def link(kind: VoiceKind) -> str:
        return f"{form}?{urlencode({'kind': kind.value, 'dataset': dataset.slug})}"

    return {
        "signed_in": actor.account is not None, "followed": selectors.follows(actor, dataset),
        "voices": list(selectors.public_voices(dataset=dataset)[:ON_PAGE]),
        "links": [(kind.label, link(kind)) for kind in VoiceKind if kind != VoiceKind.DEMAND],
    }  # fmt: skip
