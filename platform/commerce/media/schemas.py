"""Media as staff and vendors write and read them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from commerce.catalog.schemas import MediaKind, Picture, VideoOut
from foundation.types import Id, Input, Model, one_line

MOST = 60
"""Images, sets and videos of a product."""
MOST_FRAMES = 72
"""One for every five degrees."""
Alt = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True), AfterValidator(one_line)]
"""What is seen, in words. Empty is as good as missing."""
Percent = Annotated[int, Field(ge=0, le=100)]
Url = Annotated[str, StringConstraints(max_length=2_048, pattern=r"^[!-~]+$")]


class FocalPoint(Input):
    """The point that matters, which squares are cut around: percent from the left, and from the top."""

    x: Percent = 50
    y: Percent = 50


class _About(Input):
    alt: Alt = ""
    """What is seen, in words: required."""
    variant_id: Id | None = None
    """The variant that it shows; without one it shows the product."""
    focal: FocalPoint = FocalPoint()


class ImageIn(_About):
    """An image that is fetched."""

    kind: Literal["image"]
    url: Url


class SpinIn(_About):
    """The product from all sides: pictures in the order in which it turns. It is shown when two or more are made."""

    kind: Literal["spin"]
    urls: Annotated[list[Url], Field(max_length=MOST_FRAMES)] = Field(default_factory=list)


class VideoIn(_About):
    """A video that lies elsewhere. It is shown when there is a picture that stands for it."""

    kind: Literal["video"]
    url: Url
    """Its page, or its player, at YouTube or Vimeo."""
    poster_url: Url | None = None


PictureStatus = Literal["waiting", "running", "ready", "failed"]
PictureFault = Literal["lost", "unreadable", "unavailable"]
MediaIn = Annotated[ImageIn | SpinIn | VideoIn, Field(discriminator="kind")]


class CollectionPictureQuery(Input):
    """What there is to say of the picture of a collection."""

    alt: Alt = ""
    """What is seen, in words: required."""
    focal_x: Annotated[Percent, Field(strict=False)] = 50
    focal_y: Annotated[Percent, Field(strict=False)] = 50


class UploadQuery(CollectionPictureQuery):
    """What there is to say of an image that is uploaded."""

    variant_id: Annotated[Id | None, Field(strict=False)] = None


class MediaChange(Input):
    """What is to be otherwise; what is left out stays."""

    alt: Alt | None = None
    focal: FocalPoint | None = None
    variant_id: Id | None = None


class CollectionPictureChange(Input):
    """What is to be otherwise of the picture of a collection; what is left out stays."""

    alt: Alt | None = None
    focal: FocalPoint | None = None


class OrderIn(Input):
    """All media of the product, in the order in which they are shown."""

    ids: Annotated[list[Id], Field(max_length=MOST)]


class StaffPicture(Model):
    """A picture, and how far it is."""

    id: Id
    status: PictureStatus
    fault: PictureFault | None
    """Why it could not be made when it was tried last: the object store doesn't have it any more, it can't be read, or
    the object store or the database gave no answer."""
    width: int
    height: int
    shown: Picture | None
    """What shoppers see of it, once that is made."""


class StaffMedium(Model):
    """An image, a 360-degree set or a video of a product."""

    id: Id
    kind: MediaKind
    alt: str
    variant_id: Id | None
    focal: FocalPoint
    video: VideoOut | None
    approved: bool
    """Whether shoppers see it where the product is published."""
    added_by: str
    pictures: list[StaffPicture]


class StaffCollectionPicture(StaffPicture):
    """The picture that was brought for a collection."""

    alt: str
    focal: FocalPoint


class MediaList(Model):
    """All that a product shows, in its order."""

    items: list[StaffMedium]
