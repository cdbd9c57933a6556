"""The same requests through Django and its db engine: a process that is told, a line at a
time, which requests to serve and how many, and answers with the seconds they took."""

import io
import json
import sys
import time

import django
from django.conf import settings

database = json.loads(sys.argv[1])
with open(sys.argv[2]) as file:
    sessions = json.load(file)

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": database},
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="a secret key for the benchmarks, of 50 characters..",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db.backends.signals import connection_created
from django.http import HttpResponse, HttpResponseServerError
from django.urls import path
from django.views.decorators.http import require_GET, require_POST


def synchronous_normal(connection, **kwargs):
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA journal_mode=WAL")
        connection.cursor().execute("PRAGMA synchronous=NORMAL")


connection_created.connect(synchronous_normal)


@require_GET
def read(request):
    user, visits = request.session.get("user"), request.session.get("visits", 0)
    return HttpResponse(user) if visits >= 10000 else HttpResponseServerError()


@require_POST
def write(request):
    visits = request.session.get("visits", 0)
    request.session["visits"] = visits + 1
    return HttpResponse("ok") if visits >= 10000 else HttpResponseServerError()


urlpatterns = [path("read", read), path("write", write)]
application = get_wsgi_application()
call_command("migrate", verbosity=0)


def sign_in(values):
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session.update(values)
    session.save()
    return "sessionid=" + session.session_key


cookies = [sign_in(values) for values in sessions]


def serve(method, address, cookie):
    statuses = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": address,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "HTTP_COOKIE": cookie,
    }
    response = application(environ, lambda status, headers: statuses.append(status))
    for _ in response:
        pass
    response.close()
    if statuses != ["200 OK"]:
        sys.exit(f"{method} {address}: {statuses}")


print(django.get_version(), flush=True)
for line in sys.stdin:
    method, address, n = line.split()
    began = time.perf_counter()
    for i in range(int(n)):
        serve(method, address, cookies[i * 2654435761 % len(cookies)])
    print(time.perf_counter() - began, flush=True)
