"""Loaded by every Python that a watched service starts, through PYTHONPATH: writes a line for every query that
SQLAlchemy, Django, Peewee or a plain sqlite3 sends, so that queries can be counted whatever the service itself writes down."""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import threading

_here = os.path.dirname(os.path.abspath(__file__))


# Whether a library that tells of its queries itself is at work in this thread.
_at_work = threading.local()


def _mark(statement):
    words = str(statement).lstrip(" (\n\t").split(None, 1)
    if words and words[0].upper() in ("SELECT", "WITH"):
        os.write(2, b"[tenon] query\n")


def _sqlalchemy(module):
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def before(connection, cursor, statement, parameters, context, many):
        _mark(statement)

    event.listen(Engine, "before_cursor_execute", before)


def _django(module):
    execute = module.CursorWrapper.execute

    def marked(self, sql, params=None):
        _mark(sql)
        return execute(self, sql, params)

    module.CursorWrapper.execute = marked


def _peewee(module):
    execute = module.Database.execute_sql

    def marked(self, sql, *rest, **named):
        _mark(sql)
        _at_work.yes = True
        try:
            return execute(self, sql, *rest, **named)
        finally:
            _at_work.yes = False

    module.Database.execute_sql = marked


def _sqlite3(module):
    # SQLAlchemy and Django connect by another module, `sqlite3.dbapi2`.
    connect = module.connect

    def traced(statement):
        if not getattr(_at_work, "yes", False):
            _mark(statement)

    def connected(*given, **named):
        connection = connect(*given, **named)
        connection.set_trace_callback(traced)
        return connection

    module.connect = connected


_AFTER = {"sqlalchemy": _sqlalchemy, "django.db.backends.utils": _django, "peewee": _peewee, "sqlite3": _sqlite3}


class _Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        after = _AFTER.get(name)
        if after is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def executed(module):
            execute(module)
            try:
                after(module)
            except Exception:
                pass  # A version that is built otherwise is not counted.

        spec.loader.exec_module = executed
        return spec


def _chain():
    # Somebody else's sitecustomize stands behind this one.
    rest = [path for path in sys.path if os.path.abspath(path or ".") != _here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, _Watch())
_chain()
