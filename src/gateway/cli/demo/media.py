"""What the demo sends along: two photos and a voice note, painted and played here.

Vendors take files by public URL, and the demo's lead nowhere: nothing leaves this machine. The simulated phones are
given the bytes, so that they have something to show and to play.
"""

from __future__ import annotations

import io
import math
import struct
import wave
import zlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

__all__ = ["OTHER_PHOTO", "PHOTO", "VOICE", "media"]

_AT = "https://example.com/demo/"
PHOTO = f"{_AT}photo.png"
OTHER_PHOTO = f"{_AT}other-photo.png"
VOICE = f"{_AT}hello.wav"

_WIDE, _HIGH, _WATER = 480, 320, 206
_RATE = 16_000
_NOTES = ((0.0, 659.3), (0.28, 784.0), (0.56, 1046.5), (1.1, 784.0), (1.38, 1046.5))
"""When each note begins, in seconds, and its pitch."""

Colour: TypeAlias = tuple[int, int, int]
Span: TypeAlias = tuple[float, float, Colour]
"""From where to where a row has a colour."""


def media() -> Iterator[tuple[str, str, bytes]]:
    """Give URL, media type and bytes of each file."""
    yield PHOTO, "image/png", _painted(_evening)
    yield OTHER_PHOTO, "image/png", _painted(_morning)
    yield VOICE, "audio/wav", _played()


def _evening(row: int) -> Iterator[Span]:
    """The sun above the sea."""
    if row < _WATER:
        yield 0, _WIDE, _mixed((46, 58, 120), (255, 164, 92), row / _WATER)
        yield *_disc(row, 240, 172, 54), (255, 226, 156)
        return
    down = (row - _WATER) / (_HIGH - _WATER)
    yield 0, _WIDE, _mixed((206, 108, 88), (26, 34, 84), down)
    if row % 9 < 5:
        half = 66 * (1 - down) + 9 * math.sin(row)
        yield 240 - half, 240 + half, _mixed((255, 214, 150), (190, 104, 110), down)


def _morning(row: int) -> Iterator[Span]:
    """Mountains above a meadow."""
    yield 0, _WIDE, _mixed((104, 172, 232), (234, 244, 250), row / _HIGH)
    for middle, top, steep, colour in (
        (350, 96, 1.15, (138, 160, 192)),
        (90, 120, 1.4, (138, 160, 192)),
        (220, 62, 0.95, (84, 112, 146)),
        (430, 150, 1.6, (84, 112, 146)),
    ):
        half = steep * (row - top)
        if half > 0:
            yield middle - half, middle + half, colour
            if row < top + 30:
                yield middle - half, middle + half, (248, 250, 252)
    if row > 250:
        yield 0, _WIDE, _mixed((120, 178, 92), (70, 128, 66), (row - 250) / (_HIGH - 250))


def _disc(row: int, x: int, y: int, radius: int) -> tuple[float, float]:
    half = math.sqrt(max(0, radius**2 - (row - y) ** 2))
    return x - half, x + half


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _painted(scene: Callable[[int], Iterator[Span]]) -> bytes:
    """Write a picture as PNG, row by row."""
    rows = bytearray()
    for number in range(_HIGH):
        row = bytearray(3 * _WIDE)
        for begin, end, colour in scene(number):
            first, last = max(0, round(begin)), min(_WIDE, round(end))
            row[3 * first : 3 * last] = bytes(colour) * (last - first)
        rows += b"\0" + row
    head = struct.pack(">IIBBBBB", _WIDE, _HIGH, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _played() -> bytes:
    """Write a little tune as WAV."""
    loud = [0.0] * round(2.2 * _RATE)
    for begin, pitch in _NOTES:
        first = round(begin * _RATE)
        for at in range(min(round(0.8 * _RATE), len(loud) - first)):
            seconds = at / _RATE
            wanes = math.exp(-5 * seconds) * min(1, at / 160)
            loud[first + at] += wanes * math.sin(math.tau * pitch * seconds)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(_RATE)
        written.writeframes(b"".join(struct.pack("<h", round(12_000 * each)) for each in loud))
    return file.getvalue()
