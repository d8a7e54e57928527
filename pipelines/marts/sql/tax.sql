/*
about: "What was declared of the money that moved: what was taxed, where, under which scheme and at which rate."
grain: "one row a day, country, scheme, tax, rate and currency"
key: [day, country, scheme, tax_name, rate, currency]
owner: finance
reach: day
events: [tax.declared]
time: day
columns:
  day: {type: Date, about: the day the money moved}
  country: {type: LowCardinality(String), about: "where it went, ISO 3166; empty where nothing was sent"}
  scheme: {type: LowCardinality(String), about: "the scheme it was taxed under, such as oss"}
  tax_name: {type: LowCardinality(String), about: "the tax's name, such as VAT"}
  rate: {type: LowCardinality(String), about: "a share, such as 0.19"}
  currency: {type: LowCardinality(String), about: ISO 4217}
  movements: {type: UInt64, about: movements of money that it is of}
  taxable: {type: Int64, unit: minor, about: "what was taxed, without the tax; less than zero was given back"}
  tax: {type: Int64, unit: minor, about: the tax of it}
*/
SELECT
    day,
    said.1 AS country,
    said.2 AS scheme,
    said.3 AS tax_name,
    said.4 AS rate,
    currency,
    uniqExact(posting_id) AS movements,
    sum(said.5) AS taxable,
    sum(said.6) AS tax
FROM
(
    SELECT
        toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
        JSONExtractString(payload, 'posting_id') AS posting_id,
        JSONExtractString(payload, 'currency') AS currency,
        arrayJoin(JSONExtract(
            payload,
            'entries',
            'Array(Tuple(country String, scheme String, name String, rate String, taxable Int64, tax Int64))'
        )) AS said
    FROM events FINAL
    WHERE tenant_id = {tenant_id:UUID} AND name = 'tax.declared'
      AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
      AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
)
GROUP BY day, country, scheme, tax_name, rate, currency
