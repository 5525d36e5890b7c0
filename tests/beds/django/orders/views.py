from django.http import JsonResponse


def order(request, number):
    if number > 100:
        return JsonResponse({"error": "no such order"}, status=404)
    return JsonResponse({"number": number, "total": number * 10})
