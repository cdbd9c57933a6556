from django.contrib import admin
from django.urls import path

from shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("cart/", views.cart),
    path("remember/", views.remember),
]
