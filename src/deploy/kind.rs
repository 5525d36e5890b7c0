//! What a deploy file is, by its name, its place and, where these do not tell, its text.

/// What a deploy file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dockerfile,
    Compose,
    Actions,
    Gitlab,
    Kubernetes,
    Nginx,
    Systemd,
    Procfile,
    Pm2,
    Environment,
    /// Read by others only.
    Script,
    /// Read by others only.
    Terraform,
}

impl Kind {
    /// The kind `assets/deploy.toml` calls by this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "dockerfile" => Self::Dockerfile,
            "compose" => Self::Compose,
            "actions" => Self::Actions,
            "gitlab" => Self::Gitlab,
            "kubernetes" => Self::Kubernetes,
            "nginx" => Self::Nginx,
            "systemd" => Self::Systemd,
            "script" => Self::Script,
            "terraform" => Self::Terraform,
            _ => return None,
        })
    }

    /// Nothing here reads it; others may.
    pub(super) fn is_foreign(self) -> bool {
        matches!(self, Self::Script | Self::Terraform)
    }
}

/// What a file is; for those of Kubernetes and a few others their text decides.
pub(super) fn kind(path: &str, text: &str) -> Option<Kind> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let lower = name.to_ascii_lowercase();
    let yaml = lower.ends_with(".yml") || lower.ends_with(".yaml");
    let container = |word: &str| {
        name == word
            || name.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', '-', '_'])) && is_plain_end(&lower)
            || lower.ends_with(&format!(".{}", word.to_ascii_lowercase()))
    };
    if container("Dockerfile") || container("Containerfile") {
        return (!lower.ends_with(".dockerignore")).then_some(Kind::Dockerfile);
    }
    if yaml && (folder == ".github/workflows" || folder.ends_with("/.github/workflows")) {
        return Some(Kind::Actions);
    }
    if lower == ".gitlab-ci.yml"
        || lower == ".gitlab-ci.yaml"
        || yaml && folder.split('/').any(|part| part == ".gitlab-ci")
    {
        return Some(Kind::Gitlab);
    }
    let composed = lower.starts_with("docker-compose")
        || lower == "compose.yml"
        || lower == "compose.yaml"
        || lower.starts_with("compose.");
    if yaml && composed {
        return Some(Kind::Compose);
    }
    if super::rules::rules().environment.files.contains(&lower) {
        return Some(Kind::Environment);
    }
    if name == "Procfile" || lower.starts_with("procfile.") {
        return Some(Kind::Procfile);
    }
    if lower.starts_with("ecosystem.config.") || lower == "pm2.config.js" || lower == "pm2.json" {
        return Some(Kind::Pm2);
    }
    if lower.ends_with(".service") && text.contains("[Service]")
        || (lower.ends_with(".timer") || lower.ends_with(".socket")) && text.contains("[Unit]")
    {
        return Some(Kind::Systemd);
    }
    if lower.ends_with(".tf") {
        return Some(Kind::Terraform);
    }
    if lower.ends_with(".sh") && is_run_in_production(folder, &lower) {
        return Some(Kind::Script);
    }
    if is_nginx(folder, &lower, text) {
        return Some(Kind::Nginx);
    }
    (yaml && super::kubernetes::looks_like(text)).then_some(Kind::Kubernetes)
}

/// `Dockerfile.prod` is one, `Dockerfile.md` and `Dockerfile.j2` are not.
fn is_plain_end(lower: &str) -> bool {
    let end = lower.rsplit('.').next().unwrap_or_default();
    !matches!(
        end,
        "md" | "j2"
            | "erb"
            | "tmpl"
            | "tpl"
            | "template"
            | "in"
            | "txt"
            | "py"
            | "go"
            | "rs"
            | "js"
            | "ts"
            | "vim"
            | "sh"
            | "jinja"
            | "mustache"
            | "hbs"
            | "dockerignore"
    )
}

fn is_nginx(folder: &str, lower: &str, text: &str) -> bool {
    let named = lower == "nginx.conf"
        || lower.ends_with(".nginx")
        || lower.ends_with(".nginx.conf")
        || lower.starts_with("nginx") && lower.ends_with(".conf");
    let placed = folder.split('/').any(|part| part == "nginx") && lower.ends_with(".conf");
    (named || placed) && (text.contains("server") || text.contains("http") || text.contains("upstream"))
}

/// A script that starts, builds or deploys a service.
fn is_run_in_production(folder: &str, lower: &str) -> bool {
    let placed = ["deploy", "deployment", "docker", "scripts", "script", "bin", "ci", ".github", "ops", "infra", "k8s"];
    let named = ["entrypoint", "deploy", "release", "build", "start", "run", "migrate", "healthcheck", "backup"];
    folder.split('/').any(|part| placed.contains(&part)) || named.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_name_and_place() {
        for (path, text, expected) in [
            ("Dockerfile", "", Some(Kind::Dockerfile)),
            ("docker/Dockerfile.prod", "", Some(Kind::Dockerfile)),
            ("api.Dockerfile", "", Some(Kind::Dockerfile)),
            ("docs/Dockerfile.md", "", None),
            ("Dockerfile.dockerignore", "", None),
            (".github/workflows/ci.yml", "", Some(Kind::Actions)),
            (".github/dependabot.yml", "", None),
            ("docker-compose.dev.yml", "", Some(Kind::Compose)),
            (".gitlab-ci.yml", "", Some(Kind::Gitlab)),
            ("k8s/api.yaml", "apiVersion: v1\nkind: Service\n", Some(Kind::Kubernetes)),
            ("config.yaml", "a: 1", None),
            ("deploy/nginx/site.conf", "server {}", Some(Kind::Nginx)),
            ("api.service", "[Service]\n", Some(Kind::Systemd)),
            ("src/user.service.ts", "", None),
            ("Procfile", "", Some(Kind::Procfile)),
            ("ecosystem.config.cjs", "", Some(Kind::Pm2)),
            (".env.example", "", Some(Kind::Environment)),
            (".env", "", None),
            ("deploy/run.sh", "", Some(Kind::Script)),
            ("tests/helper.sh", "", None),
            ("infra/main.tf", "", Some(Kind::Terraform)),
        ] {
            assert_eq!(kind(path, text), expected, "{path}");
        }
    }
}
