"""Scenarios: conversations as files. Who says what, when, and what is expected; played against any application.

script    the file as it is written: steps, each with one deed or one expectation
wrong     what is wrong with one, and what was meant
doing     the deeds of its phones
playing   a scenario played in a simulation, step by step
recording a session written down as a scenario
"""

from gateway.simulator.scenario.playing import Played, StepPlayed, play
from gateway.simulator.scenario.recording import record
from gateway.simulator.scenario.script import Scenario, Step

__all__ = ["Played", "Scenario", "Step", "StepPlayed", "play", "record"]
