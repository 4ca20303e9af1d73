"""What is known of a file without opening it, and whether a vendor takes it."""

from __future__ import annotations

import re
from urllib.parse import unquote

from gateway.capabilities import Feature, Limits
from gateway.fitting.findings import Fitting, impossible, most_of
from gateway.model import Media

__all__ = ["check_source", "check_type", "ending_of", "is_voice_format", "one_name_of", "shown_name", "type_of_name"]

# Our own short table: the standard library's reads files of the machine, and fitting gives the same answer everywhere.
_TYPES = {
    "aac": "audio/aac",
    "aif": "audio/aiff",
    "aiff": "audio/aiff",
    "amr": "audio/amr",
    "bmp": "image/bmp",
    "caf": "audio/x-caf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "flac": "audio/flac",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "m4a": "audio/mp4",
    "m4v": "video/x-m4v",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/opus",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_OTHER_NAMES = {
    "audio/m4a": "audio/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aac": "audio/aac",
    "audio/x-aiff": "audio/aiff",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
}
_NO_TYPE = "application/octet-stream"


def check_source(media: Media, feature: Feature, limits: Limits) -> Fitting[None]:
    """Bytes need an upload; a URL needs a scheme and a length that the vendor takes."""
    if media.url is None:
        if not limits.upload:
            yield impossible(feature, "files and bytes cannot be uploaded, only URLs are fetched", "a public URL of it")
        return
    scheme = media.url.partition("://")[0].lower()
    if scheme not in limits.url_schemes:
        schemes = " or ".join(f"{name}://" for name in limits.url_schemes) or "no"
        yield impossible(feature, f"only {schemes} URLs are fetched", f"the same at an {schemes} URL")
    if limits.url_length is not None and len(media.url) > limits.url_length:
        limit = most_of(limits.url_length, "character")
        yield impossible(feature, f"a URL has {limit}", f"a shorter URL, {limit}")


def check_type(media: Media, feature: Feature, limits: Limits) -> Fitting[None]:
    """A type that is known has to be among those that are carried; one that is not known is left to the vendor."""
    known = media_type(media)
    if known is None or limits.media_types is None:
        return
    if not any(_matches(known, pattern) for pattern in limits.media_types):
        carried = ", ".join(limits.media_types)
        yield impossible(feature, f"files of type {known} are not carried", f"a file of type {carried}")


def is_voice_format(media: Media, formats: tuple[str, ...] | None) -> bool:
    """Tell whether a voice note may have this format; one that name and type do not tell is left to the vendor."""
    if formats is None or _ending(media) in formats:
        return True
    known = media_type(media)
    return known is None or any(_TYPES.get(ending) == known for ending in formats)


def media_type(media: Media) -> str | None:
    """Give the media type as it was declared, else by the ending of the name; None when neither says it."""
    declared = (media.media_type or _NO_TYPE).lower()
    if declared != _NO_TYPE:
        return _OTHER_NAMES.get(declared, declared)
    return _TYPES.get(_ending(media))


def one_name_of(media_type: str) -> str:
    """Spell a media type the one way that the gateway uses: `audio/x-m4a` is `audio/mp4`."""
    spelt = media_type.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(spelt, spelt)


def type_of_name(name: str) -> str | None:
    """Give the media type that the ending of a file's name stands for; None for one that is not known."""
    return _TYPES.get(name.rpartition(".")[2].lower()) if "." in name else None


def ending_of(media_type: str) -> str | None:
    """Give the usual ending of names of a media type, with its dot; None for one that is not known."""
    endings = [ending for ending, known in _TYPES.items() if known == one_name_of(media_type)]
    usual = next((ending for ending in endings if ending in {"jpg", "m4a", "mp3", "mp4"}), None)
    return f".{usual or endings[0]}" if endings else None


def shown_name(media: Media) -> str:
    """Give the name that a recipient sees when no other is sent: the end of the URL, the file's name, or none."""
    if media.file is not None:
        return media.file.name
    path = re.split(r"[?#]", media.url or "", maxsplit=1)[0]
    return unquote(path.partition("://")[2].rpartition("/")[2]) if media.url else ""


def _ending(media: Media) -> str:
    """Give the ending of the name in lower case, that of the URL first: it is the one that a vendor sees."""
    names = (shown_name(media), media.name or "")
    endings = (name.rpartition(".")[2].lower() for name in names if "." in name)
    found = list(endings)
    return next((ending for ending in found if ending in _TYPES), found[0] if found else "")


def _matches(known: str, pattern: str) -> bool:
    family, star, _ = pattern.lower().partition("*")
    return known.startswith(family) if star else known == _OTHER_NAMES.get(pattern.lower(), pattern.lower())
