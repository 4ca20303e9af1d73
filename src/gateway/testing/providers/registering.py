"""Checks of where webhooks are delivered: by the vendor's API, or by a person who is told how."""

from __future__ import annotations

from pydantic import SecretStr

from gateway.provider import Provider, ProviderSettings, Registration, Unsupported
from gateway.testing.providers.subject import Subject, failing

__all__ = ["RegisteringChecks"]

_URL = "https://gateway.example/webhooks/pc_1"
_OTHER = "https://gateway.example/webhooks/pc_2"
_FRESH = SecretStr("whsec_made-for-the-contract")


class RegisteringChecks(Subject):
    """Webhooks that come in because somebody registered them."""

    def test_a_person_can_register_the_webhook(self) -> None:
        """`how_to_register` says it step by step, and `{url}` stands where the URL goes."""
        steps = self.provider.how_to_register
        assert steps, "how_to_register is empty: say what a person does at the vendor"
        assert any("{url}" in step for step in steps), "no step of how_to_register has {url}"

    def test_registering_is_whole_or_not_there(self) -> None:
        """`register`, `registered` and `unregister` come together; without them each is `Unsupported`."""
        names = ("register", "registered", "unregister")
        able = {name for name in names if getattr(self.provider, name) is not getattr(Provider, name)}
        assert able in (set(), set(names)), f"only {', '.join(sorted(able))}"
        if not able:
            provider = self.bench().provider
            with failing(Unsupported, about="registered"):
                provider.registered()
            with failing(Unsupported, about="register"):
                provider.register(_URL, _FRESH)
            with failing(Unsupported, about="unregister"):
                provider.unregister("1")

    def test_a_registered_webhook_is_listed_once_until_it_is_not_wanted(self) -> None:
        """Also when it is registered again; another URL stays, and what is gone may go once more."""
        if self.provider.register is Provider.register:
            return
        bench = self.bench()
        before = {each.url for each in bench.run(bench.provider.registered())}
        made = [bench.run(bench.provider.register(url, _FRESH)) for url in (_URL, _OTHER, _URL)]
        assert [_URL, _OTHER, _URL] == [each.url for each in made]
        listed = list(bench.run(bench.provider.registered()))
        assert sorted([*before, _URL, _OTHER]) == sorted(each.url for each in listed)
        assert all(each.active for each in listed if each.url in {_URL, _OTHER})
        mine = next(each for each in listed if each.url == _URL)
        for _ in range(2):
            bench.run(bench.provider.unregister(mine.id))
        assert sorted([*before, _OTHER]) == sorted(each.url for each in bench.run(bench.provider.registered()))

    def test_registering_gives_settings_that_are_secret(self) -> None:
        """What it gives are settings of the connection, and no secret shows in a repr."""
        if self.provider.register is Provider.register:
            return
        bench = self.bench()
        made = bench.run(bench.provider.register(_URL, _FRESH))
        assert isinstance(made, Registration)
        assert made.settings, "whoever registers has to know by what its webhooks are proven"
        settings: type[ProviderSettings] = self.provider.Settings
        assert set(made.settings) <= set(settings.model_fields)
        for secret in made.settings.values():
            assert secret.get_secret_value() not in repr(made)
