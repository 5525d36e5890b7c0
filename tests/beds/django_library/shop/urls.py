from django.urls import path

from library import views

urlpatterns = [
    path("health", views.health),
    path("books", views.books),
    path("books/<int:book_id>", views.book),
]
