"""What the vendor checks of a request to send, in the order that the twin assumes; the vendor documents none.

Recipient, then text and media, then effect and reaction, then sender, then the account, then the conversation
(`consent`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import JsonValue, ValidationError

from gateway.provider import Address, AddressKind, Channel, Effect, Reaction
from gateway.simulator import Bubble, Thread
from gateway_loopmessage.outbound import EFFECTS
from gateway_loopmessage.simulator.account import NAME, Account, Rejected
from gateway_loopmessage.simulator.consent import agree
from gateway_loopmessage.simulator.fields import flag, is_url, text_field

__all__ = ["Request", "attachments_of", "check", "effect_of", "normalised", "text_of"]

URL_LENGTH = 256
PASSTHROUGH_LENGTH = 1000
AUDIO = frozenset({"mp3", "wav", "m4a", "caf", "aac"})
PICTURES = frozenset({"bmp", "gif", "heic", "heif", "jpeg", "jpg", "png", "tif", "tiff", "webp"})

_PHONE_FILLERS = re.compile(r"[\s()-]")
_PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")
_NATIONAL_DIGITS = 10
"""As many digits without `+` are a number without its country code."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send that passed every check."""

    thread: Thread
    text: str = ""
    subject: str | None = None
    attachments: tuple[str, ...] = ()
    effect: Effect | None = None
    reply_to: str | None = None
    passthrough: str | None = None
    channel: Channel | None = None
    contact_file: bool = False
    cut: int = 0
    """How many characters of the text were too many."""
    media_url: str | None = None
    target: Bubble | None = None
    """With a reaction: the message it goes to."""
    reaction: Reaction | None = None
    removed: bool = False


def check(account: Account, body: Mapping[str, JsonValue]) -> Request:
    """Check a request as the vendor would; raises `Rejected`."""
    address, group = _recipient(account, body)
    if "reaction" in body:
        target, reaction, removed = _reaction(account, body, address, group)
        _account_rules(account)
        agree(account, address, target.thread.line, body)
        return Request(target.thread, target=target, reaction=reaction, removed=removed)
    channel = _channel(body, address)
    media_url = _voice(body, channel) if "media_url" in body else None
    text = "" if media_url else text_of(account, body)
    cut = len(str(body.get("text") or "")) - len(text) if text else 0
    attachments = attachments_of(account, body, account.number("attachments_limit"))
    effect = effect_of(body)
    reply_to = _reply(account, body, address, group)
    passthrough = _passthrough(body)
    thread = _thread(account, body, address, group)
    contact_file = _contact_file(account, body)
    plain = _is_plain(account, body, channel)
    _account_rules(account)
    agree(account, address, thread.line, body)
    return Request(
        thread,
        text=text,
        subject=None if plain else text_field(body, "subject"),
        attachments=attachments,
        effect=None if plain else effect,
        reply_to=None if plain else reply_to,
        passthrough=passthrough,
        channel=channel,
        contact_file=contact_file,
        media_url=media_url,
        cut=cut,
    )


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────────


def normalised(text: str) -> Address:
    """Bring a contact into the vendor's form: `+` and digits, or an email in lower case; raises `Rejected`.

    Spaces, dashes and brackets are let in, and a missing `+`; a number without its country code is not.
    """
    if "@" in text:
        return _parsed(text, 170)
    digits = _PHONE_FILLERS.sub("", text)
    if not digits.removeprefix("+").isdecimal():
        raise Rejected(160)
    if not _PHONE.fullmatch(digits) or (not digits.startswith("+") and len(digits) <= _NATIONAL_DIGITS):
        raise Rejected(180)
    return _parsed(f"+{digits.removeprefix('+')}", 180)


def _parsed(text: str, code: int) -> Address:
    try:
        return Address.parse(text)
    except ValidationError:
        raise Rejected(code) from None


# ── who ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _recipient(account: Account, body: Mapping[str, JsonValue]) -> tuple[Address | None, Thread | None]:
    """Find out who is meant: a contact, or a group that wrote to us before."""
    if "group" in body:
        group = body["group"]
        thread = account.context.world.group(NAME, group) if isinstance(group, str) else None
        # groups do not exist in the sandbox
        if thread is None or account.is_on("sandbox"):
            raise Rejected(165)
        return None, thread
    contact = body.get("contact")
    if contact is None or contact == "":
        raise Rejected(150)
    if not isinstance(contact, str):
        raise Rejected(160)
    # a contact id names the contact of a text, and of nothing else
    by_id = None if {"reaction", "media_url"} & body.keys() else account.contact_by_id(contact)
    return by_id or normalised(contact), None


def _in_chat(bubble: Bubble | None, address: Address | None, group: Thread | None) -> bool:
    """Tell whether a message belongs to the chat that is written to, on whichever line."""
    if bubble is None:
        return False
    if group is not None:
        return bubble.thread is group
    return bubble.thread.group is None and bubble.thread.members == (address,)


# ── what ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def text_of(account: Account, body: Mapping[str, JsonValue]) -> str:
    """Read the text: required, and cut where it is too long, which is no error."""
    text = text_field(body, "text")
    if not text:
        raise Rejected(140)
    return text[: account.number("text_limit")]


def attachments_of(account: Account, body: Mapping[str, JsonValue], most: int) -> tuple[str, ...]:
    """Read the URLs of attachments; which code a wrong one gets is not documented."""
    urls = body.get("attachments")
    if urls is None:
        return ()
    code = account.number("attachments_code")
    if not isinstance(urls, list) or len(urls) > most:
        raise Rejected(code, f"attachments has to be a list of at most {most} URLs")
    return tuple(_https(url, "attachments", code) for url in urls)


def _https(url: JsonValue, name: str, code: int) -> str:
    if not isinstance(url, str) or not url.startswith("https://") or len(url) > URL_LENGTH or not is_url(url):
        raise Rejected(code, f"{name} has to hold https URLs of at most {URL_LENGTH} characters")
    return url


def _voice(body: Mapping[str, JsonValue], channel: Channel | None) -> str:
    url = body["media_url"]
    if not url:
        raise Rejected(640)
    if channel is Channel.SMS:
        raise Rejected(1140)
    name = urlsplit(_https(url, "media_url", 125)).path.rpartition("/")[2]
    _, dot, ending = name.rpartition(".")
    if dot and ending.lower() not in AUDIO:
        raise Rejected(125, f"media_url has to end in one of {', '.join(sorted(AUDIO))}")
    return str(url)


def effect_of(body: Mapping[str, JsonValue]) -> Effect | None:
    """Read the effect: case-sensitive, as printed."""
    word = body.get("effect")
    if word is None:
        return None
    found = next((effect for effect, spelling in EFFECTS.items() if spelling == word), None)
    if found is None:
        raise Rejected(580)
    return found


def _reply(
    account: Account, body: Mapping[str, JsonValue], address: Address | None, group: Thread | None
) -> str | None:
    message_id = body.get("reply_to_id")
    if message_id is None:
        return None
    bubble = account.context.world.find(NAME, message_id) if isinstance(message_id, str) else None
    if not _in_chat(bubble, address, group):
        raise Rejected(590)
    return str(message_id)


def _reaction(
    account: Account, body: Mapping[str, JsonValue], address: Address | None, group: Thread | None
) -> tuple[Bubble, Reaction, bool]:
    if body.get("effect") is not None:
        raise Rejected(620)
    word, message_id = body["reaction"], body.get("message_id")
    if message_id is None:
        raise Rejected(120, "message_id is missing")
    reaction = _tapback(word)
    bubble = account.context.world.find(NAME, message_id) if isinstance(message_id, str) else None
    if bubble is None or not _in_chat(bubble, address, group):
        raise Rejected(610)
    return bubble, reaction, str(word).startswith("-")


def _tapback(word: JsonValue) -> Reaction:
    """Read the word: the six, `exclaim` for `emphasize` as in the older pages, `-` in front to take it back."""
    if not isinstance(word, str) or not word.isascii() or not word.islower():
        raise Rejected(600)
    try:
        return Reaction.parse(word.removeprefix("-"))
    except ValidationError:
        raise Rejected(600) from None


def _passthrough(body: Mapping[str, JsonValue]) -> str | None:
    text = text_field(body, "passthrough")
    if text is not None and len(text) > PASSTHROUGH_LENGTH:
        raise Rejected(125, f"passthrough has at most {PASSTHROUGH_LENGTH} characters")
    return text


def _channel(body: Mapping[str, JsonValue], address: Address | None) -> Channel | None:
    word = body.get("channel")
    if word is None:
        return None
    channel = next((channel for channel in Channel if channel.value == word), None)
    if channel is None:
        raise Rejected(125, "channel is one of imessage, sms, rcs, whatsapp")
    if channel is Channel.SMS and address is None:
        raise Rejected(1120)
    if channel is Channel.SMS and address is not None and address.kind is AddressKind.EMAIL:
        raise Rejected(1110)
    return channel


# ── from where ────────────────────────────────────────────────────────────────────────────────────────────────────


def _thread(account: Account, body: Mapping[str, JsonValue], address: Address | None, group: Thread | None) -> Thread:
    """Find the conversation; in the sandbox the sender that was asked for is ignored."""
    asked = text_field(body, "sender")
    if account.is_on("sandbox"):
        asked = None
    line = _line(account, asked, address) if asked else None
    if group is not None:
        return group
    if address is None:
        raise Rejected(150)
    return account.context.world.direct(NAME, line or account.line_for(address), address)


def _line(account: Account, asked: str, address: Address | None) -> str:
    """Find the sender that is asked for, which has to be active; or one of the pool, where a pool may be named."""
    pool = account.pool(asked) if account.is_on("pool_sender") else None
    if pool is not None:
        talking = [thread.line for thread in account.direct_threads(address) if thread.bubbles] if address else []
        # a pool sends to those only with whom one of its senders talks already
        found = next((line for line in reversed(talking) if line in pool.senders), None)
        if found is None:
            raise Rejected(210)
        return found
    sender = account.sender(asked)
    if sender is None:
        raise Rejected(220)
    if sender.status != "active":
        raise Rejected(250 if sender.status == "suspended" else 240)
    return sender.id


def _is_picture(url: str) -> bool:
    """Tell by the ending whether a URL is one of a picture; without an ending it may be."""
    _, dot, ending = urlsplit(url).path.rpartition("/")[2].rpartition(".")
    return not dot or ending.lower() in PICTURES


def _is_plain(account: Account, body: Mapping[str, JsonValue], channel: Channel | None) -> bool:
    """Tell whether subject, effect and reply fall away: "not supported" over SMS, the page says, not how."""
    if channel is not Channel.SMS:
        return False
    beside = [name for name in ("subject", "effect", "reply_to_id") if body.get(name) is not None]
    urls = body.get("attachments")
    if isinstance(urls, list) and not all(_is_picture(str(url)) for url in urls):
        beside.append("files but pictures")
    if beside and account.switch("sms_extras") == "refuse":
        raise Rejected(125, f"SMS has no {', '.join(beside)}")
    return True


def _contact_file(account: Account, body: Mapping[str, JsonValue]) -> bool:
    wanted = flag(body, "contact_file") or False
    if wanted and not account.is_on("vcard"):
        raise Rejected(630)
    return wanted


# ── whether ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _account_rules(account: Account) -> None:
    code = account.switch("account_code")
    if isinstance(code, int):
        raise Rejected(code)
