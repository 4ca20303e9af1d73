"""What the demo sends along is what it says it is."""

from __future__ import annotations

import io
import struct
import wave
import zlib

from gateway.cli.demo.media import OTHER_PHOTO, PHOTO, VOICE, media


def test_the_photos_are_pictures_and_the_voice_note_sounds() -> None:
    """As the names in their URLs say."""
    files = {url: (media_type, content) for url, media_type, content in media()}
    assert [PHOTO, OTHER_PHOTO, VOICE] == list(files)
    for url in (PHOTO, OTHER_PHOTO):
        media_type, content = files[url]
        wide, high = struct.unpack(">II", content[16:24])
        pixels = zlib.decompress(content[content.index(b"IDAT") + 4 : -16])
        assert ("image/png", b"\x89PNG", high * (3 * wide + 1)) == (media_type, content[:4], len(pixels))
        assert len({*pixels}) > 40
    media_type, content = files[VOICE]
    with wave.open(io.BytesIO(content)) as sound:
        assert ("audio/wav", 2.2) == (media_type, sound.getnframes() / sound.getframerate())
        assert max(abs(value) for (value,) in struct.iter_unpack("<h", sound.readframes(sound.getnframes()))) > 8000
