"""Debian's Chromium, driven."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_CHROMIUM, _CHROMEDRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1500,1100"),
)

needs_chromium = pytest.mark.skipif(
    not (_CHROMIUM.exists() and _CHROMEDRIVER.exists()),
    reason="browser: Debian's packages chromium and chromium-driver are not installed",
)


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Start a browser with a profile of its own, and end it."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(str(_CHROMEDRIVER)))
        try:
            yield driver
        finally:
            driver.quit()
