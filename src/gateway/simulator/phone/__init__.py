"""The phone in the browser: write to an application as its contacts would, and see what they see.

    place     what a page shows, in its URL       looks      bubbles as a phone shows them
    page      pages, fragments, forms, files      parts      texts, files, voice notes, cards
    guard     who may open it                     happened   lines in the middle of a chat
    hands     what a person does                  chats      chat list, heads, phones
    groups    the same with groups                menus      what can be done with a bubble, threads of replies
    cards     polls, places, stickers, contacts   talking    fragments that a page asks for
    album     looks that were taken before        sheet      a page, and what changed in it
    names     names, letters, colours, times      stream     the changes, as they happen
                                                  wire       a bubble's story: calls, answers, webhooks
    again     a call once more, a sample              copying    a call, a webhook, a message as a command or as code
    fitted    the same message under every vendor   steering   the control pane: clock, scenarios, session
                                                    chaos      the same: faults, webhooks once more, secrets

It knows no vendor: whatever has a twin is on it. Everything is rendered here, from templates that escape whatever they
are given; the browser adds gestures and animation.
"""

from gateway.simulator.phone.page import MOUNT, PhonePage

__all__ = ["MOUNT", "PhonePage"]
