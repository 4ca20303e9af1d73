"""A phone in the simulated world: writes to the bot and shows its answer. Usage: python phone.py VENDOR TEXT."""

import json
import sys
import time
from http.client import HTTPConnection
from typing import Any


def ask(path: str, deed: dict[str, str] | None = None) -> Any:
    """Ask the simulator's control API."""
    simulator = HTTPConnection("127.0.0.1", 8900)
    simulator.request("POST" if deed else "GET", f"/_sim{path}", json.dumps(deed) if deed else None)
    return json.load(simulator.getresponse())


vendor, text = sys.argv[1:]
written = ask("/contacts/+12025550123/write", {"vendor": vendor, "text": text})["message"]
bubbles = [written]
for _ in range(50):
    bubbles = ask(f"/threads/{written['thread']}")["thread"]["bubbles"]
    if bubbles[-1]["ours"]:
        break
    time.sleep(0.1)
for bubble in bubbles[-2:]:
    who, reactions = "bot" if bubble["ours"] else "you", bubble["reactions"].values()
    print(f"{who}: {bubble['text']}", *(f"({reaction})" for reaction in reactions))
