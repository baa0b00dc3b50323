"""One form on one page: parse, call the service, put its messages beside the fields, go on."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render

from chengshu.data.catalog.forms import place_errors
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.ui.components import Crumb


def posted(request: ActorRequest) -> QueryDict | None:
    """What was posted, also when nothing was ticked; None for a page that is only looked at."""
    return request.POST if request.method == "POST" else None


def form_page(
    request: ActorRequest,
    form: forms.Form,
    save: Callable[[], tuple[str, str]],
    *,
    title: str,
    crumbs: Sequence[Crumb],
    cancel_url: str,
    submit: str = "保存",
    template: str = "ui/form.html",
    **context: Any,
) -> HttpResponse:
    """Draw ``form``, or save it; ``save`` returns the address to go to and what to tell the person."""
    if request.method == "POST" and form.is_valid():
        try:
            target, message = save()
        except InvalidInput as error:
            for text in place_errors(form, (), error.fields or {"": error.detail}):
                form.add_error(None, text)
        except Conflict as error:
            form.add_error(None, error.detail)
        else:
            messages.success(request, message)
            return redirect(target)
    page = {
        "title": title, "crumbs": crumbs, "form": form, "submit": submit,
        "cancel_url": cancel_url, **context,
    }  # fmt: skip
    return render(request, template, page, status=422 if form.errors else 200)
