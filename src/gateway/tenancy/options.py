"""What a tenant says about a connection beside the vendor's settings."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ConfigDict, Field, ValidationError

from gateway.actions import Policy
from gateway.addresses import Word
from gateway.errors import ConfigurationError
from gateway.pacing import Terms

__all__ = ["Options"]


class Options(Word):
    """The options of a connection; what is None is as the service has it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )

    policy: Policy | None = None
    """What may happen to something that the vendor cannot carry: `strict` refuses it, `graceful` adapts it."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Words of yours, which routing rules of plugins may look at."""
    catch_up: bool | None = None
    """Fetch what the vendor could not deliver, at the start and every while."""
    pace: dict[str, str] | None = None
    """Limits by what is counted, `{"connection": "10/s", "recipient": "1/s"}`, beside the vendor's own."""
    consent: str | None = None
    """What happens to a send to a contact who opted out: `enforce`, `warn` or `off`."""
    require_opt_in: bool | None = None
    """True refuses to write to a contact who has neither opted in nor written."""
    queue: int | None = Field(default=None, ge=1)
    """Most messages that wait to leave."""
    answers_per_minute: int | None = Field(default=None, ge=0)
    """Most answers in a minute to one chat."""
    pin_media: bool = False
    """Fetch what contacts send and keep it, before the vendor's link to it dies."""

    @classmethod
    def read(cls, given: Any) -> Options:
        """Read options; raises `ConfigurationError` that names what is wrong, and no value."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, problem['loc'])) or 'options'}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            ]
        raise ConfigurationError(
            f"the options of the connection are wrong: {'; '.join(problems)}",
            hint=f"there are: {', '.join(cls.model_fields)}",
        )

    def terms(self, default: Terms) -> Terms:
        """Give the terms on which it sends; raises `ConfigurationError`."""
        return Terms.read(
            default,
            pace=self.pace,
            consent=self.consent,
            require_opt_in=self.require_opt_in,
            queue=self.queue,
            answers_per_minute=self.answers_per_minute,
        )
