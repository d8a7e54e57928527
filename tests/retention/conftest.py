"""The shops and their API, as the tests of privacy have them."""

from tests.privacy.conftest import *  # noqa: F403
