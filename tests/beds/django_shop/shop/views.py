import json
import re

from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt

ITEMS = [{"id": number, "name": f"item {number}", "quantity": number} for number in range(1, 31)]


def refuse(status, error):
    return JsonResponse({"error": error}, status=status)


def whole(text, least, most):
    """A whole number within bounds; None when it is none."""
    if not re.fullmatch(r"-?[0-9]{1,40}", text):
        return None
    number = int(text)
    return number if least <= number <= most else None


def health(request):
    return JsonResponse({"status": "ok"})


@csrf_exempt
def items(request):
    if request.method == "POST":
        return add(request)
    if request.method != "GET":
        return refuse(405, "GET or POST")
    limit = whole(request.GET.get("limit", "20"), 1, 50)
    offset = whole(request.GET.get("offset", "0"), 0, 1000)
    if limit is None or offset is None:
        return refuse(400, "limit or offset is out of bounds")
    return JsonResponse(ITEMS[offset : offset + limit], safe=False)


def item(request, number):
    wanted = whole(number, 1, 2**63 - 1)
    if wanted is None:
        return refuse(400, "id is a whole number")
    found = next((item for item in ITEMS if item["id"] == wanted), None)
    if found is None:
        return refuse(404, "no such item")
    return JsonResponse(found)


def add(request):
    if request.headers.get("X-API-Key") != "bed":
        return refuse(401, "a valid X-API-Key is needed")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return refuse(400, "the request cannot be read")
    if not isinstance(body, dict) or set(body) != {"name", "quantity"}:
        return refuse(400, "name and quantity are needed")
    name, quantity = body["name"], body["quantity"]
    named = isinstance(name, str) and 1 <= len(name) <= 80
    counted = isinstance(quantity, int) and not isinstance(quantity, bool) and 0 <= quantity <= 1_000_000
    if not named or not counted:
        return refuse(400, "name and quantity are needed")
    made = {"id": len(ITEMS) + 1, "name": name, "quantity": quantity}
    ITEMS.append(made)
    return JsonResponse(made, status=201)
