"""The reference pages that are read off the code: settings, errors, events, orders, permissions, retention, marts and
metrics.

Each function gives the whole text of one page. A test holds the committed pages against them, so neither drifts.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from foundation import metrics
from foundation.docstrings import field_notes
from foundation.errors import Problem, all_problems
from foundation.events import CONTRACTS, Behaviour, Event, Payload
from foundation.metrics import catalogue
from foundation.settings import Settings
from pipelines.marts import products
from pipelines.marts.definition import all_marts
from tradewind import contracts
from tradewind.bad_input import CASES, Case

LONGEST_BODY = 200
_PERSONAL = "Only a person who has signed in: no key and no program is given it."
OWN = ("foundation", "commerce", "pages", "storefront", "backoffice")
"""The packages whose refusals are listed."""


def settings_page() -> str:
    """`docs/reference/settings.md`: every variable, its default, its meaning."""
    prefix = Settings.model_config.get("env_prefix", "")
    rows = [
        (f"`{prefix}{name.upper()}`", _kind(field), _default(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _page(
        "Settings",
        _paragraphs(import_module(Settings.__module__)),
        _table(("variable", "type", "default", "meaning"), rows),
    )


def errors_page() -> str:
    """`docs/reference/errors.md`: every problem code the API and the shop answer with."""
    for package in OWN:
        _load(package)
    problems = sorted(set(_own_problems()), key=lambda problem: (problem.code, problem.status, problem.__name__))
    rows = [
        (
            f"`{problem.code}`",
            str(problem.status),
            problem.title() + ".",
            ", ".join(f"`{field.name}`" for field in fields(problem)) if is_dataclass(problem) else "",
        )
        for problem in problems
    ]
    return _page(
        "Errors",
        "A refusal is a problem document (RFC 9457, `application/problem+json`). "
        "Its `code` is stable: branch on it, not on the text.",
        _table(("code", "status", "meaning", "extension members"), rows),
        "## Bad input, case by case",
        "A test sends each of these to the API, and sees that it is refused so and that nothing was changed by it.",
        *_cases({problem.code: problem.status for problem in problems}),
    )


def _cases(statuses: Mapping[str, int]) -> Iterator[str]:
    """What is refused, by kind."""
    for kind in dict.fromkeys(case.kind for case in CASES):
        rows = [
            (case.says, f"`{case.request}`", _by(case), str(statuses[case.code]), f"`{case.code}`")
            for case in CASES
            if case.kind == kind
        ]
        yield f"### {kind.capitalize()}"
        yield _table(("case", "request", "sent", "status", "code"), rows)


def _by(case: Case) -> str:
    """Who sends it, and what."""
    if case.body is None:
        return f"by {case.by}"
    body = case.body if isinstance(case.body, str) else json.dumps(case.body)
    body = body if len(body) <= LONGEST_BODY else f"{body[:LONGEST_BODY]}..."
    return f"by {case.by}: `{body.replace('|', chr(92) + '|')}`"


def events_page() -> str:
    """`docs/reference/events.md`: the envelope, then every contract by name and version."""
    known = [CONTRACTS[key] for key in sorted(CONTRACTS) if CONTRACTS[key].__module__.startswith("foundation.events.")]
    facts = [contract for contract in known if not issubclass(contract, Behaviour)]
    behaviour = [contract for contract in known if issubclass(contract, Behaviour)]
    parts = list(_parts(known))
    return _page(
        "Events",
        _paragraphs(import_module("foundation.events")),
        "## The envelope",
        _model(Event),
        "## Facts, announced by the core alone",
        *_contracts(facts),
        "## Behaviour, accepted by `POST /v1/events`",
        *_contracts(behaviour),
        "## What payloads are made of",
        *(block for part in parts for block in (f"### `{part.__name__}`", _model(part))),
    )


def orders_page() -> str:
    """`docs/reference/orders.md`: what can be done to an order, by whom, in which states."""
    states = import_module("commerce.orders.states")
    rows = [
        (
            f"`{action}`",
            transition.does,
            f"`{transition.scope}`: {_when(transition.staff)}",
            _when(transition.shopper) if transition.shopper else "no",
            ", ".join(f"`{name}`" for name in transition.emits),
        )
        for action, transition in states.TRANSITIONS.items()
    ]
    return _page(
        "Orders",
        _paragraphs(states),
        _table(
            ("state", "may be"),
            [
                (f"`{name}`", ", ".join(f"`{value}`" for value in get_args(kind)))
                for name, kind in (
                    ("payment_state", states.PaymentState),
                    ("fulfilment_state", states.FulfilmentState),
                    ("return_state", states.ReturnState),
                    ("status", states.Status),
                )
            ],
        ),
        "## What can be done",
        "Anything else is a 409 `orders.illegal_transition`, which says what is `possible`.",
        _table(("action", "what it does", "staff with the scope, when", "the shopper, when", "events"), rows),
        "## Parcels",
        _table(("a parcel that is", "can become"), _steps(states.PARCEL_STEPS)),
        "## Returns",
        _table(("a return that is", "staff can"), _steps(states.RETURN_STEPS)),
    )


def permissions_page() -> str:
    """`docs/reference/permissions.md`: what each permission lets somebody do, who has it, and where it is needed."""
    registry, roles = import_module("commerce.policies.registry"), import_module("commerce.policies.roles")
    needed = _needed()
    return _page(
        "Permissions",
        "Every route declares what it needs. Staff, programs and vendors need a permission; a role is a set of them, "
        "and a shop makes roles of its own beside these. Customers need none: what they may do is theirs by their "
        "session.",
        "## Roles",
        _table(
            ("role", "of", "what for", "permissions"),
            [
                (
                    f"`{role.name}`",
                    "a vendor" if role.for_vendors else "the shop",
                    role.meaning,
                    "all" if role is roles.ADMIN else ", ".join(f"`{name}`" for name in sorted(role.permissions)),
                )
                for role in roles.ROLES.values()
            ],
        ),
        "## Permissions",
        "The rule is asked on top of the permission, by the service that does the work.",
        _table(
            ("permission", "what it lets staff do", "what it lets a vendor do", "rule on top", "roles"),
            [
                (
                    f"`{name}`",
                    permission.meaning,
                    permission.vendors or "",
                    " ".join(filter(None, (permission.rule, _PERSONAL if permission.personal else None))),
                    ", ".join(f"`{role.name}`" for role in roles.ROLES.values() if name in role.permissions),
                )
                for name, permission in registry.PERMISSIONS.items()
            ],
        ),
        "## Where they are needed",
        _table(
            ("need", "routes"),
            [(f"`{need}`", "<br>".join(f"`{route}`" for route in routes)) for need, routes in sorted(needed.items())],
        ),
    )


def _needed() -> Mapping[str, Sequence[str]]:
    """The operations that need a permission, by need."""
    app = import_module("commerce.app").create_app(
        Settings(_env_file=None, database_url=SecretStr("postgresql://none"))
    )
    found: dict[str, list[str]] = {}
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            if ":" in operation["x-needs"]:
                found.setdefault(operation["x-needs"], []).append(f"{method.upper()} {path}")
    return found


def retention_page() -> str:
    """`docs/reference/retention.md`: how long what is kept about people is kept, and why."""
    rules = import_module("commerce.retention.rules")
    return _page(
        "How long data is kept",
        "The worker throws away what is over, every ten minutes, in every shop. `tradewind privacy retain --dry-run` "
        "says what would go now.",
        "## Rules",
        _table(
            ("rule", "what", "tables", "kept for", "counted from", "then", "why it is kept that long"),
            [
                (
                    f"`{rule.name}`",
                    rule.what,
                    ", ".join(f"`{table}`" for table in rule.tables),
                    _lasting(rule.kept),
                    rule.since,
                    rule.how.value,
                    rule.why,
                )
                for rule in rules.RULES
            ],
        ),
        "## Thrown away by a service of their own",
        _reasons(rules.ELSEWHERE),
        "## Kept as long as the customer, or the shop",
        _reasons(rules.KEPT),
    )


def _reasons(reasons: Mapping[str, str]) -> str:
    return _table(("table", "why"), [(f"`{table}`", why) for table, why in sorted(reasons.items())])


def _lasting(time: timedelta) -> str:
    """A time in words: days where it is whole days, hours otherwise."""
    if not time:
        return "no longer"
    days, rest = divmod(time, timedelta(days=1))
    if not rest and days > 1:
        return f"{days} days"
    hours = time / timedelta(hours=1)
    return "1 hour" if hours == 1 else f"{hours:g} hours"


def marts_page() -> str:
    """`docs/reference/marts.md`: every mart with its columns."""
    return _page("Marts", _paragraphs(import_module("pipelines.marts")), *_marts(), *_products())


def _marts() -> Iterator[str]:
    for mart in all_marts().values():
        yield f"## `{mart.table}`"
        yield f"{mart.about}\n\n{mart.grain.capitalize()}; key {_codes(mart.key)}; answered for by {mart.owner}."
        reads = [*mart.events, *(all_marts()[name].table for name in mart.marts)]
        yield f"Made of {_codes([*reads, *(['decisions'] if mart.decisions else [])])}."
        rows = [
            (f"`{name}`", f"`{column.type}`", column.about + (" (minor units)" if column.unit else ""))
            for name, column in mart.columns.items()
        ]
        yield _table(("column", "type", "meaning"), rows)


def _products() -> Iterator[str]:
    yield f"## `{products.TABLE}`"
    yield _paragraphs(products)
    rows = [(f"`{name}`", f"`{kind}`", about) for name, (kind, about) in products.COLUMNS.items()]
    yield _table(("column", "type", "meaning"), rows)


def metrics_page() -> str:
    """`docs/reference/metrics.md`: what each figure means."""
    rows = [
        (
            f"`{one.name}`",
            one.label,
            one.about,
            f"`{one.sql}` of `mart_{one.mart}`",
            one.format,
            one.owner,
            _codes(one.dimensions) or "time alone",
        )
        for one in catalogue().values()
    ]
    return _page(
        "Metrics",
        _paragraphs(import_module("foundation.metrics")),
        f"Every metric can be told by {_codes(metrics.TIMES)} as well; money is told by currency, in minor units.",
        _table(("metric", "label", "meaning", "computed as", "format", "owner", "by"), rows),
    )


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "orders.md": orders_page,
    "permissions.md": permissions_page,
    "retention.md": retention_page,
    "marts.md": marts_page,
    "metrics.md": metrics_page,
}


def write(folder: Path) -> list[Path]:
    """Write every page into `folder`, beside the schemas of the events, and say which files they are.

    Raises:
        ContractBroken: a contract was changed so that it breaks; nothing is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    schemas = folder / contracts.FILE
    contracts.accept(schemas)
    written = []
    for name, page in PAGES.items():
        path = folder / name
        path.write_text(page(), encoding="utf-8")
        written.append(path)
    return [*written, schemas]


def _when(when: object) -> str:
    """States as a phrase: `payment` is paid or partially_refunded."""
    named = ((name, getattr(when, name)) for name in ("payment", "fulfilment", "returns"))
    said = [f"{name} is {' or '.join(f'`{value}`' for value in sorted(values))}" for name, values in named if values]
    return ", ".join(said) or "always"


def _steps(steps: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(f"`{now}`", ", ".join(f"`{after}`" for after in to) or "nothing more") for now, to in steps.items()]


def _own_problems() -> Iterator[type[Problem]]:
    """Those of the platform: a test that is loaded in the same process may define its own."""
    own = (p for p in all_problems() if p is not Problem)
    return (p for p in own if p.__module__.partition(".")[0] in OWN)


def _load(package: str) -> None:
    """Every module of a package, so that the page says the same whatever was imported before."""
    for module in walk_packages(import_module(package).__path__, f"{package}."):
        import_module(module.name)


def _contracts(some: Iterable[type[Payload]]) -> Iterator[str]:
    for contract in some:
        yield f"### `{contract.name}`, version {contract.version}"
        yield _model(contract)


def _parts(models: Sequence[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """The models that fields of `models` are made of, each once, in the order met."""
    met: dict[type[BaseModel], None] = {}
    for model in models:
        for field in model.model_fields.values():
            for kind in _leaves(field.annotation):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    met.setdefault(kind)
    return iter(met)


def _leaves(annotation: object) -> Iterator[object]:
    arguments = get_args(annotation)
    if not arguments:
        yield annotation
    for argument in arguments:
        yield from _leaves(argument)


def _model(model: type[BaseModel]) -> str:
    notes = field_notes(model)
    rows = [
        (f"`{name}`", _kind(field), "yes" if field.is_required() else "no", notes.get(name, ""))
        for name, field in model.model_fields.items()
    ]
    return f"{inspect.getdoc(model) or ''}\n\n{_table(('field', 'type', 'required', 'meaning'), rows)}"


def _kind(field: FieldInfo) -> str:
    text = field.annotation.__name__ if isinstance(field.annotation, type) and not get_args(field.annotation) else ""
    text = text or _spelt(field.annotation)
    return f"`{text}`".replace("|", "\\|")


def _spelt(annotation: object) -> str:
    """The annotation as one would write it, without where its names come from and its constraints."""
    text = re.sub(r"Annotated\[(\w[\w.]*), .*?\)\](?=[\],]|$|\s)", r"\1", str(annotation))
    text = re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)
    return re.sub(r"^Optional\[(.*)\]$", r"\1", text).replace(" | None", "")


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    return "(secret)" if isinstance(value, SecretStr) else f"`{value}`"


def _paragraphs(documented: object) -> str:
    """The documentation of a module, but for its first line, or that line when there is no more."""
    first, _, rest = (inspect.getdoc(documented) or "").partition("\n")
    return rest.strip() or first


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell for cell in line) + " |" for line in lines)


def _page(title: str, *blocks: str) -> str:
    note = "Written by `tradewind reference` from the code; change it there."
    return "\n\n".join([f"# {title}", note, *blocks]) + "\n"
