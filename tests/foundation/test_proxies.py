"""Who a request comes from: only our own proxies are believed."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.proxies import Networks, Proxies, client_of, site_of

TRUSTED = Networks.read("10.0.0.0/8, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4", "10.0.0.2"], "1.2.3.4"),
        ("10.0.0.1", ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [" 1.2.3.4:5555 "], "1.2.3.4"),
        ("fd00::1", ["[2001:db8::7]:80"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["1.2.3.4", "garbage"], "garbage"),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy_of_ours(peer: str, forwarded: list[str], client: str) -> None:
    assert client_of(peer, forwarded, TRUSTED) == client


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("garbage", "?"),
    ],
)
def test_a_subscriber_is_one_address_or_one_64(address: str, site: str) -> None:
    assert site_of(address) == site


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="appear to be"):
        Networks.read("10.0.0.0/8, nonsense")


async def _seen(trusted: Networks, peer: str) -> Any:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append((scope["client"], scope["scheme"]))

    headers = [(b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": (peer, 80), "scheme": "http", "headers": headers}
    await Proxies(app, trusted=trusted)(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


async def test_the_app_sees_the_client_behind_a_proxy_of_ours_and_nobody_elses_word() -> None:
    assert await _seen(TRUSTED, "10.1.1.1") == (("1.2.3.4", 0), "https")
    assert await _seen(TRUSTED, "203.0.113.9") == (("203.0.113.9", 80), "http")
    assert await _seen(Networks(), "10.1.1.1") == (("10.1.1.1", 80), "http")
