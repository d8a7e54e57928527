"""The group of commands `tradewind tenant`. What they do is imported when one is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tradewind.stack.site import default_var, use_addresses

group = typer.Typer(no_args_is_help=True, help="Shops, by the operator's word.")
Slug = Annotated[str, typer.Argument(help="The shop, such as `grocer`.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a program to read.")]
Reason = Annotated[str, typer.Option(help="Why; its staff see it.")]


@group.command("list")
def list_shops(*, as_json: AsJson = False) -> None:
    """Show every shop, and how it stands."""
    use_addresses(default_var())
    from tradewind.tenants import showing

    showing.print_every(showing.every(), as_json=as_json)


@group.command()
def show(slug: Slug, *, as_json: AsJson = False) -> None:
    """Show a shop, and what became of it."""
    use_addresses(default_var())
    from tradewind.tenants import showing

    showing.print_one(showing.one(slug), as_json=as_json)


@group.command()
def create(
    slug: Slug,
    *,
    name: Annotated[str, typer.Option(help="What it is called.")],
    owner: Annotated[str, typer.Option(help="The e-mail address of whoever it belongs to.")],
    country: Annotated[str, typer.Option(help="Where it sells from, such as `DE`.")],
    currency: Annotated[str, typer.Option(help="In which money, such as `EUR`.")],
    provider: Annotated[str, typer.Option(help="Who takes its payments.")] = "test",
    as_json: AsJson = False,
) -> None:
    """Open a shop for somebody, and show its first key once."""
    use_addresses(default_var())
    from tradewind.tenants import creating

    made = creating.create(
        creating.wanted(slug=slug, name=name, owner=owner, country=country, currency=currency, provider=provider)
    )
    if as_json:
        typer.echo(made.model_dump_json())
    else:
        typer.echo(f"{made.slug} is {made.status} at {made.address}\n{made.api_key}")


@group.command()
def suspend(slug: Slug, *, reason: Reason) -> None:
    """Close a shop for now; its staff may read and export."""
    use_addresses(default_var())
    from tradewind.tenants import moving

    typer.echo(moving.suspend(slug, reason))


@group.command()
def resume(slug: Slug) -> None:
    """Open a suspended shop again."""
    use_addresses(default_var())
    from tradewind.tenants import moving

    typer.echo(moving.resume(slug))


@group.command()
def close(slug: Slug, *, reason: Reason) -> None:
    """Close a shop for good: everything of it is deleted when its time of grace is over."""
    use_addresses(default_var())
    from tradewind.tenants import moving

    typer.echo(moving.close(slug, reason))


@group.command()
def keep(slug: Slug) -> None:
    """Undo that, as long as it is not removed."""
    use_addresses(default_var())
    from tradewind.tenants import moving

    typer.echo(moving.keep(slug))


@group.command()
def move(
    slug: Slug,
    *,
    to: Annotated[str | None, typer.Option(help="A name of TRADEWIND_DATABASES, or `shared`.")] = None,
    abort: Annotated[bool, typer.Option("--abort", help="Leave it where it is, if it is on its way.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the rows it left where it was.")] = False,
) -> None:
    """Move a shop to another database, or go on with that. It is read meanwhile, and not written for a moment."""
    use_addresses(default_var())
    from tradewind.relocating.command import say

    for line in say(slug, to=to, abort=abort, forget=forget):
        typer.echo(line)


@group.command()
def export(
    slug: Slug,
    *,
    to: Annotated[Path, typer.Option(dir_okay=False, help="The file to write, a ZIP.")],
    as_json: AsJson = False,
) -> None:
    """Write everything of a shop into a file: rows, events, files. Personal data in it is in clear."""
    use_addresses(default_var())
    from tradewind.tenants import taking

    written = taking.export(slug, to, quiet=as_json)
    if as_json:
        said = {"file": str(to), "rows": written.rows, "bytes": written.size, "sha256": written.sha256}
        typer.echo(json.dumps(said))
    else:
        typer.echo(f"{to}: {written.rows:,} rows, {written.size:,} bytes, SHA-256 {written.sha256}")


@group.command()
def remove(
    slug: Slug,
    *,
    now: Annotated[bool, typer.Option("--now", help="Although its time of grace is not over.")] = False,
    typed: Annotated[str | None, typer.Option(help="Its name once more, instead of being asked for it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Delete everything of a shop that is closing, from every engine. It can't be brought back."""
    use_addresses(default_var())
    from tradewind.tenants import ending

    tenant = ending.find(slug)
    if typed is None:
        typer.echo(f"Everything of {tenant.name} is deleted: customers, orders, the books, invoices, files.", err=True)
        typed = typer.prompt(f"Type {tenant.slug} to go on", err=True)
    removed = ending.remove(tenant, typed=typed, early=now, quiet=as_json)
    if as_json:
        typer.echo(json.dumps({"slug": slug, "removed": removed.counts}))
    else:
        typer.echo(f"{slug} is removed: {sum(removed.counts.values()):,} rows and things.")
