from django.http import JsonResponse
from django.urls import path

from shop import views

urlpatterns = [
    path("health", views.health),
    path("items", views.items),
    path("items/<str:number>", views.item),
]


def not_found(request, exception):
    return JsonResponse({"error": "nothing here"}, status=404)


handler404 = not_found
