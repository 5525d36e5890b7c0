import json
import threading
import unittest
import urllib.error
import urllib.request

from orders.api import make_server
from orders.store import Store


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.store = Store()
        self.server = make_server(self.store)
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def request(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.server_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def test_health(self):
        self.assertEqual(self.request("GET", "/health"), (200, {"status": "ok"}))

    def test_creates_and_reads_an_order(self):
        status, order = self.request("POST", "/orders", {"item": "oak board", "quantity": 2})
        self.assertEqual(status, 201)
        self.assertEqual(order["status"], "open")
        self.assertEqual(self.request("GET", f"/orders/{order['id']}"), (200, order))
        self.assertEqual(self.request("GET", "/orders"), (200, [order]))

    def test_refuses_what_is_no_order(self):
        for body in ({}, {"item": "", "quantity": 1}, {"item": "oak", "quantity": 0}, {"item": "oak", "quantity": True}):
            with self.subTest(body=body):
                self.assertEqual(self.request("POST", "/orders", body)[0], 422)

    def test_unknown_order(self):
        self.assertEqual(self.request("GET", "/orders/999")[0], 404)


if __name__ == "__main__":
    unittest.main()
