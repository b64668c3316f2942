"""Photograph the page:  python docs/page_figure.py  (needs Chromium and Playwright)."""

from __future__ import annotations

import io
import os
import shutil
import threading
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from anticrossing.page import server

TARGET = Path(__file__).parent / "images" / "page.png"


def page() -> None:
    """Save the first view as it opens."""
    listening = server.listen(0)
    port = int(listening.getsockname()[1])
    running = server.server(server.application(port))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"] if root else []
        )
        opened = browser.new_page(viewport={"width": 1120, "height": 900})
        opened.goto(f"http://127.0.0.1:{port}/?experiment=")
        opened.locator("#rates[data-complete='21']").wait_for()
        opened.locator("#pictures[aria-busy=false]").wait_for()
        picture = Image.open(io.BytesIO(opened.screenshot(full_page=True)))
        browser.close()
    running.should_exit = True
    thread.join()
    picture.convert("RGB").quantize(128).save(TARGET, optimize=True)


if __name__ == "__main__":
    page()
