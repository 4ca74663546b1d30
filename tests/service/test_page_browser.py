"""The page in a headless browser, before the service itself: start, watch, approve, switch off.

Each test has a post of its own; the service, and the browser, are one for all. Left out: other
browsers, and pictures (a person looks at those).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fake_office as fakes
import httpx
import pytest
from served import served

from quickstudy.service import keys

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver on the path"
)
PATIENCE = 60.0  # seconds: for a busy machine; passing tests never wait so long
ROOM = {
    "observation": {"type": "box", "shape": [2], "names": ["inside", "outside"]},
    "action": {"type": "discrete", "n": 3, "labels": ["hold", "heat", "boost"]},
    "one_step": True,
    "reward_meaning": "minus the degrees off target",
}
SEEN = {"observation": {"inside": 17.5, "outside": -3.0}}


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """A new learner's service in a process of its own; its address."""
    command = [sys.executable, "-m", "quickstudy", "serve", str(path), "--port", "0", "--json"]
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout
        said = []
        try:
            for line in process.stdout:
                said.append(line)
                if '"url"' in line:
                    break
            else:
                pytest.fail("the service did not start: " + "".join(said))
            yield json.loads(line)["url"]
        finally:
            process.terminate()
            process.stdout.read()  # or it could not finish writing


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        serving(tmp_path_factory.mktemp("home") / "ada") as url,
        httpx.Client(base_url=url, timeout=PATIENCE) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,900"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


class Page:
    """What a person does before the page, and sees on it."""

    def __init__(self, driver: webdriver.Chrome, service: httpx.Client, post: str):
        self.driver, self.service, self.post = driver, service, post

    def create(self, **terms: Any) -> None:
        declared = ROOM | {"name": self.post, "terms": {"any": terms} if terms else {}}
        assert self.service.post("/v1/posts", json=declared).status_code == 201

    def decide(self) -> dict[str, Any]:
        return self.service.post(f"/v1/posts/{self.post}/decide", json=SEEN).json()

    def open(self) -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{self.service.base_url}/#{self.post}")
        self.until(lambda: self.text("#name") == self.post)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """What is to be read there, in one line."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return " ".join(self.driver.execute_script(script, selector).split())

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def button(self, label: str, within: str = "body") -> WebElement:
        xpath = f".//button[normalize-space()='{label}']"
        return self.driver.find_element(By.CSS_SELECTOR, within).find_element(By.XPATH, xpath)

    def until(self, is_so: Callable[[], Any]) -> None:
        WebDriverWait(self.driver, PATIENCE, 0.1).until(lambda _: is_so())


@pytest.fixture
def page(
    request: pytest.FixtureRequest, chromium: webdriver.Chrome, service: httpx.Client
) -> Iterator[Page]:
    """Of a post named as the test. Nothing may go wrong in the browser meanwhile."""
    page = Page(chromium, service, request.node.name.removeprefix("test_").replace("_", "-"))
    chromium.get_log("browser")
    yield page
    assert chromium.get_log("browser") == []


def test_decisions_arrive_by_themselves(page: Page) -> None:
    page.create()
    page.open()
    assert "No decision yet." in page.text("#value-none")
    first = page.decide()
    page.until(lambda: str(first["id"]) in page.text("#decisions"))
    row = page.text("#decisions tr")
    assert first["proposed"] in row and "shadow" in row
    told = {"reward": -2.5, "taken": "hold"}
    page.service.post(f"/v1/decisions/{first['id']}/outcome", json=told)
    page.until(lambda: "−2.5" in page.text("#decisions tr"))
    assert "Nothing it proposes; others decide" in page.text("#answers")
    assert "clean decisions more" in page.text("#classes")


def test_a_person_allows_what_waits(page: Page) -> None:
    page.create(first="supervised")
    page.open()
    asked = page.decide()
    assert asked["needs_approval"]
    page.until(lambda: page.all("#inbox li"))
    assert page.text("#inbox .act") == asked["proposed"]
    assert "inside 17.5" in page.text("#inbox .seen")
    assert "1 approval" in page.text("#answers")
    assert "new approval" in page.text("#news")  # told to who listens
    page.button("Allow", "#inbox").click()
    page.until(lambda: not page.all("#inbox li"))
    answer = page.service.get(f"/v1/decisions/{asked['id']}").json()
    assert (answer["verdict"], answer["action"]) == ("allow", asked["proposed"])


def test_a_person_corrects_by_keyboard(page: Page) -> None:
    page.create(first="supervised")
    page.open()
    asked = page.decide()
    page.until(lambda: page.all("#inbox li"))
    edit = page.button("Edit", "#inbox")
    edit.send_keys(Keys.ENTER)
    assert page.driver.switch_to.active_element.tag_name == "select"
    page.press(Keys.ESCAPE)
    assert not page.all(".edit") and page.driver.switch_to.active_element == edit
    other = next(one for one in ROOM["action"]["labels"] if one != asked["proposed"])  # type: ignore[index]
    edit.send_keys(Keys.ENTER)
    page.press(other)
    page.press(Keys.TAB)
    page.press("it is night", Keys.ENTER)
    page.until(lambda: not page.all("#inbox li"))
    answer = page.service.get(f"/v1/decisions/{asked['id']}").json()
    assert (answer["by"], answer["action"]) == ("mentor", other)


def test_a_person_rejects_and_says_why(page: Page) -> None:
    page.create(first="supervised")
    page.open()
    asked = page.decide()
    page.until(lambda: page.all("#inbox li"))
    page.button("Reject", "#inbox").click()
    page.press("too dear", Keys.ENTER)
    page.until(lambda: not page.all("#inbox li"))
    answer = page.service.get(f"/v1/decisions/{asked['id']}").json()
    assert (answer["verdict"], answer["by"]) == ("refuse", None)


def test_switched_off_after_one_question(page: Page) -> None:
    page.create(first="autonomous")
    page.open()
    assert page.decide()["verdict"] == "allow"
    page.button("Switch off", "#switch-post").click()
    page.press(Keys.ESCAPE)
    assert page.decide()["verdict"] == "allow"  # asked, and left
    page.button("Switch off", "#switch-post").click()
    page.press("nora", Keys.TAB)
    page.press("maintenance", Keys.ENTER)
    page.until(lambda: "Off" in page.text("#answers"))
    refused = page.decide()
    assert refused["verdict"] == "refuse" and "nora (maintenance)" in refused["reasons"][0]
    page.button("Switch on", "#switch-post").click()
    page.press(Keys.ENTER)
    page.until(lambda: page.text("#answers").startswith("Is it on? On"))
    assert page.decide()["verdict"] == "allow"


def test_all_are_switched_off(page: Page) -> None:
    page.create(first="autonomous")
    page.open()
    try:
        page.button("Switch all off", "#switch-all").click()
        page.press(Keys.ENTER)
        page.until(lambda: "Off" in page.text("#answers"))
        assert page.decide()["verdict"] == "refuse"
    finally:
        page.service.post("/v1/switch", json={"state": "on", "why": "the test is over"})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_telephone(page: Page, scheme: str) -> None:
    page.post = f"a-name-of-a-post-that-is-longer-than-a-telephone-is-wide-{scheme}"
    page.create(first="supervised")
    page.decide()
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.open()
        page.until(lambda: page.all("#inbox li"))
        page.button("Edit", "#inbox").click()
        width = "return document.documentElement.scrollWidth - innerWidth"
        assert page.driver.execute_script(width) <= 0
        page.driver.execute_script("scrollTo(0, document.body.scrollHeight)")
        scrolled = page.driver.execute_script("return scrollY")
        for label in ("Switch off", "Switch all off"):  # in sight wherever one scrolls
            box = page.button(label).rect
            assert 0 <= box["y"] - scrolled < 300 and box["x"] + box["width"] <= 360
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_key_is_asked_for(tmp_path: Path, chromium: webdriver.Chrome) -> None:
    """And kept in the tab alone."""
    key = keys.add(tmp_path, "nora", ["read"])
    with served(fakes.desk(fakes.FakeOffice()), keys.Keys(tmp_path)) as url:
        with httpx.Client(base_url=url) as client:
            page = Page(chromium, client, "")
            chromium.get(url)
            page.until(lambda: page.all("#key-dialog[open]"))
            page.press("wrong", Keys.ENTER)
            page.until(lambda: "not accepted" in page.text("#key-text"))
            page.press(key, Keys.ENTER)
            page.until(lambda: "No posts yet" in page.text("#nothing"))
            page.until(lambda: page.text("#link-text") == "live")
            held = (
                "return [sessionStorage.getItem('key'), localStorage.length, document.cookie]"
            )
            assert chromium.execute_script(held) == [key, 0, ""]
        chromium.get("about:blank")
