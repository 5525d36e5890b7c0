//! The environment of commands: what a tool chain needs, without what opens doors.

use std::collections::BTreeMap;

/// Variables that commands inherit. Credential-looking ones are dropped when it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

/// Words of a name (between underscores) that mark a credential.
const WORDS: [&str; 22] = [
    "KEY",
    "KEYS",
    "TOKEN",
    "TOKENS",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWORDS",
    "PASSWD",
    "PASS",
    "PASSPHRASE",
    "PWD",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "AUTH",
    "COOKIE",
    "COOKIES",
    "PAT",
    "DSN",
    "ASKPASS",
    "PASSFILE",
];

/// Endings of a word that mark a credential even when words are not separated.
const ENDINGS: [&str; 7] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "APIKEY", "CREDENTIALS", "PASSFILE"];

/// Families of variables that are about accounts, agents and remote machines.
const PREFIXES: [&str; 12] =
    ["AWS_", "AZURE_", "GCP_", "CLOUDSDK_", "GOOGLE_", "VAULT_", "SSH_", "GPG_", "KUBE", "DOCKER_", "OP_", "TENON_"];

/// Variables that would point commands at another repository, a folder they cannot write, or the user's session.
const MISLEADING: [&str; 16] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "TMPDIR",
    "TMP",
    "TEMP",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "PWD",
    "OLDPWD",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
];

/// Beginnings of values that are credentials whatever their name.
const VALUES: [&str; 12] = [
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "-----BEGIN",
    "eyJhbGciOi",
    "npm_",
];

/// Schemes of addresses of databases and brokers: real data, never reachable by a command.
const DATABASES: [&str; 12] = [
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "redis",
    "rediss",
    "amqp",
    "amqps",
    "sqlserver",
    "clickhouse",
];

/// Set for every command: plain output, no pager, no question.
const FIXED: [(&str, &str); 9] = [
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("PYTHONUNBUFFERED", "1"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("GCM_INTERACTIVE", "never"),
];

impl Environment {
    /// What may be inherited of an environment.
    pub fn cleaned(environment: &BTreeMap<String, String>) -> Self {
        let mut kept: BTreeMap<String, String> = environment
            .iter()
            .filter(|(name, value)| !is_credential(name, value) && !MISLEADING.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for (name, value) in FIXED {
            kept.insert(name.to_owned(), value.to_owned());
        }
        kept.entry("PATH".to_owned()).or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
        Self(kept)
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All variables by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Whether a variable looks like a credential, by its name or by its value.
pub(super) fn is_credential(name: &str, value: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    // The working folder is no password although its name is an abbreviation of one.
    if upper == "PWD" || upper == "OLDPWD" {
        return false;
    }
    PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
        || upper.split('_').any(|word| WORDS.contains(&word) || ENDINGS.iter().any(|ending| word.ends_with(ending)))
        || VALUES.iter().any(|start| value.starts_with(start))
        || is_private_address(value)
}

/// An address with a password in it, or of a database.
fn is_private_address(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme).to_ascii_lowercase();
    let scheme = scheme.split('+').next().unwrap_or(&scheme).to_owned();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    password || DATABASES.contains(&scheme.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_dropped_and_tools_keep_what_they_need() {
        for (name, value, kept) in [
            ("PATH", "/bin", true),
            ("HOME", "/home/a", true),
            ("LANG", "C.UTF-8", true),
            ("CARGO_HOME", "/home/a/.cargo", true),
            ("TOKENIZERS_PARALLELISM", "false", true),
            ("KEYBOARD", "de", true),
            ("MONKEY", "1", true),
            ("http_proxy", "http://proxy:3128", true),
            ("OPENAI_API_KEY", "x", false),
            ("GITHUB_TOKEN", "x", false),
            ("GHTOKEN", "x", false),
            ("PGPASSWORD", "x", false),
            ("MYSQL_PWD", "x", false),
            ("AWS_PROFILE", "x", false),
            ("SSH_AUTH_SOCK", "/tmp/a", false),
            ("SENTRY_DSN", "x", false),
            ("DATABASE_URL", "postgres://localhost/app", false),
            ("CACHE", "redis://h:1", false),
            ("REPOSITORY", "https://me:hunter2@example.org/x", false),
            ("SOMETHING", "ghp_abc", false),
            ("db_password", "x", false),
            ("GIT_DIR", "/r/.git", false),
            ("TMPDIR", "/somewhere", false),
            ("CARGO_TARGET_DIR", "/somewhere", false),
        ] {
            let given = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(Environment::cleaned(&given).get(name) == Some(value), kept, "{name}={value}");
        }
    }
}
