"""Walks the migrations of a project on a scratch database, with the project's own Alembic or Django: all of them
(`base`), or up, down and up again those the database does not have yet (`walk`). After each step the database is
copied, and what happened is written as JSON. No database the project is configured for is ever reached.

usage: migrate.py alembic|django base|walk FOLDER NAME [SOCKET PROGRAMS DATABASE]
FOLDER holds the scratch file; NAME: alembic.ini, settings module; the rest: a PostgreSQL server to use instead.
"""

import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import traceback

tool, mode, folder, name = sys.argv[1:5]
database = os.path.join(folder, "scratch.sqlite3")
server = sys.argv[5:8]
result = {"units": [], "steps": [], "heads": [], "drift": None, "error": None}
sys.path[:0] = [os.getcwd()] + [path for path in [os.path.abspath("src")] if os.path.isdir(path)]


def missing(why):
    with open(os.path.join(folder, "result.json"), "w") as file:
        json.dump(dict(result, error={"error": why}), file)
    sys.exit(0)


def installed(*modules):
    for module in modules:
        with contextlib.suppress(ImportError, ValueError):
            if importlib.util.find_spec(module):
                return module
    return None


def address(is_async=False):
    """The scratch database, as SQLAlchemy and its like name it."""
    if not server:
        if is_async and not installed("aiosqlite"):
            raise RuntimeError("the project connects asynchronously, and aiosqlite is not installed for its Python")
        return ("sqlite+aiosqlite:///" if is_async else "sqlite:///") + database
    drivers = ("asyncpg", "psycopg") if is_async else ("psycopg", "psycopg2", "pg8000")
    driver = installed(*drivers)
    if not driver:
        raise RuntimeError(f"none of {', '.join(drivers)} is installed for the project's Python")
    key = "unix_sock" if driver == "pg8000" else "host"
    socket = server[0] + ("/.s.PGSQL.5432" if driver == "pg8000" else "")
    return f"postgresql+{driver}://postgres@/{server[2]}?{key}={socket}"


def ask(question, where="postgres"):
    client = [os.path.join(server[1], "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", server[0], "-p", "5432"]
    done = subprocess.run(
        [*client, "-U", "postgres", "-d", where, "-c", question], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(words(done.stderr))
    return done.stdout.split("\n")


def keep(number):
    """Copies the database as it is now; the name of the copy."""
    if server:
        copy = f"step_{number}"
        ask(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
        left = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{server[2]}'"
        ask(left)
        ask(f"CREATE DATABASE {copy} TEMPLATE {server[2]}")
        return copy
    if not os.path.exists(database):
        return None
    copy = f"{number}.sqlite3"
    shutil.copyfile(database, os.path.join(folder, copy))
    return copy


def logged(begin):
    """What the server was told to change since then, and where its log ends now."""
    if not server:
        return [], 0
    with open(server[0] + ".log", "rb") as log:
        log.seek(begin)
        text = log.read()
    told = re.split(r"^(?=\S)", text.decode(errors="replace"), flags=re.M)
    pattern = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)", re.S)
    return [found[1].strip() for found in map(pattern.match, told) if found], begin + len(text)


# Settings may insist on an address; whoever connects gets the scratch database.
for variable in ("DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL"):
    os.environ[variable] = f"postgresql://postgres@localhost/{server[2]}" if server else address()


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
    _, begin = logged(0)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            act()
    except irreversible as error:
        record.update(ok=False, irreversible=True, error=words(error))
    except NotImplementedError as error:
        record.update(ok=False, irreversible=way == "down", **said(error))
    except (Exception, SystemExit) as error:
        record.update(ok=False, **said(error))
    record["statements"], _ = logged(begin)
    if mode == "walk" and (copy := keep(number)):
        record["file"] = copy
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
        return real(address(options.get("_is_async")), **options)

    create.create_engine = sqlalchemy.engine.create_engine = sqlalchemy.create_engine = engine


def environment(config):
    """The text of the environment the migrations run in."""
    with contextlib.suppress(OSError), open(os.path.join(config.get_main_option("script_location"), "env.py")) as file:
        return file.read()
    return ""


def alembic():
    scratch_engines()
    from alembic import command, script, util
    from alembic.config import Config

    config = Config(name) if name.endswith(".ini") else Config(toml_file=name)
    if not config.get_main_option("script_location"):
        # Flask-Migrate says so on its own command line.
        config.set_main_option("script_location", os.path.dirname(name) or ".")
    text = environment(config)
    is_async = "async_engine_from_config" in text or "create_async_engine" in text
    config.set_main_option("sqlalchemy.url", address(is_async).replace("%", "%%"))
    config.attributes["configure_logger"] = False
    # A project's own logging would write into what is read here.
    import logging.config

    logging.config.fileConfig = lambda *_, **__: None
    scripts = script.ScriptDirectory.from_config(config)
    heads = list(scripts.get_heads())
    result["heads"] = heads

    def current():
        if server:
            there = ask("SELECT to_regclass('alembic_version') IS NOT NULL", server[2])[0] == "t"
            return [one for one in ask("SELECT version_num FROM alembic_version", server[2]) if one] if there else []
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

    with application(text):
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


def application(text):
    """Flask-Migrate's environment asks for the application."""
    if "current_app" not in text:
        return contextlib.nullcontext()
    from flask.cli import ScriptInfo, load_dotenv

    with contextlib.suppress(Exception):
        load_dotenv()
    return ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app().app_context()


def django():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", name)
    from django.conf import settings

    scratch = {"ENGINE": "django.db.backends.sqlite3", "NAME": database}
    if server:
        if not installed("psycopg", "psycopg2"):
            missing("none of psycopg, psycopg2 is installed for the project's Python")
        engine = (settings.DATABASES or {}).get("default", {}).get("ENGINE", "")
        # Further databases are none of the migrations' that are walked, and may not be the same one.
        own = engine if "sqlite" not in engine and "mysql" not in engine else ""
        scratch = {"ENGINE": own or "django.db.backends.postgresql", "NAME": server[2], "USER": "postgres", "HOST": server[0], "PORT": "5432"}
    elsewhere = {"ENGINE": "django.db.backends.sqlite3"}
    settings.DATABASES = {
        alias: scratch if alias == "default" else dict(elsewhere, NAME=f"{database}.{alias}")
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
