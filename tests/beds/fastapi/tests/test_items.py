from fastapi.testclient import TestClient

from app.main import app
from app.stock import Stock

client = TestClient(app)
KEY = {"X-API-Key": "bed"}


def test_health():
    assert client.get("/health").json() == {"status": "ok"}


def test_an_item_is_added_and_read():
    added = client.post("/items", json={"name": "nail", "quantity": 3}, headers=KEY)
    assert added.status_code == 201
    assert client.get(f"/items/{added.json()['id']}").json()["name"] == "nail"


def test_an_unknown_item_is_404():
    assert client.get("/items/99999").status_code == 404


def test_a_key_is_needed():
    assert client.post("/items", json={"name": "nail", "quantity": 3}).status_code == 401


def test_stock_counts():
    stock = Stock()
    assert stock.add("a", 1)["id"] == 1
    assert stock.add("b", 1)["id"] == 2
    assert [item["name"] for item in stock.first(1)] == ["a"]
