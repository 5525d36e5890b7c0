//! Names that are one slip away from those everybody uses.

/// Well-known packages, by language. Two well-known names near each other are both fine.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "python",
        &[
            "requests",
            "django",
            "flask",
            "fastapi",
            "uvicorn",
            "gunicorn",
            "sqlalchemy",
            "alembic",
            "pydantic",
            "celery",
            "pytest",
            "numpy",
            "pandas",
            "boto3",
            "botocore",
            "httpx",
            "urllib3",
            "cryptography",
            "psycopg2",
            "psycopg2-binary",
            "psycopg",
            "pymongo",
            "redis",
            "jinja2",
            "click",
            "pyyaml",
            "python-dateutil",
            "python-dotenv",
            "setuptools",
            "werkzeug",
            "starlette",
            "aiohttp",
            "asyncpg",
            "marshmallow",
            "pyjwt",
            "passlib",
            "bcrypt",
            "pillow",
            "beautifulsoup4",
            "djangorestframework",
            "sentry-sdk",
            "structlog",
            "tenacity",
            "colorama",
            "certifi",
            "packaging",
        ],
    ),
    (
        "javascript",
        &[
            "express",
            "lodash",
            "react",
            "axios",
            "mongoose",
            "sequelize",
            "typeorm",
            "prisma",
            "knex",
            "jest",
            "mocha",
            "chai",
            "supertest",
            "typescript",
            "eslint",
            "prettier",
            "webpack",
            "babel",
            "dotenv",
            "cors",
            "helmet",
            "morgan",
            "jsonwebtoken",
            "bcrypt",
            "bcryptjs",
            "nodemon",
            "socket.io",
            "redis",
            "ioredis",
            "mysql2",
            "moment",
            "dayjs",
            "commander",
            "chalk",
            "uuid",
            "zod",
            "winston",
            "pino",
            "fastify",
            "passport",
            "multer",
            "nodemailer",
            "cross-env",
            "body-parser",
            "cookie-parser",
            "express-rate-limit",
            "node-fetch",
            "debug",
            "async",
            "request",
            "colors",
        ],
    ),
    (
        "rust",
        &[
            "serde",
            "serde_json",
            "tokio",
            "anyhow",
            "thiserror",
            "clap",
            "reqwest",
            "axum",
            "actix-web",
            "sqlx",
            "diesel",
            "rand",
            "regex",
            "chrono",
            "tracing",
            "log",
            "hyper",
            "futures",
            "uuid",
            "bytes",
            "rayon",
            "itertools",
            "async-trait",
        ],
    ),
];

/// The well-known name that was meant, when this one is a slip of it.
pub(super) fn misspelt(language: &str, name: &str) -> Option<&'static str> {
    let language = if language == "typescript" { "javascript" } else { language };
    let (_, known) = KNOWN.iter().find(|(known, _)| *known == language)?;
    if known.contains(&name) || name.starts_with('@') {
        return None;
    }
    let plain = |name: &str| name.replace(['-', '_', '.'], "");
    known.iter().copied().find(|other| {
        let long = other.len() >= 5 && name.len() >= 4;
        let slip = long && strsim::osa_distance(other, name) == 1;
        // `python-requests`, `requestsjs`: another name, and a favourite of those who wait for a slip.
        slip || long && name != *other && plain(name) == plain(other)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_names_of_their_own_are_not() {
        for (language, name, meant) in [
            ("python", "reqeusts", Some("requests")),
            ("python", "requests", None),
            ("python", "requests-mock", None),
            ("python", "djnago", Some("django")),
            ("python", "psycopg2", None),
            ("typescript", "expres", Some("express")),
            ("javascript", "lodahs", Some("lodash")),
            ("javascript", "crossenv", Some("cross-env")),
            ("javascript", "@acme/expres", None),
            ("javascript", "koa", None),
            ("go", "x", None),
        ] {
            assert_eq!(misspelt(language, name), meant, "{name}");
        }
    }
}
