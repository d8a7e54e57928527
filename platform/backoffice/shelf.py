"""The products of which somebody sees pages: all that the shop has, or those of the vendor whom they work for.

Both have the same pages at addresses of their own, and each page asks by whom it is seen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from backoffice.desk import Desk, desk, vendor_page
from commerce.catalog.products.history import Author
from commerce.http import CoreDep, ShopDep
from commerce.media.service import Desk as Studio
from commerce.policies.registry import known
from foundation.access import Need, Who, needs

OF_SHOP = "/back-office/products"
OF_VENDOR = "/back-office/vendor/products"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Products, whoever looks after them, and where their pages are."""

    desk: Desk
    by: Author
    at: str

    @property
    def currency(self) -> str:
        """Of the prices."""
        return self.desk.shop.currency

    @property
    def vendor_id(self) -> UUID | None:
        """Whose products they are, if not all."""
        return self.by.vendor_id

    def of(self, product_id: UUID) -> str:
        """Where a product's page is."""
        return f"{self.at}/{product_id}"

    def studio(self) -> Studio:
        """Where they bring pictures."""
        core = self.desk.core
        return Studio(core.database, core.settings, core.outbound, self.desk.shop, self.by)

    def page(self, template: str, **context: Any) -> HTMLResponse:
        """A template as a page."""
        return self.desk.page(template, at=self.at, of_vendor=self.vendor_id is not None, **context)


def of_shop(permission: str) -> Callable[..., Awaitable[Shelf]]:
    """A dependency that gives all products of the shop to a member of its staff who may do `permission`.

    Raises:
        What `desk` does.
    """
    view = desk(permission)

    @needs(Need(Who.STAFF, known(permission)))
    async def shelf(request: Request, core: CoreDep, shop: ShopDep) -> Shelf:
        seen = await view(request, core, shop)
        return _here(request, Shelf(seen, Author.of(seen.staff), OF_SHOP))

    return shelf


def of_vendor(permission: str) -> Callable[..., Awaitable[Shelf]]:
    """A dependency that gives a vendor's products to somebody of theirs who may do `permission`.

    Raises:
        What `vendor_page` does.
    """
    view = vendor_page(permission)

    @needs(Need(Who.VENDOR, known(permission)))
    async def shelf(request: Request, core: CoreDep, shop: ShopDep) -> Shelf:
        seen = await view(request, core, shop)
        by = Author(seen.staff.principal, vendor_id=seen.staff.vendor_id)
        return _here(request, Shelf(seen, by, OF_VENDOR))

    return shelf


class Page(NamedTuple):
    """A page that shop and vendors have alike, at an address below their own."""

    method: str
    path: str
    answer: Callable[..., Awaitable[Any]]
    permission: str


def both(pages: Sequence[Page]) -> APIRouter:
    """Pages at both addresses."""
    router = APIRouter()
    for at, of in ((OF_SHOP, of_shop), (OF_VENDOR, of_vendor)):
        for method, path, answer, permission in pages:
            asks = [Depends(of(permission))]
            router.add_api_route(f"{at}{path}", answer, methods=[method], dependencies=asks)
    return router


def _here(request: Request, shelf: Shelf) -> Shelf:
    request.state.shelf = shelf
    return shelf


def _given(request: Request) -> Shelf:
    given: Shelf = request.state.shelf
    return given


Here = Annotated[Shelf, Depends(_given)]
"""What the dependency of the page's own address gave."""
