"""What the pages about accounts send."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from commerce.privacy import asking
from commerce.sessions.schemas import Code, Password, Phone, Token
from foundation.types import Email, Id, Input, Text
from pages.forms import blank
from storefront.forms import LocalPath

HOME = "/account"


class NextForm(Input):
    """A form that says where to go on to afterwards."""

    next: LocalPath = HOME


class PasswordForm(NextForm):
    """An e-mail address and a password."""

    email: Email
    password: Password


class RegisterForm(Input):
    """Who wants an account."""

    name: Text
    email: Email
    password: Password


class NameForm(Input):
    """What somebody is called."""

    display_name: Text


class EmailForm(Input):
    """An address that something is sent to."""

    email: Email


class PhoneForm(NextForm):
    """A number that a code is sent to."""

    phone: Phone


class CodeForm(NextForm):
    """A code, and the id under which it was sent."""

    id: Id
    code: Code


class TokenForm(Input):
    """The button on the page that a link in a mail leads to."""

    token: Token


class DataForm(Input):
    """The same, of a link to what is kept about somebody."""

    token: Annotated[str, StringConstraints(pattern=rf"^{asking.PREFIX}[A-Za-z0-9_-]{{43}}$")]


class ChooseForm(TokenForm):
    """Another password, by a link."""

    password: Password


class ChangePasswordForm(Input):
    """Another password; the present one where there is one."""

    current: Annotated[Password | None, BeforeValidator(blank)] = None
    new: Password
