"""A real Chromium, a real server, and what every page must satisfy: no console errors, nothing foreign, no axe findings."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.net import free_ports

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, Request

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "tests" / "browser" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1360, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def find_chromium() -> Path | None:
    """The Chromium to drive: $CHROMIUM, an installed one, or Playwright's own."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named) if os.access(named, os.X_OK) else None
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return Path(found)
    home = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return next((path for path in sorted(home.glob("chromium-*/chrome-linux*/chrome"), reverse=True) if os.access(path, os.X_OK)), None)


def launch(playwright: "Playwright") -> "Browser":
    """Start Chromium without a window; root needs it without its sandbox."""
    program = find_chromium()
    if program is None:
        raise RuntimeError("No Chromium was found: `make test` installs one, or set CHROMIUM to the program.")
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    return playwright.chromium.launch(executable_path=str(program), headless=True, args=flags)


def follow(target: "Locator") -> None:
    """Click what leads to another page, and wait until that page is there; a click alone returns before."""
    with target.page.expect_navigation():
        target.click()


@dataclass
class Watch:
    """Notes what a page complains about and whom it talks to."""

    address: str
    allowed: tuple[str, ...] = ()
    complaints: list[str] = field(default_factory=list)

    def attach(self, page: "Page") -> None:
        """Listen to the console, to script errors and to requests of ``page``."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("request", self._request)

    def _console(self, message: "ConsoleMessage") -> None:
        # Chromium reports every 4xx answer as an error; a 422 with the form is how forms work here.
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _request(self, request: "Request") -> None:
        if not request.url.startswith((self.address, "data:", "about:", *self.allowed)):
            self.complaints.append(f"foreign request: {request.url}")


def axe(page: "Page", *, skip: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> list[str]:
    """Findings of axe-core on the page as it stands, one line each; empty is what we want. ``only`` looks for these rules and no others."""
    # Evaluated through the debugger, so the page's content security policy stays as strict as it is.
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text(encoding="utf-8"))
    wanted = {"type": "rule", "values": list(only)} if only else {"type": "tag", "values": RULES}
    options = {"runOnly": wanted, "rules": {rule: {"enabled": False} for rule in skip}, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [f"{v['id']}: {v['help']} at {', '.join(str(n['target'][0]) for n in v['nodes'][:4])}" for v in found["violations"]]


def sideways(page: "Page") -> int:
    """By how many pixels the page scrolls sideways; zero is what we want."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


class LiveServer:
    """`portal serve` in a process of its own, on free ports, with the clock of the story."""

    def __init__(
        self,
        instance: Path,
        environment: Mapping[str, str] | None = None,
        command: tuple[str, ...] = ("serve",),
        *,
        module: str = "tests.support.story_server",
        log: Path | None = None,
    ) -> None:
        self.instance, self.command, self.module = instance, command, module
        self.port = free_ports(3)
        self.address = f"http://127.0.0.1:{self.port}"
        self.content = f"http://localhost:{self.port + 1}"
        self.log = log or instance / "server.log"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HEARTH_")},
            "HEARTH_INSTANCE": str(instance),
            "HEARTH_PORT": str(self.port),
            "HEARTH_BASE_URL": self.address,
            **(environment or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wait: float = 30) -> "LiveServer":
        """Start and wait until it answers; raises RuntimeError with the end of its log."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", self.module, *self.command]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.answers():
                return self
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"the server did not start:\n{self.log.read_text(errors='replace')[-4000:]}")

    def answers(self) -> bool:
        """True when the portal answers at all."""
        try:
            urllib.request.urlopen(f"{self.address}/livez", timeout=2).close()
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            return False
        return True

    def stop(self, wait: float = 25) -> int:
        """Ask it to finish (SIGTERM) and return its exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(wait)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it the hard way (SIGKILL), as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
