"""What is refused to those who look after people and roles."""

from __future__ import annotations

from foundation.errors import Conflict, Forbidden, NotFound, Unprocessable


class UnknownMember(NotFound):
    """There is nobody with this id who works here."""

    code = "staffing.unknown_member"


class UnknownRole(Unprocessable):
    """There is no such role, or it is not one for these people."""

    code = "staffing.unknown_role"

    role: str


class RoleNotFound(NotFound):
    """There is no such role of the shop's own."""

    code = "staffing.role_not_found"


class RoleWithoutLimits(Unprocessable):
    """An admin's role has no limits, nor have those of vendors' people."""

    code = "staffing.role_without_limits"


class CannotGrant(Forbidden):
    """This would be more than whoever asks may do themselves."""

    code = "staffing.cannot_grant"

    permission: str


class WiderLimits(Forbidden):
    """These limits are wider than those of whoever asks."""

    code = "staffing.wider_limits"


class LastAdmin(Conflict):
    """The shop needs an admin, and this is the only one."""

    code = "staffing.last_admin"


class InvitedAlready(Conflict):
    """Somebody with this address works here, or is invited already."""

    code = "staffing.invited_already"


class NotInvited(Conflict):
    """They have accepted already, so there is no invitation to send again."""

    code = "staffing.not_invited"


class Stale(Conflict):
    """Somebody else has changed this meanwhile; look at it again."""

    code = "staffing.stale"

    version: int


class RoleNameTaken(Conflict):
    """There is a role of this name."""

    code = "staffing.role_name_taken"


class RoleInUse(Conflict):
    """Somebody has this role; give them another first."""

    code = "staffing.role_in_use"


class TooManyRoles(Conflict):
    """There are as many roles as there may be."""

    code = "staffing.too_many_roles"

    limit: int


class NoSuchPermission(Unprocessable):
    """There is no such permission, or these people can't hold it."""

    code = "staffing.no_such_permission"

    permission: str


class UnknownWarehouse(Unprocessable):
    """There is no such warehouse."""

    code = "staffing.unknown_warehouse"


class WorksHereAlready(Conflict):
    """Whoever has this address works here already, and nobody does so twice."""

    code = "staffing.works_here_already"
