"""Tenants: who asks and what they may do, their vendor accounts and secrets, and what they may see and have erased.

Everything takes the tenant first. What belongs to another tenant is not there.
"""

from __future__ import annotations

from gateway.tenancy.account import Account, Offer
from gateway.tenancy.accounts import Accounts
from gateway.tenancy.audit import Audit, Chain
from gateway.tenancy.caller import ADMIN, READ, SEND, Caller
from gateway.tenancy.erasing import Erased
from gateway.tenancy.keys import Keys, Minted
from gateway.tenancy.options import Options
from gateway.tenancy.paging import Page
from gateway.tenancy.retention import Retention, Swept
from gateway.tenancy.sealing import DataKey, KeyRing, Sealer
from gateway.tenancy.tenancy import Tenancy

__all__ = [
    "ADMIN",
    "Account",
    "Accounts",
    "Audit",
    "Caller",
    "Chain",
    "DataKey",
    "Erased",
    "KeyRing",
    "Keys",
    "Minted",
    "Offer",
    "Options",
    "Page",
    "READ",
    "Retention",
    "SEND",
    "Sealer",
    "Swept",
    "Tenancy",
]
