"""A real headless browser, driven over a pipe by the DevTools protocol; nothing but the standard library.

axe-core, which finds violations of accessibility, is not in the repository (its license is MPL-2.0). To have it:

    mkdir -p ~/.cache/curate && cd ~/.cache/curate && npm pack axe-core && tar xzf axe-core-*.tgz

which leaves `~/.cache/curate/package/axe.min.js`; `CURATE_AXE` names another place.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-sandbox",
)
_START = (
    "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3); os.dup2(w, 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_PATIENCE = 60  # seconds


def find() -> str | None:
    """Return the path of a browser: `CURATE_BROWSER`, or the first of the usual names that is installed."""
    named = os.environ.get("CURATE_BROWSER")
    return named if named else next(filter(None, map(shutil.which, NAMES)), None)


def find_axe() -> Path | None:
    """Return the path of axe-core: `CURATE_AXE`, or where the command above leaves it."""
    named = os.environ.get("CURATE_AXE")
    path = Path(named) if named else Path.home() / ".cache" / "curate" / "package" / "axe.min.js"
    return path if path.is_file() else None


def accessibility(browser: Browser) -> list[str]:
    """Return what axe-core finds against WCAG 2.2, levels A and AA, on the page as it is now."""
    axe = find_axe()
    assert axe is not None
    browser.run(f"{axe.read_text(encoding='utf-8')}; 1")
    tags = [f"wcag{version}{level}" for version in ("2", "21", "22") for level in ("a", "aa")]
    told = "r => r.violations.map(v => v.id + ': ' + v.nodes[0].html)"
    found: list[str] = browser.run(f"axe.run(document, {{runOnly: {json.dumps(tags)}}}).then({told})")
    return found


class Browser:
    """One browser with one page open; use it as a context manager."""

    def __init__(self, program: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="curate-browser-", ignore_cleanup_errors=True)
        to_it, self._out = os.pipe()
        self._in, from_it = os.pipe()
        # The protocol wants its pipe as descriptors 3 and 4: a Python in between puts them there.
        command = [sys.executable, "-c", _START, str(to_it), str(from_it), program, *_FLAGS]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={self._folder.name}"],
            pass_fds=(to_it, from_it),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(to_it)
        os.close(from_it)
        self._number = 0
        self._session: str | None = None
        self._rest = b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._folder.cleanup()

    def call(self, method: str, **words: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result; events that come meanwhile are kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": words}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        found = self._until(lambda told: told.get("id") == self._number)
        assert "error" not in found, (method, found["error"])
        result: dict[str, Any] = found["result"]
        return result

    def open(self, page: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> float:
        """Open a page at that size; return the seconds until it was loaded whole."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call(
            "Emulation.setEmulatedMedia", features=[scheme, {"name": "prefers-reduced-motion", "value": "reduce"}]
        )
        self.events.clear()
        started = time.monotonic()
        self.call("Page.navigate", url=page.resolve().as_uri())
        if not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._until(lambda told: told.get("method") == "Page.loadEventFired")
        return time.monotonic() - started

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression in the page, waited for where it is a promise."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def point_at(self, selector: str) -> None:
        """Move the pointer onto the middle of the first element that the selector finds."""
        place = (
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); "
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        x, y = self.run(place)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str) -> None:
        """Press a key by its name, such as Escape or Tab."""
        code = {"Escape": 27, "Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Write a picture of the page as PNG: all of it, or what the window shows."""
        shot = self.call(
            "Page.captureScreenshot", captureBeyondViewport=whole, **({"clip": self._whole()} if whole else {})
        )
        file.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """Return what the browser complained of since the page was opened: errors, and what its policy refused."""
        told = []
        for event in self.events:
            if event["method"] == "Runtime.exceptionThrown":
                told.append(str(event["params"]["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning"):
                told.append(event["params"]["entry"]["text"])
        return told

    def asked_for(self) -> list[str]:
        """Return the addresses that the page asked for since it was opened, but for what stands in the page itself."""
        asked = [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked if not url.startswith("data:")]

    def _whole(self) -> dict[str, Any]:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16_000), "scale": 1}

    def _until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            while b"\0" in self._rest:
                message, _, self._rest = self._rest.partition(b"\0")
                told: dict[str, Any] = json.loads(message)
                if "method" in told:
                    self.events.append(told)
                if is_it(told):
                    return told
            more = os.read(self._in, 1 << 20)
            assert more, "the browser has gone"
            self._rest += more
        raise AssertionError("the browser does not answer")
