"""Settings of the library: a database that is filled when it is asked for the first time."""

SECRET_KEY = "a-bed-has-no-secrets"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["library"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/tmp/library.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
