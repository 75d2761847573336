"""A reviewer's walk through Dagster's real UI, in a real Chromium: a branch is run by clicking, its delta is read.

Screenshots are left in ``artifacts/``, which git ignores, for people to look at.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from defs.production import ROUND_AMOUNTS, Project, deploy_production, graph_document, make_role
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from pypedream_dagster.aws.session import connect
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings

from .chromium import chromium, needs_chromium

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "artifacts"
_T = TypeVar("_T")

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]


def until(condition: Callable[[], _T | None], what: str, seconds: float = 120) -> _T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (StaleElementReferenceException, OSError):
            pass  # the page is being drawn anew, or the server is not up yet
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


class Page:
    """What a person sees and does."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, path: str) -> None:
        self.driver.get(self.url + path)

    @property
    def text(self) -> str:
        return str(self.driver.find_element(By.TAG_NAME, "body").text)

    def sees(self, *texts: str, seconds: float = 120) -> None:
        until(lambda: all(text in self.text for text in texts), f"{texts} in {self.text[:2000]!r}", seconds)

    def visible(self, xpath: str) -> WebElement:
        def find() -> WebElement | None:
            found = self.driver.find_elements(By.XPATH, xpath)
            return next((item for item in found if item.is_displayed()), None)

        return until(find, xpath)

    def click(self, text: str) -> None:
        self.visible(f"//*[normalize-space(text())={json.dumps(text)}]").click()

    def shot(self, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        time.sleep(1)  # transitions
        self.driver.save_screenshot(str(ARTIFACTS / f"{name}.png"))


@pytest.fixture
def project(aws_env: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    suffix = uuid.uuid4().hex[:8]
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    settings = Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region)
    aws = connect(settings)
    bucket = f"lake-{suffix}"
    aws.s3.create_bucket(bucket)
    deploy_production(aws, settings, bucket, graph_document(bucket, suffix, make_role(suffix), 0))
    project = Project(settings, aws, bucket, suffix)
    project.fill_main()
    project.create_branch(change=ROUND_AMOUNTS)
    project.deploy()
    return project


@pytest.fixture
def ui(project: Project) -> Iterator[str]:
    """Dagster as `make ui` starts it: in the project's folder, on its workspace.yaml."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    log = project.settings.project_dir / "dagster_dev.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=project.settings.project_dir,
            stdout=output,
            stderr=output,
            start_new_session=True,
            # Started in the background, a shell has its children ignore SIGINT, and `dagster dev` with them.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or urllib.request.urlopen(f"{url}/server_info"), "the UI", 300)
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(90)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever is left of its servers


@pytest.fixture
def page(ui: str) -> Iterator[Page]:
    with chromium() as driver:
        page = Page(driver, ui)
        try:
            yield page
        finally:
            page.shot("6-last")


def ask(url: str, query: str) -> Any:
    request = urllib.request.Request(
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())["data"]


def run_states(url: str) -> list[str]:
    data = ask(url, "{runsOrError{... on Runs{results{status}}}}")
    return [run["status"] for run in data["runsOrError"]["results"]]


def asset_groups(url: str) -> list[str]:
    data = ask(url, "{repositoriesOrError{... on RepositoryConnection{nodes{assetGroups{groupName}}}}}")
    nodes = data["repositoriesOrError"].get("nodes", [])
    return [group["groupName"] for node in nodes for group in node["assetGroups"]]


def choose_group(page: Page, group: str) -> None:
    page.open("/asset-groups")
    page.visible("//*[contains(@class, 'CodeMirror')]").click()
    page.driver.switch_to.active_element.send_keys(f'group:"{group}"')
    time.sleep(1)  # the completion's list opens late and would take the key
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    until(lambda: "group" in page.driver.current_url, "the selection")


def unfold(page: Page, group: str) -> None:
    """Open a group in the graph, unless the page has opened it by itself."""

    def folded_or_open() -> bool:
        if "audit" in page.text:
            return True
        found = page.driver.find_elements(By.XPATH, f"//div[normalize-space(text())={json.dumps(group)}]")
        if shown := [item for item in found if item.is_displayed()]:
            shown[0].click()
        return bool(shown)

    until(folded_or_open, f"the group {group}: {page.text[:1000]!r}")


def materialize(page: Page) -> None:
    """Open the branch's assets and materialize them."""
    until(lambda: "branches/test" in asset_groups(page.url), "the code locations", 300)
    choose_group(page, "branches/test")
    unfold(page, "branches")
    unfold(page, "test")
    page.sees("good", "bad", "gold", "audit", "summary", "Never materialized")
    page.shot("1-branch-assets")

    page.visible("//button[contains(., 'Materialize all')]").click()
    # Main's input was not made through Dagster: the UI asks whether it is there.
    page.visible("//button[contains(., 'Confirm')]").click()
    # On a machine too busy to launch a run in time, Dagster launches it again.
    until(lambda: run_states(page.url)[:1] == ["SUCCESS"], "a run that succeeds", 500)
    page.sees("3 / 4 Passed")
    page.shot("2-materialized")


def read_delta(page: Page) -> None:
    """Open an asset's checks, and the delta that one of them shows."""
    page.open("/assets/test/transform/good?view=checks&checkDetail=row_delta")
    page.sees("3 removed, 48 changed of 100 rows")
    page.shot("3-checks")
    page.visible("//*[contains(text(), 'Show') and contains(., 'arkdown')]").click()
    page.visible("//table//*[normalize-space(text())='amount']")
    page.shot("4-delta")


def read_report(page: Page) -> None:
    """Open the page that sums up the branch; the daemon had it made when the run had ended."""
    page.open("/assets/branch_report?view=checks&checkDetail=review")
    page.sees("review")
    until(lambda: "make_branch_report" in reported(page.url), "the report's run", 200)
    page.open("/assets/branch_report?view=checks&checkDetail=review")
    page.sees("review", "test")
    page.shot("5-review")


def reported(url: str) -> list[str]:
    data = ask(url, "{runsOrError{... on Runs{results{status jobName}}}}")
    return [run["jobName"] for run in data["runsOrError"]["results"] if run["status"] == "SUCCESS"]


def test_reviewer_runs_a_branch_and_reads_its_delta(page: Page, project: Project) -> None:
    before = project.listing()

    materialize(page)
    read_delta(page)
    read_report(page)

    assert project.listing() == before
