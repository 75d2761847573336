"""The HTML reports as people open them: on a desk, a phone and paper, light and dark, by mouse and by keyboard."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from report import imported_samples, samples
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from pypedream_dagster.importers.finding import Imported
from pypedream_dagster.report.html import render_html
from pypedream_dagster.report.imported import import_report
from pypedream_dagster.report.imported_html import render_import_html

from .chromium import chromium, needs_chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]

Open = Callable[..., webdriver.Chrome]


def imported(found: Imported) -> str:
    return render_import_html(import_report(found), found.graph)


PAGES = {
    "ordinary": render_html(samples.ordinary_branch()),
    "ugly": render_html(
        samples.branch(samples.hostile_dataset(), samples.foreign_dataset(), samples.changed_dataset())
    ),
    "one": render_html(samples.changed_dataset()),
    "wide": render_html(samples.wide_dataset(200)),
    "sixty": render_html(samples.many_datasets(60)),
    "import of one job": imported(imported_samples.one_job()),
    "import": imported(imported_samples.ordinary()),
    "ugly import": imported(imported_samples.hostile()),
    "import of 60 jobs": imported(imported_samples.many(60)),
    "import of 500 jobs": imported(imported_samples.many(500)),
}
DESK, PHONE = (1280, 900), (390, 844)

# The texts whose contrast with what lies behind them is less than WCAG's level AA asks for.
PALE = """
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const linear = (c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
const light = ([r, g, b]) => [r, g, b].map((c) => linear(c / 255))
  .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
const behind = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const colour = numbers(getComputedStyle(one).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
};
const found = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest("svg, script")) continue;
  const [a, b] = [light(numbers(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
  if ((a + .05) / (b + .05) < 4.5) found.add(element.className + ": " + element.textContent.slice(0, 40));
}
return [...found];
"""


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    with chromium() as found:
        yield found


@pytest.fixture
def show(driver: webdriver.Chrome, tmp_path: Path) -> Open:
    def opened(page: str, size: tuple[int, int] = DESK, scheme: str = "light") -> webdriver.Chrome:
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        path = tmp_path / "report.html"
        path.write_text(page, encoding="utf-8")
        driver.get(path.as_uri())
        return driver

    return opened


def run(driver: webdriver.Chrome, script: str) -> Any:
    return driver.execute_script(script)  # type: ignore[no-untyped-call]


def shown_rows(driver: webdriver.Chrome) -> list[str]:
    return [
        str(link.text) for link in driver.find_elements(By.CSS_SELECTOR, ".overview tbody a") if link.is_displayed()
    ]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_asked_of_the_network_and_nothing_complains(show: Open, name: str) -> None:
    driver = show(PAGES[name])
    run(driver, "document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert run(driver, "return performance.getEntriesByType('resource').map((one) => one.name)") == []
    assert driver.get_log("browser") == []
    assert run(driver, "return document.scripts.length") == 1


def test_a_script_that_is_not_ours_does_not_run(show: Open) -> None:
    driver = show(PAGES["ordinary"])
    run(driver, "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.bad = 1\">')")
    run(driver, "const one = document.createElement('p'); one.setAttribute('onclick', 'window.bad = 1'); one.click()")
    assert run(driver, "return window.bad") is None
    assert "Content Security Policy" in str(driver.get_log("browser"))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_page_does_not_scroll_sideways(show: Open, name: str, size: tuple[int, int]) -> None:
    driver = show(PAGES[name], size)
    run(driver, "document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert run(driver, "return document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("name", ["ordinary", "ugly", "sixty", "import", "ugly import", "import of 60 jobs"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(show: Open, name: str, scheme: str) -> None:
    driver = show(PAGES[name], scheme=scheme)
    run(driver, "document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert run(driver, PALE) == []


def test_datasets_are_found_and_sorted(show: Open) -> None:
    driver = show(PAGES["sixty"])
    assert len(shown_rows(driver)) == 60
    find = driver.find_element(By.ID, "find")
    find.send_keys("node_3 flight")
    assert shown_rows(driver) == ["dataset_30", "dataset_36"]
    assert driver.find_element(By.ID, "found").text == "2 of 60"
    headings = [item.text for item in driver.find_elements(By.CSS_SELECTOR, "h2") if item.is_displayed() and item.text]
    assert headings == ["Overview", "dataset_30", "dataset_36"]
    find.clear()
    find.send_keys("ingested_at")  # a column that no row of the overview names
    assert len(shown_rows(driver)) == 10
    find.clear()
    find.send_keys(" ")
    driver.find_element(By.CSS_SELECTOR, "button[data-show=unchanged]").click()
    assert len(shown_rows(driver)) == 30
    driver.find_element(By.CSS_SELECTOR, "button[data-show=all]").click()
    by_place, by_added = (
        driver.find_element(By.CSS_SELECTOR, f"th[data-by={name}] button") for name in ("place", "added")
    )
    by_place.click()
    assert shown_rows(driver) == [f"dataset_{place:02}" for place in range(60)]
    by_added.send_keys(Keys.ENTER)
    assert shown_rows(driver)[:2] == ["dataset_00", "dataset_06"]
    assert by_added.find_element(By.XPATH, "..").get_attribute("aria-sort") == "descending"


def test_a_link_opens_the_dataset_it_leads_to(show: Open) -> None:
    driver = show(PAGES["sixty"])
    section = driver.find_element(By.ID, "dataset-60")
    assert section.get_attribute("open") is None
    link = driver.find_element(By.CSS_SELECTOR, "a[href='#dataset-60']")
    for _ in range(2):
        link.send_keys(Keys.ENTER)
        # The page hears of the new fragment only after the key has been answered.
        WebDriverWait(driver, 20).until(lambda _: section.get_attribute("open") == "true")
        assert abs(run(driver, "return document.getElementById('dataset-60').getBoundingClientRect().top")) < 900
        run(driver, "document.getElementById('dataset-60').open = false")


def test_imported_nodes_are_found_and_lead_to_their_links_and_questions(show: Open) -> None:
    driver = show(PAGES["import of 60 jobs"])
    assert len(shown_rows(driver)) == 60
    find = driver.find_element(By.ID, "find")
    find.send_keys("data_12")  # the dataset: who makes it, and who reads it
    assert shown_rows(driver) == ["step-12", "step-17", "step-19"]
    assert driver.find_element(By.ID, "found").text == "3 of 60"
    find.clear()
    find.send_keys(" ")
    driver.find_element(By.CSS_SELECTOR, "button[data-show=asked]").click()
    assert shown_rows(driver) == [f"step-{number:02}" for number in range(0, 60, 3)]
    row = driver.find_element(By.CSS_SELECTOR, "table.links a[href='#node-6']")
    row.send_keys(Keys.ENTER)
    section = driver.find_element(By.ID, "node-6")
    WebDriverWait(driver, 20).until(lambda _: section.get_attribute("open") == "true")
    driver.find_element(By.CSS_SELECTOR, "button[data-show=all]").click()
    driver.find_element(By.CSS_SELECTOR, "#node-4 summary").click()
    asked = driver.find_element(By.CSS_SELECTOR, "#node-4 a[href^='#question']")
    assert asked.text == "direction: step-03 --path"
    asked.send_keys(Keys.ENTER)
    question = driver.find_element(By.CSS_SELECTOR, str(run(driver, "return location.hash")))
    assert "Does step-03 read or write" in question.text


@pytest.mark.parametrize("name", ["ordinary", "import"])
def test_structure_is_told_to_those_who_do_not_see_it(show: Open, name: str) -> None:
    driver = show(PAGES[name])
    for landmark in ("header", "main", "footer", "h1"):
        assert len(driver.find_elements(By.CSS_SELECTOR, landmark)) == 1
    unnamed = (
        "return [...document.querySelectorAll('svg[role=img]')].filter((one) => !one.querySelector('title')).length"
    )
    assert run(driver, unnamed) == 0
    assert run(driver, "return [...document.querySelectorAll('th')].filter((one) => !one.scope).length") == 0
    assert run(driver, "return [...document.querySelectorAll('.scroll')].filter((one) => one.tabIndex).length") == 0
    levels = run(driver, "return [...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", ["ordinary", "import"])
def test_paper_has_it_all(show: Open, name: str) -> None:
    driver = show(PAGES[name], scheme="dark")
    closed = "return document.querySelectorAll('details:not([open])').length"
    before = run(driver, closed)
    assert before
    printed = driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    assert run(driver, closed) == before
    run(driver, "dispatchEvent(new Event('beforeprint'))")
    assert run(driver, closed) == 0
    run(driver, "dispatchEvent(new Event('afterprint'))")
    assert run(driver, closed) == before
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    assert run(driver, PALE) == []
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
