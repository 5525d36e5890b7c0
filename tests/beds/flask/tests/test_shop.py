import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from shop import create_app, total


def test_total():
    assert total([100, 200]) == 300
    assert total([100], discount=10) == 90


def test_health():
    assert create_app().test_client().get("/health").json == {"status": "ok"}
