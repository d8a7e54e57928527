"""What search is measured beside, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.search.documents import Document
from models.search.encoder import load
from models.search.spec import Metric
from tradewind.bench import report
from tradewind.bench.search.measure import ASKED, OURS, measure
from tradewind.bench.search.rivals import tantivy

TITLES = ["Red running shoe", "Blue coat", "Laptop bag", "Thinkpad laptop", "Green tea", "Black tea"]


def test_tantivy_finds_what_has_the_words_and_reads_any_query() -> None:
    search = tantivy([Document(str(number), title) for number, title in enumerate(TITLES)])
    assert np.isfinite(search("teas")).tolist() == [False] * 4 + [True] * 2
    assert not np.isfinite(search('") OR title:[* TO')).all()


@pytest.mark.proof
def test_a_set_is_measured_from_its_files_to_the_page(tmp_path: Path) -> None:
    ids = [str(number) for number in range(len(TITLES))]
    pl.DataFrame({"id": ids, "title": TITLES}).write_parquet(tmp_path / "small_products.parquet")
    rows = ["laptop,3,3", "laptop,2,1", "tea,4,2", "tea,5,2", "running shoe,0,3", "coat,1,3", "bag,2,3", "sofa,0,0"]
    judgements = tmp_path / "small_judgements.csv"
    judgements.write_text("query,docid,rating\n" + "\n".join(rows))
    told: list[str] = []

    outcome = measure(judgements, tmp_path / "bench", load(threads=1), tell=told.append)

    ways = {(row.way, row.asked): row for row in outcome.rows}
    assert {asked for _, asked in ways} == set(ASKED)
    assert ways["Postgres", "as typed"].figures[Metric.NDCG].value > 0.9
    assert ways[OURS, "misspelt"].figures[Metric.NDCG].value > ways["BM25", "misspelt"].figures[Metric.NDCG].value
    assert ways[OURS, "as typed"].ours_leads_by == (0, 0, 0)
    assert outcome.judged.unanswerable == 1
    assert len(told) > len(ways)
    report.write(tmp_path, {"name": "search", "sets": [outcome.to_json()]}, report.machine())
    assert "| misspelt | hybrid + correction | " in report.page(tmp_path)
