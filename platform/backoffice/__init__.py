"""The pages of those who work here: `/back-office` on the shop's host, signed in to by an account of the shop's.

A page is four things, and needs nothing else:

1. an `APIRouter` in a module of this package, whose routes take `Annotated[Desk, Depends(desk("settings:read"))]`: that
   declares what the page needs, refuses whoever lacks it, and is the page view (`desk.page`, `desk.redirect`);
2. a template that extends `office.html` and fills the blocks `title` and `content`; its classes are Tailwind's and
   those of `pages/tokens.css`: run `python -m backoffice.build` after a change;
3. its place in `navigation.ENTRIES`, which shows it to those who may open it;
4. its module in the list of `pages.install`.

Forms are read by `pages.forms.read`; what a form's page says after it is a `Notice` of `notices.NOTICES`. A page calls
services of the core with `desk.staff`, never SQL.
"""
