"""Material of a request: add it, read it."""

from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from chengshu.data.sharing.requests import selectors
from chengshu.data.sharing.requests.forms import AttachForm
from chengshu.data.sharing.requests.presentation import request_url
from chengshu.data.sharing.requests.services import attachments
from chengshu.data.sharing.requests.views.detail import context_of
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput, NotFound


def attach(request: ActorRequest, pk: int) -> HttpResponse:
    """Add files to a request."""
    item = selectors.request(request.actor, pk)
    form = AttachForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            attachments.attach(actor=request.actor, item=item, attachments=form.attachments())
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "材料已补充，办理的人能看到。")
            return redirect(request_url(item))
    context = context_of(request, item, attaching=form)
    return render(request, "requests/request.html", context, status=422)


def download(request: ActorRequest, pk: int, file: UUID) -> HttpResponseBase:
    """One file of a request, for whoever may see the request; never shown inside the page."""
    item = selectors.request(request.actor, pk)
    found = next((one for one in attachments.attached(item) if one.pk == file), None)
    if found is None or not found.path.is_file():
        raise NotFound("没有找到这个文件。")
    return FileResponse(found.path.open("rb"), as_attachment=True, filename=found.name)
