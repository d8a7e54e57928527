/*
about: "What was searched for, and what came of it the same day, of those who agreed to statistics. What fewer than
  three people ever asked may name somebody, and is counted together without its words."
grain: one row a day and query
key: [day, query]
owner: merchandising
reach: tenant
events: [search, select_item, order.placed]
time: day
columns:
  day: {type: Date, about: the day it was asked}
  query: {type: String, about: "what was asked, in lower case; empty for all that few have asked"}
  searches: {type: UInt64, about: how often}
  people: {type: UInt64, about: by how many}
  unanswered: {type: UInt64, about: how often nothing was found}
  chosen: {type: UInt64, about: "how often a product was chosen from its list, within an hour"}
  bought: {type: UInt64, about: how often one that was chosen was then ordered}
*/
WITH
    asked AS
    (
        SELECT
            toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
            occurred_at AS searched_at,
            event_id,
            assumeNotNull(session_id) AS session,
            coalesce(shopper_id, visitor_id) AS person,
            trimBoth(replaceRegexpAll(lowerUTF8(JSONExtractString(payload, 'search_term')), '\\s+', ' ')) AS words,
            JSONExtract(payload, 'results', 'Nullable(UInt32)') AS results
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID} AND name = 'search' AND has(consent, 'analytics') AND NOT is_bot AND NOT is_internal
          AND session_id IS NOT NULL AND person IS NOT NULL AND words != ''
    ),
    named AS
    (
        SELECT words FROM asked GROUP BY words HAVING uniqExact(person) >= 3
    ),
    here AS
    (
        SELECT * FROM asked WHERE has({days:Array(Date)}, day)
    ),
    choices AS
    (
        SELECT
            toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
            occurred_at AS chosen_at,
            assumeNotNull(session_id) AS session,
            JSONExtractString(payload, 'items', 1, 'item_id') AS product
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID} AND name = 'select_item' AND session_id IS NOT NULL
          AND JSONExtractString(payload, 'item_list_id') = 'search'
          AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
    ),
    bought AS
    (
        SELECT
            toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
            occurred_at AS ordered_at,
            assumeNotNull(session_id) AS session,
            arrayJoin(JSONExtract(payload, 'lines', 'Array(Tuple(product_id String))')).1 AS product
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID} AND name = 'order.placed' AND session_id IS NOT NULL
          AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
    ),
    led AS
    (
        SELECT here.event_id AS event_id, max(bought.product != '' AND bought.ordered_at >= choices.chosen_at) AS is_bought
        FROM choices
        ASOF JOIN here ON choices.session = here.session AND choices.day = here.day AND choices.chosen_at >= here.searched_at
        LEFT JOIN bought ON bought.session = choices.session AND bought.day = choices.day AND bought.product = choices.product
        WHERE choices.chosen_at <= here.searched_at + 3600
        GROUP BY event_id
    )
SELECT
    here.day AS day,
    if(here.words IN (SELECT words FROM named), here.words, '') AS query,
    count() AS searches,
    uniqExact(here.person) AS people,
    countIf(here.results = 0) AS unanswered,
    countIf(led.event_id = here.event_id) AS chosen,
    countIf(led.is_bought = 1) AS bought
FROM here
LEFT JOIN led ON led.event_id = here.event_id
GROUP BY day, query
