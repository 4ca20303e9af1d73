"""Every code that is known of the vendor, as its documents, its client and captured answers spell it."""

from __future__ import annotations

__all__ = ["DOCUMENTED"]

DOCUMENTED = (
    # docs.sendblue.com, "Error codes"
    *(4000, 4001, 4002, 5000, 5003, 10001, 10002),
    # captured answers
    *(5509, "SMS_LIMIT_REACHED"),
    # in the body of an HTTP 400, by the published client 1.33.0
    429,
    # error_key, by the published client 1.33.0
    *("PRE_REPLY_LIMIT_REACHED", "OPTED_OUT", "LINE_HOURLY_LIMIT_REACHED", "LINE_DAILY_LIMIT_REACHED"),
    # error, of groups
    *("line_not_registered", "ambiguous_sending_line", "unsupported_line"),
)
