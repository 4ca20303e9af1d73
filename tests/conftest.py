"""Only what every test folder needs. A fixture of one folder lives in that folder's conftest."""

import logging
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from gateway.log import configure
from tests.leftovers import nothing_left

# what a machine shared with others takes for an example says nothing about the code
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell that starts tests in the background has them ignore Ctrl-C, and so would every program that they start
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Find, after everything else was cleared away, what somebody forgot to end."""
    with nothing_left():
        yield


@pytest.fixture(autouse=True)
def _nobody_configured_logging() -> Iterator[None]:
    """Leave structlog as it was found: a library line goes elsewhere once somebody in the process configured it."""
    yield
    structlog.reset_defaults()
    # a command that ran in this process has had all lines of all libraries come to its own stdout
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if type(handler).__module__ == configure.__module__:
            root.removeHandler(handler)
            root.setLevel(logging.WARNING)
