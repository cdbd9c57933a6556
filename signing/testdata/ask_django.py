"""Answers each line of JSON on stdin with what Django's own signing does."""

import json
import sys

import django
from django.conf import settings
from django.core import signing

settings.configure()


class Latin1:
    """Passes bytes through, as text: JSON has no bytes."""

    def dumps(self, text):
        return text.encode("latin-1")

    def loads(self, data):
        return data.decode("latin-1")


def make(cls, q):
    kwargs = {"key": q["key"], "salt": q["salt"] or None}
    if q.get("fallbacks"):
        kwargs["fallback_keys"] = q["fallbacks"]  # Django 4.1 and later
    return cls(**kwargs)


def answer(q):
    signing.time.time = lambda: q["now"]
    signer, stamper = make(signing.Signer, q), make(signing.TimestampSigner, q)
    text, max_age = q["text"], q["max_age"] or None
    return {
        "version": lambda: "%d.%d" % django.VERSION[:2],
        "sign": lambda: signer.sign(text),
        "unsign": lambda: signer.unsign(text),
        "stamp": lambda: stamper.sign(text),
        "unstamp": lambda: stamper.unsign(text, max_age=max_age),
        "dumps": lambda: stamper.sign_object(text, serializer=Latin1, compress=True),
        "loads": lambda: stamper.unsign_object(text, serializer=Latin1, max_age=max_age),
    }[q["op"]]()


for line in sys.stdin:
    try:
        reply = {"text": answer(json.loads(line))}
    except signing.SignatureExpired:
        reply = {"error": "expired"}
    except signing.BadSignature:
        reply = {"error": "bad signature"}
    except Exception:
        reply = {"error": "malformed"}
    print(json.dumps(reply), flush=True)
