from datetime import timedelta

from django.http import JsonResponse
from django.middleware.csrf import get_token


def cart(request):
    """Shows who is signed in and the cart; a POST puts something into it."""
    if request.method == "POST":
        items = request.session.setdefault("cart", [])
        items.append(request.POST["item"])
        request.session.modified = True
    return answer(request)


def remember(request):
    """Lets the session live for so many seconds of inactivity, or until then."""
    seconds = int(request.POST["seconds"])
    if request.POST["until"] == "true":
        request.session.set_expiry(timedelta(seconds=seconds))
    else:
        request.session.set_expiry(seconds)
    return answer(request)


def answer(request):
    return JsonResponse(
        {
            "user": request.user.get_username(),
            "cart": request.session.get("cart", []),
            "csrf": get_token(request),
        }
    )
