"""A small shop: items with a stock, guarded by an API key."""

from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field

from app.stock import Stock

app = FastAPI(title="shop", version="1.0.0")
stock = Stock()
api_key = APIKeyHeader(name="X-API-Key", auto_error=False)


class NewItem(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    quantity: int = Field(ge=0, le=1_000_000)


class Item(NewItem):
    id: int


def key(value: str | None = Security(api_key)) -> str:
    if value != "bed":
        raise HTTPException(401, "a valid X-API-Key is needed")
    return value


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/items", response_model=list[Item])
def list_items(limit: int = 20) -> list[Item]:
    if not 1 <= limit <= 100:
        raise HTTPException(422, "limit is between 1 and 100")
    return [Item(**item) for item in stock.first(limit)]


@app.get("/items/{item_id}", response_model=Item)
def read_item(item_id: int) -> Item:
    item = stock.find(item_id)
    if item is None:
        raise HTTPException(404, "no such item")
    return Item(**item)


@app.post("/items", response_model=Item, status_code=201)
def add_item(item: NewItem, _: str = Depends(key)) -> Item:
    return Item(**stock.add(item.name, item.quantity))
