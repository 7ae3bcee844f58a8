"""A page in headless Chromium, driven over its debugging pipe: what it asked of the network, what
its console said, and real clicks. Needs Debian's `chromium` and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAM = "chromium"
ANSWER_S = 60.0
FLAGS = ("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
         "--no-first-run", "--disable-extensions", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--mute-audio",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1200,900")


def missing() -> str | None:
    """Why there is no browser, or None."""
    return None if shutil.which(PROGRAM) else f"{PROGRAM} is not installed"


class Page:
    """A file in a browser. `asked`: addresses it requested; `complaints`: errors and warnings."""

    def __init__(self, path: Path) -> None:
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self._next, self._session, self._loaded = 0, "", False
        self._buffer = b""
        self._home = tempfile.mkdtemp(prefix="tp-chromium-")
        self._start()
        try:
            self._open(path.resolve().as_uri())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        """The browser reads commands from descriptor 3 and answers on 4."""
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        command = [PROGRAM, *FLAGS, f"--user-data-dir={self._home}", "about:blank"]

        def place() -> None:
            high = os.dup(theirs_out)  # not the number the other is about to take
            os.dup2(theirs_in, 3)
            os.dup2(high, 4)

        self._process = subprocess.Popen(command, preexec_fn=place, pass_fds=(3, 4),
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)

    def _open(self, address: str) -> None:
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self._loaded = False
        self.call("Page.navigate", url=address)
        while not self._loaded:
            self._read()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol and its result."""
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._next:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + ANSWER_S
        while b"\0" not in self._buffer:
            piece = os.read(self._from, 1 << 16)
            assert piece, "the browser ended"
            assert time.monotonic() < deadline, "the browser does not answer"
            self._buffer += piece
        text, self._buffer = self._buffer.split(b"\0", 1)
        message = dict(json.loads(text))
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.complaints.append(str(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(parameters["entry"]["text"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def value(self, script: str) -> Any:
        """What a JavaScript expression gives, as JSON."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def click(self, element: str) -> None:
        """A mouse click in the middle of what the expression `element` gives."""
        box = self.value(f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center'}}); "
                         "const b = e.getBoundingClientRect(); "
                         "return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left",
                      clickCount=1)

    def close(self) -> None:
        """Ends the browser."""
        for fd in (self._to, self._from):
            os.close(fd)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)
