"""A picture and a sound that a browser can read."""

from __future__ import annotations

import base64
import io
import math
import struct
import wave

__all__ = ["PNG", "WAV"]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""One pixel."""


def _sound(seconds: float = 1.2, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        loud = (math.sin(at / 8) * 9000 * (0.5 + at / rate / 2) for at in range(int(seconds * rate)))
        written.writeframes(b"".join(struct.pack("<h", int(each)) for each in loud))
    return file.getvalue()


WAV = _sound()
"""A little more than a second."""
