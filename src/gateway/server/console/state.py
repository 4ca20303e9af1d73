"""The doctor's page: what is checked, what came of it, and where each setting comes from."""

from __future__ import annotations

from starlette.responses import Response

from gateway.server.console.page import Page, View
from gateway.server.doctor import examine
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.tenancy import ADMIN

__all__ = ["VIEWS"]


async def doctor(page: Page) -> Response:
    """Run all checks that a running service can make."""
    page.demand(ADMIN)
    checks = await examine(page.service, tenant=page.caller.tenant, host=page.request.headers.get("host", ""))
    return page.show(
        "doctor.html",
        title="Doctor",
        checks=checks,
        bad=sum(check.state == "fail" for check in checks),
        doubtful=sum(check.state == "warn" for check in checks),
        # of the service, and so of whoever runs it
        settings=list(page.service.config.told()) if page.tenant == DEFAULT_TENANT else [],
    )


VIEWS: tuple[tuple[str, str, View], ...] = (("GET", "/doctor", doctor),)
