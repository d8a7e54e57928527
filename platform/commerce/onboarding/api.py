"""Opening a shop over HTTP, at the platform's own host."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, status

from commerce.http import Core, CoreDep, browser_of
from commerce.onboarding import finishing, products_file, service
from commerce.onboarding.schemas import (
    Answers,
    BeginIn,
    Begun,
    Opened,
    ProductsOut,
    ProofIn,
    ProvedOut,
    SignUpOut,
)
from commerce.onboarding.service import SignUpUnknown
from commerce.payments.providers import configured
from commerce.payments.providers.registry import OF_THE_SHOP
from commerce.policies import areas
from commerce.tenancy import service as tenancy
from foundation import workbooks
from foundation.access import ANYONE, SIGNED, needs
from foundation.errors import NotFound, Problem

router = APIRouter(prefix="/v1/sign-ups", tags=["sign-up"], route_class=areas.within(areas.OPENING))


class NotHere(NotFound):
    """Shops are opened at the platform's own address."""

    code = "onboarding.not_here"


class UnknownFormat(Problem):
    """The products are sent as text/csv, or as a workbook of a spreadsheet (xlsx)."""

    status = 415
    code = "onboarding.unknown_format"


async def _platform(request: Request, core: CoreDep) -> None:
    if request.url.hostname != core.settings.platform_host:
        raise NotHere


@needs(SIGNED)
async def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise SignUpUnknown
    return token


PlatformDep = Annotated[None, Depends(_platform)]
TokenDep = Annotated[str, Depends(_token)]


@router.post("", status_code=status.HTTP_201_CREATED)
@needs(ANYONE)
async def begin_sign_up(request: Request, core: CoreDep, _: PlatformDep, body: BeginIn) -> Begun:
    """Begin to open a shop. What is said is kept for a week."""
    token = await begin(request, core, body)
    return Begun(token=token, sign_up=await shown(request, core, token))


@router.get("/current")
async def read_sign_up(request: Request, core: CoreDep, _: PlatformDep, token: TokenDep) -> SignUpOut:
    """How far it is."""
    return await shown(request, core, token)


@router.patch("/current")
async def answer_sign_up(request: Request, core: CoreDep, _: PlatformDep, token: TokenDep, body: Answers) -> SignUpOut:
    """Take some steps, in any order, or take them again."""
    await answer(core, token, body)
    return await shown(request, core, token)


@router.put(
    "/current/products",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                workbooks.MEDIA_TYPE: {"schema": {"type": "string", "contentMediaType": workbooks.MEDIA_TYPE}},
            },
        }
    },
)
async def put_products(request: Request, core: CoreDep, _: PlatformDep, token: TokenDep) -> ProductsOut:
    """The first products, as a CSV or the first sheet of a workbook, with the columns sku, title, price, stock,
    category, brand and description, of which the first three are needed. If any row can't be used, each such row is
    told and none is taken.
    """
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in {"text/csv", workbooks.MEDIA_TYPE}:
        raise UnknownFormat
    return await keep_products(core, token, await request.body())


@router.post("/current/finish")
async def finish_sign_up(request: Request, core: CoreDep, _: PlatformDep, token: TokenDep) -> Opened:
    """Open the shop. Asked again, nothing more is done and the answer is the same."""
    return await finish(request, core, token)


@router.post("/proofs")
@needs(SIGNED)
async def prove_address(request: Request, core: CoreDep, _: PlatformDep, body: ProofIn) -> ProvedOut:
    """Prove by the token of the mail that the owner's address is theirs."""
    return await prove(request, core, body.token)


async def begin(request: Request, core: Core, body: BeginIn) -> str:
    """The token of a new draft.

    Raises:
        TooManySignUps, NameTaken, PasswordTooShort, PasswordCompromised, TooBusy.
    """
    await service.count(core.database, browser_of(request))
    core.passwords.accept(body.password, about=(body.email, body.email.partition("@")[0], body.name, body.slug))
    password_hash = await core.passwords.hash(body.password)
    async with core.database.tx(service.new_tenant()) as tx:
        _, token = await service.begin(tx, body, host=host_of(core, body.slug), password_hash=password_hash)
    return token


async def shown(request: Request, core: Core, token: str) -> SignUpOut:
    """How far a draft is.

    Raises:
        SignUpUnknown.
    """
    async with core.database.tx(service.tenant_of(service.PREFIX, token), read_only=True) as tx:
        found = await service.find(tx, token)
    offered = [one.name for one in configured(core.database, core.settings).all if one.name not in OF_THE_SHOP]
    return SignUpOut(
        answers=found.answers,
        products=len(found.products),
        missing=found.missing,
        address=address(request, core, found.answers.slug or ""),
        providers=offered,
        expires_at=found.expires_at,
        finished=found.finished_at is not None,
    )


async def answer(core: Core, token: str, answers: Answers) -> None:
    """Take steps.

    Raises:
        SignUpUnknown, SignUpFinished, NameTaken, UnknownProvider.
    """
    if answers.paying is not None:
        configured(core.database, core.settings).named(answers.paying.provider)
    async with core.database.tx(service.tenant_of(service.PREFIX, token)) as tx:
        host = host_of(core, answers.slug) if answers.slug else None
        await service.answer(tx, token, answers, host=host)


async def keep_products(core: Core, token: str, body: bytes) -> ProductsOut:
    """Keep the products of a file.

    Raises:
        BadRows, SignUpUnknown, SignUpFinished.
    """
    tenant_id = service.tenant_of(service.PREFIX, token)
    async with core.database.tx(tenant_id, read_only=True) as tx:
        found = await service.find(tx, token)
    currency = found.answers.selling.currency if found.answers.selling else "USD"
    read = await asyncio.to_thread(products_file.read, body, currency)
    async with core.database.tx(tenant_id) as tx:
        await service.keep_products(tx, token, read.products, read.problems)
    return ProductsOut(products=len(read.products))


async def finish(request: Request, core: Core, token: str) -> Opened:
    """Open the shop.

    Raises:
        Incomplete, NameTaken, SignUpUnknown.
    """
    async with core.database.tx(service.tenant_of(service.PREFIX, token)) as tx:
        slug = (await service.find(tx, token)).answers.slug or ""
        found = await finishing.finish(
            tx,
            token,
            host=host_of(core, slug),
            address=address(request, core, slug),
            home=at(request, core, core.settings.platform_host),
            verified_first=core.settings.environment == "production",
        )
        key = await finishing.key_of(tx, found)
        shop = await tenancy.own(tx)
    state = "unverified" if shop.status == "unverified" else "active"
    return Opened(address=address(request, core, shop.slug), slug=shop.slug, status=state, api_key=key)


async def prove(request: Request, core: Core, token: str) -> ProvedOut:
    """Prove the owner's address.

    Raises:
        SignUpUnknown.
    """
    async with core.database.tx(service.tenant_of(finishing.PROOF, token)) as tx:
        await finishing.prove(tx, token)
        shop = await tenancy.own(tx)
    core.directory.heard(str(shop.id))
    return ProvedOut(address=address(request, core, shop.slug))


def host_of(core: Core, slug: str) -> str:
    """Where a shop of that name is."""
    return f"{slug}.{core.settings.platform_host}"


def address(request: Request, core: Core, slug: str) -> str:
    """The whole address of a shop."""
    return at(request, core, host_of(core, slug))


def at(request: Request, core: Core, host: str) -> str:
    """The whole address of a host of this installation."""
    if core.settings.environment == "production":
        return f"https://{host}"
    port = request.url.port
    return f"{request.url.scheme}://{host}" + (f":{port}" if port else "")
