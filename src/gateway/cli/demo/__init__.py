"""`gateway demo`: one conversation over every vendor that is installed, played by the same application code.

Twins of the vendors, a gateway with one connection to each and an echo bot run in this process; every call and every
webhook goes over HTTP on this machine, and is printed as it happens.
"""

from gateway.cli.demo.command import demo

__all__ = ["demo"]
