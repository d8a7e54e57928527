"""Every model finds the structure that was planted, and nothing that was not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from models.recommendation.histories import Histories, Touch
from models.recommendation.recommender import NOTHING, Recommender
from models.recommendation.spec import Parameters
from models.recommendation.train import fit_components, learnable

END = datetime(2026, 3, 1, tzinfo=UTC)
LEARNT = ["ease", "ials", "item_to_item"]


@pytest.fixture(scope="module")
def histories(purchases: pl.DataFrame, quick: Parameters) -> Histories:
    return learnable(purchases, quick, until=END)


@pytest.fixture(scope="module")
def components(histories: Histories, quick: Parameters) -> dict[str, Recommender]:
    return fit_components(histories, quick)


def answer(model: Recommender, histories: Histories, touches: list[Touch], **how) -> list[str]:
    asked = Histories.of_one(touches, histories.catalogue)
    found = model.recommend(asked, **({"limit": 20, "repeats": False} | how))[0]
    return [histories.catalogue.product_ids[item] for item in found if item != NOTHING]


@pytest.mark.parametrize("name", LEARNT)
@pytest.mark.parametrize("taste", range(4))
def test_two_products_of_a_taste_bring_the_other_six_first(components, histories, name, taste):
    touches = [Touch(f"taste{taste}-0"), Touch(f"taste{taste}-1")]
    first_six = answer(components[name], histories, touches, limit=6)
    assert sorted(first_six) == [f"taste{taste}-{product}" for product in range(2, 8)]


@pytest.mark.parametrize("name", ["ease", "ials", "item_to_item", "most_popular", "last_week_popular"])
def test_what_was_bought_is_not_recommended_as_new(components, histories, name):
    touches = [Touch("taste0-0"), Touch("taste0-5"), Touch("taste2-1")]
    assert not {"taste0-0", "taste0-5", "taste2-1"} & set(answer(components[name], histories, touches))


def test_repeat_purchase_puts_the_frequent_before_the_rare_and_the_recent_before_the_old(components, histories):
    touches = [Touch("taste0-0", 200), Touch("taste0-1", 5), Touch("taste0-2", 5), Touch("taste0-2", 12)]
    assert answer(components["repeat_purchase"], histories, touches, repeats=True) == [
        "taste0-2",
        "taste0-1",
        "taste0-0",
    ]


def test_last_week_popularity_forgets_what_sold_before(quick):
    row = {"shopper_key": "s", "quantity": 1}
    old = [row | {"product_id": "old", "occurred_at": END - timedelta(days=30)}] * 9
    new = [row | {"product_id": "new", "occurred_at": END - timedelta(days=3)}] * 2
    histories = learnable(pl.DataFrame(old + new), quick, until=END)
    components = fit_components(histories, quick)
    assert answer(components["most_popular"], histories, []) == ["old", "new"]
    assert answer(components["last_week_popular"], histories, []) == ["new"]


@pytest.mark.parametrize("name", ["ease", "ials", "item_to_item", "most_popular", "last_week_popular"])
def test_the_order_of_the_rows_makes_no_difference(purchases, histories, components, quick, name):
    shuffled = learnable(purchases.sample(fraction=1, shuffle=True, seed=7), quick, until=END)
    again = fit_components(shuffled, quick)[name]
    assert (
        again.recommend(shuffled, limit=10, repeats=True).tolist()
        == components[name].recommend(histories, limit=10, repeats=True).tolist()
    )


@pytest.mark.parametrize("name", LEARNT)
def test_renaming_the_products_renames_the_answer(purchases, components, histories, quick, name):
    renamed = purchases.with_columns(pl.lit("z").add(pl.col("product_id").str.reverse()).alias("product_id"))
    other = learnable(renamed, quick, until=END)
    touches = [Touch("taste3-2"), Touch("taste3-4")]
    theirs = answer(
        fit_components(other, quick)[name],
        other,
        [Touch("z" + product_id[::-1]) for product_id, *_ in touches],
        limit=6,
    )
    ours = answer(components[name], histories, touches, limit=6)
    assert {product[1:][::-1] for product in theirs} == set(ours)


def test_one_shopper_gets_the_same_answer_alone_as_in_a_batch(histories, components):
    alone = list(histories.batches(1))[17]
    for model in components.values():
        assert (
            model.recommend(alone, limit=10, repeats=True)[0].tolist()
            == model.recommend(histories, limit=10, repeats=True)[17].tolist()
        )


def test_equal_scores_go_by_product_id(histories, components):
    answered = answer(components["repeat_purchase"], histories, [Touch("taste1-1"), Touch("taste0-7")], repeats=True)
    assert answered == ["taste0-7", "taste1-1"]
