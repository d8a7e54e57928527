"""Every way to search on one judged set: as typed, and misspelt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from foundation.progress import Progress, silent
from models.arrays import Doubles, Floats
from models.intervals import Interval, difference_interval
from models.search import dataset, shortening
from models.search.blending import Fusion, by_ranks, by_scores
from models.search.dataset import JudgedSet, misspelt
from models.search.distilled import distil
from models.search.encoder import Teacher
from models.search.evaluate import Report, Search, grade
from models.search.keeping import encoded_once
from models.search.laboratory import Laboratory
from models.search.spec import Metric, Parameters
from models.search.tune import FOLDS, Exam, folds, tune
from models.search.understanding import Understood
from tradewind.bench.search.rivals import postgres, tantivy

Told = Callable[[str], None]
Spelt = Callable[[str], str]
ASKED: Mapping[str, Spelt] = {"as typed": lambda query: query, "misspelt": misspelt}
OURS = "hybrid + correction"
LEARNT_FROM = 2
"""A distilled encoder learns from every so manieth product, and is measured on all: a large shop's has seen few too."""
SKETCHED = ("dense", OURS)
SHORTER = (256, 128, 64)
"""Dimensions of the shortened vectors."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to search, asked one way."""

    way: str
    asked: str
    figures: Mapping[Metric, Interval]
    ours_leads_by: Interval
    """In NDCG@10 over the whole catalogue, query by query."""
    milliseconds: float
    """A query, on average: of this comparison in memory, not of the service."""


@dataclass(frozen=True, slots=True)
class Shortened:
    """How the meaning alone does with less."""

    kept: str
    bytes_a_product: int
    figures: Mapping[Metric, Interval]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured on one set."""

    judged: JudgedSet
    encoder: str
    rows: list[Row]
    shortened: list[Shortened]
    folds: list[Parameters]
    """Chosen on the other queries of each fold."""
    on_all: Parameters
    """Chosen on all queries, for whoever takes them over; nothing here is graded by them."""

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "set": self.judged.name,
            "products": len(self.judged.documents),
            "queries": len(self.judged.judgements),
            "unanswerable": self.judged.unanswerable,
            "judgements": sum(map(len, self.judged.judgements.values())),
            "encoder": self.encoder,
            "rows": [
                {"way": row.way, "asked": row.asked, "milliseconds": row.milliseconds, **_figures(row.figures)}
                | {"ours_leads_by": row.ours_leads_by._asdict()}
                for row in self.rows
            ],
            "shortened": [
                {"kept": one.kept, "bytes_a_product": one.bytes_a_product, **_figures(one.figures)}
                for one in self.shortened
            ],
            "folds": [_parameters(one) for one in self.folds],
            "on_all": _parameters(self.on_all),
        }


def _figures(figures: Mapping[Metric, Interval]) -> dict[str, Any]:
    return {metric.value: interval._asdict() for metric, interval in figures.items()}


def _parameters(how: Parameters) -> dict[str, Any]:
    weights = {name.value: weight for name, weight in how.words.weights.items()}
    return {**asdict(how), "words": {"k1": how.words.k1, "b": how.words.b, "weights": weights}}


def measure(
    judgements: Path, folder: Path, encoder: Teacher, *, progress: Progress = silent, tell: Told = lambda _: None
) -> Outcome:
    """Measure on the set of these judgements; `folder` keeps its vectors, and the Postgres meanwhile.

    Raises:
        UnreadableSet: the set is not of the form.
        ServerFailed: Postgres did not come up.
    """
    judged = dataset.load(judgements)
    tell(f"{judged.name}: {len(judged.documents):,} products, {len(judged.judgements)} queries that have an answer")
    sentences = [document.sentence for document in judged.documents]
    laboratory = Laboratory(judged, encoder, encoded_once(encoder, sentences, folder / "vectors", progress=progress))
    started = time.process_time()
    own = distil(encoder, sentences[::LEARNT_FROM]).encoder
    tell(f"  {own.name} in {time.process_time() - started:.0f} s of CPU")
    sketched = replace(laboratory, encoder=own, meanings=own.sketch(sentences), _asked={})
    exam = Exam(laboratory)
    queries = list(judged.judgements)
    chosen = _chosen(exam, queries, by_ranks, tell)
    otherwise = _chosen(exam, queries, by_scores, lambda _: None)
    with postgres(folder, judged.documents) as shops_own:
        ways = {
            "Postgres": shops_own,
            "tantivy": tantivy(judged.documents),
            **_ways(laboratory, _by_query(chosen), _by_query(otherwise)),
            **{
                f"{way}, sketched": search
                for way, search in _ways(sketched, _with_sketches(chosen), _with_sketches(otherwise)).items()
                if way in SKETCHED
            },
        }
        graded = {
            (way, asked): _graded(laboratory, search, way, asked, tell)
            for asked in ASKED
            for way, search in ways.items()
        }
    rows = [
        Row(way, asked, report.figures, _lead(graded[OURS, asked][0], report), milliseconds)
        for (way, asked), (report, milliseconds) in graded.items()
    ]
    return Outcome(
        judged, encoder.name, rows, _shortened(laboratory, tell), [how for how, _ in chosen], tune(exam, queries)
    )


Chosen = Sequence[tuple[Parameters, Sequence[str]]]
"""The parameters of each fold, chosen on the queries of the others, and the queries they grade."""


def _chosen(exam: Exam, queries: Sequence[str], fusion: Fusion, tell: Told) -> Chosen:
    chosen = []
    for number, (on, graded) in enumerate(folds(queries), start=1):
        how = tune(exam, on, fusion=fusion)
        chosen.append((how, graded))
        tell(f"  fold {number} of {FOLDS}: the meaning's share {how.meaning}, k1 {how.words.k1}")
    return chosen


def _by_query(chosen: Chosen) -> dict[str, Parameters]:
    """By each query as it is spelt in any way."""
    return {spelt(query): how for how, graded in chosen for query in graded for spelt in ASKED.values()}


def _with_sketches(chosen: Chosen) -> dict[str, Parameters]:
    """The meaning has its share of a large shop; how the words are weighed was chosen as before."""
    return {query: replace(how, meaning=how.sketched) for query, how in _by_query(chosen).items()}


def _ways(
    laboratory: Laboratory, chosen: Mapping[str, Parameters], otherwise: Mapping[str, Parameters]
) -> dict[str, Search]:
    """Ours, part by part, and with scores in place of ranks."""

    def read(query: str, *, corrected: bool = False) -> Understood:
        return laboratory.read(query, corrected=corrected)

    return {
        "BM25": lambda query: laboratory.by_words(read(query), chosen[query]),
        "BM25 + correction": lambda query: laboratory.by_words(read(query, corrected=True), chosen[query]),
        "dense": lambda query: laboratory.by_meaning(read(query)),
        "hybrid by scores": lambda query: laboratory.by_both(read(query), otherwise[query], by_scores),
        "hybrid": lambda query: laboratory.by_both(read(query), chosen[query]),
        OURS: lambda query: laboratory.by_both(read(query, corrected=True), chosen[query]),
    }


def _graded(laboratory: Laboratory, search: Search, way: str, asked: str, tell: Told) -> tuple[Report, float]:
    spelt, started = ASKED[asked], time.perf_counter()
    report = grade(laboratory.judged, lambda query: search(spelt(query)))
    milliseconds = (time.perf_counter() - started) * 1000 / len(laboratory.judged.judgements)
    rated, whole = (report.figures[metric].value for metric in (Metric.RATED_NDCG, Metric.NDCG))
    tell(f"  {way:<24} {asked:<9} NDCG@10 {rated:.4f} of the rated, {whole:.4f} of the whole")
    return report, milliseconds


def _lead(ours: Report, theirs: Report) -> Interval:
    return difference_interval(ours.by_query[Metric.NDCG], theirs.by_query[Metric.NDCG])


def _shortened(laboratory: Laboratory, tell: Told) -> list[Shortened]:
    """The questions keep their bits, as they do in an index that takes only the products' away."""
    full = laboratory.meanings
    dimensions = full.shape[1]
    turn = shortening.principal(full, dimensions)
    whole = np.eye(dimensions, dtype=np.float32)
    kept = [
        (f"{dimensions} dimensions, 32 bits", dimensions * 4, full, whole),
        (f"{dimensions} dimensions, 8 bits", dimensions, shortening.eight_bits(full), whole),
        (f"{dimensions} dimensions, 1 bit", dimensions // 8, shortening.one_bit(full), whole),
    ]
    for fewer in (one for one in SHORTER if one < dimensions):
        cut = turn[:, :fewer]
        kept.append((f"{fewer} dimensions, 8 bits", fewer, shortening.eight_bits(shortening.unit(full @ cut)), cut))
    found = []
    for name, size, vectors, turned in kept:
        report = grade(laboratory.judged, _by_these(laboratory, vectors, turned))
        found.append(Shortened(name, size, report.figures))
        tell(f"  dense in {name:<26} NDCG@10 {report.figures[Metric.NDCG].value:.4f} of the whole")
    return found


def _by_these(laboratory: Laboratory, vectors: Floats, turned: Floats) -> Search:
    def search(query: str) -> Doubles:
        scores: Doubles = (vectors @ (laboratory.question(query) @ turned)).astype(float)
        return scores

    return search
