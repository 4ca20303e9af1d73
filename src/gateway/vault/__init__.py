"""Where the bytes of files are kept, under the hash of what they are: in the store, on disk, or in a bucket."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from gateway.errors import ConfigurationError
from gateway.store.port import Store
from gateway.vault.disk import DiskVault
from gateway.vault.kept import KeptVault
from gateway.vault.kinds import Kind, kind_of
from gateway.vault.links import Link, Links
from gateway.vault.port import Missing, Vault

__all__ = ["DiskVault", "KeptVault", "Kind", "Link", "Links", "Missing", "Vault", "kind_of", "open_vault"]


def open_vault(place: str | Vault, store: Store) -> Vault:
    """Make the vault that a place names: `store:`, `file:///FOLDER` or `s3://BUCKET/PREFIX`.

    Raises `ConfigurationError` for another place, and for a bucket without the library that reaches it.
    """
    if not isinstance(place, str):
        return place
    scheme, colon, rest = place.partition(":")
    if place == "store:":
        return KeptVault(store)
    if scheme == "file" and rest.startswith("//"):
        return DiskVault(_folder(place))
    if scheme == "s3" and colon:
        return _bucket(place)
    # the place may hold a password
    raise ConfigurationError(
        "there is no such place for files", hint='use "store:", "file:///FOLDER" or "s3://BUCKET/PREFIX"'
    )


def _folder(url: str) -> Path:
    """Read the folder of a URL: three slashes begin at the root, two at the folder that the process runs in."""
    parts = urlsplit(url)
    folder = unquote(f"{parts.netloc}{parts.path}")
    if not folder.strip("/"):
        raise ConfigurationError("a place for files needs a folder", hint='use "file:///var/lib/gateway/files"')
    return Path(folder)


def _bucket(url: str) -> Vault:
    from gateway.vault.bucket import BucketVault  # noqa: PLC0415 - it needs a library that may be missing

    return BucketVault.at(url)
