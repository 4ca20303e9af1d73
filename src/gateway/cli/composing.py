"""A message and its recipient, as the command line says them; `send` and `plan` take the same."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import typer

from gateway.actions import Policy
from gateway.asking import ref_of, said
from gateway.cli.configured import chosen, complete_connection
from gateway.cli.failing import Usage
from gateway.model import Attachment, Channel, Effect, Message, Part, Text, Voice

__all__ = [
    "Attach",
    "ChannelName",
    "Composed",
    "EffectName",
    "PolicyName",
    "ReplyTo",
    "Subject",
    "To",
    "Via",
    "VoiceFlag",
    "Words",
    "compose",
]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def _starting_with(words: type[StrEnum], incomplete: str) -> list[str]:
    return [word.value for word in words if word.value.startswith(incomplete)]


def _effects(incomplete: str) -> list[str]:
    return _starting_with(Effect, incomplete)


def _channels(incomplete: str) -> list[str]:
    return _starting_with(Channel, incomplete)


def _policies(incomplete: str) -> list[str]:
    return _starting_with(Policy, incomplete)


To: TypeAlias = Annotated[
    str, typer.Argument(metavar="TO", help="A phone (+1…), an email, several with commas between, or group:ID.")
]
Words: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[TEXT]", help="The text; - reads it from stdin.", show_default=False)
]
Via: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which connection.", autocompletion=complete_connection)
]
EffectName: TypeAlias = Annotated[
    str | None,
    typer.Option("--effect", metavar="NAME", help=f"One of {', '.join(Effect)}.", autocompletion=_effects),
]
Subject: TypeAlias = Annotated[str | None, typer.Option(metavar="TEXT", help="A bold title above the text.")]
Attach: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--attach", metavar="URL|PATH", help="A file to send along, or the id of one that is kept; may be repeated."
    ),
]
VoiceFlag: TypeAlias = Annotated[bool, typer.Option("--voice", help="Send the one --attach as a voice note.")]
ReplyTo: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID", help="The vendor's id of the message that this one answers.")
]
ChannelName: TypeAlias = Annotated[
    str | None,
    typer.Option("--channel", metavar="NAME", help=f"Preferred: {', '.join(Channel)}.", autocompletion=_channels),
]
PolicyName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="NAME",
        help="strict refuses what the vendor cannot carry, graceful adapts and says so; else as configured.",
        autocompletion=_policies,
    ),
]


@dataclass(frozen=True, slots=True)
class Composed:
    """What the command line asks to send."""

    message: Message
    policy: Policy | None


def compose(
    words: str | None,
    *,
    attach: list[str] | None,
    voice: bool,
    effect: str | None,
    subject: str | None,
    reply_to: str | None,
    channel: str | None,
    policy: str | None,
) -> Composed:
    """Put the message together; raises `Usage` and `InvalidMessage`."""
    parts = _parts(words, attach or [], voice=voice)
    shown = chosen(Effect, effect, "--effect")
    by = chosen(Channel, channel, "--channel")
    target = ref_of(reply_to, 0) if reply_to is not None else None
    message = said(lambda: Message(*parts, subject=subject, effect=shown, reply_to=target, channel=by))
    return Composed(message, chosen(Policy, policy, "--policy"))


def _parts(words: str | None, attach: list[str], *, voice: bool) -> list[Part]:
    text = sys.stdin.read().rstrip("\n") if words == "-" else words
    if voice:
        if text or len(attach) != 1:
            raise Usage("a voice note stands alone", hint="give --voice with exactly one --attach, and no TEXT")
        return [_media(Voice, attach[0])]
    if not text and not attach:
        raise Usage("there is nothing to send", hint="give a TEXT or --attach")
    return [*([Text(text=text)] if text else []), *(_media(Attachment, each) for each in attach)]


MediaT = TypeVar("MediaT", Attachment, Voice)


def _media(kind: type[MediaT], place: str) -> MediaT:
    """Read a URL, a path, or the id of a file that is kept; raises `Usage` where there is no such file."""
    if _URL.match(place):
        return said(lambda: kind(url=place))
    path = Path(place)
    if place.startswith("file_") and not path.exists():
        return said(lambda: kind(file_id=place))
    if not path.is_file():
        raise Usage(f"there is no file {place}", hint="--attach takes the path of a file, or a URL such as https://…")
    return said(lambda: kind(file=path, name=path.name))
