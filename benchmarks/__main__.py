"""Run the benchmarks and print the table: `python -m benchmarks [--rounds N]`."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from benchmarks.servers import pin, running
from gateway import Gateway

PROVIDER = "echo"
NUMBERS = [f"+1323111{number:04d}" for number in range(2000, 2200)]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    ratios: tuple[float, ...]
    target: float

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.ratios)

    def __str__(self) -> str:
        """Name, median, spread, target and verdict."""
        spread = f"{min(self.ratios):.2f} to {max(self.ratios):.2f}"
        verdict = "ok" if self.median >= self.target else "below"
        return f"{self.what:<52} {self.median:>6.2f}   {spread:<14} {self.target:>6.2f}   {verdict}"


async def rate(work: Callable[[int], Awaitable[object]], count: int, in_flight: int) -> float:
    """Do something `count` times, so many at once; gives times per second."""
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            await work(number)

    start = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))
    return count / (time.perf_counter() - start)


async def raw_sends(url: str, count: int, in_flight: int) -> float:
    """POST the same body with a bare client, the answer read as JSON."""
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:

        async def post(number: int) -> None:
            body = {"to": NUMBERS[number % len(NUMBERS)], "text": f"hello {number}"}
            answer = await client.post(f"{url}/messages", json=body, headers={"Authorization": "Bearer key"})
            answer.json()

        await rate(post, in_flight * 4, in_flight)
        return await rate(post, count, in_flight)


async def our_sends(url: str, store: str, count: int, in_flight: int) -> float:
    """Send through the gateway: fitted, kept, marked, sent, settled, with its receipt."""
    async with Gateway(store) as gateway:
        gateway.connect(PROVIDER, api_key="key", webhook_secret="secret", base_url=url)

        async def send(number: int) -> None:
            await gateway.send(NUMBERS[number % len(NUMBERS)], f"hello {number}")

        await rate(send, in_flight * 4, in_flight)
        return await rate(send, count, in_flight)


async def sending(rounds: int, count: int) -> list[Figure]:
    """Compare sends with bare POSTs, in turns."""
    figures = []
    with running("vendor") as url:
        for in_flight, target in ((1, 0.80), (10, 0.90), (16, 0.90)):
            ratios = []
            for _ in range(rounds):
                raw = await raw_sends(url, count, in_flight)
                ratios.append(await our_sends(url, "memory:", count, in_flight) / raw)
            figures.append(Figure(f"send on memory:, {in_flight} in flight / httpx POST", tuple(ratios), target))
            print(figures[-1], flush=True)
    return figures


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=600, help="sends in each run")
    chosen = parser.parse_args()
    pin(0)
    print(f"{'':<52} {'median':>6}   {'spread':<14} {'target':>6}", flush=True)
    figures = asyncio.run(sending(chosen.rounds, chosen.count))
    sys.exit(any(figure.median < figure.target for figure in figures))


if __name__ == "__main__":
    main()
