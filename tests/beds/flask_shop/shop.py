from flask import Blueprint, Flask, jsonify, request

ITEMS = {number: {"id": number, "name": f"item {number}", "quantity": number} for number in range(1, 8)}

items = Blueprint("items", __name__, url_prefix="/api/items")


def refuse(status, message):
    return jsonify(error=message), status


@items.get("")
def list_items():
    return jsonify(list(ITEMS.values()))


@items.get("/<int:item_id>")
def get_item(item_id):
    item = ITEMS.get(item_id)
    if item is None:
        return refuse(404, "no such item")
    return jsonify(item)


@items.post("")
def add_item():
    if request.headers.get("X-API-Key") != "bed":
        return refuse(401, "a key is needed")
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not isinstance(body.get("name"), str):
        return refuse(400, "name is a text")
    item = {"id": max(ITEMS) + 1, "name": body["name"], "quantity": 0}
    ITEMS[item["id"]] = item
    return jsonify(item), 201


def create_app():
    app = Flask(__name__)
    app.register_blueprint(items)
    app.register_error_handler(404, lambda error: refuse(404, "not found"))

    @app.get("/health")
    def health():
        return jsonify(status="ok")

    return app
