//! What the stack room says about small repositories of every kind it knows, and what it leaves unknown.

mod parts;

use tenon::stack::{self, Fact, Files, Role, Service, StackReport};

/// Files in memory.
struct Table(Vec<(&'static str, &'static str)>);

impl Files for Table {
    fn read(&self, path: &str) -> Option<String> {
        self.0.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned())
    }

    fn exists(&self, path: &str) -> bool {
        self.0.iter().any(|(name, _)| *name == path || name.starts_with(&format!("{path}/")))
    }

    fn list(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.0.iter().map(|(path, _)| (*path).to_owned()).collect();
        paths.sort();
        paths
    }
}

fn detect(files: &[(&'static str, &'static str)]) -> StackReport {
    stack::detect(&Table(files.to_vec()))
}

fn names(facts: &[Fact]) -> String {
    facts.iter().map(|fact| fact.name.as_str()).collect::<Vec<_>>().join(",")
}

/// `framework packages runners orm migrations databases run port` of a service.
fn line(service: &Service) -> String {
    let or = |text: Option<&str>| text.unwrap_or("?").to_owned();
    let run = service.run.as_ref();
    [
        or(service.framework.as_ref().map(|fact| fact.name.as_str())),
        or(service.package_manager.as_ref().map(|fact| fact.name.as_str())),
        names(&service.test_runners),
        names(&service.orms),
        names(&service.migrations),
        names(&service.databases),
        or(run.and_then(|run| run.command.as_deref())),
        or(run.and_then(|run| run.port).map(|port| port.to_string()).as_deref()),
    ]
    .join(" | ")
}

#[test]
fn every_framework_is_found_with_what_surrounds_it() {
    type Case = (&'static [(&'static str, &'static str)], &'static str);
    let cases: &[Case] = &[
        (
            &[
                ("requirements.txt", "fastapi\nsqlalchemy\nalembic\npsycopg[binary]\npytest\n"),
                ("app/main.py", "from fastapi import FastAPI\napp: FastAPI = FastAPI(title='x')\n"),
                ("alembic.ini", "[alembic]\n"),
            ],
            "fastapi | pip | pytest | sqlalchemy | alembic | postgresql | uvicorn app.main:app | 8000",
        ),
        (
            &[
                ("pyproject.toml", "[tool.poetry]\nname='x'\n[tool.poetry.dependencies]\npython='^3.9'\nDjango='^5'\n"),
                ("poetry.lock", ""),
                ("manage.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x.settings')\n"),
                ("x/settings.py", "'ENGINE': 'django.db.backends.postgresql'\n"),
                ("orders/migrations/0001_initial.py", ""),
            ],
            "django | poetry | django | django-orm | django | postgresql | python manage.py runserver --noreload | 8000",
        ),
        (
            &[("Pipfile", "[packages]\nflask = \"*\"\n"), ("shop.py", "app = Flask(__name__)\n")],
            "flask | pipenv |  |  |  |  | flask --app shop:app run | 5000",
        ),
        (
            &[
                (
                    "package.json",
                    "{\n\"scripts\": {\n\"start\": \"node server.js\",\n\"test\": \"jest\"},\n\"dependencies\": {\n\"express\": \"5\",\n\"pg\": \"8\"}}",
                ),
                ("server.js", "const port = process.env.PORT || 4001;\n"),
                ("package-lock.json", "{}"),
            ],
            "express | npm | jest |  |  | postgresql | npm start | 4001",
        ),
        (
            &[
                (
                    "package.json",
                    "{\n\"packageManager\": \"pnpm@9\",\n\"scripts\": {\n\"start:prod\": \"node dist/main\"},\n\"dependencies\": {\n\"@nestjs/core\": \"11\",\n\"express\": \"5\",\n\"typeorm\": \"0.3\"}}",
                ),
                ("src/main.ts", "await app.listen(3005);\n"),
            ],
            "nestjs | pnpm |  | typeorm |  |  | pnpm run start:prod | 3005",
        ),
        (
            &[
                (
                    "go.mod",
                    "module x\n\ngo 1.19\n\nrequire (\n\tgithub.com/gin-gonic/gin v1.8.1\n\tgithub.com/lib/pq v1.0.0 // indirect\n)\n",
                ),
                ("main.go", "package main\n\nfunc main() {\n\trouter.Run(\":9090\")\n}\n"),
            ],
            "gin | go | go test |  |  |  | go run . | 9090",
        ),
        (
            &[
                ("go.mod", "require github.com/labstack/echo/v4 v4.1.0\n"),
                ("cmd/api/main.go", "package main\nfunc main() {\n\te.Start(\":1323\")\n}\n"),
            ],
            "echo | go | go test |  |  |  | go run ./cmd/api | 1323",
        ),
        (
            &[("go.mod", "require github.com/go-chi/chi/v5 v5.0.0\n"), ("main.go", "package main\nfunc main() {\n}\n")],
            "chi | go | go test |  |  |  | go run . | ?",
        ),
        (
            &[
                ("Cargo.toml", "[workspace]\nmembers = [\"api\"]\n"),
                (
                    "api/Cargo.toml",
                    "[package]\n[dependencies]\naxum = \"0.8\"\nsqlx = { version = \"0.8\", features = [\"postgres\", \"uuid\"] }\n[dev-dependencies]\nactix-web = \"4\"\n",
                ),
                ("api/src/main.rs", "TcpListener::bind(\"0.0.0.0:3000\")\n"),
            ],
            "axum | cargo | cargo test | sqlx |  | postgresql | cargo run -p api | 3000",
        ),
        (
            &[
                ("Cargo.toml", "[dependencies]\nactix-web = \"4\"\n"),
                ("src/main.rs", ".bind((\"127.0.0.1\", 8085))?\n"),
            ],
            "actix | cargo | cargo test |  |  |  | cargo run | 8085",
        ),
        (
            &[
                (
                    "pom.xml",
                    "<project><dependencies>\n<dependency><artifactId>spring-boot-starter-web</artifactId></dependency>\n<dependency><artifactId>spring-boot-starter-data-jpa</artifactId></dependency>\n<dependency><artifactId>junit-jupiter</artifactId><scope>test</scope></dependency>\n</dependencies></project>\n",
                ),
                ("mvnw", ""),
                (
                    "src/main/resources/application.properties",
                    "server.port=9091\nspring.datasource.url=jdbc:postgresql://db/x\n",
                ),
                ("src/main/resources/db/migration/V1__init.sql", ""),
            ],
            "spring-boot | maven | junit | jpa | flyway | postgresql | ./mvnw spring-boot:run | 9091",
        ),
        (
            &[("build.gradle", "plugins { id 'org.springframework.boot' version '3' }\n")],
            "spring-boot | gradle |  |  |  |  | gradle bootRun | 8080",
        ),
        (
            &[("Gemfile", "gem \"rails\"\ngem 'pg'\n"), ("bin/rails", "")],
            "rails | bundler |  | active-record |  | postgresql | bin/rails server | 3000",
        ),
        (
            &[
                ("composer.json", "{\"require\": {\n\"laravel/framework\": \"11\"}}"),
                ("artisan", ""),
                (".env.example", "DB_CONNECTION=mysql\n"),
            ],
            "laravel | composer |  | eloquent |  | mysql | php artisan serve | 8000",
        ),
        (
            &[
                (
                    "Api.csproj",
                    "<Project Sdk=\"Microsoft.NET.Sdk.Web\">\n<PackageReference Include=\"Microsoft.EntityFrameworkCore.SqlServer\" />\n",
                ),
                ("Properties/launchSettings.json", "\"applicationUrl\": \"http://localhost:5123\","),
            ],
            "aspnet | dotnet |  | ef-core |  | sqlserver | dotnet run | 5123",
        ),
    ];
    for (files, expected) in cases {
        let report = detect(files);
        assert_eq!(report.running().first().map(|service| line(service)).as_deref(), Some(*expected), "{report}");
    }
}

#[test]
fn every_package_manager_and_test_runner_is_found_by_its_smallest_sign() {
    type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str, &'static str);
    const PACKAGE: &str = "{\"dependencies\": {\"express\": \"5\"}, \"scripts\": {\"test\": \"RUNNER\"}}";
    let script = |runner: &str| -> &'static str { PACKAGE.replace("RUNNER", runner).leak() };
    let cases: Vec<Case> = vec![
        (leaked(&[("package.json", script("jest")), ("package-lock.json", "{}")]), "npm", "jest", "npm test"),
        (leaked(&[("package.json", script("vitest run")), ("pnpm-lock.yaml", "")]), "pnpm", "vitest", "pnpm test"),
        (leaked(&[("package.json", script("mocha")), ("yarn.lock", "")]), "yarn", "mocha", "yarn test"),
        (leaked(&[("package.json", script("bun test")), ("bun.lock", "")]), "bun", "bun", "bun run test"),
        (leaked(&[("package.json", script("node --test")), ("bun.lockb", "")]), "bun", "node:test", "bun run test"),
        (
            leaked(&[("package.json", "{\"devDependencies\": {\"vitest\": \"4\"}}")]),
            "npm",
            "vitest",
            "npx --no-install vitest run",
        ),
        (leaked(&[("requirements.txt", "pytest\n")]), "pip", "pytest", "python3 -m pytest"),
        (
            leaked(&[
                ("pyproject.toml", "[project]\nname='x'\n[dependency-groups]\ndev=['pytest']\n"),
                ("uv.lock", ""),
            ]),
            "uv",
            "pytest",
            "uv run --offline --no-sync python -m pytest",
        ),
        (
            leaked(&[
                ("pyproject.toml", "[tool.poetry]\nname='x'\n[tool.poetry.group.dev.dependencies]\npytest='*'\n"),
                ("poetry.lock", ""),
            ]),
            "poetry",
            "pytest",
            "poetry run python -m pytest",
        ),
        (
            leaked(&[("Pipfile", "[dev-packages]\npytest = \"*\"\n"), ("Pipfile.lock", "{}")]),
            "pipenv",
            "pytest",
            "pipenv run python -m pytest",
        ),
        (
            leaked(&[
                ("setup.py", ""),
                ("tests/test_a.py", "import unittest\n\nclass A(unittest.TestCase):\n    pass\n"),
            ]),
            "pip",
            "unittest",
            "python3 -m unittest discover",
        ),
        (leaked(&[("go.mod", "module x\n"), ("a_test.go", "package x\n")]), "go", "go test", "go test -v ./..."),
        (leaked(&[("Cargo.toml", "[package]\nname='x'\n")]), "cargo", "cargo test", "cargo test --no-fail-fast"),
        (
            leaked(&[(
                "pom.xml",
                "<project><dependencies><dependency><artifactId>junit</artifactId></dependency></dependencies></project>",
            )]),
            "maven",
            "junit",
            "mvn -B -o test",
        ),
        (
            leaked(&[
                ("build.gradle.kts", "dependencies { testImplementation(\"org.junit.jupiter:junit-jupiter:5\") }\n"),
                ("gradlew", ""),
            ]),
            "gradle",
            "junit",
            "./gradlew test",
        ),
    ];
    let mut wrong = Vec::new();
    for (files, manager, runner, command) in cases {
        let report = detect(files);
        let service = &report.services[0];
        let found = (
            service.package_manager.as_ref().map_or("?", |fact| fact.name.as_str()).to_owned(),
            names(&service.test_runners),
            service.tests.iter().map(|test| test.command.clone()).collect::<Vec<_>>().join("; "),
        );
        let fits = found.0 == manager && found.1.split(',').any(|name| name == runner) && found.2.contains(command);
        if !fits {
            wrong.push(format!("{manager} {runner} {command}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn leaked(files: &[(&'static str, &'static str)]) -> &'static [(&'static str, &'static str)] {
    files.to_vec().leak()
}

#[test]
fn workspaces_of_every_language_are_services_of_their_own() {
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);
    const NODE: &str = "{\"dependencies\": {\"express\": \"5\"}}";
    let cases: &[Case] = &[
        (
            &[
                ("package.json", "{}"),
                ("pnpm-workspace.yaml", "packages: ['apps/*']\n"),
                ("pnpm-lock.yaml", ""),
                ("apps/api/package.json", NODE),
            ],
            &["apps/api javascript express pnpm"],
        ),
        (
            &[
                ("go.work", "go 1.22\nuse ./api\nuse ./worker\n"),
                ("api/go.mod", "module a\nrequire github.com/gin-gonic/gin v1\n"),
                ("worker/go.mod", "module w\n"),
            ],
            &["api go gin go", "worker go ? go"],
        ),
        (
            &[
                ("pom.xml", "<project><modules><module>api</module></modules></project>"),
                (
                    "api/pom.xml",
                    "<project><dependencies><dependency><artifactId>spring-boot-starter-web</artifactId></dependency></dependencies></project>",
                ),
            ],
            // Modules of Maven are tested by the whole, and what starts is a service all the same.
            &[" java ? maven", "api java spring-boot maven"],
        ),
        (
            &[
                ("settings.gradle.kts", "include(\"api\")\n"),
                ("build.gradle.kts", ""),
                ("api/build.gradle.kts", "plugins { id(\"org.springframework.boot\") version \"3\" }\n"),
            ],
            &["api java spring-boot gradle"],
        ),
        (
            &[
                ("pyproject.toml", "[tool.uv.workspace]\nmembers = [\"packages/*\"]\n"),
                ("uv.lock", ""),
                ("packages/api/pyproject.toml", "[project]\nname='api'\ndependencies=['fastapi']\n"),
            ],
            &["packages/api python fastapi uv"],
        ),
        (
            &[
                ("backend/requirements.txt", "django\n"),
                ("backend/manage.py", ""),
                ("frontend/package.json", "{\"dependencies\": {\"@nestjs/core\": \"11\"}}"),
            ],
            &["backend python django pip", "frontend javascript nestjs npm"],
        ),
    ];
    for (files, expected) in cases {
        let report = detect(files);
        let name = |fact: &Option<Fact>| fact.as_ref().map_or("?".to_owned(), |fact| fact.name.clone());
        let found: Vec<String> = report
            .services
            .iter()
            .map(|one| {
                format!("{} {} {} {}", one.folder, one.language, name(&one.framework), name(&one.package_manager))
            })
            .collect();
        for service in *expected {
            assert!(found.iter().any(|one| one == service), "{service} in {found:?}\n{report}");
        }
    }
}

#[test]
fn what_is_not_clear_is_unknown() {
    for files in [
        &[("package.json", "{\"devDependencies\": {\"express\": \"4\"}}")][..],
        &[("package.json", "{\"peerDependencies\": {\"express\": \"4\"}}")],
        &[("package.json", "{\"name\": \"express\"}"), ("lib/express.js", "app.listen(3000)")],
        &[("package.json", "{\"devDependencies\": {\"nitropack\": \"2\"}}")],
        &[("pyproject.toml", "[project]\nname = \"Flask\"\nkeywords = [\"flask\"]\ndependencies = [\"werkzeug\"]\n")],
        &[("go.mod", "require github.com/gin-gonic/gin v1 // indirect\n")],
        &[("Cargo.toml", "[dev-dependencies]\naxum = \"0.8\"\n")],
    ] {
        let report = detect(files);
        assert_eq!(report.services.len(), 1, "{report}");
        assert_eq!((&report.services[0].framework, &report.services[0].run), (&None, &None), "{report}");
    }
    let report = detect(&[("Dockerfile", "FROM scratch\n")]);
    assert!(report.services.is_empty() && names(&report.containers) == "dockerfile", "{report}");
    let report = detect(&[("pyproject.toml", "[project]\ndependencies = [\n"), ("app.py", "")]);
    assert!(report.notes[0].starts_with("pyproject.toml:2"), "{:?}", report.notes);
}

#[test]
fn contradictions_are_said() {
    let lock = |manager: &'static str| {
        let text = if manager.is_empty() { "{}" } else { manager };
        detect(&[("package.json", text), ("yarn.lock", ""), ("package-lock.json", "")])
    };
    let report = lock("");
    assert_eq!(report.conflicts.len(), 1);
    assert!(report.conflicts[0].contains("several lock files (yarn.lock, package-lock.json); yarn counts"));
    let report = lock("{\"packageManager\": \"npm@10\"}");
    assert!(report.conflicts[0].contains("npm counts, `packageManager` says so"), "{:?}", report.conflicts);
    assert_eq!(report.services[0].package_manager.as_ref().unwrap().name, "npm");
}

#[test]
fn members_of_a_whole_are_services_of_their_own() {
    let report = detect(&[
        ("package.json", "{\"workspaces\": [\"packages/*\"]}"),
        ("pnpm-lock.yaml", ""),
        ("packages/api/package.json", "{\"dependencies\": {\"fastify\": \"5\"}, \"scripts\": {\"start\": \"node .\"}}"),
        ("services/py/pyproject.toml", "[project]\ndependencies = [\"fastapi\"]\n[tool.uv]\n"),
        ("docker-compose.yml", "services:\n  db:\n    image: postgres:16\n"),
        (".github/workflows/ci.yml", ""),
        ("fly.toml", ""),
    ]);
    let found: Vec<String> =
        report.services.iter().map(|service| format!("{}: {}", service.folder, line(service))).collect();
    assert_eq!(found[1], "packages/api: fastify | pnpm |  |  |  |  | pnpm start | ?");
    assert_eq!(found[2], "services/py: fastapi | uv |  |  |  |  | ? | ?");
    assert_eq!(
        (names(&report.ci), names(&report.containers), names(&report.deploy)),
        ("github-actions".into(), "compose".into(), "fly".into())
    );
}

#[test]
fn wanted_versions_are_read_and_checked_on_demand() {
    let mut report =
        detect(&[("package.json", "{\"engines\": {\n\"node\": \">=999\"}}"), ("go.mod", "module x\ngo 1.1\n")]);
    let tools: Vec<String> = report
        .services
        .iter()
        .flat_map(|service| &service.toolchain)
        .map(|tool| format!("{} {}", tool.tool, tool.wanted))
        .collect();
    assert_eq!(tools, ["node >=999", "go 1.1"]);
    let tool = &mut report.services[0].toolchain[0];
    assert_eq!((&tool.present, tool.fits), (&None, None), "nothing is run to detect");
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("node");
    std::fs::write(&fake, "#!/bin/sh\necho v20.1.0\n").unwrap();
    std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = folder.path().display().to_string();
    stack::present(tool, &path, folder.path());
    assert_eq!(tool.present, None, "a program of the repository is not run");
    stack::present(tool, &path, std::path::Path::new("/elsewhere"));
    assert_eq!((tool.present.as_deref(), tool.fits), (Some("20.1.0"), Some(false)));
}

const WORKFLOW: &str = "name: ci\non: [push]\njobs:\n  api:\n    steps:\n      - uses: actions/checkout@v4\n      - run: pip install -r requirements.txt\n      - name: Run pytest\n        run: pytest -q --cov=app tests/unit\n      - name: web\n        working-directory: web\n        run: |\n          npm ci\n          npm run test:ci\n";

#[test]
fn what_continuous_integration_runs_comes_before_what_manifests_suggest() {
    let report = detect(&[
        ("requirements.txt", "fastapi\npytest\n"),
        ("tests/unit/test_a.py", "def test_a():\n    pass\n"),
        ("web/package.json", "{\"scripts\": {\"test\": \"jest\", \"test:ci\": \"jest --ci\"}}"),
        (".github/workflows/ci.yml", WORKFLOW),
    ]);
    let first = |index: usize| {
        let test = &report.services[index].tests[0];
        format!("{} ({}:{})", test.command, test.evidence.file, test.evidence.line.unwrap_or(0))
    };
    assert_eq!(first(0), "python3 -m pytest -q tests/unit (.github/workflows/ci.yml:9)", "{report}");
    assert_eq!(
        report.services[0].tests[1].command, "python3 -m pytest",
        "the manifest's stays as the second: {report}"
    );
    assert_eq!(first(1), "npm run test:ci (.github/workflows/ci.yml:14)", "{report}");

    let report = detect(&[
        ("go.mod", "module x\n"),
        ("main.go", "package main\n"),
        (
            ".gitlab-ci.yml",
            "test:\n  image: golang\n  script:\n    - go vet ./...\n    - go test -race -tags unit ./...\n",
        ),
    ]);
    let test = &report.services[0].tests[0];
    assert_eq!((test.command.as_str(), test.evidence.line), ("go test -v -tags unit ./...", Some(5)), "{report}");

    let mut report = report;
    report.overruled_by("make check");
    assert_eq!(report.services[0].tests[0].command, "make check");
}

#[test]
fn the_label_of_a_project_is_short() {
    for (files, expected) in [
        (&[("requirements.txt", "fastapi\n"), ("main.py", "")][..], Some("python/fastapi")),
        (
            &[
                ("requirements.txt", "fastapi\n"),
                ("web/package.json", "{\"scripts\": {\"dev\": \"vite\"}, \"dependencies\": {\"react-dom\": \"19\"}}"),
            ],
            Some("python/fastapi +javascript/react"),
        ),
        (&[("requirements.txt", "fastapi\n"), ("web/package.json", "{}")], Some("python/fastapi")),
        (&[("a.txt", "")], None),
    ] {
        assert_eq!(detect(files).label().as_deref(), expected);
    }
}

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <artifactId>quarkus-migration-notes</artifactId>
  <parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId><version>3.4.0</version></parent>
  <dependencies>
    <dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-web</artifactId></dependency>
    <dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><scope>runtime</scope></dependency>
    <!-- <dependency><artifactId>mybatis</artifactId></dependency> -->
  </dependencies>
  <build><plugins>
    <plugin><groupId>org.flywaydb</groupId><artifactId>flyway-maven-plugin</artifactId></plugin>
    <plugin><groupId>com.diffplug.spotless</groupId><artifactId>spotless-maven-plugin</artifactId></plugin>
    <plugin><artifactId>maven-checkstyle-plugin</artifactId></plugin>
  </plugins></build>
</project>
"#;

#[test]
fn maven_and_gradle_are_known_by_their_plugins() {
    let gradle = "plugins {\n    id 'java'\n    id 'org.springframework.boot' version '3.4.0'\n    id \"com.diffplug.spotless\" version \"7.0.0\"\n    id 'checkstyle'\n    // id 'io.quarkus'\n    id 'org.flywaydb.flyway' version '11.0.0'\n}\n\ndependencies {\n    implementation 'org.springframework.boot:spring-boot-starter-web'\n    runtimeOnly 'org.postgresql:postgresql'\n}\n";
    for files in [&[("pom.xml", POM)], &[("build.gradle", gradle)]] {
        let report = detect(files);
        let service = &report.services[0];
        assert_eq!(service.framework.as_ref().map(|fact| fact.name.as_str()), Some("spring-boot"), "{report}");
        assert!(service.also.is_empty(), "its own name and comments say nothing: {report}");
        assert_eq!(names(&service.migrations), "flyway", "{report}");
        assert_eq!(names(&service.databases), "postgresql", "{report}");
        assert_eq!(names(&service.formatters), "spotless", "{report}");
        assert_eq!(names(&service.linters), "checkstyle", "{report}");
        assert!(names(&service.orms).is_empty(), "{report}");
    }
}
