"""Reading the audit log."""

from __future__ import annotations

import json
from uuid import UUID

from sqlalchemy import text

from commerce.audit.schemas import AuditEntryOut, AuditQuery
from foundation import sealing
from foundation.database import Tx, hot

# ix_audit_entry_object, ix_audit_entry_actor, ix_audit_entry_action, pk_audit_entry: ids are made in the order of time.
_LIST = hot(
    text(
        """
        SELECT id, seq, at, actor, action, object, reason, details, hash FROM audit_entry
        WHERE tenant_id = :tenant_id
          AND (CAST(:before AS uuid) IS NULL OR id < CAST(:before AS uuid))
          AND (CAST(:actor AS text) IS NULL OR actor = CAST(:actor AS text))
          AND (CAST(:action AS text) IS NULL OR action = CAST(:action AS text))
          AND (CAST(:context AS text) IS NULL OR starts_with(action, CAST(:context AS text)))
          AND (CAST(:object AS text) IS NULL OR object = CAST(:object AS text))
          AND (CAST(:since AS timestamptz) IS NULL OR at >= CAST(:since AS timestamptz))
          AND (CAST(:until AS timestamptz) IS NULL OR at < CAST(:until AS timestamptz))
        ORDER BY id DESC LIMIT CAST(:limit AS bigint)
        """
    )
)


async def entries(tx: Tx, query: AuditQuery, *, before: UUID | None) -> tuple[list[AuditEntryOut], bool]:
    """Entries that fit, the latest first, and whether there are more."""
    of_context = query.action is not None and query.action.endswith(".*")
    values = {
        "before": before,
        "actor": query.actor,
        "action": None if of_context else query.action,
        "context": query.action[:-1] if query.action is not None and of_context else None,
        "object": query.object,
        "since": query.since,
        "until": query.until,
        "limit": query.limit + 1,
    }
    rows = list(await tx.rows(_LIST, values))
    shown = rows[: query.limit]
    reasons = await sealing.unseal(tx, [row["reason"] for row in shown])
    found = [
        AuditEntryOut(
            id=row["id"],
            seq=row["seq"],
            at=row["at"],
            actor=row["actor"],
            action=row["action"],
            object=row["object"],
            reason=reason,
            details=json.loads(row["details"]),
            hash=row["hash"].hex() if row["hash"] else None,
        )
        for row, reason in zip(shown, reasons, strict=True)
    ]
    return found, len(rows) > query.limit
