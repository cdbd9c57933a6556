from django.contrib import admin
from django.shortcuts import redirect, render
from django.urls import path


def cart(request):
    if request.method == "POST":
        items = request.session.get("cart", [])
        request.session["cart"] = items + [request.POST["item"]]
        return redirect("/")
    return render(request, "cart.html", {"cart": request.session.get("cart", [])})


urlpatterns = [path("", cart), path("admin/", admin.site.urls)]
