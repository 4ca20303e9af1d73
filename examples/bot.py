"""Likes whatever is written to it, and says it back; which vendor carries that is in bot.toml."""

import uvicorn

from gateway import Gateway, MessageReceived

gateway = Gateway.from_config("bot.toml")


@gateway.on(MessageReceived)
async def answer(event: MessageReceived) -> None:
    """Answer in the chat that the message came from."""
    if not event.ours:
        await gateway.react(event, "like")
        await gateway.send(event, f"You wrote: {event.text}")


uvicorn.run(gateway.asgi(), port=8080)
