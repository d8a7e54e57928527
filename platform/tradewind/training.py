"""`tradewind train`: what a shop's own data teaches a model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from mlflow.exceptions import MlflowException

from foundation.settings import Settings
from models.visual_search.collecting import Classes
from models.visual_search.dataset import UnreadableFolder
from models.visual_search.encoder import EncoderMissing
from models.visual_search.learn import learn
from models.visual_search.spec import Metric
from pipelines.tenants import NoSuchShop, called
from tradewind.errors import StackError


def visual(slug: str, by: str) -> Iterator[str]:
    """Teach visual search on a shop's pictures; the lines say how good it became and whether it is used.

    Raises:
        StackError: there is no such shop, no encoder, no registry, or too few pictures to learn from.
    """
    settings = Settings()
    try:
        shop = called(settings, slug)
        done = learn(settings, shop.id, shop.slug, code_version=version("tradewind"), classes=Classes(by))
    except (NoSuchShop, UnreadableFolder, EncoderMissing, MlflowException, ValueError, OSError) as fault:
        raise StackError(str(fault)) from fault
    figures = ", ".join(f"{metric.value} {done.report.figures[metric].value:.3f}" for metric in Metric)
    yield f"{done.model_name} {done.version} on classes it has not seen: {figures}"
    yield f"ahead of what there is by {done.lead.value:+z.3f} ({done.lead.low:+z.3f} to {done.lead.high:+z.3f})"
    if done.alias == "champion":
        yield f"It is the champion: `tradewind index {slug} --pictures` puts it to use."
    else:
        yield "That may be chance: what there is stays in use."
