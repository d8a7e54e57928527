"""Publishing a page, finding the one in the reader's language, and keeping which of them a buyer accepted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text

from commerce.legal import writing
from commerce.legal.schemas import (
    AT_CHECKOUT,
    KINDS,
    TITLES,
    AcceptedOut,
    Kind,
    PageHead,
    PageOut,
    VersionList,
    VersionOut,
)
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id

MOST_LOCALES = 40
_REMEMBERED, _TITLES = "legal_pages", "legal_titles"
"""The keys of a shop's settings that say which pages there are and what it calls them: every page links them without a
question."""


class PageNotFound(NotFound):
    """The shop has no such page, or not in this version."""

    code = "legal.page_not_found"


class PageChanged(Conflict):
    """Somebody has published another version of this page since it was read."""

    code = "legal.page_changed"

    version: int


class TooManyLocales(Conflict):
    """The page is there in as many languages as it may be."""

    code = "legal.too_many_locales"

    most: int


class AcceptedChanged(Conflict):
    """What is accepted here has changed since it was shown: read it again."""

    code = "legal.accepted_changed"


_HEAD = "p.id, p.kind, p.locale, p.version, p.title, p.published_at"
# uq_legal_page_version
_LATEST = """
    SELECT DISTINCT ON (kind, locale) * FROM legal_page WHERE tenant_id = :tenant_id ORDER BY kind, locale, version DESC
"""
_EVERY = hot(text(f"SELECT {_HEAD} FROM ({_LATEST}) p WHERE p.markdown <> '' ORDER BY p.kind, p.locale"))  # noqa: S608
_ONE = hot(
    text(
        f"""
        SELECT {_HEAD}, p.markdown FROM legal_page p
        WHERE p.tenant_id = :tenant_id AND p.kind = :kind AND p.locale = :locale
          AND (CAST(:version AS bigint) IS NULL OR p.version = CAST(:version AS bigint))
        ORDER BY p.version DESC LIMIT 1
        """  # noqa: S608  (a literal)
    )
)
_VERSIONS = hot(
    text(
        f"""
        SELECT {_HEAD}, p.published_by, p.markdown = '' AS withdrawn FROM legal_page p
        WHERE p.tenant_id = :tenant_id AND p.kind = :kind AND p.locale = :locale
          AND p.version < CAST(:before AS bigint)
        ORDER BY p.version DESC LIMIT :limit
        """  # noqa: S608  (a literal)
    )
)
# The shop's one row: versions are counted by one at a time, and what the settings say of them is of all.
_ONE_AT_A_TIME = hot(text("SELECT id FROM tenant WHERE id = :tenant_id FOR NO KEY UPDATE"))
_PRESENT = hot(
    text(
        """
        SELECT coalesce(max(version) FILTER (WHERE locale = :locale), 0) AS version,
               count(DISTINCT locale) FILTER (WHERE locale <> :locale) AS others
        FROM legal_page WHERE tenant_id = :tenant_id AND kind = :kind
        """
    )
)
_ADD = hot(
    text(
        """
        INSERT INTO legal_page (tenant_id, id, kind, locale, version, title, markdown, published_by, published_at)
        VALUES (:tenant_id, :id, :kind, :locale, :version, CAST(:title AS text), :markdown, :by,
                CAST(:now AS timestamptz))
        """
    )
)
_REMEMBER = hot(
    text(
        f"""
        WITH shown AS (SELECT kind, locale, title FROM ({_LATEST}) latest WHERE markdown <> '')
        UPDATE tenant SET settings = settings || jsonb_build_object(
            '{_REMEMBERED}', coalesce((SELECT jsonb_object_agg(kind, locales) FROM (
                SELECT kind, jsonb_agg(locale ORDER BY locale) AS locales FROM shown GROUP BY kind) by_kind), '{{}}'),
            '{_TITLES}', coalesce((SELECT jsonb_object_agg(kind, titles) FROM (
                SELECT kind, jsonb_object_agg(locale, title) AS titles FROM shown
                WHERE title IS NOT NULL GROUP BY kind) by_kind), '{{}}'))
        WHERE id = :tenant_id
        """  # noqa: S608  (literals)
    )
)
# uq_legal_acceptance_kind. Of each kind one, and only what nobody has replaced.
_ACCEPT = hot(
    text(
        f"""
        WITH shown AS (
            SELECT DISTINCT ON (kind) id, kind FROM ({_LATEST}) latest
            WHERE id = ANY (CAST(:ids AS uuid[])) AND markdown <> ''),
        kept AS (
            INSERT INTO legal_acceptance (tenant_id, id, cart_id, kind, page_id, accepted_at)
            SELECT :tenant_id, gen_random_uuid(), :cart_id, kind, id, CAST(:now AS timestamptz) FROM shown
            ON CONFLICT (tenant_id, cart_id, kind)
                DO UPDATE SET page_id = excluded.page_id, accepted_at = excluded.accepted_at
            RETURNING kind)
        SELECT count(*) AS many FROM kept
        """  # noqa: S608  (a literal)
    )
)
# uq_orders_cart, uq_legal_acceptance_kind
_ACCEPTED = hot(
    text(
        f"""
        SELECT {_HEAD}, a.accepted_at FROM orders o
        JOIN legal_acceptance a ON a.tenant_id = o.tenant_id AND a.cart_id = o.cart_id
        JOIN legal_page p ON p.tenant_id = a.tenant_id AND p.id = a.page_id
        WHERE o.tenant_id = :tenant_id AND o.id = :order_id ORDER BY p.kind
        """  # noqa: S608  (a literal)
    )
)


def kinds_of(settings: Mapping[str, Any]) -> list[Kind]:
    """The pages that a shop with these settings has, in the order in which they are linked."""
    there = settings.get(_REMEMBERED) or {}
    return [kind for kind in KINDS if there.get(kind)]


def locale_for(shop: Shop, kind: Kind, wanted: str | None) -> str | None:
    """The language to show a page in: the one wanted, else another of its region, else the shop's, else any there is;
    `None` if there is no such page.
    """
    there: Sequence[str] = (shop.settings.get(_REMEMBERED) or {}).get(kind) or ()
    for locale in (wanted, shop.locale):
        found = _nearest(locale, there) if locale else None
        if found is not None:
            return found
    return there[0] if there else None


def title_of(shop: Shop, kind: Kind) -> str:
    """What a page is called where it is linked: as in the language in which the shop itself shows it."""
    titles: Mapping[str, str] = (shop.settings.get(_TITLES) or {}).get(kind) or {}
    return titles.get(locale_for(shop, kind, None) or "", TITLES[kind])


def _nearest(locale: str, there: Sequence[str]) -> str | None:
    language = locale.partition("-")[0]
    alike = [one for one in there if one.partition("-")[0] == language]
    return locale if locale in there else next(iter(alike), None)


async def every(tx: Tx) -> list[PageHead]:
    """The pages there are, each in its latest version."""
    return [_head(row) for row in await tx.rows(_EVERY)]


async def page(tx: Tx, shop: Shop, kind: Kind, *, locale: str | None, version: int | None = None) -> PageOut:
    """A page in the language nearest to the one wanted; an earlier version is of exactly that language.

    Raises:
        PageNotFound: there is none, or it was taken back.
    """
    shown = locale if version is not None and locale is not None else locale_for(shop, kind, locale)
    if shown is None:
        raise PageNotFound
    return await exactly(tx, kind, shown, version)


async def exactly(tx: Tx, kind: Kind, locale: str, version: int | None = None) -> PageOut:
    """A page in exactly this language.

    Raises:
        PageNotFound.
    """
    row = await tx.one(_ONE, {"kind": kind, "locale": locale, "version": version})
    if row is None or not row["markdown"]:
        raise PageNotFound
    return PageOut(**_head(row).model_dump(), markdown=row["markdown"], html=writing.html(row["markdown"]))


async def present_version(tx: Tx, kind: Kind, locale: str) -> int | None:
    """The version that is shown now; `None` when the page was taken back."""
    row = await tx.one(_ONE, {"kind": kind, "locale": locale, "version": None})
    return row["version"] if row is not None and row["markdown"] else None


async def versions(tx: Tx, kind: Kind, locale: str, *, before: int, limit: int) -> VersionList:
    """The versions of a page below `before`, the latest first."""
    rows = await tx.rows(_VERSIONS, {"kind": kind, "locale": locale, "before": before, "limit": limit + 1})
    items = [
        VersionOut(**_head(row).model_dump(), published_by=row["published_by"], withdrawn=row["withdrawn"])
        for row in rows[:limit]
    ]
    return VersionList(items=items, has_more=len(rows) > limit)


async def publish(
    tx: Tx, kind: Kind, locale: str, markdown: str, *, title: str | None = None, version: int, by: str
) -> PageOut:
    """Show another version of a page from now on.

    Raises:
        LinksUnfit, TooManyLocales, PageChanged: it is not `version` that is shown.
    """
    writing.check(markdown)
    await _add(tx, kind, locale, markdown, title, version=version, by=by)
    return await exactly(tx, kind, locale)


async def withdraw(tx: Tx, kind: Kind, locale: str, *, version: int, by: str) -> None:
    """Show a page no more; what was accepted of it can still be read.

    Raises:
        PageNotFound, PageChanged.
    """
    await exactly(tx, kind, locale)
    await _add(tx, kind, locale, "", None, version=version, by=by)


async def at_checkout(tx: Tx, shop: Shop) -> list[PageHead]:
    """What is accepted by whoever pays now."""
    wanted = {(kind, locale_for(shop, kind, None)) for kind in AT_CHECKOUT if kind in kinds_of(shop.settings)}
    found = {head.kind: head for head in await every(tx) if (head.kind, head.locale) in wanted} if wanted else {}
    return [found[kind] for kind in AT_CHECKOUT if kind in found]


async def accept(tx: Tx, cart_id: UUID, page_ids: Collection[UUID]) -> None:
    """Keep which pages are accepted with the payment for a cart.

    Raises:
        AcceptedChanged: one of them is not what is shown now; the transaction must not go on.
    """
    ids = set(page_ids)
    if not ids:
        return
    row = await tx.one(_ACCEPT, {"cart_id": cart_id, "ids": list(ids), "now": clock.now()})
    if row is None or row["many"] != len(ids):
        raise AcceptedChanged


async def accepted(tx: Tx, order_id: UUID) -> list[AcceptedOut]:
    """What the buyer accepted with an order."""
    rows = await tx.rows(_ACCEPTED, {"order_id": order_id})
    return [AcceptedOut(**_head(row).model_dump(), accepted_at=row["accepted_at"]) for row in rows]


async def _add(tx: Tx, kind: Kind, locale: str, markdown: str, title: str | None, *, version: int, by: str) -> None:
    await tx.rows(_ONE_AT_A_TIME)
    present = await tx.one(_PRESENT, {"kind": kind, "locale": locale})
    if present is None or present["version"] != version:
        raise PageChanged(version=present["version"] if present else 0)
    if not version and present["others"] >= MOST_LOCALES:
        raise TooManyLocales(most=MOST_LOCALES)
    values = {
        "id": new_id(),
        "kind": kind,
        "locale": locale,
        "version": version + 1,
        "title": title,
        "markdown": markdown,
        "by": by,
        "now": clock.now(),
    }
    await tx.rows(_ADD, values)
    await tx.rows(_REMEMBER)


def _head(row: Mapping[str, Any]) -> PageHead:
    kind = cast("Kind", row["kind"])
    named = ("id", "locale", "version", "published_at")
    return PageHead(kind=kind, title=row["title"] or TITLES[kind], **{name: row[name] for name in named})
