"""What the rules find, and what a policy makes of it.

A rule is a generator: it yields what it finds and returns what it made. It never looks at the policy, so both
policies are one set of rules: `strict` refuses when there is any finding, `graceful` when one has no way out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from gateway.actions import Adaptation, Policy
from gateway.capabilities import Feature
from gateway.errors import Unsupported

__all__ = ["Finding", "Fitting", "adapted", "collect", "found_in", "impossible", "most_of", "settle"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that this connection cannot carry as it was asked; holds no text and no address of the caller."""

    feature: Feature
    why: str
    """The limit, or the ability that is missing."""
    instead: str
    """What the caller could ask for."""
    happened: str | None
    """What the rule did about it; None when there is no way to carry it."""
    message: int = 0


Fitting: TypeAlias = Generator[Finding, None, T]
"""A rule at work: yields findings, returns what it made."""


def adapted(feature: Feature, happened: str, why: str, instead: str) -> Finding:
    """Say that something falls back or is reshaped."""
    return Finding(feature, why, instead, happened)


def impossible(feature: Feature, why: str, instead: str) -> Finding:
    """Say that there is no way to carry something without dropping content."""
    return Finding(feature, why, instead, None)


def most_of(most: int, thing: str) -> str:
    """Say a limit in words: "at most 1 part", "at most 2 parts"."""
    return f"at most {most} {thing}{'' if most == 1 else 's'}"


def collect(fitting: Fitting[T]) -> tuple[T, list[Finding]]:
    """Run a rule to its end."""
    found: list[Finding] = []
    while True:
        try:
            found.append(next(fitting))
        except StopIteration as done:
            return done.value, found


def found_in(message: int, findings: Iterable[Finding]) -> list[Finding]:
    """Note in which message of the call something was found."""
    return [replace(finding, message=message) for finding in findings]


def settle(findings: Iterable[Finding], policy: Policy) -> tuple[Adaptation, ...]:
    """Turn findings into adaptations; raises `Unsupported`, with every problem at once, where the policy refuses."""
    distinct = list(dict.fromkeys(findings))
    hopeless = [finding for finding in distinct if finding.happened is None]
    problems = distinct if policy is Policy.STRICT else hopeless
    if problems:
        raise _refusal(problems, hopeless=bool(hopeless))
    return tuple(
        Adaptation(feature=each.feature, happened=each.happened, why=each.why, message=each.message)
        for each in distinct
        if each.happened is not None
    )


def _refusal(problems: list[Finding], *, hopeless: bool) -> Unsupported:
    pairs = dict.fromkeys((each.feature.value, each.instead) for each in problems)
    advice = "; ".join(dict.fromkeys(instead for _, instead in pairs))
    return Unsupported(
        f"this connection cannot carry it as it is: {'; '.join(_lines(problems))}",
        features=tuple(feature for feature, _ in pairs),
        alternatives=tuple(instead for _, instead in pairs),
        hint=f"ask for: {advice}" if hopeless else f"ask for: {advice}; or allow the changes: policy graceful",
    )


def _lines(problems: list[Finding]) -> list[str]:
    """Say each problem once; where the call has several messages, say in which of them it is."""
    places: dict[str, list[int]] = {}
    for each in problems:
        places.setdefault(f"{each.feature.value}: {each.why}", []).append(each.message)
    if not any(each.message for each in problems):
        return list(places)
    return [f"message {', '.join(map(str, dict.fromkeys(found)))}, {line}" for line, found in places.items()]
