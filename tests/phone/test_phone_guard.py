"""Who may open the phone."""

import httpx
import pytest

from gateway.simulator import Simulation
from tests.fronts.echo_twin import EchoTwin
from tests.phone.conftest import Page


async def test_the_token_goes_from_the_url_into_a_cookie_of_this_port(page: Page) -> None:
    """The printed URL lets in and is left at once, so that the token stays out of history and screenshots."""
    answer = await page.http.get(page.sim.phone_url)
    port = page.sim.url.rpartition(":")[2]
    assert "/_phone/" == answer.headers["location"]
    assert answer.headers["set-cookie"].startswith(f"phone_{port}=")
    assert answer.headers["set-cookie"].endswith("; Path=/_phone; HttpOnly; SameSite=Lax")


@pytest.mark.parametrize("path", ["/", "/?token=wrong", "/stage", "/events", "/do/write", "/files", "/media/a/b/0"])
async def test_without_the_token_there_is_nothing_to_see(page: Page, path: str) -> None:
    """Every path but static files and sent files needs the cookie, and says what to do without it."""
    async with httpx.AsyncClient(trust_env=False) as stranger:
        method = "POST" if path in {"/do/write", "/files"} else "GET"
        answer = await stranger.request(method, f"{page.root}{path}")
    assert (403, True) == (answer.status_code, "open the URL with its token" in answer.text)


async def test_the_token_of_one_run_does_not_open_another() -> None:
    """Each run makes a token of its own, unless one is given."""
    first, second = Simulation([EchoTwin]), Simulation([EchoTwin])
    given = Simulation([EchoTwin], phone_token="chosen")
    assert first.phone_url != second.phone_url
    assert given.phone_url.endswith("/_phone/?token=chosen")


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}])
async def test_a_foreign_name_and_a_foreign_page_are_refused(page: Page, headers: dict[str, str]) -> None:
    """Neither DNS rebinding nor a form of another site gets in, cookie or not."""
    answer = await page.http.get(f"{page.root}/", headers=headers)
    assert 403 == answer.status_code


async def test_every_answer_forbids_what_is_not_its_own(page: Page) -> None:
    """Pages, fragments, errors, files and static files carry the policy: nothing from elsewhere, nothing inline."""
    for path in ("/", "/stage", "/nothing", "/static/phone.css", "/static/vendor/htmx.min.js"):
        answer = await page.http.get(f"{page.root}{path}")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert "nosniff" == answer.headers["x-content-type-options"]


async def test_no_page_holds_inline_script_or_style(page: Page) -> None:
    """The policy would stop them, and a page that needs none shows it."""
    html = await page.get()
    assert [] == [
        piece for piece in ("<script>", "style=", "onclick", "onload", "javascript:", "hx-on") if piece in html
    ]
    # a deferred htmx does not wait for its extensions
    assert " defer" not in html
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in html


@pytest.mark.parametrize(
    "path",
    ["/static/../page.py", "/static/%2e%2e%2fpage.py", "/static/vendor", "/static/vendor/SHA256SUMS", "/static/x"],
)
async def test_static_files_are_those_that_are_listed(page: Page, path: str) -> None:
    """A path leads to no other file of this machine."""
    assert 404 == (await page.http.get(f"{page.root}{path}")).status_code
