from dataclasses import replace
from typing import Any

import pytest

from chengshu.kernel.registry import registry
from chengshu.kernel.registry.discovery import ROOT, has_module, packages
from chengshu.kernel.registry.manifest import (
    Action,
    DemoLoader,
    EventType,
    Indicator,
    Manifest,
    Menu,
    Permission,
    RoleTemplate,
    Schedule,
)
from chengshu.kernel.registry.validation import problems

GOOD = Manifest(
    key="parks",
    name="公园",
    description="公园",
    permissions=(Permission(key="parks.view", name="查看公园"),),
    roles=(RoleTemplate(key="gardener", name="园丁", permissions=("parks.view",)),),
    menus=(
        Menu(portal="console", title="公园", url_name="identity:sign-in", permission="parks.view"),
    ),
    events=(EventType(key="city.parks.opened", name="公园开放"),),
    actions=(Action(key="parks.open", name="开放公园"),),
)
MENU = GOOD.menus[0]


def number() -> int:
    return 1


def indicator(compute: str) -> Indicator:
    return Indicator(key="parks.n", name="公园数", unit="个", compute=compute)


def test_a_right_manifest_has_no_problem() -> None:
    assert problems([replace(GOOD, indicators=(indicator(f"{__name__}.number"),))]) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"menus": (replace(MENU, permission="parks.fly"),)}, "unknown permission 'parks.fly'"),
        ({"menus": (replace(MENU, layer="cellar"),)}, "unknown layer 'cellar'"),
        ({"menus": (replace(MENU, url_name="parks:nowhere"),)}, "unknown page 'parks:nowhere'"),
        (
            {"roles": (RoleTemplate(key="gardener", name="园丁", permissions=("parks.dig",)),)},
            "unknown permission 'parks.dig'",
        ),
        ({"roles": (RoleTemplate(key="ghost", permissions=("parks.view",)),)}, "no owner"),
        ({"indicators": (indicator("parks.no.module"),)}, "cannot be imported"),
        ({"menus": (replace(MENU, badge="parks.no.badge"),)}, "cannot be imported"),
        ({"demo": DemoLoader(load="parks.no.demo", order=1)}, "cannot be imported"),
        ({"search": "parks.no.search"}, "cannot be imported"),
        ({"permissions": GOOD.permissions * 2}, "permission 'parks.view' is declared twice"),
        ({"events": GOOD.events * 2}, "event 'city.parks.opened' is declared twice"),
        ({"actions": GOOD.actions * 2}, "action 'parks.open' is declared twice"),
        ({"roles": GOOD.roles * 2}, "role owner 'gardener' is declared twice"),
        (
            {"schedules": (Schedule(key="s", name="夜", cron="* * * * *", job="parks.x"),) * 2},
            "schedule 's' is declared twice",
        ),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_is_reported(change: dict[str, Any], sentence: str) -> None:
    assert any(sentence in found for found in problems([replace(GOOD, **change)]))


def test_two_packages_cannot_have_the_same_key() -> None:
    twin = Manifest(key="parks", name="另一个公园", description="另一个公园")
    assert problems([GOOD, twin]) == ["manifest 'parks' is declared twice"]


def test_a_role_gathers_what_every_package_gives_it() -> None:
    role = registry.roles()["operator"]
    assert role.name == "运维管理员"
    assert {"identity.account.manage", "jobs.manage", "events.manage"} <= set(role.permissions)


def test_packages_are_found_by_walking_the_tree_lowest_tier_first() -> None:
    found = packages()
    assert "chengshu.kernel.identity" in found
    assert all((ROOT.joinpath(*name.split(".")[1:]) / "apps.py").is_file() for name in found)
    tiers = [name.split(".")[1] for name in found]
    order = ("kernel", "assurance", "infra", "data", "support", "apps", "portals")
    assert tiers == sorted(tiers, key=order.index)


def test_a_module_counts_as_file_or_folder() -> None:
    assert has_module("chengshu.kernel.accounts", "services")
    assert has_module("chengshu.kernel.accounts", "urls")
    assert not has_module("chengshu.kernel.accounts", "api")
