"""Serves the orders on loopback."""

from orders.api import make_server
from orders.store import Store

if __name__ == "__main__":
    server = make_server(Store("orders.db"), port=8000)
    print(f"serving on http://127.0.0.1:{server.server_port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
