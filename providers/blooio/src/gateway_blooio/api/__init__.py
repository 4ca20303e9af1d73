"""Blooio's operations as functions that return an exchange, named as the vendor names them (`listChats`).

For use beyond the neutral words: `await gateway.run("blooio-main", api.list_chat_messages("+13231112233", limit=20))`;
`gateway.pages(…)` goes through all pages of a list. What a second copy of a call would do (`Repeat`) stands with each.
Each raises what `gateway_blooio.errors.refusal` makes of an answer that is not 2xx.
Source: https://docs.blooio.com/reference/v2 (2026).
"""

from gateway_blooio.api.account import (
    get_me,
    get_my_contact_card,
    list_numbers,
    request_call_forwarding,
    update_my_contact_card,
)
from gateway_blooio.api.answers import PAGE
from gateway_blooio.api.chats import (
    get_chat,
    get_chat_background,
    list_chats,
    mark_chat_read,
    remove_chat_background,
    set_chat_background,
    share_contact_card,
    start_typing,
    stop_typing,
)
from gateway_blooio.api.contacts import (
    add_contact_tags,
    create_contact,
    delete_contact,
    get_contact,
    get_contact_capabilities,
    list_contact_tags,
    list_contacts,
    remove_contact_tag,
    update_contact,
)
from gateway_blooio.api.groups import (
    add_group_member,
    create_group,
    delete_group,
    get_group,
    list_group_members,
    list_groups,
    remove_group_icon,
    remove_group_member,
    set_group_icon,
    update_group,
)
from gateway_blooio.api.lookups import (
    batch_lookup_phone_numbers,
    call_face_time,
    get_location_contact,
    list_location_contacts,
    lookup_phone_number,
    lookup_phone_number_post,
    refresh_location_contacts,
)
from gateway_blooio.api.messages import (
    Direction,
    add_reaction,
    cancel_message,
    get_message,
    get_message_status,
    list_chat_messages,
    send_message,
)
from gateway_blooio.api.polls import (
    get_poll_results,
    send_poll,
)
from gateway_blooio.api.webhooks import (
    create_webhook,
    delete_webhook,
    get_webhook,
    list_webhook_logs,
    list_webhooks,
    replay_webhook_event,
    rotate_webhook_secret,
    update_webhook,
)

__all__ = [
    "Direction",
    "PAGE",
    "add_contact_tags",
    "add_group_member",
    "add_reaction",
    "batch_lookup_phone_numbers",
    "call_face_time",
    "cancel_message",
    "create_contact",
    "create_group",
    "create_webhook",
    "delete_contact",
    "delete_group",
    "delete_webhook",
    "get_chat",
    "get_chat_background",
    "get_contact",
    "get_contact_capabilities",
    "get_group",
    "get_location_contact",
    "get_me",
    "get_message",
    "get_message_status",
    "get_my_contact_card",
    "get_poll_results",
    "get_webhook",
    "list_chat_messages",
    "list_chats",
    "list_contact_tags",
    "list_contacts",
    "list_group_members",
    "list_groups",
    "list_location_contacts",
    "list_numbers",
    "list_webhook_logs",
    "list_webhooks",
    "lookup_phone_number",
    "lookup_phone_number_post",
    "mark_chat_read",
    "refresh_location_contacts",
    "remove_chat_background",
    "remove_contact_tag",
    "remove_group_icon",
    "remove_group_member",
    "replay_webhook_event",
    "request_call_forwarding",
    "rotate_webhook_secret",
    "send_message",
    "send_poll",
    "set_chat_background",
    "set_group_icon",
    "share_contact_card",
    "start_typing",
    "stop_typing",
    "update_contact",
    "update_group",
    "update_my_contact_card",
    "update_webhook",
]
