"""What tests without a browser need to stand in for one."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

BASE = "http://127.0.0.1:8734"


def token(client: TestClient) -> str:
    """The CSRF token of a page, as a browser without scripts would send it back."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/").text)
    assert found
    return found[1]
