"""The kit is proven by what it catches: providers with one defect each, and the checks that fail for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.provider import Provider
from gateway.testing.providers import ProviderContract, checks
from tests.kit import broken_in, broken_out
from tests.kit.whole import GUARD, WAY_IN, WAY_OUT, Whole, caught, contract

#: Defects that one check names, and no other notices.
ONE: dict[type[Any], str] = {
    broken_out.ForgetsEffects: "test_every_effect_arrives_or_is_refused",
    broken_out.CutsTexts: "test_a_text_of_the_longest_length_arrives",
    broken_out.ForgetsReplies: "test_a_reply_hangs_on_its_message",
    broken_out.ForgetsReferences: "test_the_reference_goes_out_and_comes_back",
    broken_out.DeclaresSubjects: "test_a_subject_arrives",
    broken_out.DeclaresTooManyFiles: "test_attachments_arrive_up_to_the_limit",
    broken_out.CannotTypeAndSays: "test_what_a_provider_can_is_declared",
    broken_out.DeclaresReactionParts: "test_a_reaction_to_a_part_finds_it",
    broken_out.AlwaysLoves: "test_every_tapback_arrives_or_is_refused",
    broken_out.NeverTakesBack: "test_a_reaction_can_be_taken_back_or_is_refused",
    broken_out.AlwaysQueued: "test_the_status_of_a_message_is_told_or_refused",
    broken_out.PromisesMoreReports: "test_declared_reports_come_and_others_do_not",
    broken_out.ClaimsSafety: "test_a_send_says_truly_what_its_copy_would_do",
    broken_out.Counts: "test_the_same_action_makes_the_same_call",
    broken_out.Remembers: "test_a_provider_keeps_no_state",
    broken_out.GluesPaths: "test_a_call_can_be_stored_and_read_again",
    broken_out.KeyInTheURL: "test_no_secret_is_in_a_call_that_is_kept",
    broken_out.KeyInTheCall: "test_no_secret_is_in_a_call_that_is_kept",
    broken_out.KeyOnTheOriginal: "test_no_secret_is_in_a_call_that_is_kept",
    broken_out.PlainSecret: "test_secrets_are_secret_in_the_settings",
    broken_out.ShowsItself: "test_secrets_are_secret_in_the_settings",
    broken_out.LacksARow: "test_every_documented_code_has_a_row",
    broken_out.ForgetsCodes: "test_every_code_is_the_error_of_its_row",
    broken_out.SureOfFaults: "test_a_fault_of_the_vendor_is_never_certain",
    broken_out.ForbidsNewFields: "test_a_new_field_in_an_answer_changes_nothing",
    broken_out.ForAnotherBorder: "test_it_states_the_border_that_it_was_written_for",
    broken_out.CallsItAbsent: "test_a_lost_answer_is_found_or_proves_nothing",
    broken_in.Judges: "test_a_genuine_webhook_is_proven",
    broken_in.LooksBackOnly: "test_a_webhook_from_the_future_is_refused",
    broken_in.LooksAheadOnly: "test_a_stale_webhook_is_refused",
    broken_in.HasItsOwnClock: "test_the_time_of_arrival_is_the_only_clock",
    broken_in.TakesTheFirst: "test_a_duplicated_proof_is_refused",
    broken_in.ComparesABeginning: "test_no_flipped_character_of_the_proof_is_accepted",
    broken_in.TellsTheSecret: "test_no_secret_is_in_an_error",
    broken_in.ShowsNothing: "test_what_proves_a_webhook_can_be_shown",
    broken_in.ShowsItsOwnWords: "test_what_proves_a_webhook_can_be_shown",
    broken_in.MakesUpTheTime: "test_what_proves_a_webhook_can_be_shown",
    broken_in.ShowsTheSecret: "test_what_proves_a_webhook_can_be_shown",
    broken_in.AnySecretOfOurs: "test_the_secret_of_another_connection_is_refused",
    broken_in.KeysByTime: "test_a_webhook_gives_the_same_events_each_time",
    broken_in.DropsTheRaw: "test_the_raw_payload_is_kept",
    broken_in.CallsNothingOurs: "test_what_we_sent_is_never_a_contacts",
    broken_in.AddsOnly: "test_a_reaction_of_a_contact_is_heard",
    broken_in.ReactsToItself: "test_a_reaction_of_a_contact_is_heard",
    broken_in.HearsOneFile: "test_files_of_a_contact_are_heard",
    broken_in.ForgetsSenders: "test_what_a_contact_writes_is_heard",
    broken_in.Silent: "test_any_bytes_are_events_or_a_bad_payload",
    broken_in.Picky: "test_a_new_field_changes_nothing",
    broken_in.Unpacks: "test_a_value_of_another_type_raises_nothing",
    broken_in.TellsNobodyHow: "test_a_person_can_register_the_webhook",
    broken_in.UnregistersOnly: "test_registering_is_whole_or_not_there",
    broken_in.RegistersTwice: "test_a_registered_webhook_is_listed_once_until_it_is_not_wanted",
    broken_in.KeepsTheSecret: "test_registering_gives_settings_that_are_secret",
    broken_in.AnswersWrongly: "test_the_answer_to_a_webhook_is_one_that_the_vendor_takes",
}

#: Defects that break several promises: exactly these.
SEVERAL: dict[type[Any], tuple[str, ...]] = {
    broken_out.DeclaresTyping: (
        "test_typing_dots_are_seen_or_refused",
        "test_what_a_provider_can_is_declared",
        "test_other_exchanges_hold_unreadable_answers",
        "test_every_exchange_is_a_generator",
    ),
    broken_out.DeclaresHistory: (
        "test_what_is_asked_directly_is_declared",
        "test_the_history_of_a_chat_is_told",
    ),
    broken_out.ClaimsKeys: (
        "test_a_send_says_truly_what_its_copy_would_do",
        "test_a_window_for_keys_means_keys",
    ),
    broken_out.LosesTokens: (
        "test_the_reference_goes_out_and_comes_back",
        "test_a_send_says_truly_what_its_copy_would_do",
        "test_a_token_comes_back_where_that_is_promised",
        "test_a_lost_answer_is_found_or_proves_nothing",
    ),
    broken_out.HidesTokens: (
        "test_a_send_says_truly_what_its_copy_would_do",
        "test_a_token_comes_back_where_that_is_promised",
    ),
    broken_out.TakesAnySetting: (
        "test_no_secret_is_in_an_error",
        "test_the_settings_are_closed_frozen_and_explained",
    ),
    broken_out.ChecksNothing: (
        "test_the_connection_can_be_checked",
        "test_other_exchanges_hold_unreadable_answers",
    ),
    broken_out.ForgetsRetryAfter: (
        "test_a_fault_of_the_vendor_is_never_certain",
        "test_too_many_requests_say_when_to_come",
    ),
    broken_out.TakesAnything: (
        "test_an_unreadable_acceptance_is_unknown",
        "test_an_acceptance_that_breaks_off_is_unknown",
    ),
    broken_out.RefusesTheUnreadable: (
        "test_an_unreadable_acceptance_is_unknown",
        "test_an_acceptance_that_breaks_off_is_unknown",
    ),
    broken_out.Indexes: (
        "test_an_unreadable_acceptance_is_unknown",
        "test_an_acceptance_that_breaks_off_is_unknown",
        "test_an_odd_acceptance_raises_nothing_else",
    ),
    broken_out.AnswersAtOnce: (
        "test_a_call_can_be_stored_and_read_again",
        "test_no_secret_is_in_a_call_that_is_kept",
        "test_credentials_are_put_on_each_call",
        "test_the_connection_can_be_checked",
        "test_other_exchanges_hold_unreadable_answers",
        "test_every_exchange_is_a_generator",
    ),
    broken_out.GivesNoHint: (
        "test_every_documented_code_has_a_row",
        "test_every_code_is_the_error_of_its_row",
    ),
    broken_in.Timeless: (
        "test_a_stale_webhook_is_refused",
        "test_a_webhook_from_the_future_is_refused",
    ),
    broken_in.SignsItsOwnWords: (
        "test_the_reference_goes_out_and_comes_back",
        "test_a_genuine_webhook_is_proven",
        "test_a_body_that_was_written_anew_is_refused",
        "test_what_a_contact_writes_is_heard",
    ),
    broken_in.Stumbles: (
        "test_no_flipped_character_of_the_proof_is_accepted",
        "test_a_missing_proof_is_refused",
        "test_a_duplicated_proof_is_refused",
        "test_what_proves_a_webhook_can_be_shown",
    ),
    broken_in.KeysByMessage: (
        "test_different_happenings_have_different_ids",
        "test_a_value_of_another_type_raises_nothing",
    ),
    broken_in.CallsAllOurs: (
        "test_what_we_sent_is_never_a_contacts",
        "test_what_a_contact_writes_is_heard",
        "test_a_reaction_of_a_contact_is_heard",
    ),
    broken_in.ReportsElsewhere: (
        "test_a_new_word_raises_nothing",
        "test_a_value_of_another_type_raises_nothing",
        "test_one_conversation_has_one_identity",
    ),
    broken_in.Shrugs: (
        "test_all_that_the_twin_tells_is_known",
        "test_a_reaction_of_a_contact_is_heard",
    ),
    broken_in.LooksUpWords: (
        "test_a_new_word_raises_nothing",
        "test_a_value_of_another_type_raises_nothing",
    ),
    broken_in.Repeats: (
        "test_events_of_one_webhook_are_told_apart",
        "test_what_a_contact_writes_is_heard",
        "test_files_of_a_contact_are_heard",
        "test_an_answer_can_be_sent_to_the_chat_of_an_event",
    ),
    broken_in.ForgetfulTwin: (
        "test_the_reference_goes_out_and_comes_back",
        "test_a_token_comes_back_where_that_is_promised",
    ),
}

#: Defects after which little else can be tried: this check names them, whatever else fails.
WIDE: dict[type[Any], str] = {
    broken_out.DeclaresGroups: "test_every_kind_of_chat_is_carried_or_refused",
    broken_out.SendsBytes: "test_a_call_can_be_stored_and_read_again",
    broken_in.Trusts: "test_a_missing_proof_is_refused",
    broken_in.UnsignedTwin: "test_the_twin_signs_what_is_declared",
}

#: Modules with one offence each, and the check that reads them.
IMPURE: dict[str, str] = {
    "import httpx": "test_a_provider_imports_the_border_only",
    "import socket": "test_a_provider_imports_the_border_only",
    "from gateway.store import Store": "test_a_provider_imports_the_border_only",
    "from gateway.simulator import Twin": "test_a_provider_imports_the_border_only",
    "def f():\n    import random": "test_a_provider_imports_the_border_only",
    "import os.path": "test_a_provider_imports_the_border_only",
    "from datetime import datetime; NOW = datetime.now()": "test_a_provider_never_waits_and_asks_the_world_nothing",
    "from uuid import uuid4; ID = uuid4()": "test_a_provider_never_waits_and_asks_the_world_nothing",
    "KEY = environ['KEY']; x.environ": "test_a_provider_never_waits_and_asks_the_world_nothing",
    "async def send(): ...": "test_a_provider_never_waits_and_asks_the_world_nothing",
    "TEXT = open('x').read()": "test_a_provider_never_waits_and_asks_the_world_nothing",
    "call = Call('POST', '/x', json={'a': b'raw'})": "test_a_call_holds_no_bytes",
    "call = exchange.Call('POST', json='é'.encode())": "test_a_call_holds_no_bytes",
}


def noticed(defect: type[Any]) -> set[str]:
    """The checks that fail for a defect, of those that have to do with its way."""
    far = WAY_IN if defect.__module__ == broken_out.__name__ else WAY_OUT
    return {*caught(broken(defect), far)}


def broken(defect: type[Any]) -> type[ProviderContract]:
    """The contract of a defect: a provider, or a twin for a provider that is whole."""
    return contract(provider=defect) if issubclass(defect, Provider) else contract(twin=defect)


def test_nothing_is_caught_where_nothing_is_wrong() -> None:
    """The provider of which all defects are made keeps every promise."""
    assert {} == caught(Whole)


@pytest.mark.parametrize("defect", ONE, ids=lambda cls: cls.__name__)
def test_a_defect_is_caught_by_the_check_that_is_about_it(defect: type[Any]) -> None:
    """One thing is wrong, one check fails, and it says so by an assertion or by what the provider raised."""
    assert {ONE[defect]} == noticed(defect)


@pytest.mark.parametrize("defect", SEVERAL, ids=lambda cls: cls.__name__)
def test_a_defect_of_several_promises_is_caught_by_their_checks(defect: type[Any]) -> None:
    """Exactly the checks of what it breaks fail."""
    assert {*SEVERAL[defect]} == noticed(defect)


@pytest.mark.parametrize("defect", WIDE, ids=lambda cls: cls.__name__)
def test_a_defect_that_spoils_all_is_caught_by_name(defect: type[Any]) -> None:
    """Whatever else fails, the check that is about it does."""
    with pytest.raises(Exception, match=r"."):
        getattr(broken(defect)(), WIDE[defect])()


@pytest.mark.parametrize("line", IMPURE)
def test_an_impure_module_is_caught(tmp_path: Path, line: str) -> None:
    """Whoever reaches for the world is named, with file and line; the rest of the rules does not mind."""
    (tmp_path / "offender.py").write_text(line)
    impure = contract(source=tmp_path)()
    readers = [name for name in checks() if "imports" in name or "never_waits" in name or "bytes" in name]
    with pytest.raises(AssertionError, match=r"offender\.py:\d"):
        getattr(impure, IMPURE[line])()
    for name in {*readers} - {IMPURE[line], "test_any_bytes_are_events_or_a_bad_payload"}:
        getattr(impure, name)()


def test_a_twin_with_a_socket_is_caught(tmp_path: Path) -> None:
    """A twin may know its shell and not the network."""
    (tmp_path / "simulator.py").write_text("from gateway.simulator import Twin\nimport socket")
    with pytest.raises(AssertionError, match=r"simulator\.py:2 imports socket"):
        contract(source=tmp_path)().test_a_twin_imports_the_border_and_its_shell_only()


# ── samples ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "body", "changes"),
    [
        ("hook.json", '{"type": "line.moved"}', {}),
        ("hook.json", "[]", {}),
        ("other.json", "{}", {"pattern": "hook*.json"}),
        ("hook.json", '{"type": "line.moved"}', {"unknown": {"gone.json": "a reason"}}),
    ],
)
def test_a_sample_that_is_not_understood_is_caught(tmp_path: Path, name: str, body: str, changes: Any) -> None:
    """One that stays unknown, one that is no payload, a folder without any, a reason for one that is not there."""
    (tmp_path / name).write_text(body)
    with pytest.raises(AssertionError):
        contract(samples=tmp_path, **changes)().test_every_sample_is_parsed()


def test_a_sample_may_stay_unknown_with_a_reason(tmp_path: Path) -> None:
    """What the vendor sends and we have no word for is named."""
    (tmp_path / "hook.json").write_text('{"type": "line.moved"}')
    contract(samples=tmp_path, unknown={"hook.json": "lines are not moved here"})().test_every_sample_is_parsed()


# ── the guard ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def nothing(_: object) -> None:
    """A check that was made to pass."""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"test_a_subject_arrives": nothing}, "overridden, and not in expected_failures: test_a_subject_arrives"),
        ({"expected_failures": {"test_a_subject_arrives": "no subjects"}}, "they pass: test_a_subject_arrives"),
        ({"expected_failures": {"test_a_subjekt_arrives": "typo"}}, "no such checks: ['test_a_subjekt_arrives']"),
        ({"expected_failures": {GUARD: "too strict"}}, "no such checks"),
        (
            {
                "provider": broken_out.ForgetsEffects,
                "expected_failures": {"test_every_effect_arrives_or_is_refused": " "},
            },
            "without a reason: test_every_effect_arrives_or_is_refused",
        ),
        (
            {"test_a_subject_arrives": nothing, "expected_failures": {"test_a_subject_arrives": "no subjects"}},
            "they pass: test_a_subject_arrives",
        ),
    ],
)
def test_a_loosened_contract_is_caught(changes: dict[str, Any], words: str) -> None:
    """An override that is not listed, a failure that no longer fails, a wrong name, a missing reason."""
    with pytest.raises(AssertionError, match=re.escape(words)):
        getattr(contract(**changes)(), GUARD)()


def test_a_fact_of_the_vendor_may_be_listed() -> None:
    """A check that fails, and is listed with a reason, is no loosening."""

    class Listed(Whole):
        """Expects one failure."""

        provider = broken_out.ForgetsEffects
        expected_failures: ClassVar = {"test_every_effect_arrives_or_is_refused": "the vendor plays none"}

    getattr(Listed(), GUARD)()
    assert {"test_every_effect_arrives_or_is_refused"} == caught(Listed).keys()


def test_every_check_says_what_it_holds_and_the_defects_are_many() -> None:
    """Each check has a sentence, and there are more than twenty-five defects to prove the kit by."""
    assert [] == [name for name, promise in checks().items() if not promise.endswith(".")]
    assert 25 < len(ONE) + len(SEVERAL) + len(WIDE) + len(IMPURE)
