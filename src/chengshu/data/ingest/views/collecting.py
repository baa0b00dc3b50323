"""A new collection: choose where from, upload, look and correct the reading, start."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog.facade import (
    Resource,
    Way,
    collectable,
    published_by_id,
    ways_of,
)
from chengshu.data.ingest import selectors
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.forms import UploadForm
from chengshu.data.ingest.masking import Mask, hide_numbers, masked, masks_of
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.presentation import DELIMITERS, ENCODINGS
from chengshu.data.ingest.reading.encodings import CERTAIN
from chengshu.data.ingest.services import uploads
from chengshu.data.ingest.services.uploads import Inspection
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput
from chengshu.kernel.ui.components import Crumb, Step

SAMPLES = 3
PLAUSIBLE = 0.5
_CHINESE_RUN = re.compile(r"([\u3400-\u9fff])[\u3400-\u9fff]+")
STEPS = ("选择来源", "核对预览", "入库")


def steps(now: int) -> list[Step]:
    """The stations of a collection; ``now`` counts from 0."""
    return [
        Step(title, "done" if i < now else "now" if i == now else "next")
        for i, title in enumerate(STEPS)
    ]


def crumbs(resource: Resource, last: str) -> list[Crumb]:
    """Where a page of collecting ``resource`` lies."""
    return [
        Crumb("数据归集", reverse("ingest:board")),
        Crumb(resource.title, reverse("ingest:preview", args=[resource.pk])),
        Crumb(last),
    ]


def new(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Upload a file, or go on to a database table."""
    resource = selectors.resource(request.actor, resource_id, "ingest.batch.create")
    collectable(published_by_id(resource.pk))
    ways = ways_of(resource.kind)
    form = UploadForm(request.POST or None, request.FILES or None)
    refusal: ChengshuError | None = None
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            batch = uploads.upload(
                actor=request.actor, resource_code=resource.code, name=file.name,
                chunks=file.chunks(),
            )  # fmt: skip
        except ChengshuError as error:
            refusal = error
        else:
            return redirect("ingest:confirm", batch.pk)
    context = {
        "title": f"归集“{resource.title}”",
        "subtitle": f"{resource.provider.name} · {resource.code}",
        "crumbs": crumbs(resource, "新的归集"),
        "steps": steps(0),
        "resource": resource,
        "form": form,
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "refusal": refusal,
        "may_upload": Way.FILE in ways,
        "may_push": Way.PUSH in ways,
        "sources": [s for s in selectors.sources(request.actor) if s.connector.way in ways],
        "may_use_sources": "ingest.source.manage" in request.actor.scopes,
        "items": resource.published.items.order_by("order") if resource.published else [],
    }
    status = 422 if refusal or form.errors else 200
    return render(request, "ingest/new.html", context, status=status)


@dataclass(frozen=True, slots=True)
class HeaderChoice:
    """One column of the file and the data item it goes to; ``key`` is its field in the form."""

    key: str
    header: str
    samples: list[str]
    target: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class EncodingChoice:
    """One way to read the bytes."""

    value: str
    name: str
    share: str
    evidence: str
    sample: str
    chosen: bool


def _choices(data: Mapping[str, str]) -> dict[str, Any]:
    """The reading a person chose; what is absent or unusable is left to the look."""
    row = data.get("header_row", "")
    return {
        "encoding": data.get("encoding", ""),
        "delimiter": data.get("delimiter", ""),
        "header_row": int(row) if row.isdecimal() else None,
        "sheet": data.get("sheet", ""),
    }


def confirm(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Look at the file as it would be read; correct; start."""
    batch = selectors.batch(request.actor, pk)
    if batch.state != BatchState.DRAFT or batch.origin != Origin.FILE:
        if request.method == "POST":
            messages.warning(request, "这个批次已经确认过了，下面是它的进度。")
        return redirect("ingest:batch", batch.pk)
    given = request.POST if request.method == "POST" else request.GET
    earlier = {key: str(value) for key, value in batch.options.items() if key != "mapping"}
    chosen = _choices(given if "header_row" in given else earlier)
    refusal: ChengshuError | None = None
    try:
        look = uploads.inspect(actor=request.actor, batch=batch, **chosen)
    except InvalidInput as error:
        refusal, chosen = error, _choices({})
        look = uploads.inspect(actor=request.actor, batch=batch)
    mapping = _mapping(given, look, batch)
    if request.method == "POST" and refusal is None:
        try:
            uploads.confirm(actor=request.actor, batch=batch, mapping=mapping, **chosen)
        except Conflict as error:
            messages.warning(request, error.detail)
            return redirect("ingest:batch", batch.pk)
        except InvalidInput as error:
            refusal = error
        else:
            return redirect("ingest:batch", batch.pk)
    context = _confirm_context(batch, look, mapping, chosen)
    context["refusal"] = refusal
    return render(request, "ingest/confirm.html", context, status=422 if refusal else 200)


def _mapping(given: Mapping[str, str], look: Inspection, batch: Batch) -> dict[str, str]:
    """Header → data item as posted; before that, as confirmed earlier for this file, or as proposed."""
    headers = look.report.headers
    if any(f"map-{index}" in given for index in range(len(headers))):
        posted: dict[str, str] = {}
        for index, header in enumerate(headers):
            target = given.get(f"map-{index}", "")
            if header and target:
                posted[header] = target
        return posted
    earlier: dict[str, str] = batch.options.get("mapping", {})
    if earlier and set(earlier) <= set(headers):
        return earlier
    return look.mapping


def _confirm_context(
    batch: Batch, look: Inspection, mapping: dict[str, str], chosen: dict[str, Any]
) -> dict[str, Any]:
    report, columns = look.report, look.resource.columns
    masks = masks_of(columns)
    targets = [mapping.get(header, "") for header in report.headers]
    preview = [_shown(line, targets, masks) for line in report.preview]
    mapped = set(mapping.values())
    return {
        "title": "核对预览",
        "subtitle": f"{batch.file} → {batch.resource.title}",
        "crumbs": crumbs(batch.resource, "核对预览"),
        "steps": steps(1),
        "batch": batch,
        "misread": _misread(look, chosen["encoding"]),
        "report": report,
        "headers": _headers(report.headers, report.duplicate_headers, targets, preview),
        "preview": preview,
        "options": [(c.name, f"{c.title}{' *' if c.required else ''}") for c in columns],
        "missing": [c.title for c in columns if c.required and c.name not in mapped],
        "absent": [c.title for c in columns if not c.required and c.name not in mapped],
        "unused": [h for h in report.headers if h and h not in mapping],
        "encodings": _encodings(look, chosen["encoding"]),
        "delimiters": DELIMITERS.items(),
        "hidden": {
            "encoding": chosen["encoding"], "delimiter": report.delimiter or "",
            "header_row": report.header_row, "sheet": report.sheet or "",
        },
    }  # fmt: skip


def _headers(
    headers: Sequence[str], twice: Sequence[str], targets: Sequence[str], preview: list[list[str]]
) -> list[HeaderChoice]:
    return [
        HeaderChoice(
            key=f"map-{index}",
            header=header,
            samples=[line[index] for line in preview if index < len(line) and line[index]][
                :SAMPLES
            ],
            target=targets[index],
            duplicate=header in twice,
        )
        for index, header in enumerate(headers)
    ]


def _shown(line: Sequence[str], targets: Sequence[str], masks: Mapping[str, Mask]) -> list[str]:
    """A row of the file as the preview shows it: personal columns masked, unknown ones without long numbers."""
    shown = []
    for index, cell in enumerate(line):
        target = targets[index] if index < len(targets) else ""
        known = masked(masks, target, cell) if target else hide_numbers(cell)
        shown.append(known or "")
    return shown


def _encodings(look: Inspection, chosen: str) -> list[EncodingChoice]:
    guesses = look.report.encodings
    # An uncertain one is not chosen beforehand: somebody has to read the samples.
    sure = bool(guesses) and guesses[0].confidence >= CERTAIN
    best = chosen or (guesses[0].encoding if sure else "")
    return [
        EncodingChoice(
            value=guess.encoding, name=ENCODINGS.get(guess.encoding, guess.encoding),
            share=f"{guess.confidence:.0%}", evidence=guess.evidence,
            sample=_sample(guess.sample, look), chosen=guess.encoding == best,
        )
        for guess in guesses
    ]  # fmt: skip


def _misread(look: Inspection, chosen: str) -> str:
    """Why the chosen encoding is plainly wrong, if it is."""
    guesses = look.report.encodings
    mine = next((guess for guess in guesses if guess.encoding == chosen), None)
    if mine is None or mine is guesses[0] or mine.confidence >= PLAUSIBLE:
        return ""
    best = ENCODINGS.get(guesses[0].encoding, guesses[0].encoding)
    return (
        f"按 {ENCODINGS.get(chosen, chosen)} 读不通（{mine.evidence}），下面的乱码和缺列都由此而来。"
        f"请改选 {best}。"
    )


def _sample(sample: str, look: Inspection) -> str:
    """One line of a sample: enough to see whether it reads well. A line of data keeps only surnames."""
    line = hide_numbers(sample.partition("\n")[0])
    # The sample begins at the first Chinese text: that is the header line unless the header has none.
    data = all(header.isascii() for header in look.report.headers)
    personal = data and masks_of(look.resource.columns)
    return _CHINESE_RUN.sub(r"\1*", line) if personal else line
