"""The catalogue's hot reads: statements compiled once, JSON built by Postgres, bytes passed through.

`schemas.py` documents the shapes and a test holds the bytes to them. The first column is the document at list prices;
the second what this shopper is offered, by variant, from which `prices.py` makes the prices; null in most shops.
"""

from __future__ import annotations

from sqlalchemy import text

from commerce.inventory.service import A_PART_LACKS, ON_HAND
from commerce.pricing.offers import LOWEST_BEFORE, shown_offers_of
from foundation.database import hot

AVAILABLE = f"""
    EXISTS (
        SELECT FROM stock s JOIN variant w ON (w.tenant_id, w.id) = (s.tenant_id, s.variant_id)
        WHERE w.tenant_id = p.tenant_id AND w.product_id = p.id AND NOT w.discontinued
          AND s.available > s.kept_back)
    OR EXISTS (
        SELECT FROM stock_policy y JOIN variant w ON (w.tenant_id, w.id) = (y.tenant_id, y.variant_id)
        WHERE w.tenant_id = p.tenant_id AND w.product_id = p.id AND NOT w.discontinued
          AND y.promised < y.backorder_limit)
    OR EXISTS (
        SELECT FROM variant w
        WHERE w.tenant_id = p.tenant_id AND w.product_id = p.id AND NOT w.discontinued AND w.bundle
          AND NOT EXISTS {A_PART_LACKS})
"""
"""Whether any variant of a product `p` can be had."""


def said(row: str, name: str, original: str) -> str:
    """A text of a row, by the SQL of its name, in the language that is asked (`:spoken`, `:broadly`), else as it is."""
    translated = (f"{row}.translations -> CAST(:{asked} AS text) ->> {name}" for asked in ("spoken", "broadly"))
    return f"coalesce({', '.join(translated)}, {original})"


# uq_brand_name
_BRAND = f"""
    CASE WHEN CAST(:spoken AS text) IS NULL THEN p.brand ELSE coalesce(
        (SELECT {said("b", "'name'", "b.name")} FROM brand b WHERE (b.tenant_id, b.name) = (p.tenant_id, p.brand)),
        p.brand) END
"""

# pk_product_rating: one look-up.
RATING = """(
    SELECT json_build_object('average', round(w.average::numeric, 2), 'count', w.reviews)
    FROM product_rating w WHERE (w.tenant_id, w.product_id) = (p.tenant_id, p.id) AND w.reviews > 0)"""
"""What the reviews of a product `p` come to."""
RATING_IN_DETAIL = RATING.replace("w.reviews)", "w.reviews, 'stars', w.counts)")

_CARD = f"""
    json_build_object(
        'id', p.id, 'handle', p.handle, 'title', {said("p", "'title'", "p.title")}, 'brand', {_BRAND},
        'image', p.image, 'picture', p.picture,
        'category', CASE WHEN c.id IS NULL THEN NULL ELSE json_build_object(
            'name', {said("c", "'name'", "c.name")}, 'slug', c.slug) END,
        'variant_id', v.id, 'price', json_build_object('amount', r.amount, 'currency', r.currency),
        'compare_at', r.compare_at, 'lowest_price_30_days', {LOWEST_BEFORE},
        'offer', NULL, 'quantity_breaks', CAST('[]' AS json),
        'available', {AVAILABLE}, 'rating', {RATING})
"""

# uq_variant's position order and uq_price_variant make each of these one index look-up a product.
_JOINS = """
    LEFT JOIN category c ON (c.tenant_id, c.id) = (p.tenant_id, p.category_id)
    CROSS JOIN LATERAL (
        SELECT v.tenant_id, v.id FROM variant v
        WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id) AND NOT v.discontinued ORDER BY v.position LIMIT 1) v
    JOIN price r ON (r.tenant_id, r.variant_id, r.currency) = (p.tenant_id, v.id, CAST(:currency AS text))
"""

_OFFERS = shown_offers_of("v", "r.currency")

_CURSOR = "rtrim(translate(encode(convert_to({key} || ':' || {id}, 'UTF8'), 'base64'), '+/', '-_'), '=')"

_LISTED = """
SELECT json_build_object(
    'items', coalesce(json_agg(card ORDER BY place) FILTER (WHERE place <= :limit), '[]'),
    'has_more', count(*) > :limit,
    'next_cursor', CASE WHEN count(*) > :limit THEN min(cursor) FILTER (WHERE place = :limit) END)::text,
    (jsonb_object_agg(variant_id, offers) FILTER (WHERE offers IS NOT NULL AND place <= :limit))::text AS offers
FROM cards
"""


def _cards(key: str, product: str, order: str, source: str) -> str:
    """A page's cards in an order, each with where the list goes on behind it."""
    return f"""cards AS (
    SELECT {_CARD} AS card, row_number() OVER (ORDER BY {order}) AS place,
           {_CURSOR.format(key=key, id=product)} AS cursor, v.id AS variant_id, {_OFFERS} AS offers
    {source})
{_LISTED}"""


def _page(key: str) -> str:
    """The cards of a list's `page`, in the order of a number that its rows have."""
    return _cards(key, "p.id", f"{key}, p.id", f"FROM page p {_JOINS}")


_MATCHES = _cards(
    "f.score",
    "f.product_id",
    "f.score DESC, f.product_id DESC",
    f"""FROM found f
    JOIN product p ON p.tenant_id = CAST(:tenant_id AS uuid) AND p.id = f.product_id
        AND p.status = 'published' {_JOINS}""",
)

# The constant says to a plan that is made for every request alike how few there will be.
_AT_MOST = "LIMIT 101"

# ix_product_listing gives the order.
LIST_PRODUCTS = hot(
    text(
        f"""
WITH page AS (
    SELECT * FROM (
        SELECT p.* FROM product p
        WHERE p.tenant_id = CAST(:tenant_id AS uuid) AND p.status = 'published'
          AND (p.rank, p.id) > (CAST(:after_key AS bigint), CAST(:after_id AS uuid))
        ORDER BY p.rank, p.id LIMIT CAST(:limit AS bigint) + 1) p {_AT_MOST}),
{_page("p.rank")}"""
    )
)

# ix_product_category finds the products of the category and all below it.
LIST_CATEGORY = hot(
    text(
        f"""
WITH page AS (
    SELECT * FROM (
        SELECT p.* FROM product p
        WHERE p.tenant_id = CAST(:tenant_id AS uuid) AND p.status = 'published'
          AND p.category_id IN (
              SELECT below.id FROM category above JOIN category below ON below.path <@ above.path
              WHERE above.tenant_id = CAST(:tenant_id AS uuid) AND above.slug = CAST(:category AS text)
                AND below.tenant_id = above.tenant_id)
          AND (p.rank, p.id) > (CAST(:after_key AS bigint), CAST(:after_id AS uuid))
        ORDER BY p.rank, p.id LIMIT CAST(:limit AS bigint) + 1) p {_AT_MOST}),
{_page("p.rank")}"""
    )
)

# ix_collection_product_place gives the order.
LIST_COLLECTION = hot(
    text(
        f"""
WITH page AS (
    SELECT * FROM (
        SELECT p.*, m.place FROM collection_product m
        CROSS JOIN LATERAL (
            SELECT p.* FROM product p
            WHERE (p.tenant_id, p.id) = (m.tenant_id, m.product_id) AND p.status = 'published' OFFSET 0) p
        WHERE m.tenant_id = CAST(:tenant_id AS uuid) AND m.collection_id = CAST(:collection_id AS uuid)
          AND (m.place, m.product_id) > (CAST(:after_key AS bigint), CAST(:after_id AS uuid))
        ORDER BY m.place, m.product_id LIMIT CAST(:limit AS bigint) + 1) p {_AT_MOST}),
{_page("p.place")}"""
    )
)

SEARCH_PRODUCTS = hot(
    text(
        f"""
WITH found AS (
    SELECT * FROM search_products(
        to_tsquery('english', CAST(:query AS text)), CAST(:after_key AS bigint), CAST(:after_id AS uuid),
        CAST(CAST(:limit AS bigint) + 1 AS int)) {_AT_MOST}),
{_MATCHES}"""
    )
)

# What of filters costs Postgres little, for when nobody else answers; null where nothing is chosen.
# ix_collection_product_product
_NARROWED = """
    (CAST(:categories AS uuid[]) IS NULL OR p.category_id = ANY(CAST(:categories AS uuid[])))
    AND (CAST(:brands AS text[]) IS NULL OR p.brand = ANY(CAST(:brands AS text[])))
    AND (CAST(:vendors AS uuid[]) IS NULL OR p.vendor_id = ANY(CAST(:vendors AS uuid[])))
    AND (CAST(:collections AS uuid[]) IS NULL OR EXISTS (
        SELECT FROM collection_product m
        WHERE (m.tenant_id, m.product_id) = (p.tenant_id, p.id)
          AND m.collection_id = ANY(CAST(:collections AS uuid[]))))
"""

# ix_product_listing gives the order, and ends at the limit.
LIST_NARROWED = hot(
    text(
        f"""
WITH page AS (
    SELECT * FROM (
        SELECT p.* FROM product p
        WHERE p.tenant_id = CAST(:tenant_id AS uuid) AND p.status = 'published' AND {_NARROWED}
          AND (p.rank, p.id) > (CAST(:after_key AS bigint), CAST(:after_id AS uuid))
        ORDER BY p.rank, p.id LIMIT CAST(:limit AS bigint) + 1) p {_AT_MOST}),
{_page("p.rank")}"""
    )
)

# Of the matches as many are looked at as anybody pages through.
SEARCH_NARROWED = hot(
    text(
        f"""
WITH found AS (
    SELECT f.* FROM search_products(
        to_tsquery('english', CAST(:query AS text)), CAST(:after_key AS bigint), CAST(:after_id AS uuid), 1000) f
    JOIN product p ON p.tenant_id = CAST(:tenant_id AS uuid) AND p.id = f.product_id AND {_NARROWED}
    ORDER BY f.score DESC, f.product_id DESC LIMIT CAST(:limit AS bigint) + 1),
{_MATCHES}"""
    )
)

CARDS_BY_ID = hot(
    text(
        f"""
WITH cards AS (
    SELECT {_CARD} AS card, asked.place, v.id AS variant_id, {_OFFERS} AS offers
    FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS asked (id, place)
    JOIN product p ON p.tenant_id = CAST(:tenant_id AS uuid) AND p.id = asked.id AND p.status = 'published' {_JOINS})
SELECT json_build_object('items', coalesce(json_agg(card ORDER BY place), '[]'))::text,
    (jsonb_object_agg(variant_id, offers) FILTER (WHERE offers IS NOT NULL))::text AS offers
FROM cards"""
    )
)

# ix_product_media_product and ix_media_picture_media: one look-up for a product that shows nothing. A set of frames is
# shown when it is whole, anything else when its one picture is.
_MEDIA = """(
    SELECT coalesce(json_agg(json_build_object(
        'id', m.id, 'kind', m.kind, 'alt', m.alt, 'variant_id', m.variant_id, 'video', m.video,
        'pictures', made.pictures) ORDER BY m.position, m.id), '[]')
    FROM product_media m CROSS JOIN LATERAL (
        SELECT json_agg(i.shown ORDER BY i.position, i.id) AS pictures, bool_and(i.shown IS NOT NULL) AS whole,
               count(*) AS frames
        FROM media_picture i WHERE (i.tenant_id, i.media_id) = (m.tenant_id, m.id)) made
    WHERE (m.tenant_id, m.product_id) = (p.tenant_id, p.id) AND m.approved AND made.whole
      AND (m.kind <> 'spin' OR made.frames > 1))"""

_SAID_OPTION = said("p", "concat('option:', o.name)", "o.name")
_SAID_VALUE = said("p", "concat('value:', v.options ->> o.name)", "v.options ->> o.name")
_IN_ORDER = "FROM jsonb_array_elements_text(p.options) WITH ORDINALITY AS o (name, nth)"
_OPTIONS = f"""CASE WHEN CAST(:spoken AS text) IS NULL THEN p.options ELSE (
    SELECT coalesce(jsonb_agg({_SAID_OPTION} ORDER BY o.nth), '[]') {_IN_ORDER}) END"""
_VARIANT_OPTIONS = f"""CASE WHEN CAST(:spoken AS text) IS NULL THEN v.options ELSE (
    SELECT coalesce(jsonb_object_agg({_SAID_OPTION}, {_SAID_VALUE}), '{{{{}}}}') {_IN_ORDER}
    WHERE v.options ->> o.name IS NOT NULL) END"""
_VARIANT_TITLE = f"""CASE WHEN CAST(:spoken AS text) IS NULL OR p.options = '[]' THEN v.title ELSE (
    SELECT string_agg({_SAID_VALUE}, ' / ' ORDER BY o.nth) {_IN_ORDER} WHERE v.options ->> o.name IS NOT NULL) END"""

_PRODUCT = f"""
SELECT json_build_object(
    'id', p.id, 'handle', p.handle, 'title', {said("p", "'title'", "p.title")},
    'description', {said("p", "'description'", "p.description")}, 'brand', {_BRAND}, 'image', p.image,
    'media', {_MEDIA}, 'attributes', p.attributes,
    'specifications', CASE WHEN p.type_id IS NULL THEN CAST('[]' AS json) ELSE (
        SELECT coalesce(json_agg(json_build_object(
            'code', a.code, 'name', {said("a", "'name'", "a.name")}, 'value', p.attributes -> a.code,
            'unit', a.unit, 'choice', {said("a", "concat('choice:', chosen.code)", "chosen.name")},
            'colour', chosen.colour) ORDER BY o.position), '[]')
        FROM product_type_attribute o JOIN attribute a ON (a.tenant_id, a.id) = (o.tenant_id, o.attribute_id)
        LEFT JOIN LATERAL (
            SELECT c ->> 'code' AS code, c ->> 'name' AS name, c ->> 'colour' AS colour
            FROM jsonb_array_elements(a.choices) c
            WHERE c ->> 'code' = p.attributes ->> a.code) chosen ON true
        WHERE (o.tenant_id, o.type_id) = (p.tenant_id, p.type_id) AND p.attributes ? a.code) END,
    'options', {_OPTIONS},
    'breadcrumbs', (
        SELECT coalesce(json_agg(json_build_object(
            'name', {said("above", "'name'", "above.name")}, 'slug', above.slug) ORDER BY above.depth), '[]')
        FROM category own JOIN category above ON above.tenant_id = own.tenant_id AND own.path <@ above.path
        WHERE (own.tenant_id, own.id) = (p.tenant_id, p.category_id)),
    'variants', sold.variants, 'rating', {RATING_IN_DETAIL}, 'version', p.version)::text, sold.offers
FROM product p
CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object(
            'id', v.id, 'sku', v.sku, 'title', {_VARIANT_TITLE}, 'options', {_VARIANT_OPTIONS},
            'price', json_build_object('amount', r.amount, 'currency', r.currency), 'compare_at', r.compare_at,
            'lowest_price_30_days', {LOWEST_BEFORE}, 'offer', NULL, 'quantity_breaks', CAST('[]' AS json),
            'available', had.ever, 'promised_on', CASE WHEN had.ever THEN had.promised_on END,
            'digital', v.digital)
            ORDER BY v.position), '[]') AS variants,
            (jsonb_object_agg(v.id, offered.offers) FILTER (WHERE offered.offers IS NOT NULL))::text AS offers
        FROM variant v
        JOIN price r ON (r.tenant_id, r.variant_id, r.currency) = (v.tenant_id, v.id, CAST(:currency AS text))
        CROSS JOIN LATERAL (
            SELECT coalesce(bool_and(
                       there.units + coalesce(greatest(y.backorder_limit - y.promised, 0), 0) >= l.quantity), true)
                       AS ever,
                   max(CASE WHEN there.units < l.quantity
                                THEN greatest(y.available_from, CAST(:today AS date) + CAST(y.lead_days AS int))
                            WHEN y.available_from > CAST(:today AS date) THEN y.available_from END) AS promised_on
            FROM (SELECT v.tenant_id, v.id AS variant_id, 1 AS quantity WHERE NOT v.bundle
                  UNION ALL SELECT b.tenant_id, b.component_id, b.quantity FROM bundle_component b
                  WHERE v.bundle AND b.tenant_id = v.tenant_id AND b.variant_id = v.id) l
            CROSS JOIN LATERAL (SELECT {ON_HAND} AS units) there
            LEFT JOIN stock_policy y ON (y.tenant_id, y.variant_id) = (l.tenant_id, l.variant_id)) had
        CROSS JOIN LATERAL (SELECT {_OFFERS} AS offers) offered
        WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id) AND NOT v.discontinued) sold
WHERE p.tenant_id = CAST(:tenant_id AS uuid) AND p.status = 'published' AND {{key}}
"""

PRODUCT_BY_HANDLE = hot(text(_PRODUCT.format(key="p.handle = CAST(:handle AS text)")))
PRODUCT_BY_ID = hot(text(_PRODUCT.format(key="p.id = CAST(:id AS uuid)")))

CATEGORIES = hot(
    text(
        f"""
SELECT json_build_object('items', coalesce(json_agg(json_build_object(
    'id', c.id, 'parent_id', c.parent_id, 'name', {said("c", "'name'", "c.name")}, 'slug', c.slug, 'depth', c.depth,
    'product_count', c.product_count) ORDER BY c.depth, c.name, c.id), '[]'))::text
FROM category c
WHERE c.tenant_id = CAST(:tenant_id AS uuid) AND c.depth <= 2 AND c.product_count > 0
"""
    )
)
