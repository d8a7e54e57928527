"""Making a shop of a draft: all of it in one transaction, once."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import text

from commerce.catalog import adding
from commerce.catalog.adding import NewProduct
from commerce.delivery import service as delivery
from commerce.delivery.schemas import MethodIn
from commerce.identity import accounts, keys
from commerce.identity.accounts import AccountNotFound
from commerce.identity.staff import Staff
from commerce.inventory import keeping, warehouses
from commerce.inventory.schemas import ReceiptIn, WarehouseIn
from commerce.notifications import service as notifications
from commerce.notifications.letters import Letter, declare
from commerce.notifications.service import Recipient
from commerce.onboarding import products_file, service
from commerce.onboarding.schemas import Answers, FirstProduct, Paying, Selling, Step, Stock
from commerce.onboarding.service import SignUp, SignUpUnknown
from commerce.payments.accounts import service as payment_accounts
from commerce.payments.accounts.schemas import AccountIn
from commerce.plans import service as plans
from commerce.plans.catalogue import Metric
from commerce.policies.limits import Said
from commerce.policies.registry import PERMISSIONS, SCOPES
from commerce.policies.roles import ADMIN
from commerce.pricing import service as pricing
from commerce.pricing.schemas import ListPriceIn
from commerce.staffing import hiring
from commerce.staffing.granting import grant_of
from commerce.taxes import service as taxes
from commerce.taxes.schemas import PolicyIn, RateIn, RatesIn
from commerce.tenancy import service as tenancy
from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.tokens import token_hash

PROOF = "two_"
KEY_SHOWN = timedelta(hours=1)

declare(
    shop_opened=Letter(
        "Your shop is ready",
        "Hello,\n\n{{ shop }} is set up at {{ address }}. Confirm that this is your address: a shop outside a test "
        "installation opens once you have.\n\nIf you did not open a shop, there is nothing to do.",
        "Confirm and open the shop",
    )
)


class Incomplete(Conflict):
    """Some steps are still to be taken before there can be a shop."""

    code = "onboarding.incomplete"

    missing: list[Step]


_FINISH = hot(
    text(
        """
        UPDATE sign_up SET finished_at = CAST(:now AS timestamptz), api_key = :api_key, proof_hash = :proof_hash,
               account_id = :account_id, email = NULL, password_hash = NULL
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_PROVE = hot(
    text(
        """
        UPDATE sign_up SET proved_at = coalesce(proved_at, CAST(:now AS timestamptz))
        WHERE tenant_id = :tenant_id AND proof_hash IS NOT NULL RETURNING account_id, proof_hash
        """
    )
)


async def finish(tx: Tx, token: str, *, host: str, address: str, home: str, verified_first: bool) -> SignUp:
    """Open the shop. Asked again it does nothing more, and answers alike. With `verified_first` it opens once its owner
    has followed the link in the mail, which leads to `home`.

    Raises:
        Incomplete: steps are missing.
        NameTaken: another shop has got the name meanwhile.
        PlanLimitReached: the file has more products than the first plan has room for.
        SignUpUnknown.
    """
    found = await service.find(tx, token, hold=True)
    if found.finished_at is not None:
        return found
    answers = found.answers
    if found.missing or answers.selling is None or answers.stock is None or answers.paying is None:
        raise Incomplete(missing=found.missing)
    await tenancy.open_shop(
        tx,
        slug=answers.slug or "",
        host=host,
        name=answers.name or "",
        currency=answers.selling.currency,
        locale=answers.selling.locale,
        settings=_settings(answers),
        status="unverified" if verified_first else "active",
    )
    await _equip(tx, answers.selling, answers.stock, answers.paying)
    await _stock_up(tx, answers.selling, answers.stock, _products(found, await _room(tx)))
    await _let_in(tx, found, address=address, home=home)
    return await service.find(tx, token)


async def prove(tx: Tx, token: str) -> None:
    """The owner has the mail: their address is proved, and the shop that waited for that opens.

    Raises:
        SignUpUnknown: it is no link of ours, or its owner is gone.
    """
    row = await tx.one(_PROVE, {"now": clock.now()})
    if row is None or not hmac.compare_digest(row["proof_hash"], token_hash(token)):
        raise SignUpUnknown
    try:
        account = await accounts.by_id(tx, row["account_id"])
    except AccountNotFound as fault:
        raise SignUpUnknown from fault
    if account.email is not None and account.email_verified_at is None:
        await accounts.prove_email(tx, account, account.email)
    if (await tenancy.own(tx)).status == "unverified":
        await tenancy.move(tx, "active", among=("unverified",))


async def key_of(tx: Tx, found: SignUp) -> str | None:
    """The owner's first key, while it is shown."""
    if found.api_key is None or found.finished_at is None or found.finished_at + KEY_SHOWN <= clock.now():
        return None
    (key,) = await sealing.unseal(tx, [found.api_key])
    return key


def _settings(answers: Answers) -> dict[str, Any]:
    settings: dict[str, Any] = {"zone": answers.selling.zone} if answers.selling else {}
    if answers.look and answers.look.accent:
        settings["theme"] = {"accent": answers.look.accent}
    if answers.look and answers.look.headline:
        settings["storefront"] = {"headline": answers.look.headline}
    return settings


async def _equip(tx: Tx, selling: Selling, stock: Stock, paying: Paying) -> None:
    await warehouses.put(tx, stock.code, WarehouseIn(name=stock.name, country=stock.country or selling.home))
    included = selling.prices_include_tax
    await taxes.set_policy(tx, PolicyIn(included=included, country=selling.home, vat_id=selling.vat_id))
    for country in dict.fromkeys(rate.country for rate in selling.rates):
        rates = [RateIn(name=rate.name, rate=rate.rate) for rate in selling.rates if rate.country == country]
        await taxes.set_rates(tx, country, RatesIn(rates=rates))
    method = MethodIn(
        name="Standard", countries=selling.countries, price=selling.delivery_price, min_days=2, max_days=5
    )
    await delivery.put(tx, "standard", method)
    await payment_accounts.put(tx, paying.provider, AccountIn(enabled=True, account=paying.account))


async def _stock_up(tx: Tx, selling: Selling, stock: Stock, products: Sequence[FirstProduct]) -> None:
    new = [NewProduct(one.sku, one.title, one.category, one.brand, one.description or "") for one in products]
    await adding.add(tx, new)
    for one in products:
        await pricing.set_list_price(tx, one.sku, ListPriceIn(currency=selling.currency, amount=one.price))
        if one.stock:
            receipt = ReceiptIn(sku=one.sku, warehouse=stock.code, quantity=one.stock, reason="first stock")
            await keeping.receive(tx, receipt)


async def _let_in(tx: Tx, found: SignUp, *, address: str, home: str) -> None:
    """Give the owner an account, a key, and a mail to prove their address by."""
    (email,) = await sealing.unseal(tx, [found.email])
    if email is None:
        raise SignUpUnknown
    name = email.partition("@")[0]
    account = await accounts.create(tx, display_name=name, email=email, password_hash=found.password_hash, buys=False)
    await hiring.hire(tx, account.id, grant_of([ADMIN.name], [], Said()), vendor_id=None, by=f"sign_up:{found.id}")
    owner = Staff(tx.tenant_id, account.id, name, frozenset(PERMISSIONS), kind="account")
    _, key = await keys.make(tx, owner, name="Owner", scopes=SCOPES, vendor_id=None, expires_at=None)
    (api_key,) = await sealing.seal(tx, found.id, [key])
    proof = service.token_of(PROOF, tx.tenant_id)
    values = {"id": found.id, "account_id": account.id, "api_key": api_key, "proof_hash": token_hash(proof)}
    await tx.rows(_FINISH, values | {"now": clock.now()})
    locale = found.answers.selling.locale if found.answers.selling else "en-US"
    mail = Recipient(account.subject_id, "email", email, locale)
    await notifications.send(
        tx, "shop_opened", mail, {"address": address, "link": f"{home}/sign-up/proof?token={proof}"}
    )


async def _room(tx: Tx) -> int | None:
    return (await plans.standing(tx)).plan.limit(Metric.PRODUCTS)


def _products(found: SignUp, room: int | None) -> Sequence[FirstProduct]:
    """Those of the file, and of the sample what the file has no SKU of and the plan has room for."""
    wanted = found.answers.stock is not None and found.answers.stock.sample
    own = {product.sku for product in found.products}
    sample = [one for one in (_sample() if wanted else ()) if one.sku not in own]
    return [*found.products, *(sample if room is None else sample[: max(room - len(found.products), 0)])]


@cache
def _sample() -> Sequence[FirstProduct]:
    """A small shop to look around in. Its prices are round enough to stand in any currency."""
    body = Path(__file__).with_name("sample.csv").read_bytes()
    return tuple(products_file.read(body, "USD").products)
