"""What can be copied from a story: a call, a webhook or a message, as a command or as code.

All of it is made from the journal, whose secrets are masked: what is copied names the key instead of holding it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from urllib.parse import urlencode

from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from gateway.addresses import Address
from gateway.model import Media, Message
from gateway.simulator.journal import Entry
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble

__all__ = ["as_curl", "as_graphql", "as_httpx", "as_library", "as_test", "as_webhook_curl"]

_MASK = "•••"
_MOST_BYTES = 2_000
# a copied command sets these by itself
_OWN_HEADERS = frozenset({"accept", "accept-encoding", "connection", "content-length", "user-agent"})


# ── a call of the application ─────────────────────────────────────────────────────────────────────────────────────


def as_curl(scene: Scene, request: Entry) -> str:
    """Write a request as a command; the key is a variable."""
    words = [f"curl -X {request.data['method']} {shlex.quote(_url(scene, request))}"]
    words += _headers(request, "$API_KEY")
    if request.data["body"] is not None:
        words.append(f"--data-raw {shlex.quote(_raw(request.data['body']))}")
    return " \\\n  ".join(words)


def as_httpx(scene: Scene, request: Entry) -> str:
    """Write a request as Python with httpx; the key comes from the environment."""
    lines = ["import os", "", "import httpx", "", "answer = httpx.request("]
    lines += [f"    {str(request.data['method'])!r},", f"    {_url(scene, request)!r},", "    headers={"]
    for name, value in _copied(request):
        shown = repr(value) if _MASK not in value else f'{value!r}.replace("{_MASK}", os.environ["API_KEY"])'
        lines.append(f"        {name!r}: {shown},")
    lines.append("    },")
    if request.data["body"] is not None:
        lines.append(f"    content={_raw(request.data['body'])!r}.encode(),")
    return "\n".join([*lines, ")", "print(answer.status_code, answer.text)"])


def as_webhook_curl(attempt: Entry, body: bytes) -> str:
    """Write an attempt to deliver a webhook as a command, with the proof that it had; a masked one is a variable."""
    words = [f"curl -X POST {shlex.quote(str(attempt.data['url']))}", *_headers(attempt, "$WEBHOOK_SECRET")]
    return " \\\n  ".join([*words, f"--data-raw {shlex.quote(body.decode())}"])


def _headers(entry: Entry, variable: str) -> list[str]:
    # in double quotes, so that the shell puts the secret in
    return [
        f"-H {shlex.quote(f'{name}: {value}')}"
        if _MASK not in value
        else f'-H "{_in_quotes(f"{name}: {value}").replace(_MASK, variable)}"'
        for name, value in _copied(entry)
    ]


def _in_quotes(text: str) -> str:
    """Keep the shell from reading anything in double quotes but the variable."""
    return "".join(f"\\{character}" if character in '\\"$`' else character for character in text)


def _url(scene: Scene, request: Entry) -> str:
    query = request.data["query"]
    pairs = urlencode({name: str(value) for name, value in query.items()}) if isinstance(query, dict) else ""
    return f"{scene.root}/{request.vendor}{request.data['raw_path']}{'?' if pairs else ''}{pairs}"


def _copied(entry: Entry) -> list[tuple[str, str]]:
    headers = entry.data["headers"]
    pairs = headers.items() if isinstance(headers, dict) else ()
    return [(name, str(value)) for name, value in pairs if name not in _OWN_HEADERS]


def _raw(body: JsonValue) -> str:
    return body if isinstance(body, str) else to_json(body).decode()


# ── a message, in the gateway's words ─────────────────────────────────────────────────────────────────────────────


def as_library(bubble: Bubble, message: Message) -> str:
    """Write a message of the application as it is sent with this library."""
    thread = bubble.thread
    direct = thread.group is None
    to = repr(thread.members[0].text) if direct else f"Chat.of_group({thread.group!r}, line={thread.line!r})"
    code, names = _message(message)
    names |= {"Gateway"} | (set() if direct else {"Chat"})
    return "\n".join(
        [
            "import asyncio",
            "",
            f"from gateway import {', '.join(sorted(names))}",
            "",
            "",
            "async def main() -> None:",
            '    async with Gateway.from_config("gateway.toml") as gateway:',
            f"        message = {code}",
            f"        print(await gateway.send({to}, message, via={thread.vendor!r}))",
            "",
            "",
            "asyncio.run(main())",
        ]
    )


def as_test(bubble: Bubble, message: Message) -> str:
    """Write a message of a contact as a test says it, with the fixture of `gateway.testing.phone`."""
    names: set[str] = set()
    texts = [part.text for part in message.parts if part.type == "text" and part.mention is None]
    plain = len(texts) == len(message.parts)
    content = repr("\n".join(texts)) if plain else f"parts=[{', '.join(_code(part, names) for part in message.parts)}]"
    more = f", subject={message.subject!r}" if message.subject else ""
    more += f", effect={message.effect.value!r}" if message.effect else ""
    deed = "replies" if bubble.reply_to and plain and not more else "says"
    head = [f"from gateway import {', '.join(sorted(names))}", "", ""] if names else []
    lines = ["async def test_it(phone):", f"    phone.{deed}({content}{more})", "    await phone.wait_for_message()"]
    return "\n".join([*head, *lines])


def _message(message: Message) -> tuple[str, set[str]]:
    """Give the expression that makes a message, and the names that it needs."""
    names = {"Message"}
    pieces = [
        repr(part.text) if part.type == "text" and part.mention is None else _code(part, names)
        for part in message.parts
    ]
    fields = {"subject": message.subject, "effect": message.effect and message.effect.value}
    pieces += [f"{name}={value!r}" for name, value in fields.items() if value is not None]
    if message.reply_to is not None:
        pieces.append(f"reply_to={_code(message.reply_to, names)}")
    return f"Message({', '.join(pieces)})", names


def _code(value: object, names: set[str]) -> str:
    """Write a word as the expression that makes it, without what is its default."""
    if isinstance(value, Address):
        names.add("Address")
        return f"Address.parse({value.text!r})"
    if isinstance(value, BaseModel):
        names.add(type(value).__name__)
        given = [
            f"{name}={_code(getattr(value, name), names)}"
            for name, field in type(value).model_fields.items()
            if name != "type" and getattr(value, name) != field.get_default(call_default_factory=True)
        ]
        return f"{type(value).__name__}({', '.join(given)})"
    if isinstance(value, Mapping):
        return repr(dict(value))
    if isinstance(value, bytes) and len(value) > _MOST_BYTES:
        return f"b'the {len(value)} bytes'"
    return repr(value)


def as_graphql(bubble: Bubble, message: Message) -> str:
    """Write a message of the application as the service's mutation; what that cannot carry stands in a comment."""
    thread = bubble.thread
    texts = [part.text for part in message.parts if part.type == "text"]
    files = [part for part in message.parts if isinstance(part, Media)]
    lost: list[str] = [part.type for part in message.parts if part.type != "text" and not isinstance(part, Media)]
    decorations = {"subject": message.subject, "effect": message.effect, "reply": message.reply_to}
    lost += [name for name, value in decorations.items() if value]
    lines = [f"# not carried by this mutation: {', '.join(lost)}"] if lost else []
    lines += ["mutation {", "  sendMessage("]
    lines.append(f"    platformConnectionId: {_string(f'pc_{thread.vendor}')}")
    lines.append(f"    toExternalId: {_string(thread.group or thread.members[0].text)}")
    lines.append(f"    message: {_string(chr(10).join(texts))}")
    if files:
        lines.append(f"    fileIds: [{', '.join(_string(f'file_{number}') for number in range(1, len(files) + 1))}]")
    return "\n".join([*lines, "  ) {", "    id", "    status { success }", "  }", "}"])


def _string(text: str) -> str:
    # GraphQL's strings escape as JSON's do, and may hold no control character as it is
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
