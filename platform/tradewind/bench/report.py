"""The figures as files: a JSON line a benchmark, and the page that people read."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

TITLES = {
    "catalogue": "Reading the catalogue",
    "checkout": "Filling a cart and ordering",
    "event_lag": "How soon an event is known",
    "recommendations": "Recommendations",
}
NOTES = {
    "catalogue": """
The API (JSON) beside pgbench running the very statement the request runs, begin, tenant and commit included, with as
many connections as the request's worker has: one a client, ten at most. The shop has 91,737 products.""",
    "checkout": """
*Add to cart*: a new visitor opens a session and a cart and puts a product in it (three requests). *Place order*: the
same, sent to an address and paid with the test card (six). Beside pgbench running the statements recorded from such
requests, in the same transactions, with the ids made up anew each time. Rates and latencies are of the whole visit.""",
    "event_lag": """
*Readable in ClickHouse* is from the event's record in Postgres to its insert, while so many clients fill carts; *in the
online features* is from the answer to the cart's request until the online store has it, one at a time.""",
    "recommendations": """
The decision service by itself, over HTTP: features from Valkey, candidates, ranking, the row of the decision log.
Nothing smaller does the same, so there is no floor.""",
}
CORE = """
`make bench-core`: a Postgres and {workers} web workers of its own, a shop of {products:,} products with about two
variants each and two warehouses (made in {loaded_in:.0f} s), and nothing else: no relay, no other workers. *Product
page* and *list of 24* are of products all over the shop, *popular* of the 200 that everybody looks at; *add to cart*
and *place order* are one request each, of a visitor whose cart is there; *whole order* is six: a session, a cart, a
line, the address, the delivery, the payment. Beside pgbench running the same statements in the same transactions, and
for an order also the least it could be: stock, reservation, order, line and event in five statements, one transaction.
CPU is the time of a processor that one operation took of the workers, of Postgres, and of the load generator, which
shares the cores."""
INTRODUCTION = """# Benchmarks

`make bench`, against the stack of `make demo`. The load comes from a process on the same cores, which it shares with
the server, Postgres and everything else the stack runs: the ratio to the floor of the same run says more than the rate.
*Failed* requests were answered with another status than they should have been. The model's own figures are in
[the recommender](explanation/recommendations.md)."""


VISUAL = """
`tradewind bench visual --data DIR`, a folder a class: each picture is asked with, and pictures of its class are looked
for among the others. *R@1* (which is P@1) and *R@10*: is one among the nearest; *P@10*: how many of the ten are; with
95% bootstrap intervals over pictures. *Held-out classes*: half of the classes at a time, found by a head that learnt
from the other half. *Gallery* (`--gallery DIR`): the one clean picture of its class among those of all classes; P@10
can't be above .1 there. Every set that was measured last is shown."""
VISUAL_HEADS = {"recall_at_1": "R@1", "recall_at_10": "R@10", "precision_at_10": "P@10", "map": "mAP"}


def machine() -> dict[str, Any]:
    """Where and on what the figures were taken."""
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "revision": revision.stdout.strip() or "unknown",
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "cpu": _cpu(),
        "python": platform.python_version(),
    }


def write(folder: Path, result: Mapping[str, Any], where: Mapping[str, Any]) -> None:
    """One JSON line into `folder/NAME.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{result['name']}.json").write_bytes(orjson.dumps({**result, "machine": where}) + b"\n")


def page(folder: Path) -> str:
    """`docs/benchmarks.md` from what was measured last."""
    parts = [INTRODUCTION]
    for name, title in TITLES.items():
        file = folder / f"{name}.json"
        if file.exists():
            parts += ["", *_section(title, NOTES[name], orjson.loads(file.read_bytes()))]
    for name, told in _BY_THEMSELVES.items():
        file = folder / f"{name}.json"
        if file.exists():
            parts += ["", *told(orjson.loads(file.read_bytes()))]
    return "\n".join(parts) + "\n"


def _core(result: Mapping[str, Any]) -> list[str]:
    rush = result["rush"]
    return [
        "## The transactional core by itself",
        CORE.format(products=result["products"], workers=result["workers"], loaded_in=result["loaded_in"]),
        "",
        *_table(result["rows"]),
        "",
        f"*One product, all at once*: {rush['buyers']} buyers came for {rush['units']:,} units; {rush['ordered']:,}"
        f" were ordered, {rush['refused']:,} buyers were told that it was sold out, {rush['oversold']} were oversold.",
        "",
        _described(result["machine"]),
    ]


def _data(result: Mapping[str, Any]) -> list[str]:
    load = ", ".join(f"{one:.1f}" for one in result["load_before"])
    lines = [
        "## Events, and how soon they are known",
        "",
        f"`make bench-data`: {result['workers']} web workers, Postgres, ClickHouse (embedded), Valkey, the carrier, the"
        " relay and the features' stream, all on the same cores as the load. Rates are of events, times of a batch of"
        " fifty. The floor of a batch is an ASGI application that reads the same bytes and answers nothing; that of an"
        f" order is the same order alone. The machine's load before it began was {load}.",
    ]
    for section in result["sections"].values():
        lines += ["", section["says"], "", *_table(section["rows"], "the floor")]
    return [*lines, "", _described(result["machine"])]


def _fair(result: Mapping[str, Any]) -> list[str]:
    return [
        "## A quiet shop beside a noisy one",
        "",
        f"`make bench-fair`: two shops of {result['products']:,} products on {result['workers']} workers, both asked"
        f" for lists that are read each time. The quiet one is asked {result['quiet_a_second']} times a second; the"
        f" noisy one {result['times']} times as often as its plan allows ({result['limit']:,.0f} a second), from as"
        " many addresses as it takes. The load itself runs on the same cores. p95 is the quiet shop's, in milliseconds,"
        " counted from when each request was due; the noise is a second.",
        "",
        "| on | p95 alone | p95 beside the noise | p99 beside it | quiet failed | noise | answered | refused |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {row['guards']} | {_number(row['alone']['p95'])} | {_number(row['beside']['p95'])}"
            f" | {_number(row['beside']['p99'])} | {row['beside']['failed']} | {_number(row['noise']['offered'])}"
            f" | {_number(row['noise']['answered'])} | {_number(row['noise']['refused'])} |"
            for row in result["rows"]
        ),
        "",
        _described(result["machine"]),
    ]


def _import(result: Mapping[str, Any]) -> list[str]:
    products, rows = result["products"], result["rows"]
    alone, beside = result["pages_alone"], result["pages_beside"]

    def line(name: str, took: Mapping[str, float]) -> str:
        own, postgres = (1_000 * took[who] / products for who in ("own", "postgres"))
        rates = f"{_number(products / took['seconds'])} | {_number(rows / took['seconds'])}"
        return f"| {name} | {rates} | {own:.3f} | {postgres:.3f} |"

    return [
        "## Bringing products in",
        "",
        f"`make bench-import`: a file of {products:,} products in {result['file_rows']:,} rows, read, checked"
        f" and written as any import is, which makes {rows:,} rows of eight tables; COPY of those very"
        " rows into tables with the same indexes, without foreign keys, triggers or row-level security; and one"
        " `INSERT … SELECT` a table, with all of these. [Why it is what it"
        " is](decisions/0038-what-a-row-of-a-file-costs.md).",
        "",
        "| | products a second | rows a second | CPU of the process, ms a product | CPU of Postgres |",
        "|---|---:|---:|---:|---:|",
        line("import", result["first"]),
        line("the same file again", result["again"]),
        line("`INSERT … SELECT`", result["floor"]),
        line("COPY", result["copy"]),
        "",
        f"That is {result['share_of_copy']:.0%} of COPY by the clock, and {result['share_of_copy_by_cpu']:.0%} by"
        f" processor time, of which `INSERT … SELECT` alone has {result['floor_share_of_copy_by_cpu']:.0%}. The"
        f" importing process grew by {result['peak_growth_mib']:,.0f} MiB to {result['peak_mib']:,.0f}; by"
        f" {result['workbook_growth_mib']:,.0f} MiB with the rows as a workbook. A product's page took"
        f" {alone['p95']:.0f} ms at p95 alone, and {beside['p95']:.0f} ms while as many products came in.",
        "",
        _described(result["machine"]),
    ]


def _large_catalogue(result: Mapping[str, Any]) -> list[str]:
    memory, fresh = result["memory"], result["freshness"]
    loaded, encoded = result["loaded_in"], result["encoded_in"]
    return [
        f"## A catalogue of {result['products']:,} products",
        "",
        f"`make bench-catalogue PRODUCTS={result['products']}`: real titles, categories, sizes and makers, multiplied"
        " with a fixed seed; a web worker and one of the decision service, through the API. A product's page stands"
        " beside pgbench with the very statement, the rest beside the decision service asked alone for the same. Load,"
        " service and Postgres share the cores.",
        "",
        *_table(result["rows"], floor="floor"),
        "",
        (f"Loaded in {loaded:,.0f} s. " if loaded else "")
        + f"Index built in {result['built_in']:,.0f} s with {memory['building']:,.0f} MiB at most"
        + (f"; all found by their meaning after {encoded:,.0f} s more" if encoded else "; by words alone")
        + f". Resident afterwards: the decision service {memory['serving']:,.0f} MiB, the web worker"
        f" {memory['web']:,.0f}, Qdrant {memory['qdrant']:,.0f}. A changed price was found after"
        f" {fresh['p50'] / 1000:.1f} s (median), {fresh['p99'] / 1000:.1f} s at most.",
        *_pictured(result.get("pictures", 0)),
        "",
        _described(result["machine"]),
    ]


def _pictured(pictures: int) -> list[str]:
    """What a search by picture was measured on."""
    if not pictures:
        return []
    said = (
        f"Pictures: {pictures:,} products have a vector each, made of those of real photographs with noise; what is"
        " sent is a real photograph that is none of them, read and encoded each time. *Failed* there were answered"
        " within the deadline, with what sells instead of what looks alike."
    )
    return ["", said]


def _mutants(result: Mapping[str, Any]) -> list[str]:
    return [
        "## Planted bugs",
        "",
        "`make mutants` plants classic bugs of commerce cores one at a time and runs the test that has to catch each.",
        "",
        f"{result['caught']} of {result['planted']} caught, in {result['seconds']:.0f} s.",
        "",
        _described(result["machine"]),
    ]


def _races(result: Mapping[str, Any]) -> list[str]:
    return [
        "## Two hands at one thing",
        "",
        "`make races` lets two hands take turns, statement by statement, and looks after each schedule for what"
        " does not add up. Of schedules that can't be told apart one is run; a run that turns out to repeat another is"
        " given up. Where not every schedule was run the row says so.",
        "",
        "| pair | statements | schedules run | given up | every interleaving | wrong |",
        "|---|---:|---:|---:|---|---:|",
        *(
            f"| {name} | {' and '.join(str(steps) for steps in pair['steps'])} | {pair['explored']:,}"
            f" | {pair['given_up']:,} | {'yes' if pair['whole'] else 'no'} | {'yes' if pair['faults'] else 'nothing'} |"
            for name, pair in result["pairs"].items()
        ),
        "",
        f"In {result['seconds']:.0f} s.",
        "",
        _described(result["machine"]),
    ]


def _chaos(result: Mapping[str, Any]) -> list[str]:
    troubles = ", ".join(f"{name} ({times})" for name, times in sorted(result["troubles"].items()))
    return [
        "## A shop in trouble",
        "",
        "`make chaos` lets shoppers and staff go on while the shop's processes are killed, its connections cut, its"
        " disk filled and its clock moved, and then looks for anything lost or done twice.",
        "",
        f"{result['minutes']:g} minutes: {troubles}. {result['orders_acknowledged']:,} orders and"
        f" {result['changes_acknowledged']:,} changes of staff were acknowledged, {result['requests_sent_again']:,}"
        f" requests sent again, {result['commits_cut']:,} commits cut. Wrong afterwards: {len(result['wrong'])}.",
        "",
        _described(result["machine"]),
    ]


def _attacks(result: Mapping[str, Any]) -> list[str]:
    slow, bombs = result["slow_clients"], result["bombs"]
    told = f"""
`make security`: {slow["sockets"]} sockets of each kind are held against one worker while somebody else asks for a list
every 50 ms (p95 {slow["p95_ms_alone"]:.0f} ms alone); bombs are set off in processes that may use
{bombs["room_mib"]} MiB more than they start with. The negative requests, bandit and squawk run in it too."""
    rows = [
        f"| {kind} | {one['open_after']} | {one['after_seconds']:.0f} s | {one['p95_ms_of_others']:.0f} ms |"
        for kind, one in slow["kinds"].items()
    ]
    names = ", ".join(name.replace("_", " ") for name in bombs["bombs"])
    wrong = sum(len(part["wrong"]) for part in result.values() if isinstance(part, dict) and "wrong" in part)
    return [
        "## Slow clients and bombs",
        told,
        "",
        _described(result["machine"]),
        "",
        "| a client that | open sockets | after | others' p95 meanwhile |",
        "|---|---:|---:|---:|",
        *rows,
        "",
        f"Bombs: {names}. Found wrong: {wrong}.",
    ]


SEARCH_HEADS = {
    "rated_ndcg_at_10": "NDCG@10, rated",
    "ndcg_at_10": "NDCG@10, whole",
    "mrr": "MRR",
    "recall_at_100": "recall@100",
}
SEARCH = """
`tradewind bench search --data DIR`. *Rated*: only the products that people judged for the query, put in order;
*whole*: the whole catalogue, and what nobody judged counts as no answer. Gains are 2^rating - 1. Parameters are chosen
on four fifths of the queries and graded on the others, five times; intervals are 95% of the bootstrap over queries.
*Misspelt*: one slip in the longest word of four letters or more. *Sketched*: as a large shop's products are, by an
encoder distilled from every second product. *Ours leads by*: how much more NDCG@10 of the whole {ours} has, on the same
queries. *Nothing*: the share of queries that no product is found for."""


def _search(result: Mapping[str, Any]) -> list[str]:
    lines = ["## Search", SEARCH.format(ours="hybrid + correction")]
    for one in result["sets"]:
        lines += [
            "",
            f"**{one['set']}**: {one['products']:,} products, {one['queries']} queries with {one['judgements']:,}"
            f" ratings ({one['unanswerable']} more had no relevant product). Encoder: {one['encoder']}.",
            "",
            "| asked | way | " + " | ".join(SEARCH_HEADS.values()) + " | nothing | ours leads by |",
            "|---|---|" + "---:|" * (len(SEARCH_HEADS) + 2),
            *(
                f"| {row['asked']} | {row['way']} | {' | '.join(_interval(row[name]) for name in SEARCH_HEADS)}"
                f" | {row['zero_result_rate']['value']:.0%} | {_interval(row['ours_leads_by'])} |"
                for row in one["rows"]
            ),
            "",
            "The meaning alone, in vectors that take less room:",
            "",
            "| kept | bytes a product | " + " | ".join(SEARCH_HEADS.values()) + " |",
            "|---|---:|" + "---:|" * len(SEARCH_HEADS),
            *(
                f"| {row['kept']} | {row['bytes_a_product']:,}"
                f" | {' | '.join(_interval(row[name]) for name in SEARCH_HEADS)} |"
                for row in one["shortened"]
            ),
        ]
    return [*lines, "", _described(result["machine"])]


def _visual(result: Mapping[str, Any]) -> list[str]:
    lines = ["## Visual search", VISUAL]
    for one in result["sets"]:
        costs = ", ".join(
            f"{cost['encoder']} {cost['milliseconds']:.1f} ms and {cost['tuning_seconds']:.0f} s"
            for cost in one["costs"]
        )
        lines += [
            "",
            f"**{one['set']}**: {one['pictures']:,} pictures of {one['classes']} classes. A picture, decoding included,"
            f" and learning from both halves take of a core: {costs}.",
            "",
            "| encoder | among | " + " | ".join(VISUAL_HEADS.values()) + " | mAP gained |",
            "|---|---|" + "---:|" * (len(VISUAL_HEADS) + 1),
            *(
                f"| {row['encoder']}{' + head' if row['tuned'] else ''} | {row['among']}"
                f" | {' | '.join(_interval(row[name]) for name in VISUAL_HEADS)}"
                f" | {_interval(row['lead_over_untuned']) if row['tuned'] else ''} |"
                for row in one["rows"]
            ),
        ]
    return [*lines, "", _described(result["machine"])]


def _interval(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


_BY_THEMSELVES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "core": _core,
    "data": _data,
    "fair": _fair,
    "import": _import,
    "catalogue-100000": _large_catalogue,
    "catalogue-1000000": _large_catalogue,
    "mutants": _mutants,
    "races": _races,
    "chaos": _chaos,
    "security": _attacks,
    "search": _search,
    "visual": _visual,
}
"""What `make` measures by other commands than `make bench`."""


def _section(title: str, note: str, result: Mapping[str, Any]) -> list[str]:
    return [f"## {title}", note, "", *_table(result["rows"]), "", _described(result["machine"])]


def _described(where: Mapping[str, Any]) -> str:
    return (
        f"{where['date']}, revision {where['revision']}, {where['cores']} cores ({where['cpu']}), "
        f"{where['memory_gib']} GiB, Python {where['python']}."
    )


def _table(rows: Sequence[Mapping[str, Any]], floor: str = "pgbench") -> list[str]:
    beside, used = any(row["floor"] for row in rows), any(row.get("cpu") for row in rows)
    heads = ["", "clients", "a second", "p50 ms", "p95 ms", "p99 ms", "failed"]
    heads += ["API CPU ms", "Postgres CPU ms", "load CPU ms"] if used else []
    heads += [f"{floor} a second", f"{floor} p95 ms", f"share of {floor}"] if beside else []
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for row in rows:
        cells = [row["what"], str(row["ours"]["clients"]), *_cells(row["ours"]), str(row["ours"]["failed"])]
        if used:
            cells += [f"{row['cpu'][name]:.2f}" if row.get("cpu") else "" for name in ("api", "postgres", "load")]
        if least := row["floor"]:
            share = row["ours"]["per_second"] / least["per_second"]
            cells += [_number(least["per_second"]), _number(least["p95"]), f"{share:.0%}"]
        cells += [""] * (len(heads) - len(cells))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _cells(figures: Mapping[str, float]) -> list[str]:
    return [_number(figures[name]) for name in ("per_second", "p50", "p95", "p99")]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
