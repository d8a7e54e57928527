from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.recommendation.histories import Histories, Touch
from models.recommendation.package import RecommendationModel
from models.recommendation.spec import Parameters, Task
from models.recommendation.train import train

TEA_PARTY = [Touch("taste1-0", 3.0), Touch("taste1-3", 10.0)]


@pytest.fixture(scope="module")
def model(purchases: pl.DataFrame, quick: Parameters) -> RecommendationModel:
    return train(purchases, parameters=quick)


@pytest.fixture(scope="module")
def loaded(model: RecommendationModel, tmp_path_factory: pytest.TempPathFactory) -> RecommendationModel:
    path = tmp_path_factory.mktemp("package") / "model"
    model.save(path)
    return RecommendationModel.load(path)


@pytest.mark.parametrize("task", Task)
def test_a_loaded_model_gives_the_very_answers_of_the_saved_one(model, loaded, task):
    assert loaded.recommend(TEA_PARTY, limit=10, task=task) == model.recommend(TEA_PARTY, limit=10, task=task)
    assert loaded.popular[0] == model.popular[0]
    assert np.array_equal(loaded.shopper_vector(TEA_PARTY), model.shopper_vector(TEA_PARTY))
    assert (loaded.parameters, loaded.provenance) == (model.parameters, model.provenance)


def test_loading_and_asking_needs_no_training_library(model: RecommendationModel, tmp_path: Path):
    model.save(tmp_path)
    program = f"""
import sys
from pathlib import Path
from models.recommendation.package import RecommendationModel
assert len(RecommendationModel.load(Path({str(tmp_path)!r})).recommend([], limit=3)) == 3
print(sorted({{"implicit", "mlflow", "pandas", "pyarrow", "sklearn"}} & set(sys.modules)))
"""
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"


def test_a_purchase_made_just_now_changes_the_answer(loaded):
    before = [item.product_id for item in loaded.recommend(TEA_PARTY, limit=8, task=Task.NEW_TO_SHOPPER)]
    bought_now = [*TEA_PARTY, Touch("taste2-0"), Touch("taste2-1")]
    after = [item.product_id for item in loaded.recommend(bought_now, limit=8, task=Task.NEW_TO_SHOPPER)]
    assert not any(product.startswith("taste2") for product in before[:6])
    assert any(product.startswith("taste2") for product in after[:6])


def test_what_goes_with_a_product_is_bought_in_one_basket_with_it(loaded):
    companions = [item.product_id for item in loaded.goes_with([Touch("taste1-0")], limit=10, exclude=["taste1-5"])]
    assert set(companions) == {f"taste1-{number}" for number in (1, 2, 3, 4, 6, 7)}


def test_a_weak_sign_of_interest_moves_less_than_a_purchase(loaded):
    def score(weight: float) -> float:
        touches = [*TEA_PARTY, Touch("taste2-0", 0.0, weight)]
        return next(i.score for i in loaded.recommend(touches, limit=40) if i.product_id == "taste2-0")

    assert score(0.2) < score(1.0)


def test_somebody_unknown_gets_what_was_popular_last_week(purchases, loaded):
    answer = loaded.recommend([], limit=5)
    sold = purchases.filter(pl.col("occurred_at") > loaded.provenance.trained_until - timedelta(days=7))["product_id"]
    shown = [sold.to_list().count(item.product_id) for item in answer]
    assert shown == sorted(sold.value_counts()["count"], reverse=True)[:5]
    assert {item.source for item in answer} == {"last_week_popular"}


def test_products_that_the_model_does_not_know_change_nothing(loaded):
    assert loaded.recommend([*TEA_PARTY, Touch("unheard-of")], limit=9, exclude={"also-not"}) == loaded.recommend(
        TEA_PARTY, limit=9
    )


@pytest.mark.parametrize("task", Task)
def test_what_is_excluded_is_not_shown_and_the_rest_keeps_its_order(loaded, task):
    everything = [item.product_id for item in loaded.recommend(TEA_PARTY, limit=40, task=task)]
    without = [item.product_id for item in loaded.recommend(TEA_PARTY, limit=40, exclude=everything[:3], task=task)]
    assert without == everything[3:]


def test_a_list_is_as_long_as_asked_in_falling_order_and_without_doubles(loaded):
    answer = loaded.recommend(TEA_PARTY, limit=12)
    assert len({item.product_id for item in answer}) == 12
    assert [item.score for item in answer] == sorted((item.score for item in answer), reverse=True)


def test_what_the_shopper_bought_comes_from_repeat_purchase_and_what_is_like_it_from_ease(loaded):
    sources = {item.product_id: item.source for item in loaded.recommend(TEA_PARTY, limit=32)}
    assert sources["taste1-0"] == "repeat_purchase"
    assert sources["taste1-5"] == "ease"


def test_the_batch_gives_every_shopper_the_answer_they_get_alone(purchases, loaded):
    shoppers = ["s3", "s6"]
    end = loaded.provenance.trained_until
    batch = loaded.recommend_batch(
        Histories.of(purchases, loaded.catalogue, shoppers, until=end), limit=10, task=Task.WITH_REPEATS
    )
    for shopper, numbers in zip(shoppers, batch.tolist(), strict=True):
        own = purchases.filter(pl.col("shopper_key") == shopper)
        touches = [Touch(product, (end - at) / np.timedelta64(1, "D").item()) for _, product, at, _ in own.rows()]
        alone = [item.product_id for item in loaded.recommend(touches, limit=10)]
        assert [loaded.catalogue.product_ids[number] for number in numbers] == alone


def test_item_vectors_rank_as_ials_does(loaded):
    product_ids, vectors = loaded.item_vectors
    ranked = np.argsort(-(vectors @ loaded.shopper_vector(TEA_PARTY)), kind="stable")
    assert vectors.shape == (len(product_ids), loaded.parameters.ials.factors)
    assert {product_ids[item].split("-")[0] for item in ranked[:8]} == {"taste1"}


def test_a_package_of_another_format_is_refused(model: RecommendationModel, tmp_path: Path):
    model.save(tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(ValueError, match="format 99"):
        RecommendationModel.load(tmp_path)
