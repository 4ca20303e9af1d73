"""The contract of a provider, kept by Blooio."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from gateway.provider import Phase
from gateway.testing.providers import ProviderContract
from gateway_blooio import Blooio


class TestBlooio(ProviderContract):
    """Blooio signs body and time, knows keys, and tells a failure in words: there are no codes of deliveries."""

    provider = Blooio
    samples = Path(__file__).parent / "samples"
    pattern = "webhook_*.json"
    documented: ClassVar = {
        # docs.blooio.com/reference/v2/messages/sendMessage, docs.blooio.com/api-reference/errors
        Phase.CALL: (
            *("reply_target_invalid", "reply_target_chat_mismatch", "reply_target_device_mismatch"),
            *("reply_target_expired", "reply_target_not_supported", "reply_target_not_found"),
            *("attachment_first_message_not_allowed", "inbound_only_no_prior_inbound"),
            *("outbound_limit_reached", "new_conversation_limit_reached"),
            # of v4, which runs on the same numbers
            *("conversation_awaiting_reply", "conversation_streak_limit", "conversation_inactive_paused"),
            *("conversation_content_restricted", "safety_new_conversations_paused", "safety_reply_only"),
            "safety_account_review",
            # the field `error` of older answers
            *("bad_request", "unauthorized", "forbidden", "not_found", "conflict", "service_unavailable"),
        ),
    }
