"""What proves a plugin: contracts to subclass, with pytest."""

from __future__ import annotations

import pytest

# without this a failing contract would only say `assert` and nothing of what differs
pytest.register_assert_rewrite("gateway.testing.stores")
