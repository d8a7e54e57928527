"""Why a picture isn't taken."""

from __future__ import annotations

from foundation.errors import Conflict, NotFound, Problem, Unavailable, Unprocessable


class MediaNotFound(NotFound):
    """The product has no such image, set or video."""

    code = "media.not_found"


class MediaUnavailable(Unavailable):
    """This installation has no object store to keep pictures in, or it takes nothing now."""

    code = "media.unavailable"


class AltRequired(Unprocessable):
    """A picture needs words for those who don't see it."""

    code = "media.alt_required"


class WrongType(Problem):
    """A picture is a JPEG, PNG, WebP or AVIF by its first bytes, whatever it is called."""

    status = 415
    code = "media.wrong_type"


class SvgRefused(Problem):
    """SVG is a program and not a picture; send it as a PNG."""

    status = 415
    code = "media.svg_refused"


class BrokenPicture(Unprocessable):
    """The picture can't be read to its end."""

    code = "media.broken_picture"


class PictureTooLarge(Unprocessable):
    """The picture would unpack to more pixels than are read."""

    code = "media.too_many_pixels"

    most: int


class NotFetched(Unprocessable):
    """The address answered with something other than the picture."""

    code = "media.not_fetched"

    status_there: int


class TooManyMedia(Conflict):
    """The product has as many images, sets and videos as it may, or the set as many frames."""

    code = "media.too_many"

    most: int


class OrderStale(Conflict):
    """The order doesn't name each medium of the product once; look at it again."""

    code = "media.order_stale"


class VideoRefused(Unprocessable):
    """A video is named by its address at one of these providers."""

    code = "media.video_refused"

    providers: list[str]


class ReviewNeeded(Conflict):
    """Shoppers see this: only somebody who may publish changes it or takes it away."""

    code = "media.review_needed"


class NoPictureTaken(Conflict):
    """An image is one picture: add another image, and take this one away."""

    code = "media.no_picture_taken"
