"""The site for one test: serves it over HTTP and answers the test's questions.

Prints a line of JSON with its port and Django's version, then one for each line of JSON on
standard input, {"op": name, ...}, and ends with that input.
"""

import json
import os
import sys
import threading
from datetime import datetime, timezone
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
django.setup()
SessionStore = import_string(settings.SESSION_ENGINE + ".SessionStore")


def tagged(value):
    """JSON with each value's type beside it, so that 1, 1.0 and "1" stay apart."""
    if value is None:
        return ["none"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", value.hex()]
    if isinstance(value, str):
        return ["str", value]
    if isinstance(value, list):
        return ["list", [tagged(v) for v in value]]
    return ["dict", {k: tagged(v) for k, v in value.items()}]


def untagged(pair):
    kind, value = pair[0], pair[-1]
    return {
        "none": lambda: None,
        "bool": lambda: value,
        "int": lambda: int(value),
        "float": lambda: float.fromhex(value),
        "str": lambda: value,
        "list": lambda: [untagged(v) for v in value],
        "dict": lambda: {k: untagged(v) for k, v in value.items()},
    }[kind]()


def create_user(q):
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.create_superuser(q["name"], "", q["password"])
    return str(user.pk)


def save_odd(q):
    """Saves what JSON has no form for; Python reads and writes it all the same."""
    session = SessionStore()
    session.update({"nan": float("nan"), "inf": [float("-inf")], "lone": "\ud800", "sound": 1})
    session.save()
    return session.session_key


def date(seconds):
    """The site's form of a moment in seconds since 1970."""
    return datetime.fromtimestamp(seconds, timezone.utc if settings.USE_TZ else None)


def save(q):
    session = SessionStore(q.get("key"))
    session.update(untagged(q["data"]))
    if "seconds" in q:
        session.set_expiry(q["seconds"])
    if "until" in q:
        session.set_expiry(date(q["until"]))
    session.save()
    return session.session_key


def load(q):
    session = SessionStore(q["key"])
    data = tagged(dict(session.items()))
    return {
        "key": session.session_key or "",
        "data": data,
        "until": session.get_expiry_date().timestamp(),
        "at_browser_close": session.get_expire_at_browser_close(),
    }


def delete(q):
    SessionStore(q["key"]).delete()


HELD = {}


def hold(q):
    """Reads a session as a request does that goes on for a while."""
    HELD[q["key"]] = SessionStore(q["key"])
    HELD[q["key"]]["held"] = True


def save_held(q):
    try:
        HELD.pop(q["key"]).save()
    except UpdateError as e:
        return type(e).__name__


def set_expire_date(q):
    row = SessionStore.get_model_class().objects.filter(session_key=q["key"])
    row.update(expire_date=date(q["date"]))


def text(q):
    """Returns a session's record as it is spelled, without its signature."""
    texts = []

    class Verbatim:
        def loads(self, data):
            texts.append(data.decode("latin-1"))
            return {}

    session = SessionStore(q["key"])
    session.serializer = Verbatim
    session.load()
    return texts[-1]


OPERATIONS = (
    create_user,
    delete,
    hold,
    load,
    save,
    save_held,
    save_odd,
    set_expire_date,
    text,
)


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def main():
    call_command("migrate", verbosity=0, fake_initial=settings.SITE["fake_initial"])
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_port, "version": django.VERSION[:2]}), flush=True)
    operations = {f.__name__: f for f in OPERATIONS}
    for line in sys.stdin:
        question = json.loads(line)
        answer = operations[question["op"]](question)
        print(json.dumps(answer), flush=True)


main()
