"""The phone in the browser: write to an application as its contacts would, and see what they see.

    place     what a page shows, in its URL       looks      bubbles as a phone shows them
    page      pages, fragments, forms, files      parts      texts, files, voice notes, cards
    guard     who may open it                     chats      chat list, heads, phones
    hands     what a person does                  sheet      a page, and what changed in it
    files     what phones sent                    stream     the changes, as they happen
    names     names, letters, colours, times        wire       a bubble's story: calls, answers, webhooks
    again     calls and webhooks once more          proof      signatures, and which part of one differs
    fitted    the same message under every vendor   steering   the control pane: clock, faults, scenarios, session

It knows no vendor: whatever has a twin is on it. Everything is rendered here, from templates that escape whatever they
are given; the browser adds gestures and animation.
"""

from gateway.simulator.phone.page import MOUNT, PhonePage

__all__ = ["MOUNT", "PhonePage"]
