from flask import Flask, jsonify, request


def total(prices, discount=0):
    return sum(prices) * (100 - discount) // 100


def create_app():
    app = Flask(__name__)

    @app.get("/health")
    def health():
        return jsonify(status="ok")

    @app.post("/total")
    def post_total():
        body = request.get_json()
        return jsonify(total=total(body["prices"], body.get("discount", 0)))

    return app
