"""Browser journeys: one running city, Debian's Chromium, screenshots in ``build/screenshots``."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e import city as running
from tests.e2e.city import RunningCity

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
AXE = next((ROOT / "tests" / "e2e" / "vendor" / "axe-core").glob("**/axe.min.js"), None)
DESKTOP, PHONE, WALL = (1440, 900), (390, 844), (1920, 1080)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "Longgang-2026"


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    if folder := os.environ.get("CHENGSHU_E2E_DATA_DIR"):
        # A city that already runs from that folder: for writing journeys without waiting for the start.
        yield running.attach(Path(folder))
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    town, process = running.start(tmp_path_factory.mktemp("city"), port)
    yield town
    running.stop(process)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = (
        os.environ.get("CHENGSHU_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
    )
    if path is None:
        pytest.skip("Chromium is not installed (apt install chromium fonts-noto-cjk)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """A person at a browser: opens pages, keeps screenshots, refuses console errors and bad accessibility."""

    def __init__(self, page: Page, city: RunningCity, size: str) -> None:
        self.page, self.city, self.size = page, city, size
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)

    def open(self, path: str) -> Page:
        answer = self.page.goto(self.city.web + path)
        assert answer is not None
        assert answer.status < 400, f"{path}: {answer.status}"
        return self.page

    def sign_in(self, username: str, then: str = "/console/") -> Page:
        page = self.open(f"/sign-in/?next={quote(then)}")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/sign-in/" not in url)
        return page

    def keep(self, name: str, *, full: bool = False) -> None:
        """Take a screenshot, and fail on anything the browser complained about."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_load_state()  # a page that is being left has no picture
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.size}.png", full_page=full)
        assert self.errors == [], f"{name}: {self.errors}"

    def check_accessibility(self) -> None:
        """No serious or critical finding of axe-core on the page as it stands."""
        assert AXE is not None, "axe-core is vendored under tests/e2e/vendor"
        # Evaluated over the debugging protocol, which the page's content security policy does not touch.
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
            ".filter(v => ['serious', 'critical'].includes(v.impact))"
            ".map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | '))"
        )
        assert found == [], found


@pytest.fixture
def visit(chromium: Browser, city: RunningCity) -> Iterator[Callable[..., Visitor]]:
    contexts = []

    def make(size: tuple[int, int] = DESKTOP, **options: object) -> Visitor:
        names = {DESKTOP: "1440", PHONE: "390", WALL: "1920"}
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="zh-CN",
            timezone_id="Asia/Shanghai", accept_downloads=True,
            reduced_motion="reduce",  # a screenshot in the middle of a movement shows what nobody sees
            **options,
        )  # fmt: skip
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Visitor(context.new_page(), city, names.get(size, str(size[0])))

    yield make
    for context in contexts:
        context.close()
