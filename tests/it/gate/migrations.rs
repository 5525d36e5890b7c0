//! The migration gate with real tools: seeded defects are found, sound migrations and refactorings are not.

use serde_json::Value;

use super::beds::{Bed, gate};
use crate::support::beds;

/// Writes files into a bed and commits them.
fn base(bed: &Bed, files: &[(&str, &str)]) {
    write(bed, files);
    beds::commit(&bed.root);
}

fn write(bed: &Bed, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = bed.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Takes everything back to the commit, files that are new as well.
fn restore(bed: &Bed) {
    bed.restore();
    let done = std::process::Command::new("git").args(["clean", "-fdq"]).current_dir(&bed.root).status().unwrap();
    assert!(done.success());
}

/// Severity, rule and place of what is new, in the order of the gate.
fn findings(gate: &Value) -> Vec<String> {
    let found = gate["findings"].as_array().cloned().unwrap_or_default();
    let row = |one: &Value| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}:{}", text("severity"), text("rule"), text("path"), one["line"])
    };
    found.iter().filter(|one| one["old"] != true && one["severity"] != "note").map(row).collect()
}

/// Its name, the files of the change, how the gate ends, and the beginnings of rows it has to have.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);

/// Runs the gate on each change of a bed: its files, the status, the findings it has to have.
fn proved(bed: &Bed, cases: &[Case<'_>]) {
    for (name, files, status, expected) in cases {
        write(bed, files);
        let found = bed.verify(&["migration"]);
        let migration = gate(&found, "migration");
        assert_eq!(migration["status"], *status, "{name}: {migration:#}");
        let rows = findings(migration);
        for one in *expected {
            assert!(
                rows.iter().any(|row| row.starts_with(one)),
                "{name}: {one} is not in {rows:#?}\n{}",
                migration["log"].as_str().unwrap()
            );
        }
        assert_eq!(rows.is_empty(), expected.is_empty(), "{name}: {rows:?}");
        restore(bed);
    }
}

const ENVIRONMENT: &str = "from alembic import context
from sqlalchemy import engine_from_config, pool
from app.models import Base

engine = engine_from_config(context.config.get_section('alembic'), prefix='sqlalchemy.', poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
";

const MODELS: &str = "from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = 'users'
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    # more
";

fn revision(id: &str, after: &str, up: &str, down: &str) -> String {
    let after = if after.is_empty() { "None".to_owned() } else { format!("'{after}'") };
    format!(
        "\"\"\"{id}\"\"\"\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = '{id}'\ndown_revision = {after}\n\n\ndef upgrade():\n    {up}\n\n\ndef downgrade():\n    {down}\n"
    )
}

#[test]
fn alembic_goes_up_down_and_up_and_defects_are_found() {
    let Some(bed) = Bed::open("fastapi") else { return };
    let first = revision(
        "0001",
        "",
        "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(80), nullable=False))",
        "op.drop_table('users')",
    );
    base(
        &bed,
        &[
            (
                "alembic.ini",
                "[alembic]\nscript_location = migrations\nsqlalchemy.url = driver://nobody@nowhere.invalid/x\n",
            ),
            ("migrations/env.py", ENVIRONMENT),
            ("migrations/versions/0001_users.py", &first),
            ("app/models.py", MODELS),
        ],
    );
    let models = MODELS.replace("    # more", "    age: Mapped[int | None]");
    let with = |up: &str, down: &str| revision("0002", "0001", up, down);
    let add = "op.add_column('users', sa.Column('age', sa.Integer))";
    let file = "migrations/versions/0002_age.py";
    proved(
        &bed,
        &[
            ("sound", &[(file, &with(add, "op.drop_column('users', 'age')")), ("app/models.py", &models)], "pass", &[]),
            (
                "refactoring",
                &[(
                    "app/models.py",
                    &MODELS.replace("    # more", "\n    def __repr__(self) -> str:\n        return self.name"),
                )],
                "pass",
                &[],
            ),
            (
                "a comment in an old migration",
                &[("migrations/versions/0001_users.py", &format!("# why\n{first}"))],
                "pass",
                &[],
            ),
            ("models without a migration", &[("app/models.py", &models)], "fail", &["error models app/models.py"]),
            (
                "down forgets the index",
                &[
                    (
                        file,
                        &with(&format!("{add}; op.create_index('ix_age', 'users', ['age'])"), "op.execute('select 1')"),
                    ),
                    ("app/models.py", &models),
                ],
                "fail",
                &["error incomplete-down", "error up-again"],
            ),
            (
                "down that raises",
                &[(file, &with(add, "raise NotImplementedError")), ("app/models.py", &models)],
                "fail",
                &["error irreversible migrations/versions/0002_age.py"],
            ),
            (
                "NOT NULL without a default",
                &[
                    (
                        file,
                        &with(
                            "op.add_column('users', sa.Column('age', sa.Integer, nullable=False))",
                            "op.drop_column('users', 'age')",
                        ),
                    ),
                    ("app/models.py", &MODELS.replace("    # more", "    age: Mapped[int]")),
                ],
                "fail",
                &["error"],
            ),
            (
                "rows are lost",
                &[(file, &with("op.execute(\"delete from users where name like '%1'\")", "pass"))],
                "fail",
                &["error data-loss"],
            ),
            (
                "a column is dropped",
                &[
                    (
                        file,
                        &with(
                            "op.drop_column('users', 'name')",
                            "op.add_column('users', sa.Column('name', sa.String(80), nullable=False, server_default=''))",
                        ),
                    ),
                    ("app/models.py", &MODELS.replace("    name: Mapped[str] = mapped_column(String(80))\n", "")),
                ],
                "fail",
                &["warning destructive migrations/versions/0002_age.py:10", "error incomplete-down"],
            ),
            (
                "two heads",
                &[
                    (file, &with("pass", "pass")),
                    ("migrations/versions/0003_b.py", &revision("0003", "0001", "pass", "pass")),
                ],
                "fail",
                &["error heads"],
            ),
            (
                "an applied migration is edited",
                &[("migrations/versions/0001_users.py", &first.replace("sa.String(80)", "sa.String(90)"))],
                "fail",
                &["error edited migrations/versions/0001_users.py"],
            ),
        ],
    );
    // No server of the project's own database is started: what SQLite says is no proof, and what it finds counts all
    // the same.
    base(
        &bed,
        &[(
            "alembic.ini",
            "[alembic]\nscript_location = migrations\nsqlalchemy.url = mysql://nobody@nowhere.invalid/x\n",
        )],
    );
    proved(
        &bed,
        &[
            (
                "sound elsewhere",
                &[(file, &with(add, "op.drop_column('users', 'age')")), ("app/models.py", &models)],
                "not_run",
                &[],
            ),
            (
                "incomplete everywhere",
                &[(file, &with(add, "pass")), ("app/models.py", &models)],
                "fail",
                &["error incomplete-down"],
            ),
        ],
    );
}

#[test]
fn django_goes_up_down_and_up_and_defects_are_found() {
    let Some(bed) = Bed::open("django") else { return };
    let models = |more: &str| {
        format!(
            "from django.db import models\n\n\nclass Order(models.Model):\n    id = models.AutoField(primary_key=True)\n    title = models.CharField(max_length=40)\n{more}"
        )
    };
    let migration = |after: &str, operations: &str| {
        let after = if after.is_empty() { String::new() } else { format!("('orders', '{after}')") };
        format!(
            "from django.db import migrations, models\n\n\ndef fill(apps, schema_editor):\n    pass\n\n\nclass Migration(migrations.Migration):\n    dependencies = [{after}]\n    operations = [\n        {operations},\n    ]\n"
        )
    };
    base(
        &bed,
        &[
            ("orders/models.py", &models("")),
            ("orders/migrations/__init__.py", ""),
            (
                "orders/migrations/0001_initial.py",
                &migration(
                    "",
                    "migrations.CreateModel('Order', [('id', models.AutoField(primary_key=True, serialize=False)), ('title', models.CharField(max_length=40))])",
                ),
            ),
        ],
    );
    let note = "    note = models.TextField(null=True)\n";
    let add = "migrations.AddField('order', 'note', models.TextField(null=True))";
    let file = "orders/migrations/0002_note.py";
    let after = |operations: &str| migration("0001_initial", operations);
    proved(
        &bed,
        &[
            ("sound", &[(file, &after(add)), ("orders/models.py", &models(note))], "pass", &[]),
            (
                "refactoring",
                &[("orders/models.py", &models("\n    def __str__(self):\n        return self.title\n"))],
                "pass",
                &[],
            ),
            (
                "models without a migration",
                &[("orders/models.py", &models(note))],
                "fail",
                &["error models orders/models.py"],
            ),
            (
                "no way back",
                &[(file, &after(&format!("{add}, migrations.RunPython(fill)"))), ("orders/models.py", &models(note))],
                "fail",
                &["error irreversible orders/migrations/0002_note.py"],
            ),
            (
                "SQL whose way back does nothing",
                &[(file, &after("migrations.RunSQL('create table extra (a int)', migrations.RunSQL.noop)"))],
                "fail",
                &["error incomplete-down", "error up-again"],
            ),
            (
                "two leaves",
                &[
                    (file, &after(add)),
                    ("orders/migrations/0002_other.py", &after("migrations.RunPython(fill, fill)")),
                    ("orders/models.py", &models(note)),
                ],
                "fail",
                &["error heads"],
            ),
            (
                "a rename",
                &[
                    (file, &after("migrations.RenameField('order', 'title', 'name')")),
                    ("orders/models.py", &models("").replace("title", "name")),
                ],
                "pass",
                &["warning rename orders/migrations/0002_note.py"],
            ),
        ],
    );
}

#[test]
fn files_of_sql_go_up_down_and_up_in_the_engine_itself() {
    let Some(bed) = Bed::open("mocha") else { return };
    base(
        &bed,
        &[
            (
                "db/migrations/001_users.up.sql",
                "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, mail TEXT);",
            ),
            ("db/migrations/001_users.down.sql", "DROP TABLE users;"),
            ("db/migrations/002_index.up.sql", "CREATE INDEX users_mail ON users (mail);"),
            ("db/migrations/002_index.down.sql", "DROP INDEX users_mail;"),
        ],
    );
    let (up, down) = ("db/migrations/003_age.up.sql", "db/migrations/003_age.down.sql");
    let add = "ALTER TABLE users ADD COLUMN age INT;";
    let rebuild = |select: &str| {
        format!(
            "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, mail TEXT);\nINSERT INTO new SELECT {select};\nDROP TABLE users;\nALTER TABLE new RENAME TO users;\nCREATE INDEX users_mail ON users (mail);"
        )
    };
    proved(
        &bed,
        &[
            ("sound", &[(up, add), (down, "ALTER TABLE users DROP COLUMN age;")], "pass", &[]),
            (
                "a table that is made anew",
                &[(up, &rebuild("id, name, mail FROM users")), (down, "SELECT 1;")],
                "pass",
                &[],
            ),
            ("missing way back", &[(up, add)], "fail", &["error irreversible db/migrations/003_age.up.sql:1"]),
            (
                "admitted one-way",
                &[(up, &format!("-- irreversible: old ages are thrown away\n{add}"))],
                "pass",
                &["warning irreversible"],
            ),
            (
                "incomplete way back",
                &[(up, add), (down, "SELECT 1;")],
                "fail",
                &["error incomplete-down db/migrations/003_age.down.sql", "error up-again"],
            ),
            (
                "half of the rows",
                &[(up, &rebuild("id, name, mail FROM users WHERE mail IS NOT NULL")), (down, "SELECT 1;")],
                "fail",
                &["error data-loss"],
            ),
            (
                "values become NULL",
                &[(up, "UPDATE users SET mail = NULL;"), (down, "SELECT 1;")],
                "fail",
                &["error data-loss"],
            ),
            (
                "NOT NULL on rows",
                &[
                    (up, "-- x\nALTER TABLE users ADD COLUMN age INT NOT NULL;"),
                    (down, "ALTER TABLE users DROP COLUMN age;"),
                ],
                "fail",
                &["error rows db/migrations/003_age.up.sql:2"],
            ),
            (
                "NULLs that are not expected",
                &[
                    (
                        up,
                        "CREATE TABLE strict_mail (mail TEXT NOT NULL);\nINSERT INTO strict_mail SELECT mail FROM users;",
                    ),
                    (down, "DROP TABLE strict_mail;"),
                ],
                "pass",
                &["warning rows db/migrations/003_age.up.sql:2"],
            ),
            (
                "dropped column",
                &[
                    (up, "ALTER TABLE users DROP COLUMN name;"),
                    (down, "ALTER TABLE users ADD COLUMN name TEXT NOT NULL DEFAULT '';"),
                ],
                "fail",
                &["warning destructive db/migrations/003_age.up.sql:1", "error incomplete-down"],
            ),
            (
                "an error in the third line",
                &[(up, "CREATE TABLE a (b INT);\n\nALTER TABLE nowhere ADD COLUMN c INT;"), (down, "DROP TABLE a;")],
                "fail",
                &["error up-fails db/migrations/003_age.up.sql:3"],
            ),
            (
                "edited",
                &[(
                    "db/migrations/001_users.up.sql",
                    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, mail TEXT);",
                )],
                "fail",
                &["error edited db/migrations/001_users.up.sql"],
            ),
            (
                "only laid out anew",
                &[(
                    "db/migrations/001_users.up.sql",
                    "-- users\nCREATE TABLE users (\n  id INTEGER PRIMARY KEY,\n  name TEXT NOT NULL, mail TEXT);",
                )],
                "pass",
                &[],
            ),
            (
                "the same version twice",
                &[
                    ("db/migrations/002_age.up.sql", add),
                    ("db/migrations/002_age.down.sql", "ALTER TABLE users DROP COLUMN age;"),
                ],
                "fail",
                &["error duplicate-version db/migrations/002_age.up.sql"],
            ),
            (
                "a gap",
                &[
                    ("db/migrations/005_age.up.sql", add),
                    ("db/migrations/005_age.down.sql", "ALTER TABLE users DROP COLUMN age;"),
                ],
                "pass",
                &["warning gap"],
            ),
            (
                "a tool that is not driven here",
                &[
                    ("package.json", "{\"dependencies\": {\"knex\": \"3.0.0\"}}"),
                    ("knexfile.js", ""),
                    ("migrations/20240101_a.js", "exports.up = () => {};"),
                ],
                "not_run",
                &[],
            ),
            (
                "for another database",
                &[
                    (up, "ALTER TABLE users DROP COLUMN mail, ENGINE=InnoDB;"),
                    (down, "ALTER TABLE users ADD COLUMN mail TEXT;"),
                ],
                "not_run",
                &["warning destructive"],
            ),
        ],
    );
}

#[test]
fn postgresql_is_started_for_files_of_sql_and_defects_are_found_on_it() {
    let Some(bed) = Bed::open("mocha").filter(|_| beds::postgres()) else { return };
    base(
        &bed,
        &[
            (
                "db/migrations/001_users.up.sql",
                "CREATE TYPE mood AS ENUM ('sad', 'glad');\nCREATE TABLE users (id SERIAL PRIMARY KEY, name VARCHAR(80) NOT NULL, mail TEXT UNIQUE,
                mood mood NOT NULL DEFAULT 'glad', tags TEXT[] NOT NULL DEFAULT '{}', at TIMESTAMPTZ DEFAULT now());\nALTER TABLE users OWNER TO app;
                CREATE TABLE orders (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, buyer INT NOT NULL REFERENCES users(id), total INT CHECK (total > 5));",
            ),
            ("db/migrations/001_users.down.sql", "DROP TABLE orders; DROP TABLE users; DROP TYPE mood;"),
        ],
    );
    let (up, down) = ("db/migrations/002_x.up.sql", "db/migrations/002_x.down.sql");
    let age = "ALTER TABLE users DROP COLUMN age;";
    proved(
        &bed,
        &[
            ("sound", &[(up, "ALTER TABLE users ADD COLUMN age INT;"), (down, age)], "pass", &[]),
            (
                "an index beside the work of others",
                &[
                    (up, "CREATE INDEX CONCURRENTLY orders_total ON orders (total);"),
                    (down, "DROP INDEX CONCURRENTLY orders_total;"),
                ],
                "pass",
                &[],
            ),
            (
                "others have to wait",
                &[
                    (
                        up,
                        "CREATE INDEX orders_total ON orders (total);\nALTER TABLE orders ALTER COLUMN total TYPE BIGINT;",
                    ),
                    (down, "ALTER TABLE orders ALTER COLUMN total TYPE INT; DROP INDEX orders_total;"),
                ],
                "pass",
                &["warning lock db/migrations/002_x.up.sql:1", "warning rewrite db/migrations/002_x.up.sql"],
            ),
            (
                "rows are lost",
                &[(up, "DELETE FROM orders WHERE id = 1;"), (down, "SELECT 1;")],
                "fail",
                &["error data-loss"],
            ),
            (
                "an enumeration keeps its new label",
                &[(up, "ALTER TYPE mood ADD VALUE 'mad';"), (down, "SELECT 1;")],
                "fail",
                &["error incomplete-down db/migrations/002_x.down.sql:1", "error up-again"],
            ),
            (
                "NOT NULL on rows",
                &[(up, "\nALTER TABLE users ADD COLUMN age INT NOT NULL;"), (down, age)],
                "fail",
                &["error rows db/migrations/002_x.up.sql:2"],
            ),
            (
                "an error in the third line",
                &[(up, "SELECT 1;\nALTER TABLE users\n  ADD COLUMNN b INT;"), (down, "SELECT 1;")],
                "fail",
                &["error up-fails db/migrations/002_x.up.sql:3"],
            ),
            (
                "an extension this machine has not",
                &[(up, "CREATE EXTENSION no_such_thing;"), (down, "DROP EXTENSION no_such_thing;")],
                "not_run",
                &[],
            ),
        ],
    );
}

const ASYNCHRONOUS: &str = "import asyncio

from alembic import context
from app.models import Base
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import async_engine_from_config


def migrate(connection):
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


async def run():
    section = context.config.get_section(context.config.config_ini_section, {})
    engine = async_engine_from_config(section, prefix='sqlalchemy.', poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(run())
";

#[test]
fn alembic_that_connects_asynchronously_walks_on_postgresql() {
    let Some(bed) = Bed::open("fastapi").filter(|_| beds::postgres()) else { return };
    let first = revision(
        "0001",
        "",
        "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(80), nullable=False))",
        "op.drop_table('users')",
    );
    base(
        &bed,
        &[
            (
                "alembic.ini",
                "[alembic]\nscript_location = migrations\nsqlalchemy.url = postgresql+asyncpg://nobody@nowhere.invalid/x\n",
            ),
            ("migrations/env.py", ASYNCHRONOUS),
            ("migrations/versions/0001_users.py", &first),
            ("app/models.py", MODELS),
        ],
    );
    let models = MODELS.replace("    # more", "    age: Mapped[int | None] = mapped_column(index=True)");
    let file = "migrations/versions/0002_age.py";
    let up = "op.add_column('users', sa.Column('age', sa.Integer)); op.create_index('ix_users_age', 'users', ['age'])";
    let whole = revision("0002", "0001", up, "op.drop_column('users', 'age')");
    let half = revision("0002", "0001", up, "op.drop_index('ix_users_age')");
    proved(
        &bed,
        &[
            (
                "sound",
                &[(file, &whole), ("app/models.py", &models)],
                "pass",
                &["warning lock migrations/versions/0002_age.py:10"],
            ),
            (
                "half a way back",
                &[(file, &half), ("app/models.py", &models)],
                "fail",
                &["error incomplete-down", "warning lock"],
            ),
        ],
    );
}
