"""What the tests vary comes as JSON in the variable SITE; the rest is Django's defaults."""

import json
import os

SITE = json.loads(os.environ["SITE"])

SECRET_KEY = SITE["secret_key"]
SECRET_KEY_FALLBACKS = SITE.get("fallbacks", [])  # Django 4.1 and later
DATABASES = {"default": SITE["database"]}
USE_TZ = SITE["use_tz"]
TIME_ZONE = SITE["time_zone"]
SESSION_ENGINE = SITE["session_engine"]
SESSION_FILE_PATH = SITE["session_file_path"]

ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "shop.urls"
STATIC_URL = "/static/"
LOGGING = {
    "version": 1,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
