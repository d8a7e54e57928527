"""The page that is written from the figures."""

from __future__ import annotations

from pathlib import Path

from tradewind.bench import report
from tradewind.bench.core import Outcome, Rush
from tradewind.bench.cpu import Cpu
from tradewind.bench.figures import figures
from tradewind.bench.suite import Result, Row


def test_the_page_shows_every_row_beside_its_floor_losses_included(tmp_path: Path) -> None:
    ours, floor = figures(16, [10.0] * 50, seconds=1.0, failed=2), figures(16, [1.0] * 1000, seconds=1.0)
    where = {"date": "2026-11-24", "revision": "abc", "cores": 2, "memory_gib": 24, "cpu": "a", "python": "3.11"}
    report.write(tmp_path, Result("catalogue", [Row("search", ours, floor)]).to_json(), where)
    report.write(tmp_path, Result("event_lag", [Row("readable", ours)]).to_json(), where)

    page = report.page(tmp_path)

    assert "| search | 16 | 50.0 | 10.0 | 10.0 | 10.0 | 2 | 1,000 | 1.0 | 5% |" in page
    assert "| readable | 16 | 50.0 | 10.0 | 10.0 | 10.0 | 2 |\n" in page
    assert page.count("2026-11-24, revision abc, 2 cores (a), 24 GiB, Python 3.11.") == 2
    assert "Recommendations" not in page


def test_the_cores_rows_show_what_they_took_of_the_processors(tmp_path: Path) -> None:
    ours, floor = figures(16, [10.0] * 50, seconds=1.0), figures(16, [1.0] * 100, seconds=1.0)
    rows = [
        Row("place order", ours, floor, Cpu(1.25, 2.5, 0.05)),
        Row("one product, all at once", ours, cpu=Cpu(1, 2, 0)),
    ]
    outcome = Outcome(
        rows, Rush(buyers=64, units=100, ordered=101, refused=7), products=5_000, workers=2, loaded_in=3.2
    )
    report.write(tmp_path, outcome.to_json(), report.machine())

    page = report.page(tmp_path)

    assert "| place order | 16 | 50.0 | 10.0 | 10.0 | 10.0 | 0 | 1.25 | 2.50 | 0.05 | 100 | 1.0 | 50% |" in page
    assert "| one product, all at once | 16 | 50.0 | 10.0 | 10.0 | 10.0 | 0 | 1.00 | 2.00 | 0.00 |  |  |  |" in page
    assert (
        "64 buyers came for 100 units; 101 were ordered, 7 buyers were told that it was sold out, 1 were oversold"
        in page
    )
    assert "2 web workers" in page
    assert "5,000 products" in page


def test_a_pair_of_which_not_every_schedule_was_run_says_so(tmp_path: Path) -> None:
    pair = {"explored": 4, "given_up": 1_010, "steps": [20, 3], "whole": False, "faults": []}
    races = {"name": "races", "pairs": {"cancel against fulfil": pair}, "seconds": 1.2}
    report.write(tmp_path, races, report.machine())

    assert "| cancel against fulfil | 20 and 3 | 4 | 1,010 | no | nothing |\n\nIn 1 s." in report.page(tmp_path)


def test_the_files_hold_one_json_line_each(tmp_path: Path) -> None:
    where = report.machine()
    report.write(tmp_path, Result("checkout", [Row("add", figures(1, [1.0], seconds=1.0))]).to_json(), where)

    text = (tmp_path / "checkout.json").read_text()
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert str(where["cores"]) in text
