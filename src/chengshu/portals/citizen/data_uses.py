"""“谁查过我”: a person's own list of who looked up his or her records, and the way to ask why.

Whose list it is comes from the session alone; no address, form or header names a person.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from chengshu.data.sharing.uses import selectors, services
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import ChengshuError, NotFound, NotSignedIn
from chengshu.kernel.identity.models import Account
from chengshu.kernel.ui.components import Tab

TITLE = "谁查过我"
PERIODS = {1: "近 1 个月", 6: "近半年", 12: "近一年", 36: "近三年"}
DEFAULT, DAYS_A_MONTH, LAST_PAGE = 12, 30.44, 200
# What each way of calling leaves behind, in a person's words.
KINDS = {
    "lookup": "单独查了您这一条",
    "batch": "批量查询，您是其中一人",
    "verify": "拿着信息来核对，只得到“对”或“不对”",
    "query": "按条件查出一批人，其中有您",
    "changes": "同步数据变化，其中有您",
    "proxy": "通过提供部门的接口查了您",
}


class AskForm(forms.Form):
    """Why it seems wrong."""

    words = forms.CharField(
        label="哪里觉得不对", widget=forms.Textarea(attrs={"rows": 4}),
        min_length=services.SHORTEST, max_length=services.LONGEST,
        help_text="例如：那天我没有办过事；这个单位我没有打过交道。不用写身份证号。",
    )  # fmt: skip


def overview(request: ActorRequest) -> HttpResponse:
    """How often, by whom; one line per application and interface."""
    months = _months(request)
    account = _account(request)
    found = selectors.summary(account, _since(months))
    services.note_viewed(actor=request.actor, months=months)
    context = {
        "title": TITLE, "back_url": reverse("citizen:me"), "summary": found,
        "period": PERIODS[months], "periods": _periods(months),
        "known": bool(selectors.hashes_of(account)),
        "groups": [(group, _single_url(group.application, group.interface, months))
                   for group in found.groups],
        "objections": selectors.objections(account),
    }  # fmt: skip
    return render(request, "citizen/data_uses.html", context)


def single(request: ActorRequest) -> HttpResponse:
    """Every look-up of one application through one interface, newest first."""
    months, account = _months(request), _account(request)
    group = _group(request, account, months)
    number = request.GET.get("page", "1")
    page = min(max(int(number), 1), LAST_PAGE) if number.isdecimal() else 1
    uses, more = selectors.single_uses(
        account, application=group.application, interface=group.interface, since=_since(months),
        page=page,
    )  # fmt: skip
    services.note_viewed(
        actor=request.actor, months=months, application=group.application, interface=group.interface
    )
    here = _single_url(group.application, group.interface, months)
    context = {
        "title": group.application_name, "group": group, "period": PERIODS[months],
        "back_url": f"{reverse('citizen:data-uses')}?months={months}",
        "uses": [replace(use, kind=KINDS.get(use.kind, use.kind)) for use in uses],
        "newer_url": f"{here}&page={page - 1}" if page > 1 else "",
        "older_url": f"{here}&page={page + 1}" if more and page < LAST_PAGE else "",
        "ask_url": f"{reverse('citizen:data-uses-ask')}?{_query(group.application, group.interface)}",
    }  # fmt: skip
    return render(request, "citizen/data_uses_single.html", context)


def ask(request: ActorRequest) -> HttpResponse:
    """Ask the data bureau why; it must answer within its term."""
    account = _account(request)
    group = _group(request, account, max(PERIODS))
    form = AskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.ask_why(
                actor=request.actor, application=group.application, interface=group.interface,
                words=form.cleaned_data["words"],
            )  # fmt: skip
        except ChengshuError as error:
            form.add_error(None, error.detail)
        else:
            messages.success(request, "已提交给市数据主管部门，答复会显示在本页。")
            return redirect("citizen:data-uses")
    context = {
        "title": "觉得不对", "group": group, "form": form, "days": services.ANSWER_DAYS,
        "back_url": _single_url(group.application, group.interface, DEFAULT),
    }  # fmt: skip
    return render(request, "citizen/data_uses_ask.html", context)


def _account(request: ActorRequest) -> Account:
    if request.actor.account is None:
        raise NotSignedIn("请先登录，再看谁查过您的信息。")
    return request.actor.account


def _months(request: ActorRequest) -> int:
    asked = request.GET.get("months", "")
    return int(asked) if asked.isdecimal() and int(asked) in PERIODS else DEFAULT


def _since(months: int) -> datetime:
    return timezone.now() - timedelta(days=months * DAYS_A_MONTH)


def _periods(chosen: int) -> list[Tab]:
    url = reverse("citizen:data-uses")
    return [Tab(name, f"{url}?months={n}", n == chosen) for n, name in PERIODS.items()]


def _query(application: str, interface: str) -> str:
    return urlencode({"application": application, "interface": interface})


def _single_url(application: str, interface: str, months: int) -> str:
    address = reverse("citizen:data-uses-single")
    return f"{address}?{_query(application, interface)}&months={months}"


def _group(request: ActorRequest, account: Account, months: int) -> selectors.Group:
    asked = (request.GET.get("application", ""), request.GET.get("interface", ""))
    for group in selectors.summary(account, _since(months)).groups:
        if (group.application, group.interface) == asked:
            return group
    raise NotFound("没有找到这条查询记录。", advice="请从“谁查过我”里选一条。")
