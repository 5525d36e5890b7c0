"""Items in memory."""


class Stock:
    def __init__(self) -> None:
        self.items: dict[int, dict] = {}
        self.last = 0

    def add(self, name: str, quantity: int) -> dict:
        self.last += 1
        item = {"id": self.last, "name": name, "quantity": quantity}
        self.items[self.last] = item
        return item

    def find(self, item_id: int) -> dict | None:
        return self.items.get(item_id)

    def first(self, limit: int) -> list[dict]:
        return list(self.items.values())[:limit]
