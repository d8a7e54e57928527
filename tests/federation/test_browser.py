"""The way to a provider and back in a real browser, with its cookies, policies and redirects."""

from __future__ import annotations

from joserfc.jwk import ECKey
from playwright.async_api import Page, expect

from tests.access.team import Team
from tests.chromium import IN_CHROMIUM, address, devtools, page, viewport
from tests.federation.as_if import AsIf
from tests.federation.conftest import add_provider
from tests.federation.realm import ADA, Realm

__all__ = ["address", "devtools", "page", "viewport"]

pytestmark = IN_CHROMIUM


async def test_somebody_signs_in_and_lands_where_they_wanted(page: Page, address: str, provider: str) -> None:
    await page.goto(f"{address}/sign-in?next=/account/security")
    await page.get_by_role("button", name="Continue with Company").click()

    await page.wait_for_url(f"{address}/account/security")
    await expect(page.get_by_text("You are signed in.")).to_be_visible()
    await expect(page.get_by_text(ADA["email"]).first).to_be_visible()


async def test_a_form_from_another_site_brings_them_back_too(
    page: Page, address: str, team: Team, realm: Realm, as_if: AsIf
) -> None:
    """Apple's way. The browser sends no cookie with that form, and sends it with the link that follows."""
    as_if("apple")
    key = ECKey.generate_key("P-256").as_pem(private=True).decode()
    own = {"team_id": "TEAM123456", "key_id": "KEY1234567", "client_authentication": "post", "client_secret": key}
    await add_provider(team, realm, kind="apple", issuer=None, name="Apple", **own)

    await page.goto(f"{address}/sign-in?next=/account/security")
    await page.get_by_role("button", name="Continue with Apple").click()

    await page.wait_for_url(f"{address}/account/security")
    await expect(page.get_by_text("You are signed in.")).to_be_visible()
