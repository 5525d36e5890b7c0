"""The orders over HTTP."""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ApiError(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


def health(store, match, body):
    return 200, {"status": "ok"}


def list_orders(store, match, body):
    return 200, store.all()


def get_order(store, match, body):
    return 200, find(store, match)


def create_order(store, match, body):
    item, quantity = body.get("item"), body.get("quantity")
    if not isinstance(item, str) or not item.strip():
        raise ApiError(422, "item must be a text that is not empty")
    if type(quantity) is not int or not 0 < quantity < 1_000_000:
        raise ApiError(422, "quantity must be a whole number from 1 to 999999")
    return 201, store.create(item.strip(), quantity)


def find(store, match):
    order = store.get(int(match["id"]))
    if order is None:
        raise ApiError(404, "no such order")
    return order


ROUTES = [
    ("GET", re.compile(r"/health"), health),
    ("GET", re.compile(r"/orders"), list_orders),
    ("POST", re.compile(r"/orders"), create_order),
    ("GET", re.compile(r"/orders/(?P<id>\d{1,15})"), get_order),
]


class Handler(BaseHTTPRequestHandler):
    def respond(self):
        try:
            status, answer = self.route()
        except ApiError as error:
            status, answer = error.status, {"error": error.message}
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = respond

    def route(self):
        for method, pattern, handler in ROUTES:
            match = pattern.fullmatch(self.path)
            if match and method == self.command:
                return handler(self.server.store, match, self.body())
        raise ApiError(404, "no such route")

    def body(self):
        length = int(self.headers.get("Content-Length") or 0)
        if not length:
            return {}
        try:
            body = json.loads(self.rfile.read(length))
        except ValueError:
            raise ApiError(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise ApiError(422, "the body must be an object")
        return body

    def log_message(self, *arguments):
        pass


def make_server(store, port=0):
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.store = store
    return server
