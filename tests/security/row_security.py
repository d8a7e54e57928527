"""What the catalogue of Postgres says about who may see whose rows, read as a list of faults.

Nothing here knows the names of the tenant-owned tables: a table is one unless it stands in `SHARED`, so a new table is
under the rules from its first migration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from tradewind.engines.postgres import APP, DAGSTER, OWNER, RELAY

Connection = psycopg.Connection[Any]

TENANT = "(tenant_id = ( SELECT current_tenant() AS current_tenant))"
"""The one condition under which the app's role reads or writes a row, as Postgres prints it."""

SHARED = {
    "alembic_version": "SELECT",
    "outbox_cursor": "",
    "removed_tenant": "SELECT",
    "tenant": "SELECT INSERT UPDATE DELETE",
    "tenant_domain": "SELECT INSERT UPDATE DELETE",
}
"""Tables that belong to no tenant, and what the app may do with each. The directory is read before the tenant is known:
host names, names and settings of the shops, of which nothing is secret and nothing is personal. Each row of it is
written by its own tenant alone.
"""

ITSELF = {"tenant": "(id = ( SELECT current_tenant() AS current_tenant))"}
"""The condition where the row is the tenant."""
WRITTEN_BY_THEIR_OWN = ("tenant", "tenant_domain")

OTHER_POLICIES = {
    ("outbox", "relay", RELAY),
    ("dead_letter", "relay", RELAY),
    ("webhook_cursor", "relay", RELAY),
    ("tombstone", "relay", RELAY),
    ("search_document", "search", OWNER),
    *((table, "relay", RELAY) for table in ("category", "product", "search_document", "variant")),
    *((table, "relay", RELAY) for table in ("product_media", "media_picture")),
    *((table, "relay", RELAY) for table in ("price", "product_rating", "stock", "stock_policy", "bundle_component")),
    *((table, "relay", RELAY) for table in ("attribute", "collection_product", "product_type_attribute")),
    ("tenant", "directory", "public"),
    ("tenant_domain", "directory", "public"),
}
"""(table, policy, role): who else may see rows, and by which policy. The relay delivers the events of every tenant, of people who were forgotten none, and reads their catalogues for the
search index;
the owner's is what `search_products` runs under; the directory is read by everybody who may read it at all.
"""

DEFINERS = {
    "search_products(query tsquery, after_score bigint, after_product uuid, max_rows integer)": (
        "`@@` is not leakproof, so under a policy the index is not used (docs/decisions/0020). It takes the tenant from "
        "the transaction, never from an argument."
    ),
}
"""Functions the app may call that run with their owner's rights, and why there is no other way."""

UNIQUE_OVER_ALL = {
    "uq_payment_account_account": "Two shops paid to one account would each read the other's settlements.",
}
"""Indexes that are unique over all tenants, and why they must be."""

_COMMANDS = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}


def faults(connection: Connection) -> list[str]:
    """Everything in the catalogue that breaks a rule, in words."""
    return [fault for rule in RULES for fault in rule(connection)]


def tenant_tables(connection: Connection) -> list[str]:
    """Every table, partitions included, but the shared ones."""
    rows = connection.execute(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname !~ '^(pg_|information_schema$)' ORDER BY 1"
    )
    return [name for (name,) in rows if name not in SHARED]


def _unguarded(connection: Connection) -> Iterator[str]:
    """A table whose row-level security is off, or passed over by its owner."""
    for table in tenant_tables(connection):
        row = connection.execute(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", (table,)
        ).fetchone()
        if row != (True, True):
            yield f"{table}: row-level security is not both enabled and forced"
    for table in WRITTEN_BY_THEIR_OWN:
        row = connection.execute("SELECT relrowsecurity FROM pg_class WHERE oid = %s::regclass", (table,)).fetchone()
        if row != (True,):
            yield f"{table}: row-level security is not enabled"


def _without_tenant_first(connection: Connection) -> Iterator[str]:
    """A primary key that another tenant's row could take."""
    for table in tenant_tables(connection):
        row = connection.execute(
            "SELECT a.attname, a.attnotnull FROM pg_index i JOIN pg_attribute a"
            " ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indisprimary AND i.indrelid = %s::regclass",
            (table,),
        ).fetchone()
        if row != ("tenant_id", True):
            yield f"{table}: its primary key does not begin with tenant_id"


def _policies(connection: Connection) -> Iterator[str]:
    """A command without a policy, or a policy that says anything but 'the transaction's own tenant'."""
    rows = connection.execute(
        "SELECT p.polrelid::regclass::text, p.polname, p.polcmd::text, p.polpermissive,"
        " ARRAY(SELECT coalesce(r.rolname, 'public') FROM unnest(p.polroles) WITH ORDINALITY m(oid, n)"
        "       LEFT JOIN pg_roles r ON r.oid = m.oid)::text[],"
        " pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_policy p"
    ).fetchall()
    covered: dict[str, set[str]] = {}
    for table, name, command, permissive, roles, using, check in rows:
        if any((table, name, role) in OTHER_POLICIES for role in roles) and len(roles) == 1:
            continue
        if not permissive:
            continue  # it can only take away
        conditions = {"r": [using], "a": [check], "w": [using, check], "d": [using], "*": [using, check]}[command]
        if any(condition != ITSELF.get(table, TENANT) for condition in conditions):
            yield f"{table}: the policy {name} lets {', '.join(roles)} see or write what is not the tenant's own"
        elif {"public", APP} & set(roles):
            covered.setdefault(table, set()).update(_COMMANDS.values() if command == "*" else command)
    for table in tenant_tables(connection):
        missing = [said for said, code in _COMMANDS.items() if code not in covered.get(table, set())]
        if missing:
            yield f"{table}: no policy for {', '.join(missing)}"


def _rights(connection: Connection) -> Iterator[str]:
    """More than reading and writing rows, or a right that everybody has."""
    rows = connection.execute(
        "SELECT c.oid::regclass::text, coalesce(r.rolname, 'public'), a.privilege_type FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE n.nspname !~ '^(pg_|information_schema$)' AND c.relkind IN ('r', 'p', 'f', 'v', 'm')"
        " UNION SELECT t.attrelid::regclass::text, coalesce(r.rolname, 'public'), a.privilege_type FROM pg_attribute t"
        " JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a"
        " LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE n.nspname !~ '^(pg_|information_schema$)'"
    )
    for table, role, right in rows:
        if role == "public":
            yield f"{table}: everybody may {right}"
        elif role in {APP, RELAY, DAGSTER} and right not in _COMMANDS:
            yield f"{table}: {role} may {right}"
        elif role == APP and table in SHARED and right not in SHARED[table].split():
            yield f"{table}: belongs to no tenant, and {role} may {right}"


def _references(connection: Connection) -> Iterator[str]:
    """A foreign key that a row of another tenant could satisfy; Postgres checks them past every policy."""
    rows = connection.execute(
        "SELECT f.conrelid::regclass::text, f.conname, f.confrelid::regclass::text,"
        " (SELECT bool_or(mine.attname = 'tenant_id' AND theirs.attname = 'tenant_id')"
        "  FROM unnest(f.conkey, f.confkey) k(mine, theirs)"
        "  JOIN pg_attribute mine ON (mine.attrelid, mine.attnum) = (f.conrelid, k.mine)"
        "  JOIN pg_attribute theirs ON (theirs.attrelid, theirs.attnum) = (f.confrelid, k.theirs))"
        " FROM pg_constraint f WHERE f.contype = 'f'"
    )
    for table, name, other, by_tenant in rows:
        if table not in SHARED and other not in SHARED and not by_tenant:
            yield f"{table}: {name} refers to {other} without the tenant"


def _unique(connection: Connection) -> Iterator[str]:
    """A uniqueness over all tenants: its violation says what another one has."""
    rows = connection.execute(
        "SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE i.indisunique AND n.nspname !~ '^(pg_|information_schema$)' AND NOT EXISTS (SELECT FROM pg_attribute a"
        " WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) AND a.attname = 'tenant_id')"
    )
    for table, index in rows:
        if table not in SHARED and index not in UNIQUE_OVER_ALL:
            yield f"{table}: {index} is unique over all tenants"


def _roles(connection: Connection) -> Iterator[str]:
    """A role of ours that could step over the policies, by itself or by what it is a member of."""
    for role in (OWNER, APP, RELAY, DAGSTER):
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s",
            (role,),
        ).fetchone()
        if row is None or any(row):
            yield f"{role}: may do more than its work"
        members = connection.execute(
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole", (role,)
        )
        yield from (f"{role}: is a member of {other}" for (other,) in members)
    for role in (APP, RELAY, DAGSTER):
        owned = connection.execute(
            "SELECT relname::text FROM pg_class WHERE relowner = %(role)s::regrole"
            " UNION ALL SELECT proname::text FROM pg_proc WHERE proowner = %(role)s::regrole"
            " UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspowner = %(role)s::regrole"
            " UNION ALL SELECT datname::text FROM pg_database"
            " WHERE datname = current_database() AND datdba = %(role)s::regrole",
            {"role": role},
        )
        yield from (f"{role}: owns {thing}" for (thing,) in owned)
        making = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND has_schema_privilege(%s, oid, 'CREATE')",
            (role,),
        )
        yield from (f"{role}: may create in {schema}" for (schema,) in making)


def _views(connection: Connection) -> Iterator[str]:
    """A view that reads as its owner, or a copy that no policy guards."""
    rows = connection.execute(
        "SELECT c.oid::regclass::text, c.relkind::text, coalesce('security_invoker=true' = ANY (c.reloptions), false)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('v', 'm') AND n.nspname !~ '^(pg_|information_schema$)'"
    )
    for view, kind, invoker in rows:
        if kind == "m":
            yield f"{view}: a materialised view has no policies"
        elif not invoker:
            yield f"{view}: the view reads with its owner's rights"


def _definers(connection: Connection) -> Iterator[str]:
    """A function that lends its owner's rights to the app, and is not one of the named."""
    rows = connection.execute(
        "SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',"
        " coalesce(p.proconfig @> ARRAY['search_path=public, pg_temp'], false)"
        " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE p.prosecdef AND n.nspname !~ '^(pg_|information_schema$)'"
        " AND (has_function_privilege(%s, p.oid, 'EXECUTE') OR has_function_privilege(%s, p.oid, 'EXECUTE'))",
        (APP, RELAY),
    ).fetchall()
    for function, pinned in rows:
        if function not in DEFINERS:
            yield f"{function}: runs with its owner's rights"
        elif not pinned:
            yield f"{function}: whoever calls it may put a table of their own before ours"
    yield from (
        f"{gone}: is named as an exception and is not there" for gone in set(DEFINERS) - {row[0] for row in rows}
    )


RULES: tuple[Callable[[Connection], Iterator[str]], ...] = (
    _unguarded,
    _without_tenant_first,
    _policies,
    _rights,
    _references,
    _unique,
    _roles,
    _views,
    _definers,
)
