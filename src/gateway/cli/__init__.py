"""The command line `gateway`: one file a command; what they share is how they speak and how they fail."""

from gateway.cli.app import app, main

__all__ = ["app", "main"]
