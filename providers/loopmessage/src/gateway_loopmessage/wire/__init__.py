"""The vendor's JSON, in the vendor's words.

Sources: docs.loopmessage.com (2026) and its older editions, whose spellings are read as well. Answers and webhooks
are read leniently: whatever the vendor has left out once may be missing, and what it adds is kept. `model_dump` with
`exclude_unset=True` gives back what was read.
"""

from gateway_loopmessage.wire.account import (
    CardName,
    Ordered,
    OrderedSender,
    Organization,
    OrganizationRequest,
    Plan,
    Plans,
    Pool,
    Port,
    Sender,
    SenderOrder,
)
from gateway_loopmessage.wire.audience import Contact, ContactStatus, Geo, HistoryItem, OptInUrl, Tracked, UserAgent
from gateway_loopmessage.wire.campaigns import Campaign, CampaignMessage, CampaignRequest, Schedule
from gateway_loopmessage.wire.hooks import Hook, HookRecord, Language, Speech
from gateway_loopmessage.wire.sending import Group, SendRequest, SendResponse, ShowTypingRequest, StatusResponse
from gateway_loopmessage.wire.values import Answer, Paged, Wire

__all__ = [
    "Answer",
    "Campaign",
    "CampaignMessage",
    "CampaignRequest",
    "CardName",
    "Contact",
    "ContactStatus",
    "Geo",
    "Group",
    "HistoryItem",
    "Hook",
    "HookRecord",
    "Language",
    "OptInUrl",
    "Ordered",
    "OrderedSender",
    "Organization",
    "OrganizationRequest",
    "Paged",
    "Plan",
    "Plans",
    "Pool",
    "Port",
    "Schedule",
    "SendRequest",
    "SendResponse",
    "Sender",
    "SenderOrder",
    "ShowTypingRequest",
    "Speech",
    "StatusResponse",
    "Tracked",
    "UserAgent",
    "Wire",
]
