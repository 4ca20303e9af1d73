"""Only what every test folder needs. A fixture of one folder lives in that folder's conftest."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _nobody_configured_logging() -> Iterator[None]:
    """Leave structlog as it was found: a library line goes elsewhere once somebody in the process configured it."""
    yield
    structlog.reset_defaults()
