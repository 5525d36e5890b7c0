"""Orders in SQLite."""

import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY,
    item TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    status TEXT NOT NULL DEFAULT 'open'
)
"""


class Store:
    def __init__(self, path=":memory:"):
        self.connection = sqlite3.connect(path, check_same_thread=False)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute(SCHEMA)

    def create(self, item, quantity):
        cursor = self.connection.execute(
            "INSERT INTO orders (item, quantity) VALUES (?, ?)", (item, quantity)
        )
        self.connection.commit()
        return self.get(cursor.lastrowid)

    def get(self, order_id):
        row = self.connection.execute(
            "SELECT * FROM orders WHERE id = ?", (order_id,)
        ).fetchone()
        return dict(row) if row else None

    def all(self):
        rows = self.connection.execute("SELECT * FROM orders ORDER BY id")
        return [dict(row) for row in rows]

    def set_status(self, order_id, status):
        self.connection.execute(
            "UPDATE orders SET status = ? WHERE id = ?", (status, order_id)
        )
        self.connection.commit()
        return self.get(order_id)
