"""A real browser, for tests of what happens in one.

Chromium is started once for a worker's tests; each has a profile of its own in it, which is gone after.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Page, ViewportSize, async_playwright

from tests.factories import SeededShop

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_CHROMIUM = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
"""The marks of what is tested there."""
_HEADLESS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0")
_ADDRESS = re.compile(r"DevTools listening on (\S+)")


@pytest.fixture
async def address(app: Any, grocer: SeededShop) -> AsyncIterator[str]:
    """The shop behind a real server on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://{grocer.host}:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving
    listener.close()


@pytest.fixture(scope="session")
def devtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the running Chromium is talked to."""
    profile = f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"
    with subprocess.Popen([str(CHROMIUM), *_HEADLESS, profile], stderr=subprocess.PIPE, text=True) as chromium:
        assert chromium.stderr is not None
        yield next(found[1] for line in chromium.stderr if (found := _ADDRESS.search(line)))
        chromium.stderr.close()
        chromium.terminate()


@pytest.fixture
def viewport() -> ViewportSize:
    """A phone's."""
    return {"width": 390, "height": 844}


@pytest.fixture
async def page(devtools: str, viewport: ViewportSize) -> AsyncIterator[Page]:
    """A page that fails the test when a script does, or the page's policy stops one."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.connect_over_cdp(devtools)
        context = await chromium.new_context(viewport=viewport)
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        yield page
        await context.close()
        await chromium.close()
        assert faults == []
