/*
about: What orders are of, line by line, with those that edits, exchanges and claims added.
grain: one row a line of an order
key: [day, order_id, line_id]
unique: [line_id]
owner: finance
reach: orders
events: [order.placed, order.edited, exchange.completed, claim.resolved, order.cancelled, return.received]
marts: [orders]
time: added_at
columns:
  day: {type: Date, about: the day the order was placed on}
  order_id: {type: UUID, about: the order}
  line_id: {type: UUID, about: the line}
  added_at: {type: "DateTime64(3, 'UTC')", about: "when it was added: with the order, or by a change of it"}
  origin: {type: LowCardinality(String), about: "what added it: placed, edited, exchanged or replaced"}
  product_id: {type: UUID, about: the product}
  variant_id: {type: UUID, about: its variant}
  vendor_id: {type: Nullable(UUID), about: "who sells it; of the shop's own, nobody"}
  decision_id: {type: Nullable(UUID), about: the decision that had put the product in front of the shopper}
  customer_id: {type: Nullable(UUID), person: true, about: as the order's}
  is_first_order: {type: UInt8, about: as the order's}
  channel: {type: LowCardinality(String), about: as the order's}
  currency: {type: LowCardinality(String), about: ISO 4217}
  units: {type: UInt32, about: units bought}
  unit_price: {type: Int64, unit: minor, about: "of one, before discounts; what was sold by weight is rounded"}
  gross: {type: Int64, unit: minor, about: the line before its discount}
  discount: {type: Int64, unit: minor, about: its share of the discounts}
  total: {type: Int64, unit: minor, about: gross - discount}
  tax: {type: Int64, unit: minor, about: "part of the total or on top of it, as the order's tax_included says"}
  cancelled_units: {type: UInt32, about: units of it that were cancelled}
  returned_units: {type: UInt32, about: units of it that came back}
*/
WITH
    told AS
    (
        SELECT
            aggregate_id AS order_id,
            occurred_at,
            name,
            JSONExtract(
                payload,
                multiIf(name = 'order.placed', 'lines', name = 'claim.resolved', 'replaced_by', 'added'),
                'Array(Tuple(line_id UUID, product_id UUID, variant_id UUID, vendor_id Nullable(UUID), decision_id Nullable(UUID), quantity UInt32, unit_price Int64, discount Int64, total Int64, tax Int64))'
            ) AS said
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID}
          AND name IN ('order.placed', 'order.edited', 'exchange.completed', 'claim.resolved')
          AND occurred_at >= {since:DateTime64(3, 'UTC')}
          AND (name != 'order.placed' OR occurred_at < {until:DateTime64(3, 'UTC')})
          AND aggregate_id IN (
              SELECT order_id FROM mart_orders FINAL
              WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day))
    ),
    given_up AS
    (
        SELECT
            line.1 AS line_id,
            sumIf(line.2, name = 'order.cancelled') AS cancelled_units,
            sumIf(line.2, name = 'return.received') AS returned_units
        FROM
        (
            SELECT name, arrayJoin(JSONExtract(payload, 'lines', 'Array(Tuple(line_id UUID, quantity UInt32))')) AS line
            FROM events FINAL
            WHERE tenant_id = {tenant_id:UUID} AND name IN ('order.cancelled', 'return.received')
              AND aggregate_id IN (SELECT order_id FROM told)
        )
        GROUP BY line_id
    )
SELECT
    orders.day AS day,
    told.order_id AS order_id,
    line.1 AS line_id,
    told.occurred_at AS added_at,
    multiIf(
        name = 'order.placed', 'placed', name = 'order.edited', 'edited', name = 'claim.resolved', 'replaced', 'exchanged'
    ) AS origin,
    line.2 AS product_id,
    line.3 AS variant_id,
    line.4 AS vendor_id,
    line.5 AS decision_id,
    orders.customer_id AS customer_id,
    orders.is_first_order AS is_first_order,
    orders.channel AS channel,
    orders.currency AS currency,
    line.6 AS units,
    line.7 AS unit_price,
    line.9 + line.8 AS gross,
    line.8 AS discount,
    line.9 AS total,
    line.10 AS tax,
    given_up.cancelled_units AS cancelled_units,
    given_up.returned_units AS returned_units
FROM told
ARRAY JOIN said AS line
INNER JOIN
(
    SELECT day, order_id, customer_id, is_first_order, channel, currency FROM mart_orders FINAL
    WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day)
) AS orders ON orders.order_id = told.order_id
LEFT JOIN given_up ON given_up.line_id = line.1
