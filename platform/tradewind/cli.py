"""The command `tradewind`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from tradewind.errors import StackError
from tradewind.stack.site import default_var, use_addresses
from tradewind.tenants.commands import group as tenants

app = typer.Typer(
    help="Tradewind: a commerce platform whose every answer is decided by models trained on its own events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

benches = typer.Typer()
app.add_typer(benches, name="bench")
trainings = typer.Typer(help="Train a model on a shop's own data, and register it.", no_args_is_help=True)
app.add_typer(trainings, name="train")
app.add_typer(tenants, name="tenant")
audits = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(audits, name="audit")
staff = typer.Typer(help="Who works for a shop, by the operator's word.", no_args_is_help=True)
app.add_typer(staff, name="staff")
people = typer.Typer(help="What is kept about people.", no_args_is_help=True)
app.add_typer(people, name="privacy")

events = typer.Typer(help="Events of browsers that were not taken.", no_args_is_help=True)
app.add_typer(events, name="events")

VarDir = Annotated[
    Path,
    typer.Option("--var-dir", default_factory=default_var, show_default="./var", help="Where the local stack lives."),
]


PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command()
def up(
    var_dir: VarDir,
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it is up; `down` stops it.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Start this service and what it needs; can be given several times.")
    ] = None,
) -> None:
    """Start the local stack and keep it up until Ctrl-C."""
    from rich.console import Console

    from tradewind.stack.console import ConsoleReporter, print_addresses
    from tradewind.stack.up import up as run
    from tradewind.stack.up import up_detached

    console = Console()
    if detach:
        print_addresses(console, up_detached(var_dir, only=only or ()))
    else:
        run(var_dir, ConsoleReporter(console), only=only or ())


@app.command()
def down(var_dir: VarDir) -> None:
    """Stop the local stack."""
    from tradewind.stack.up import down as stop

    typer.echo("Stopped." if stop(var_dir) else "Nothing runs.")


@app.command()
def status(
    var_dir: VarDir,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Show the health of each part, the lag of the event stream, and how many rows there are.

    Ends with status 1 when a part is not healthy.
    """
    from tradewind.status import look, print_json, print_tables

    found = look(var_dir)
    (print_json if as_json else print_tables)(found)
    raise typer.Exit(0 if found.is_healthy else 1)


@app.command()
def demo(var_dir: VarDir) -> None:
    """Start the stack, load the data, train, publish, and say where to look. Ctrl-C stops it."""
    from tradewind.demo import demo as run

    run(var_dir)


@app.command()
def migrate(var_dir: VarDir) -> None:
    """Bring the schema of every database to the newest revision, as the role that owns it."""
    from sqlalchemy.exc import OperationalError

    from foundation.settings import Settings
    from tradewind.migrations import revision, upgrade

    use_addresses(var_dir)
    away = []
    for name, url in Settings().everywhere("owner_url", "Postgres").items():
        try:
            upgrade(url)
        except OperationalError as fault:
            away.append(f"{name or 'shared'} can't be reached: {fault.orig}")
        else:
            typer.echo(f"{name or 'shared'}: revision {revision(url)}")
    if away:
        raise StackError("\n".join(away))


@app.command(name="row-policies")
def row_policies(database: Annotated[str, typer.Argument(help="The event store's database.")] = "tradewind") -> None:
    """Say the statements that make the reading role and its row policies on a ClickHouse server."""
    from pipelines.policies import statements

    for statement in statements(database):
        typer.echo(f"{statement};")


@benches.callback(invoke_without_command=True)
def bench(context: typer.Context, var_dir: VarDir) -> None:
    """Measure, each figure beside its floor; writes docs/benchmarks.md. Without a command, the running stack."""
    from tradewind.bench.command import bench as run

    context.obj = var_dir
    if context.invoked_subcommand is None:
        run(var_dir)


@benches.command()
def core(
    context: typer.Context,
    *,
    products: Annotated[int, typer.Option(min=5_000, help="How many products the shop has.")] = 100_000,
    seconds: Annotated[int, typer.Option(min=1, help="How long each operation is measured.")] = 4,
    workers: Annotated[int, typer.Option(min=1, help="Web workers.")] = 2,
) -> None:
    """Measure the transactional core by itself: a Postgres, web workers and a shop of its own."""
    from tradewind.bench.command import bench_core as run

    run(context.obj, products=products, seconds=seconds, workers=workers)


@benches.command(name="data")
def bench_data(
    context: typer.Context,
    *,
    products: Annotated[int, typer.Option(min=2_000, help="How many products the shop has.")] = 2_000,
    seconds: Annotated[int, typer.Option(min=1, help="How long each call is measured.")] = 4,
    workers: Annotated[int, typer.Option(min=1, help="Web workers.")] = 2,
    section: Annotated[
        list[str] | None, typer.Option(help="Only this one: `ingest`, `orders`, `lag`; can be given several times.")
    ] = None,
) -> None:
    """Measure how many events are taken, what orders notice of that, and how soon an event is known."""
    from tradewind.bench.command import bench_data as run

    run(context.obj, products=products, seconds=seconds, workers=workers, only=section or ())


@benches.command()
def fair(
    context: typer.Context,
    *,
    products: Annotated[int, typer.Option(min=500, help="How many products each shop has.")] = 5_000,
    seconds: Annotated[int, typer.Option(min=1, help="How long the quiet shop is measured each time.")] = 8,
    workers: Annotated[int, typer.Option(min=1, help="Web workers.")] = 2,
) -> None:
    """Measure what a quiet shop notices of one that is asked ten times as much as its plan allows."""
    from tradewind.bench.command import bench_fair as run

    run(context.obj, products=products, seconds=seconds, workers=workers)


@benches.command(name="import")
def bench_import(
    context: typer.Context,
    *,
    products: Annotated[int, typer.Option(min=1_000, help="How many, each of three variants.")] = 100_000,
) -> None:
    """Measure how fast products come in by a file, beside COPY of the very rows that this makes."""
    from tradewind.bench.command import bench_import as run

    run(context.obj, products=products)


@benches.command()
def catalogue(
    context: typer.Context,
    *,
    products: Annotated[int, typer.Option(min=1_000, help="How many products the shop has.")] = 100_000,
    seconds: Annotated[int, typer.Option(min=1, help="How long each call is measured.")] = 4,
    meaning: Annotated[bool, typer.Option(help="First wait until all are found by their meaning too.")] = True,
    pictures: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Photographs, a folder a class: search by picture as well."),
    ] = None,
) -> None:
    """Measure a large catalogue on a stack of its own: pages, lists with facets, searches, suggestions, freshness."""
    from tradewind.bench.command import bench_catalogue as run

    run(context.obj, products=products, seconds=seconds, meaning=meaning, pictures=pictures)


@benches.command()
def search(
    context: typer.Context,
    *,
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="A folder with judged sets.")],
    encoder: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A sentence encoder: model.onnx, tokenizer.json.")
    ] = None,
) -> None:
    """Measure search on judged sets: NAME_products.parquet with NAME_judgements.csv (query, docid, rating)."""
    from tradewind.bench.command import bench_search as run

    run(context.obj, data=data, encoder=encoder)


@benches.command()
def visual(
    context: typer.Context,
    *,
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Pictures, a folder a class.")],
    gallery: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Clean pictures of the classes, to be found."),
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(help="Only this one: `efficientnet-lite0`, -1, -2, or a folder; can be given several times."),
    ] = None,
) -> None:
    """Measure visual search: each encoder as it comes, and after learning from classes it is not tested on."""
    from models.visual_search.encoder import PACKAGED
    from tradewind.bench.command import bench_visual as run

    run(context.obj, data=data, gallery=gallery, encoders=encoder or PACKAGED)


@app.command()
def reference() -> None:
    """Write docs/reference from the code, and accept what was added to the contracts of events.

    Refuses a change of a contract that would break events, or programs that read them.
    """
    from tradewind.reference import write
    from tradewind.stack.site import repository_root

    for path in write(repository_root() / "docs" / "reference"):
        typer.echo(path)


@app.command()
def key(
    slug: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")],
    *,
    name: Annotated[str, typer.Option(help="Whose key it is.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; everything, unless some are named.")] = None,
    vendor: Annotated[str | None, typer.Option(help="The vendor whose part of the shop it opens, and no more.")] = None,
) -> None:
    """Make a key for a shop's staff or programs, and show it once."""
    use_addresses(default_var())
    from tradewind.keys import create

    typer.echo(create(slug, name=name, scopes=scope, vendor=vendor))


@tenants.command()
def plan(
    slug: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")],
    code: Annotated[str | None, typer.Argument(help="`starter`, `professional` or `enterprise`.")] = None,
    *,
    agreed: Annotated[
        list[str] | None,
        typer.Option(help="A limit in place of the plan's, such as `products=5000`, `requests=100`, `orders_cap=900`."),
    ] = None,
) -> None:
    """Give a shop a plan, or say which it has."""
    use_addresses(default_var())
    from tradewind.plans import say

    typer.echo(say(slug, code, agreed or ()))


@app.command()
def index(
    slug: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")],
    *,
    pictures: Annotated[bool, typer.Option("--pictures", help="The index of what products look like.")] = False,
) -> None:
    """Build a shop's search index from its catalogue, beside the present one, and switch to it.

    Products are found by their words at once. What `up` starts (`serving.following`, `serving.visual_building`) then
    encodes what they mean, and brings every change into it.
    """
    use_addresses(default_var())
    from tradewind.indexing import looks, run

    for line in looks(slug) if pictures else run(slug):
        typer.echo(line)


@trainings.callback()
def train() -> None:
    """Train a model on a shop's own data, and register it."""


@trainings.command(name="visual")
def train_visual(
    slug: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")],
    *,
    by: Annotated[
        str, typer.Option(help="What makes two pictures alike: one `category`, or one `product` with several.")
    ] = "category",
) -> None:
    """Teach visual search on a shop's own pictures; what was learnt is used once it is better than what there is."""
    use_addresses(default_var())
    from tradewind.training import visual as run

    for line in run(slug, by):
        typer.echo(line)


@app.command(name="import")
def import_(
    slug: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, xlsx, JSON Lines, a feed's XML.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, and change nothing.")] = False,
    kind: Annotated[
        Literal["csv", "xlsx", "jsonl", "google"] | None,
        typer.Option("--format", help="What the file is, where its name doesn't say it."),
    ] = None,
    mapped: Annotated[
        list[str] | None, typer.Option("--map", help="A column's name in the file, and here: `Article number=sku`.")
    ] = None,
    errors: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Where the bad rows go; beside the file, unless it is said.")
    ] = None,
) -> None:
    """Take a file of products into a shop, and write its bad rows into another. Ends with status 1 if there are any."""
    use_addresses(default_var())
    from tradewind.exchanging import run_import

    if not run_import(slug, file, dry_run=dry_run, kind=kind, mapped=mapped or (), errors=errors):
        raise typer.Exit(1)


@app.command()
def export(
    slug: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to: a name that ends by .csv, .jsonl or .xlsx.")],
    *,
    costs: Annotated[
        bool, typer.Option("--costs", help="Also what variants cost the shop, and on which sales channel.")
    ] = False,
) -> None:
    """Write a shop's products into a file that `tradewind import` takes in again."""
    use_addresses(default_var())
    from tradewind.exchanging import run_export

    typer.echo(f"{file}: {run_export(slug, file, costs=costs):,} bytes")


@app.command()
def reconcile(
    *,
    tenant: Annotated[str, typer.Option(help="The shop, such as `grocer`.")],
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day that is over; yesterday.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this one; else all that report.")] = None,
) -> None:
    """Compare what payment providers settled on a day with a shop's books."""
    use_addresses(default_var())
    from tradewind.reconciling import run

    for line in run(tenant, day=day.date() if day else None, provider=provider):
        typer.echo(line)


@audits.command("verify")
def verify_audit(
    tenant: Annotated[str | None, typer.Argument(help="The shop, such as `grocer`; every shop, unless named.")] = None,
) -> None:
    """Check that the audit log is what was written; names each row that was altered, deleted or moved.

    Ends with status 1 when something is wrong.
    """
    use_addresses(default_var())
    from tradewind.auditing import run

    lines, intact = run(tenant)
    for line in lines:
        typer.echo(line)
    raise typer.Exit(0 if intact else 1)


@staff.command("invite")
def invite_staff(
    tenant: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")],
    *,
    email: Annotated[str, typer.Option(help="Whose link it is.")],
    role: Annotated[list[str] | None, typer.Option(help="`admin`, unless others are named.")] = None,
    vendor: Annotated[str | None, typer.Option(help="The vendor they work for, in place of the shop.")] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Where the shop is, such as https://shop.example; else at its first name."),
    ] = None,
) -> None:
    """Print a link by which somebody begins to work for a shop: once, within seven days. No mail is sent.

    The way in for a shop's first admin. Asked again for somebody who has not come yet, it prints another link.
    """
    use_addresses(default_var())
    from tradewind.staffing import invite

    roles = role or (["vendor"] if vendor else ["admin"])
    typer.echo(invite(tenant, email=email, roles=roles, vendor=vendor, at=at))


@staff.command("list")
def list_staff(tenant: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")]) -> None:
    """Who works for a shop and for its vendors, those invited too."""
    use_addresses(default_var())
    from tradewind.staffing import every

    typer.echo("\n".join(every(tenant)) or "Nobody.")


@staff.command("remove")
def remove_staff(
    tenant: Annotated[str, typer.Argument(help="The shop, such as `grocer`.")],
    *,
    email: Annotated[str, typer.Option(help="Who goes.")],
) -> None:
    """Somebody works for a shop no more, or their invitation is taken back. The last admin stays."""
    use_addresses(default_var())
    from tradewind.staffing import remove

    typer.echo(remove(tenant, email))


_Of = Annotated[str | None, typer.Option("--shop", help="One shop, such as `grocer`; all, unless it is named.")]
_Named = Annotated[str | None, typer.Option("--name", help="What the event says it is, such as `view_item`.")]
_Because = Annotated[str | None, typer.Option("--reason", help="A part of what is wrong with it.")]


@events.command("dead-letters")
def list_dead_letters(
    *,
    shop: _Of = None,
    name: _Named = None,
    reason: _Because = None,
    limit: Annotated[int, typer.Option(min=1, help="The most of each shop.")] = 100,
) -> None:
    """Show events that broke their contract, as JSON, one a line, the latest first."""
    use_addresses(default_var())
    from commerce.behaviour.dead_letters import Wanted
    from tradewind.events import dead_letters

    for line in dead_letters(Wanted(name, reason), shop=shop, limit=limit):
        typer.echo(line)


@events.command("replay")
def replay_dead_letters(*, shop: _Of = None, name: _Named = None, reason: _Because = None) -> None:
    """Hold dead letters to the contracts of now: what keeps them is delivered, the rest stays and says why."""
    use_addresses(default_var())
    from commerce.behaviour.dead_letters import Wanted
    from tradewind.events import replay

    typer.echo("\n".join(replay(Wanted(name, reason), shop=shop)))


@people.command("seal")
def seal_people() -> None:
    """Seal personal data that is still plain; it can be stopped and goes on where it was."""
    use_addresses(default_var())
    from tradewind.privacy import seal

    typer.echo("\n".join(seal()))


@people.command("rotate-keys")
def rotate_people() -> None:
    """Wrap everybody's data key by the first of TRADEWIND_ENCRYPTION_KEYS; it can be stopped and goes on."""
    use_addresses(default_var())
    from tradewind.privacy import rotate_keys

    typer.echo("\n".join(rotate_keys()))


@people.command("replay-tombstones")
def replay_people() -> None:
    """Forget anew whoever was forgotten and came back out of a backup; the worker does it as it starts."""
    use_addresses(default_var())
    from tradewind.privacy import replay_tombstones

    typer.echo("\n".join(replay_tombstones()))


@people.command("retain")
def retain_people(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False
) -> None:
    """Throw away what is kept for longer than its rule says; the worker does it by itself."""
    use_addresses(default_var())
    from tradewind.privacy import retain

    typer.echo("\n".join(retain(dry_run=dry_run)))


@app.command(context_settings=PASS_ON, add_help_option=False)
def data(context: typer.Context) -> None:
    """Load a retailer's data: `tradewind data --help`."""
    from importlib import import_module

    use_addresses(default_var())
    import_module("tradewind.data.cli").app(context.args, prog_name="tradewind data")


def main() -> None:
    """Run the command; a fault of the stack is told in a sentence."""
    try:
        app()
    except StackError as error:
        typer.secho(str(error), err=True, fg=typer.colors.RED)
        sys.exit(1)
