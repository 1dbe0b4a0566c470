"""What pytest finds by itself: the fixtures of these tests."""

from fixtures import *  # noqa: F401,F403 pylint: disable=wildcard-import,unused-wildcard-import
