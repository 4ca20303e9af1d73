"""For clients of servers on this machine."""

import ssl

__all__ = ["NO_TLS"]

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What a client is given as `verify` when all that it asks is plain HTTP: it trusts nobody, and reads no certificates,
which takes longer than many a test."""
