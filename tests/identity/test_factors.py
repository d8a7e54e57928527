"""Codes of apps, recovery codes and passkeys, against the database; without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.factors import passkeys, recovery, service, totp
from commerce.factors.passkeys import Owner, Purpose, RelyingParty
from foundation import clock, sealing
from foundation.database import Database
from foundation.ids import new_id
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop
from tests.identity.software_authenticator import PRESENT, SYNCABLE, SYNCED, VERIFIED, SoftwareAuthenticator

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""The key of RFC 6238's appendix B, in base32."""
SHOP = RelyingParty("grocer.localhost", "http://grocer.localhost:8000", "Grocer")


@dataclass
class House:
    """A shop's database and one account in it."""

    database: Database
    tenant_id: UUID
    owner: Owner

    @property
    def account_id(self) -> UUID:
        return self.owner.account_id

    async def do(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """One call in a transaction of its own."""
        async with self.database.tx(self.tenant_id) as tx:
            return await work(tx, *arguments, **named)


async def _account(database: Database, tenant_id: UUID) -> Owner:
    account_id = new_id()
    async with database.tx(tenant_id) as tx:
        (name,) = await sealing.seal(tx, account_id, ["Anna"])
        await tx.connection.execute(
            "INSERT INTO account (tenant_id, id, display_name) VALUES ($1, $2, $3)", tenant_id, account_id, name
        )
    return Owner(account_id, account_id, "anna@example.com", "Anna")


@pytest.fixture
async def house(database_urls: DatabaseUrls, grocer: SeededShop) -> AsyncIterator[House]:
    database = Database(database_urls.app, pool_size=4)
    yield House(database, grocer.id, await _account(database, grocer.id))
    await database.close()


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert totp.step_of(SECRET, code, datetime.fromtimestamp(at, UTC)) == at // 30


@given(st.integers(min_value=1_000, max_value=10**9), st.integers(min_value=-5, max_value=5))
def test_a_clock_may_be_one_step_off_and_no_more(step: int, off: int) -> None:
    code = pyotp.TOTP(SECRET).generate_otp(step + off)
    at = datetime.fromtimestamp(step * 30 + 15, UTC)
    near = {pyotp.TOTP(SECRET).generate_otp(step + one) for one in (-1, 0, 1)}
    assert (totp.step_of(SECRET, code, at) is not None) == (code in near)


@given(st.text(max_size=20))
def test_what_is_no_code_is_refused_and_not_an_error(written: str) -> None:
    assert totp.step_of(SECRET, written, NOON) is None or len(written) == 6
    assert recovery.read(written) is None or len(recovery.read(written) or "") == 10


async def test_a_code_is_good_once_and_none_before_it(house: House) -> None:
    with clock.use(lambda: NOON):
        secret = await house.do(totp.begin, house.account_id, house.account_id)
        app = pyotp.TOTP(secret)
        assert not await house.do(totp.verify, house.account_id, app.at(NOON)), "it counts only once confirmed"
        assert await house.do(service.required_factors, house.account_id) == ()
        assert await house.do(totp.confirm, house.account_id, app.at(NOON))
        assert not await house.do(totp.verify, house.account_id, app.at(NOON)), "a code is used up"
        assert not await house.do(totp.verify, house.account_id, app.at(NOON - timedelta(seconds=30)))
    with clock.use(lambda: NOON + timedelta(seconds=30)):
        later = app.at(NOON + timedelta(seconds=30))
        results = await asyncio.gather(*(house.do(totp.verify, house.account_id, later) for _ in range(4)))
        assert sorted(results) == [False, False, False, True], "of four who show it at once, one is let in"


async def test_a_second_app_can_not_be_set_up_over_one_that_counts(house: House) -> None:
    first = await house.do(totp.begin, house.account_id, house.account_id)
    again = await house.do(totp.begin, house.account_id, house.account_id)
    assert first != again
    with clock.use(lambda: NOON):
        assert not await house.do(totp.confirm, house.account_id, pyotp.TOTP(first).at(NOON))
        assert await house.do(totp.confirm, house.account_id, pyotp.TOTP(again).at(NOON))
        with pytest.raises(totp.NothingToConfirm):
            await house.do(totp.confirm, house.account_id, pyotp.TOTP(again).at(NOON))
    with pytest.raises(totp.AuthenticatorExists):
        await house.do(totp.begin, house.account_id, house.account_id)


async def test_a_secret_is_stored_sealed_and_recovery_codes_hashed(house: House) -> None:
    secret = await house.do(totp.begin, house.account_id, house.account_id)
    codes = await house.do(recovery.renew, house.account_id)
    async with house.database.tx(house.tenant_id) as tx:
        kept = await tx.connection.fetch("SELECT secret FROM authenticator")
        hashes = await tx.connection.fetch("SELECT code_hash FROM recovery_code")
    assert sealing.is_sealed(kept[0]["secret"])
    assert secret not in kept[0]["secret"]
    assert len(set(codes)) == recovery.CODES == len(hashes)
    assert all(len(row["code_hash"]) == 32 for row in hashes)


async def test_a_recovery_code_is_good_once_however_it_is_typed(house: House) -> None:
    codes = await house.do(recovery.renew, house.account_id)
    typed = codes[0].lower().replace("-", " ").replace("0", "o").replace("1", "l")
    results = await asyncio.gather(*(house.do(recovery.use, house.account_id, typed) for _ in range(3)))
    assert sorted(results) == [False, False, True]
    assert await house.do(recovery.left, house.account_id) == 9
    fresh = await house.do(recovery.renew, house.account_id)
    assert not await house.do(recovery.use, house.account_id, codes[1]), "those before them are void"
    other = await _account(house.database, house.tenant_id)
    assert not await house.do(recovery.use, other.account_id, fresh[0]), "they are of one account"


async def test_the_first_factor_comes_with_recovery_codes_and_the_last_takes_them_along(house: House) -> None:
    with clock.use(lambda: NOON):
        app = pyotp.TOTP(await house.do(totp.begin, house.account_id, house.account_id))
        with pytest.raises(service.CodeRefused):
            await house.do(service.confirm_authenticator, house.account_id, "000000")
        codes = await house.do(service.confirm_authenticator, house.account_id, app.at(NOON))
    assert codes is not None
    assert len(codes) == 10
    assert await house.do(service.required_factors, house.account_id) == ("totp", "recovery_code")
    await _registered(house)
    assert await house.do(service.first_codes, house.account_id) is None, "those that are there stay good"
    assert await house.do(service.remove_authenticator, house.account_id)
    assert await house.do(service.required_factors, house.account_id) == ("passkey", "recovery_code")
    (kept,) = await house.do(passkeys.of, house.account_id)
    await house.do(service.remove_passkey, house.account_id, kept.id)
    assert await house.do(service.of, house.account_id) == service.Factors(None, (), 0)


async def _registered(
    house: House, authenticator: SoftwareAuthenticator | None = None, session_id: UUID | None = None
) -> SoftwareAuthenticator:
    authenticator = authenticator or SoftwareAuthenticator(SHOP.origin)
    session_id = session_id or new_id()
    asked = await house.do(passkeys.ask_to_register, house.owner, SHOP, session_id)
    made = authenticator.create(asked.options)
    await house.do(passkeys.register, house.owner, SHOP, session_id, asked.challenge_id, made, "Telephone")
    return authenticator


async def _asked(house: House, purpose: Purpose = Purpose.SIGN_IN, **more: Any) -> tuple[UUID, passkeys.Asked]:
    session_id = new_id()
    return session_id, await house.do(passkeys.ask, SHOP, session_id, purpose, **more)


async def test_a_passkey_signs_in_without_a_name(house: House) -> None:
    device = await _registered(house)
    session_id, asked = await _asked(house)
    assert asked.options["userVerification"] == "required"
    assert asked.options["allowCredentials"] == [], "whose passkey it is, is not told to whoever asks"
    shown = device.get(asked.options)
    used = await house.do(passkeys.use, SHOP, session_id, Purpose.SIGN_IN, asked.challenge_id, shown)
    assert (used.account_id, used.amr) == (house.account_id, ("hwk", "user", "mfa"))
    (kept,) = await house.do(passkeys.of, house.account_id)
    assert (kept.name, kept.rp_id, kept.is_synced) == ("Telephone", "grocer.localhost", False)
    assert kept.used_at is not None
    with pytest.raises(passkeys.PasskeyRefused):  # the challenge is used up
        await house.do(passkeys.use, SHOP, session_id, Purpose.SIGN_IN, asked.challenge_id, device.get(asked.options))


async def test_a_synced_passkey_is_said_to_be_in_software(house: House) -> None:
    flags = PRESENT | VERIFIED | SYNCABLE | SYNCED
    device = await _registered(house, SoftwareAuthenticator(SHOP.origin, flags=flags, counts=False))
    for _ in range(2):  # it never counts, which is no sign of a copy
        session_id, asked = await _asked(house)
        shown = device.get(asked.options)
        used = await house.do(passkeys.use, SHOP, session_id, Purpose.SIGN_IN, asked.challenge_id, shown)
        assert used.amr[0] == "swk"


async def test_a_counter_that_goes_back_is_a_copy(house: House) -> None:
    device = await _registered(house)
    device.sign_count = 7
    session_id, asked = await _asked(house)
    await house.do(passkeys.use, SHOP, session_id, Purpose.SIGN_IN, asked.challenge_id, device.get(asked.options))
    for earlier in (6, 3):  # then 7, which was shown already, and 4
        device.sign_count = earlier
        session_id, asked = await _asked(house)
        with pytest.raises(passkeys.PasskeyCopied):
            await house.do(
                passkeys.use, SHOP, session_id, Purpose.SIGN_IN, asked.challenge_id, device.get(asked.options)
            )


@pytest.mark.one_database
@pytest.mark.parametrize(
    "spoilt",
    [
        "another session",
        "another purpose",
        "another origin",
        "another host",
        "not unlocked",
        "another key",
        "another account's name",
        "too late",
        "no signature",
        "not base64",
    ],
)
async def test_what_is_not_exactly_what_was_asked_is_refused(house: House, spoilt: str) -> None:
    device = await _registered(house)
    session_id, asked = await _asked(house)
    options = {**asked.options, **({"rpId": "fashion.localhost"} if spoilt == "another host" else {})}
    device.origin = "http://grocer.localhost.evil.example" if spoilt == "another origin" else device.origin
    device.flags = PRESENT if spoilt == "not unlocked" else device.flags
    device.key = SoftwareAuthenticator(SHOP.origin).key if spoilt == "another key" else device.key
    device.user_handle = "" if spoilt == "another account's name" else device.user_handle
    shown = device.get(options)
    if spoilt == "no signature":
        del shown["response"]["signature"]
    if spoilt == "not base64":
        shown["rawId"] = "§"
    session_id = new_id() if spoilt == "another session" else session_id
    purpose = Purpose.STEP_UP if spoilt == "another purpose" else Purpose.SIGN_IN
    at = clock.now() + (passkeys.LIVES + timedelta(seconds=1) if spoilt == "too late" else timedelta())
    with clock.use(lambda: at), pytest.raises(passkeys.PasskeyRefused):
        await house.do(passkeys.use, SHOP, session_id, purpose, asked.challenge_id, shown)


async def test_a_passkey_of_one_host_does_not_open_another(house: House) -> None:
    device = await _registered(house)
    other = replace(SHOP, id="elsewhere.localhost", origin="http://elsewhere.localhost:8000")
    device.origin = other.origin
    session_id = new_id()
    asked = await house.do(passkeys.ask, other, session_id, Purpose.SIGN_IN)
    with pytest.raises(passkeys.PasskeyRefused):
        await house.do(passkeys.use, other, session_id, Purpose.SIGN_IN, asked.challenge_id, device.get(asked.options))


async def test_as_a_second_factor_only_a_passkey_of_the_account_counts(house: House) -> None:
    device = await _registered(house)
    other = await _account(house.database, house.tenant_id)
    session_id, asked = await _asked(house, Purpose.SECOND_FACTOR, account_id=other.account_id)
    with pytest.raises(passkeys.PasskeyRefused):
        await house.do(
            passkeys.use,
            SHOP,
            session_id,
            Purpose.SECOND_FACTOR,
            asked.challenge_id,
            device.get(asked.options),
            account_id=other.account_id,
        )
    session_id, asked = await _asked(house, Purpose.SECOND_FACTOR, account_id=house.account_id)
    assert [one["id"] for one in asked.options["allowCredentials"]] == [device.get(asked.options)["id"]]


async def test_the_same_passkey_is_not_kept_twice_nor_one_that_was_not_unlocked(house: House) -> None:
    device = await _registered(house)
    session_id = new_id()
    asked = await house.do(passkeys.ask_to_register, house.owner, SHOP, session_id)
    assert len(asked.options["excludeCredentials"]) == 1
    with pytest.raises(passkeys.PasskeyKnown):
        await house.do(
            passkeys.register, house.owner, SHOP, session_id, asked.challenge_id, device.create(asked.options), "Again"
        )
    locked = SoftwareAuthenticator(SHOP.origin, flags=PRESENT)
    with pytest.raises(passkeys.PasskeyRefused):
        await _registered(house, locked)


async def test_a_passkey_is_renamed_and_removed_by_its_owner_only(house: House) -> None:
    await _registered(house)
    (kept,) = await house.do(passkeys.of, house.account_id)
    stranger = await _account(house.database, house.tenant_id)
    with pytest.raises(passkeys.PasskeyNotFound):
        await house.do(passkeys.rename, stranger, kept.id, "Mine")
    with pytest.raises(passkeys.PasskeyNotFound):
        await house.do(passkeys.remove, stranger.account_id, kept.id)
    await house.do(passkeys.rename, house.owner, kept.id, "Old telephone")
    assert [one.name for one in await house.do(passkeys.of, house.account_id)] == ["Old telephone"]
    await house.do(passkeys.remove, house.account_id, kept.id)
    assert await house.do(passkeys.of, house.account_id) == []


def test_the_picture_says_the_address_and_has_no_style_of_its_own() -> None:
    address = totp.address(SECRET, name="anna@example.com", issuer="Grocer")
    assert address.startswith("otpauth://totp/Grocer:anna%40example.com?secret=" + SECRET)
    drawn = totp.picture(address)
    assert drawn.startswith("<svg")
    assert "style=" not in drawn
    assert "<script" not in drawn
