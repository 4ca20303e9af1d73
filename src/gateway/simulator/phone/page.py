"""The phone in the browser, below `/_phone/`: pages, fragments, forms, files and the stream."""

from __future__ import annotations

import importlib.resources
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from markupsafe import escape
from pydantic import ValidationError

from gateway.model import Media
from gateway.simulator.asgi import Receive, Scope, Send, answer, headers_of
from gateway.simulator.contact import Impossible
from gateway.simulator.files import FILES, Files
from gateway.simulator.phone.again import App, call_again, sample_of
from gateway.simulator.phone.cards import card_of
from gateway.simulator.phone.groups import GroupHands
from gateway.simulator.phone.guard import HEADERS, Guard
from gateway.simulator.phone.hands import Form, Hands
from gateway.simulator.phone.place import Place
from gateway.simulator.phone.sheet import Sheet, pages
from gateway.simulator.phone.steering import Steering
from gateway.simulator.phone.stream import Stream
from gateway.simulator.phone.talking import Talking
from gateway.simulator.phone.wire import story_of
from gateway.simulator.proof import check
from gateway.simulator.router import Found, Router
from gateway.simulator.scene import Scene

__all__ = ["MOUNT", "PhonePage"]

MOUNT = "_phone"
"""The first segment of its paths; no vendor has such a name."""
_STATIC = importlib.resources.files("gateway.simulator.phone") / "static"
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request to the phone."""

    params: Mapping[str, str]
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def one(self, name: str) -> str:
        """Give a value of the query, empty where it is absent."""
        return dict(parse_qsl(self.query, keep_blank_values=True)).get(name, "")


@dataclass(frozen=True, slots=True)
class _Said:
    """One answer of the phone."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


_Handler: TypeAlias = Callable[[_Asked], _Said]
_HTML = {"content-type": "text/html; charset=utf-8"}
# the notice of the deed before is gone with it
_DONE = _Said(b'<hx-partial hx-target="#notice" hx-swap="innerHTML"></hx-partial>', headers=_HTML)


class PhonePage:
    """Serves the phone of a scene to whoever has its token."""

    def __init__(self, scene: Scene, *, app: App, names: frozenset[str], token: str) -> None:
        self._scene = scene
        self._app = app
        self._guard = Guard(names, token)
        self._run = secrets.token_hex(4)
        self._templates = pages()
        self.files: Files = scene.files
        self._hands = Hands(scene, self.files, card_of)
        self._group_hands = GroupHands(scene, self.files)
        self._talking = Talking(scene, self.files, self._templates)
        self._steering = Steering(scene)
        self._panes: dict[str, Callable[[Place], Mapping[str, Any]]] = {
            "wire": self._wire,
            "control": lambda _: self._steering.look(),
        }
        self._router: Router[_Handler] = Router(self._routes())
        # these take their time
        self._slow: Mapping[str, Callable[[Form], Awaitable[None]]] = {
            "/do/replay": self._replay,
            "/do/advance": self._steering.advance,
            "/do/scenario": self._steering.run,
        }
        # these are asked for by the application, or before there is a cookie
        self._open: Router[_Handler] = Router(
            [
                ("GET", "/static/{name}", self._asset),
                ("GET", "/static/vendor/{name}", self._vendored),
                ("GET", "/files/{file}/{name}", self._file),
                ("HEAD", "/files/{file}/{name}", self._file),
            ]
        )

    def _routes(self) -> Sequence[tuple[str, str, _Handler]]:
        """Give what is there for those who were let in."""
        return (
            ("GET", "/", self._page),
            ("GET", "/stage", self._stage),
            ("GET", "/menu", lambda asked: _Said(self._talking.menu(asked.query).encode(), headers=_HTML)),
            ("GET", "/thread", lambda asked: _Said(self._talking.thread(asked.query).encode(), headers=_HTML)),
            ("POST", "/do/check", self._check),
            ("POST", "/do/rotate", self._rotate),
            ("POST", "/do/{deed}", self._do),
            ("POST", "/files", self._upload),
            ("GET", "/export/{name}", self._export),
            ("GET", "/media/{vendor}/{message}/{part}", self._media),
            ("GET", "/icon/{thread}/{mark}", self._icon),
        )

    async def respond(self, scope: Scope, path: str, body: bytes, receive: Receive, send: Send) -> None:
        """Answer one request; `path` is what follows the mount point."""
        asked = _Asked({}, scope.get("query_string", b"").decode("latin-1"), headers_of(scope), body)
        method = str(scope["method"])
        try:
            self._guard.check_place(asked.headers)
            if method == "GET" and path == "/" and self._guard.is_key(asked.one("token")):
                said = self._let_in(asked)
            elif (found := self._open.find(method, path)) is not None:
                said = self._done(found, asked)
            else:
                self._guard.check(asked.headers)
                if method == "GET" and path == "/events":
                    await self._stream(asked).serve(receive, send)
                    return
                if method == "POST" and path in self._slow:
                    await self._slow[path](Form.read(body))
                    said = _DONE
                else:
                    said = self._done(self._router.find(method, path), asked)
        except Impossible as error:
            said = self._refusal(asked, error.status, f"{error.message}: {error.hint}")
        except ValidationError as error:
            wrongs = error.errors(include_url=False, include_context=False, include_input=False)
            said = self._refusal(asked, 422, "; ".join(str(wrong["msg"]) for wrong in wrongs))
        except Exception as error:  # noqa: BLE001 - a border: a twin may raise anything when a contact does something
            self._scene.failed(error)
            said = self._refusal(asked, 500, f"a twin failed: {type(error).__name__}; the journal says where")
        await answer(send, said.status, {**HEADERS, **said.headers}, b"" if method == "HEAD" else said.body)

    @staticmethod
    def _done(found: Found[_Handler] | None, asked: _Asked) -> _Said:
        if found is None:
            raise Impossible("there is nothing here", hint="the phone is at /_phone/", status=404)
        if found.target is None:
            return _Said(status=405, headers={"allow": ", ".join(found.allowed)})
        return found.target(_Asked(found.params, asked.query, asked.headers, asked.body))

    def _refusal(self, asked: _Asked, status: int, words: str) -> _Said:
        """Say what is wrong where the page shows it, or alone."""
        if "hx-request" in asked.headers:
            # the notice is a fragment of its own; whatever the form would have changed stays as it is
            html = f'<hx-partial hx-target="#notice" hx-swap="innerHTML">{escape(words)}</hx-partial>'
        else:
            html = self._templates.get_template("refused.html").render(words=words)
        return _Said(html.encode(), status, _HTML)

    # ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _let_in(self, asked: _Asked) -> _Said:
        """Take the token out of the URL, where a screenshot or the history would keep it."""
        cookie = self._guard.cookie(asked.headers.get("host", ""))
        rest = "&".join(pair for pair in asked.query.split("&") if not pair.startswith("token="))
        return _Said(status=303, headers={"location": f"/_phone/?{rest}".rstrip("?"), "set-cookie": cookie})

    def _sheet(self, asked: _Asked) -> Sheet:
        everybody = [phone.address for phone in self._scene.world.phones()]
        return Sheet(self._scene, Place.read(asked.query, everybody), self._templates, self._panes)

    @property
    def _since(self) -> str:
        return f"{self._run}.{self._scene.journal.last}"

    def _page(self, asked: _Asked) -> _Said:
        return _Said(self._sheet(asked).page(self._since).encode(), headers=_HTML)

    def _stage(self, asked: _Asked) -> _Said:
        sheet = self._sheet(asked)
        headers = {**_HTML, "hx-push-url": f"/_phone/?{sheet.place.query}"}
        return _Said(sheet.stage(self._since).encode(), headers=headers)

    def _stream(self, asked: _Asked) -> Stream:
        since = asked.headers.get("last-event-id") or asked.one("since")
        return Stream(self._scene, self._sheet(asked), run=self._run, since=since)

    # ── deeds and files ───────────────────────────────────────────────────────────────────────────────────────────

    def _do(self, asked: _Asked) -> _Said:
        name = asked.params["deed"]
        deed = self._hands.deeds.get(name) or self._group_hands.deeds.get(name) or self._steering.deeds.get(name)
        if deed is None:
            raise Impossible("a phone cannot do that", hint="reload the page", status=404)
        deed(Form.read(asked.body))
        return _DONE

    def _upload(self, asked: _Asked) -> _Said:
        kept = self.files.keep(asked.one("name"), asked.headers.get("content-type", ""), asked.body)
        return _Said(self._talking.chip(kept, asked.query).encode(), headers=_HTML)

    def _icon(self, asked: _Asked) -> _Said:
        """Give a group's picture, where its bytes are on this machine."""
        icon = self._talking.icon(asked.params["thread"])
        kept = self.files.find((icon.url or "").rpartition(FILES)[2].partition("/")[0]) if icon.url else None
        if icon.data is not None:
            kept = self.files.keep(icon.name or "icon", icon.media_type or "", icon.data)
        if kept is None:
            raise Impossible("there is no such picture", hint="it may have made room for others", status=404)
        return _content(kept.content, kept.media_type, shown=kept.is_shown)

    def _file(self, asked: _Asked) -> _Said:
        kept = self.files.find(asked.params["file"])
        if kept is None:
            raise Impossible("there is no such file", hint="it may have made room for others", status=404)
        return _content(kept.content, kept.media_type, shown=kept.is_shown)

    def _media(self, asked: _Asked) -> _Said:
        """Give the bytes that came inside a message."""
        bubble = self._scene.world.find(asked.params["vendor"], asked.params["message"])
        number = asked.params["part"]
        parts = bubble.parts if bubble else ()
        part = parts[int(number)] if number.isascii() and number.isdigit() and int(number) < len(parts) else None
        if not isinstance(part, Media) or part.data is None:
            raise Impossible("there is no such file", hint="reload the page", status=404)
        kept = self.files.keep(part.name or "file", part.media_type or "", part.data)
        return _content(kept.content, kept.media_type, shown=kept.is_shown)

    # ── the wire ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _wire(self, place: Place) -> Mapping[str, Any]:
        return {"story": story_of(self._scene, *place.message) if place.message else None}

    async def _replay(self, form: Form) -> None:
        await call_again(self._scene, self._app, form.number("seq"), form.one("body") or None)

    def _rotate(self, asked: _Asked) -> _Said:
        """Answer with the new secret, which no page holds otherwise."""
        title, secret = self._steering.chaos.rotated(Form.read(asked.body))
        html = f"{escape(title)} signs with <code>{escape(secret)}</code> from now on; give it to the application."
        return _Said(html.encode(), headers=_HTML)

    def _check(self, asked: _Asked) -> _Said:
        form = Form.read(asked.body)
        if form.one("vendor") not in self._scene.twins:
            raise Impossible("of which vendor?", hint="choose one", status=422)
        pairs = [line.partition(":") for line in form.one("headers").splitlines() if ":" in line]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        # a form writes every break as two characters
        body = form.one("body").replace("\r\n", "\n")
        checked = check(self._scene, form.one("vendor"), headers, body, form.one("secret"))
        html = self._templates.get_template("checked.html").render(checked=checked)
        return _Said(html.encode(), headers=_HTML)

    def _export(self, asked: _Asked) -> _Said:
        name, _, ending = asked.params["name"].rpartition(".")
        if ending == "sample":
            body = sample_of(self._scene, name.removeprefix("webhook-"))
            return _Said(body, headers={"content-type": "application/json", "content-disposition": "attachment"})
        written = self._steering.export(name, ending)
        if written is None:
            raise Impossible("there is no such export", hint="there are .json, .md and .toml", status=404)
        headers = {"content-type": f"{written[0]}; charset=utf-8", "content-disposition": "attachment"}
        return _Said(written[1].encode("utf-8", "replace"), headers=headers)

    # ── what the page is made of ──────────────────────────────────────────────────────────────────────────────────

    def _vendored(self, asked: _Asked) -> _Said:
        return self._asset(asked, "vendor")

    def _asset(self, asked: _Asked, folder: str = "") -> _Said:
        name = asked.params["name"]
        place = _STATIC / folder if folder else _STATIC
        known = {each.name: each for each in place.iterdir() if each.is_file()}
        ending = name.rpartition(".")[2]
        if name not in known or ending not in _TYPES:
            raise Impossible("there is nothing here", hint="the phone is at /_phone/", status=404)
        headers = {"content-type": f"{_TYPES[ending]}; charset=utf-8", "cache-control": "no-cache"}
        return _Said(known[name].read_bytes(), headers=headers)


def _content(content: bytes, media_type: str, *, shown: bool) -> _Said:
    """Give a file; one that a browser could run is only saved, and nothing of it runs with the page's rights."""
    headers = {"content-type": media_type if shown else "application/octet-stream"}
    if not shown:
        headers["content-disposition"] = "attachment"
    return _Said(content, headers={**headers, "content-security-policy": "default-src 'none'; sandbox"})
