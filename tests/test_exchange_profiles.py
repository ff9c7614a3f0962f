"""Profiles: each says what it claims, in words the rest of the program knows."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from merkle_por.exchange_profiles import CERTAIN, Profile, find_profile, profiles
from merkle_por.recognise import by_id
from merkle_por.reserves.chains.registry import chains
from merkle_por.reserves.lists.layouts import LAYOUTS, layout_of

SEED = {"binance", "kucoin", "bitfinex", "okx", "bybit", "crypto.com", "htx"}


def test_the_exchanges_that_must_be_there() -> None:
    assert {profile.id for profile in profiles()} >= SEED
    for name in ("OKX", "okex", "Huobi", " htx ", "crypto-com", "Crypto.com"):
        assert find_profile(name) is not None
    assert find_profile("mtgox") is None


def test_names_lead_to_one_exchange_only() -> None:
    names = [n for p in profiles() for n in {p.id, p.name.lower(), *p.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("profile", profiles(), ids=lambda p: p.id)
def test_a_profile_names_what_exists(profile: Profile) -> None:
    for name in profile.lists:
        layout = layout_of(name)
        assert layout is not None
        assert layout.exchange == profile.id
        assert (profile.signed in ("yes", "partly")) == layout.signed
    assert all(by_id(name) for name in profile.formats)
    assert set(profile.chains) <= set(chains())
    for stated in (profile.list_from, profile.liabilities_from, profile.root_from, *profile.notes):
        assert stated.text
        assert stated.certain in CERTAIN
        assert "2022-01" < stated.seen <= "2026-11"


def test_every_list_of_an_exchange_is_in_its_profile() -> None:
    named = {name for profile in profiles() for name in profile.lists}
    others = {"bip127", "cmc-exchange-assets", "address-list", "reserve-rows"}
    assert {layout.id for layout in LAYOUTS} - others <= named


def test_own_tokens_are_those_that_a_ratio_uses() -> None:
    text = files("merkle_por.reserves.data").joinpath("own_tokens.json").read_text("utf-8")
    for id, tokens in json.loads(text).items():
        profile = find_profile(id)
        assert profile is not None
        assert list(profile.own_tokens) == tokens
