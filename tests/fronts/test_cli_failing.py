import pytest

from gateway import errors
from gateway.cli.failing import ExitCode, Problem, Usage, code_of, problem_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Usage("x", hint="y"), 2),
        (errors.InvalidMessage("x"), 2),
        (errors.Conflict("x"), 2),
        (errors.ConfigurationError("x"), 3),
        (errors.Unauthorized("x"), 4),
        (errors.Unsupported("x"), 5),
        (errors.InvalidRecipient("x"), 5),
        (errors.NotOptedIn("x"), 5),
        (errors.Blocked("x"), 5),
        (errors.LimitReached("x"), 5),
        (errors.Expired("x"), 5),
        (errors.RateLimited("x"), 6),
        (errors.Unreachable("x"), 6),
        (errors.VendorFault("x", certain=True), 6),
        (errors.NoRoute("x"), 7),
        (errors.NotFound("x"), 7),
        (errors.VendorFault("x"), 9),
        (errors.OutcomeUnknown("x"), 9),
        (errors.NotSettled("x"), 9),
        (errors.PartlySent("x"), 1),
        (errors.StoreError("x"), 1),
        (ValueError("x"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_failure_has_its_exit_code(error: Exception, code: int) -> None:
    """A script can tell from `$?` what to do next."""
    assert code == code_of(error)


def test_every_error_of_the_gateway_has_a_code_of_its_own_kind() -> None:
    """No error of the tree falls through to a wrong row: a refusal is 4, 5 or 7, a retriable one 6 or 9."""

    def below(cls: type[errors.GatewayError]) -> set[type[errors.GatewayError]]:
        return {cls}.union(*(below(sub) for sub in cls.__subclasses__()))

    refused = {code_of(cls("x")) for cls in below(errors.Refused)}
    retriable = {code_of(cls("x")) for cls in below(errors.Retriable)}
    assert {ExitCode.REFUSED, ExitCode.NOT_FOUND} == refused
    assert {ExitCode.TEMPORARY, ExitCode.UNKNOWN} == retriable


def test_a_vendor_that_fails_at_a_look_up_sent_nothing() -> None:
    """Where nothing was to be sent, an unread answer is a passing trouble, not an unknown outcome."""
    assert ExitCode.TEMPORARY == code_of(errors.VendorFault("x"), reading=True)


def test_a_problem_says_all_that_is_known() -> None:
    """What the vendor said is in the document, each thing under its own name."""
    error = errors.RateLimited(
        "slower, please", provider="echo", connection="main", code="429a", status=429, retry_after=3.0, hint="wait"
    )
    error.__cause__ = errors.Unreachable("before that")
    expected = {
        "type": "about:blank",
        "title": "rate limited",
        "detail": "slower, please (code 429a)",
        "code": "rate_limited",
        "exit_code": 6,
        "retryable": True,
        "hint": "wait",
        "causes": ["before that"],
        "provider": {"connection": "main", "name": "echo", "code": "429a", "status": 429},
        "retry_after": 3.0,
    }
    assert expected == problem_of(error).json()
    assert "main/echo: slower, please (code 429a)" == problem_of(error).line


def test_the_words_of_a_strange_error_are_kept_back() -> None:
    """An error that is not ours may hold anything: only its kind is told."""
    strange = ValueError("key sk_live_123 of +13231112233")
    strange.__cause__ = KeyError("+13231112233")
    expected = Problem(
        code="unexpected",
        detail="something that should not happen: ValueError",
        exit_code=ExitCode.FAILED,
        hint="run the same with --debug to see where, and report it",
        causes=("KeyError",),
    )
    assert expected == problem_of(strange)


def test_an_error_of_the_system_is_said_in_its_words() -> None:
    """A missing right or a full disk is told as the system tells it, without the path."""
    assert "Permission denied" == problem_of(PermissionError(13, "Permission denied", "/etc/shadow")).detail


def test_hints_speak_the_language_of_the_command_line() -> None:
    """What the library says about Python is said about options."""
    unsupported = errors.Unsupported("x", hint="no effect; or allow the changes: policy graceful")
    unauthorized = errors.Unauthorized("x", connection="main", hint='gateway.check("main")')
    several = errors.NoRoute("several connections could carry this: a, b", hint='name one: via="…"')
    assert "no effect; or allow the changes: --policy graceful" == problem_of(unsupported).hint
    assert "mend the key, then: gateway connections test main" == problem_of(unauthorized).hint
    assert "name one: --via NAME" == problem_of(several).hint
