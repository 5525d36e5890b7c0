"""Walks the migrations of a project on a scratch SQLite file, with the project's own Alembic or Django: all of them
(`base`), or up, down and up again those the file does not have yet (`walk`). After each step the file is copied, and
what happened is written as JSON. No database the project is configured for is ever reached.

usage: migrate.py alembic|django base|walk|check FOLDER NAME   (FOLDER holds the scratch file; NAME: alembic.ini, settings module)
"""

import contextlib
import io
import json
import os
import re
import shutil
import sys
import traceback

tool, mode, folder, name = sys.argv[1:5]
database = os.path.join(folder, "scratch.sqlite3")
url = "sqlite:///" + database
result = {"units": [], "steps": [], "heads": [], "drift": None, "error": None}
sys.path[:0] = [os.getcwd()] + [path for path in [os.path.abspath("src")] if os.path.isdir(path)]
for variable in ("DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL"):
    os.environ[variable] = url


def words(text):
    return re.sub(r" at 0x[0-9a-f]+", "", str(text).strip().split("\n")[0])[:500]


def said(error):
    """What went wrong, and the last line of a migration's own file it came through."""
    text = words(getattr(error, "orig", None) or error)
    place = None
    for frame in traceback.extract_tb(error.__traceback__):
        path = os.path.relpath(frame.filename)
        if not path.startswith("..") and ("versions" in path or "migrations" in path) and not path.endswith("env.py"):
            place = {"path": path, "line": frame.lineno}
    return {"error": f"{type(error).__name__}: {text}", "place": place}


def step(way, unit, act, irreversible=()):
    number = len(result["steps"])
    record = {"way": way, "unit": unit, "ok": True}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            act()
    except irreversible as error:
        record.update(ok=False, irreversible=True, error=words(error))
    except NotImplementedError as error:
        record.update(ok=False, irreversible=way == "down", **said(error))
    except (Exception, SystemExit) as error:
        record.update(ok=False, **said(error))
    if os.path.exists(database):
        shutil.copyfile(database, os.path.join(folder, f"{number}.sqlite3"))
        record["file"] = f"{number}.sqlite3"
    result["steps"].append(record)
    return record["ok"]


def walk(units, up, down, irreversible=()):
    done = []
    for unit in units:
        if not step("up", unit, lambda: up(unit)):
            break
        done.append(unit)
    gone = []
    for unit in reversed(done):
        if not step("down", unit, lambda: down(unit), irreversible):
            break
        gone.append(unit)
    for unit in reversed(gone):
        if not step("again", unit, lambda: up(unit)):
            break


def scratch_engines():
    """Whatever the project wants to connect to, it gets the scratch file."""
    import sqlalchemy
    import sqlalchemy.engine
    import sqlalchemy.engine.create as create

    real = create.create_engine
    kept = ("echo", "poolclass", "json_serializer", "json_deserializer", "_is_async", "naming_convention")

    def engine(_url=None, **options):
        options = {key: value for key, value in options.items() if key in kept}
        options["poolclass"] = sqlalchemy.pool.NullPool
        return real(url.replace("sqlite:", "sqlite+aiosqlite:") if options.get("_is_async") else url, **options)

    create.create_engine = sqlalchemy.engine.create_engine = sqlalchemy.create_engine = engine


def alembic():
    scratch_engines()
    from alembic import command, script, util
    from alembic.config import Config

    config = Config(name) if name.endswith(".ini") else Config(toml_file=name)
    config.set_main_option("sqlalchemy.url", url)
    config.attributes["configure_logger"] = False
    # A project's own logging would write into what is read here.
    import logging.config

    logging.config.fileConfig = lambda *_, **__: None
    scripts = script.ScriptDirectory.from_config(config)
    heads = list(scripts.get_heads())
    result["heads"] = heads

    def current():
        import sqlite3

        with contextlib.closing(sqlite3.connect(database)) as connection:
            try:
                return [row[0] for row in connection.execute("select version_num from alembic_version")]
            except sqlite3.Error:
                return []

    def unit(revision):
        return {"id": revision.revision, "path": os.path.relpath(revision.path), "title": revision.doc or revision.revision}

    def down(revision):
        parent = scripts.get_revision(revision).down_revision
        command.downgrade(config, (parent if isinstance(parent, str) else parent[0]) if parent else "base")

    with application():
        if mode == "base":
            step("up", "heads", lambda: command.upgrade(config, "heads"))
            result["units"] = [unit(one) for one in scripts.walk_revisions()]
        elif mode == "walk":
            have = current()
            known = set()
            for head in have:
                known.update(one.revision for one in scripts.iterate_revisions(head, "base"))
            new = [one for one in reversed(list(scripts.walk_revisions())) if one.revision not in known]
            result["units"] = [unit(one) for one in new]
            walk([one.revision for one in new], lambda one: command.upgrade(config, one), down)
        drift = getattr(util, "AutogenerateDiffsDetected", ())
        if len(heads) == 1 and all(one["ok"] for one in result["steps"]) and hasattr(command, "check"):
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    command.check(config)
            except drift as error:
                result["drift"] = str(error)[:2000]
            except Exception:
                pass


def application():
    """Flask-Migrate's environment asks for the application."""
    try:
        with open(os.path.join(os.path.dirname(name), "env.py")) as file:
            if "current_app" not in file.read():
                return contextlib.nullcontext()
    except OSError:
        return contextlib.nullcontext()
    from flask.cli import ScriptInfo

    return ScriptInfo().load_app().app_context()


def django():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", name)
    from django.conf import settings

    scratch = {"ENGINE": "django.db.backends.sqlite3", "NAME": database}
    settings.DATABASES = {
        alias: dict(scratch, **({} if alias == "default" else {"NAME": f"{database}.{alias}"}))
        for alias in list(settings.DATABASES or {}) + ["default"]
    }
    settings.DATABASE_ROUTERS = []
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.exceptions import IrreversibleError
    from django.db.migrations.executor import MigrationExecutor

    def migrate(targets):
        try:
            MigrationExecutor(connection).migrate(targets)
        finally:
            connection.close()

    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    conflicts = executor.loader.detect_conflicts()
    result["heads"] = [f"{app}.{one}" for app, names in conflicts.items() for one in names]
    plan = [migration for migration, _ in executor.migration_plan(leaves)] if not conflicts else []
    connection.close()
    keys = {f"{one.app_label}.{one.name}": (one.app_label, one.name) for one in plan}

    def unit(key):
        path = os.path.relpath(sys.modules[type(plan[list(keys).index(key)]).__module__].__file__)
        return {"id": key, "path": path, "title": key}

    def down(key):
        graph = MigrationExecutor(connection).loader.graph
        parents = [parent.key for parent in graph.node_map[keys[key]].parents if parent.key[0] == keys[key][0]]
        migrate([sorted(parents)[0] if parents else (keys[key][0], None)])

    if mode == "base":
        step("up", "leaves", lambda: migrate(leaves))
        result["units"] = [{"id": key, "path": "", "title": key} for key in keys]
    elif mode == "walk":
        result["units"] = [unit(key) for key in keys]
        walk(list(keys), lambda key: migrate([keys[key]]), down, (IrreversibleError,))
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            call_command("makemigrations", check_changes=True, dry_run=True, interactive=False, no_color=True)
    except SystemExit as error:
        if error.code == 1:
            result["drift"] = out.getvalue()[:2000]
    except Exception:
        pass


try:
    alembic() if tool == "alembic" else django()
except (Exception, SystemExit) as error:
    result["error"] = said(error)
with open(os.path.join(folder, "result.json"), "w") as file:
    json.dump(result, file)
