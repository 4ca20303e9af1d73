"""HTTP to addresses that strangers chose: endpoints of customers, media of vendors; never into our own network.

A URL is looked at before (`Egress.check`), and again when a connection is made, which is what counts: the name is
resolved once, every address has to be public, and the connection goes to one of those that were looked at. Host and SNI
stay those of the URL. No redirects are followed, nothing is read from the environment, and an answer is read up to a
limit. What carries the requests is what carries calls to vendors: it goes to the addresses that it is told, and nowhere
else.
"""

from __future__ import annotations

from gateway.egress.client import Answer, Egress, EgressFailed, EgressRefused, Stream
from gateway.egress.places import DEV, PUBLIC, Rules, public

__all__ = ["DEV", "PUBLIC", "Answer", "Egress", "EgressFailed", "EgressRefused", "Rules", "Stream", "public"]
