"""Take the pictures of the guides from a fresh demo company: docs/images/*.png. Run by hand when the look changed."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright

from tests.support.browser import DESKTOP, LiveServer, launch

SHOTS = (("queue", "Jonas Lindqvist", "/queue"), ("home", "Mara Okafor", "/"))
"""(file, who looks, where)"""


def shoot(page: Page, name: str, who: str, path: str) -> None:
    """Sign in as a persona of the demo and keep what the page shows."""
    page.goto("/sign-in")
    page.get_by_role("button", name=who).click()
    page.wait_for_url("**/")
    page.goto(path)
    page.evaluate("document.fonts.ready")
    page.screenshot(path=ROOT / "docs" / "images" / f"{name}.png")
    print(f"docs/images/{name}.png")


def main() -> int:
    """Start a demo, take every picture, end it."""
    (ROOT / "docs" / "images").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hearth-shots-") as folder, sync_playwright() as playwright:
        instance = Path(folder)
        server = LiveServer(instance / "demo", command=("demo",), log=instance / "server.log", module="portal")
        server.start(wait=120)
        try:
            browser = launch(playwright)
            for name, who, path in SHOTS:
                context = browser.new_context(base_url=server.address, viewport=DESKTOP, color_scheme="light", reduced_motion="reduce", locale="en-GB")
                shoot(context.new_page(), name, who, path)
                context.close()
            browser.close()
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
