//! What listens in a tree of several projects is a service of its own, and what it is built from is not.

use super::{Fact, Role, Service, detect, leaked, names};

/// `folder role framework run@folder port orms databases`, of what runs.
fn line(service: &Service) -> String {
    let run = service.run.as_ref();
    let command = run.and_then(|run| run.command.clone()).unwrap_or_else(|| "?".to_owned());
    format!(
        "{} {} {} | {command} @{} {} | {} | {}",
        if service.folder.is_empty() { "." } else { &service.folder },
        service.role.title(),
        service.framework.as_ref().map_or("?", |fact: &Fact| fact.name.as_str()),
        run.map_or("", |run| run.folder.as_str()),
        run.and_then(|run| run.port).map_or("?".to_owned(), |port| port.to_string()),
        names(&service.orms),
        names(&service.databases),
    )
}

type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for (files, expected) in cases {
        let report = detect(files);
        let found: Vec<String> = report.running().into_iter().map(line).collect();
        if found != *expected {
            wrong.push(format!("{found:#?}\ninstead of {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const PARENT: &str = "<project><artifactId>shop</artifactId><packaging>pom</packaging><modules>\n<module>store</module>\n<module>orders</module>\n<module>stock</module></modules></project>";
const STORE: &str = "<project><artifactId>store</artifactId><dependencies><dependency><artifactId>spring-boot-starter-data-jpa</artifactId></dependency><dependency><artifactId>postgresql</artifactId></dependency></dependencies></project>";
const ORDERS: &str = "<project><artifactId>orders</artifactId><dependencies><dependency><artifactId>store</artifactId></dependency><dependency><artifactId>spring-boot-starter-web</artifactId></dependency></dependencies></project>";
const STOCK: &str = "<project><artifactId>stock</artifactId><dependencies><dependency><artifactId>spring-boot-starter-web</artifactId></dependency></dependencies></project>";

#[test]
fn two_applications_in_one_build_of_maven_are_two_services() {
    check(&[(
        &[
            ("mvnw", ""),
            ("pom.xml", PARENT),
            ("store/pom.xml", STORE),
            ("store/src/main/java/shop/Store.java", "class Store {}\n"),
            ("orders/pom.xml", ORDERS),
            (
                "orders/src/main/java/shop/deep/down/OrdersApplication.java",
                "@SpringBootApplication\nclass OrdersApplication {}\n",
            ),
            ("orders/src/main/resources/application.properties", "server.port = 8081\n"),
            ("stock/pom.xml", STOCK),
            (
                "stock/src/main/java/shop/Main.java",
                "public static void main(String[] a) { SpringApplication.run(Main.class, a); }\n",
            ),
            ("stock/src/main/resources/application.yml", "server:\n  address: 0.0.0.0\n  port: ${PORT:8082}\n"),
        ],
        &[
            "orders service spring-boot | ./mvnw -q -pl orders -am install -DskipTests && ./mvnw -pl orders spring-boot:run @ 8081 | jpa | postgresql",
            "stock service spring-boot | ./mvnw -pl stock spring-boot:run @ 8082 |  | ",
        ],
    )]);
}

#[test]
fn projects_of_gradle_are_read_with_what_the_root_the_catalogue_and_conventions_say() {
    const ROOT: &str = "subprojects {\n    apply plugin: 'org.springframework.boot'\n    dependencies {\n        implementation 'org.springframework.boot:spring-boot-starter-web'\n    }\n}\n";
    const APP: &str = "@SpringBootApplication\nclass App {}\n";
    const CATALOGUE: &str = "[libraries]\ndata-jpa = { module = \"org.springframework.boot:spring-boot-starter-data-jpa\" }\npg = \"org.postgresql:postgresql:42\"\n[bundles]\nstore = [\"data-jpa\", \"pg\"]\n[plugins]\nboot = { id = \"org.springframework.boot\", version = \"3\" }\n";
    check(&[
        (
            &[
                ("settings.gradle", "include 'store', 'api'\n"),
                ("build.gradle", ROOT),
                ("store/build.gradle", "dependencies { runtimeOnly 'org.postgresql:postgresql:42' }\n"),
                ("store/src/main/java/Store.java", "class Store {}\n"),
                ("api/build.gradle", "dependencies {\n    implementation project(':store')\n}\n"),
                ("api/src/main/java/App.java", APP),
            ],
            &["api service spring-boot | gradle :api:bootRun @ 8080 |  | postgresql"],
        ),
        (
            &[
                ("gradlew", ""),
                ("settings.gradle.kts", "include(\n    \"services:bills\",\n    \"libs:data\",\n)\n"),
                ("gradle/libs.versions.toml", CATALOGUE),
                ("buildSrc/build.gradle.kts", "plugins { `kotlin-dsl` }\n"),
                ("buildSrc/src/main/kotlin/our.app.gradle.kts", "plugins {\n    id(\"org.springframework.boot\")\n}\n"),
                (
                    "services/bills/build.gradle.kts",
                    "plugins {\n    id(\"our.app\")\n}\ndependencies {\n    implementation(projects.libs.data)\n    implementation(\"org.springframework.boot:spring-boot-starter-web\")\n}\n",
                ),
                ("services/bills/src/main/kotlin/App.kt", "@SpringBootApplication\nclass App\n"),
                ("libs/data/build.gradle.kts", "dependencies {\n    api(libs.bundles.store)\n}\n"),
                ("libs/data/src/main/kotlin/Data.kt", "class Data\n"),
            ],
            &["services/bills service spring-boot | ./gradlew :services:bills:bootRun @ 8080 | jpa | postgresql"],
        ),
    ]);
}

#[test]
fn commands_of_go_that_listen_are_services() {
    const MOD: &str = "module shop.example/shop\n\nrequire (\n\tgithub.com/gin-gonic/gin v1\n\tgithub.com/go-chi/chi/v5 v5\n\tgorm.io/gorm v1\n\tgorm.io/driver/postgres v1\n)\n";
    const API: &str = "package main\n\nimport \"shop.example/shop/internal/api\"\n\nfunc main() {\n\tapi.Run()\n}\n";
    const SERVER: &str = "package api\n\nimport (\n\t\"github.com/gin-gonic/gin\"\n\t\"gorm.io/gorm\"\n\t\"gorm.io/driver/postgres\"\n)\n\nfunc Run() {\n\tr := gin.New()\n\tr.Run(\":8090\")\n}\n";
    const EDGE: &str = "package main\n\nimport (\n\t\"net/http\"\n\t\"github.com/go-chi/chi/v5\"\n)\n\nfunc main() {\n\thttp.ListenAndServe(\":8091\", chi.NewRouter())\n}\n";
    const TOOL: &str = "package main\n\nimport \"gorm.io/gorm\"\n\nfunc main() {\n}\n";
    check(&[
        (
            &[
                ("go.mod", MOD),
                ("cmd/admin/main.go", TOOL),
                ("cmd/api/main.go", API),
                ("cmd/edge/main.go", EDGE),
                ("internal/api/server.go", SERVER),
            ],
            &[
                "cmd/api service gin | go run ./cmd/api @ 8090 | gorm | postgresql",
                "cmd/edge service chi | go run ./cmd/edge @ 8091 |  | ",
            ],
        ),
        // Of one that listens and a tool that does not, the first is what runs.
        (
            &[("go.mod", MOD), ("cmd/admin/main.go", TOOL), ("cmd/edge/main.go", EDGE)],
            &[". service gin | go run ./cmd/edge @ 8091 | gorm | postgresql"],
        ),
        (
            &[
                ("go.mod", "module x\n"),
                (
                    "main.go",
                    "package main\n\nimport \"net/http\"\n\nfunc main() {\n\thttp.ListenAndServe(\":8080\", nil)\n}\n",
                ),
            ],
            &[". service net/http | go run . @ 8080 |  | "],
        ),
    ]);
}

#[test]
fn crates_that_listen_are_services() {
    const WHOLE: &str = "[workspace]\nmembers = [\"apps/*\", \"crates/*\"]\n[workspace.dependencies]\nsqlx = { version = \"0.8\", features = [\n  \"postgres\",\n] }\naxum = \"0.8\"\n";
    const STORE: &str = "[package]\nname = \"store\"\n[dependencies]\nsqlx.workspace = true\n";
    check(&[(
        &[
            ("Cargo.toml", WHOLE),
            ("crates/store/Cargo.toml", STORE),
            ("crates/store/src/lib.rs", ""),
            (
                "apps/public/Cargo.toml",
                "[package]\nname = \"public-api\"\n[dependencies]\naxum.workspace = true\nstore = { path = \"../../crates/store\" }\n",
            ),
            ("apps/public/src/main.rs", "let listener = TcpListener::bind(\"0.0.0.0:3000\").await?;\n"),
            ("apps/admin/Cargo.toml", "[package]\nname = \"admin\"\n[dependencies]\nactix-web = \"4\"\n"),
            ("apps/admin/src/main.rs", "HttpServer::new(app).bind((\"127.0.0.1\", 8085))?\n"),
            (
                "apps/tool/Cargo.toml",
                "[package]\nname = \"tool\"\n[dependencies]\nstore = { path = \"../../crates/store\" }\n",
            ),
            ("apps/tool/src/main.rs", "fn main() {}\n"),
        ],
        &[
            "apps/admin service actix | cargo run -p admin @ 8085 |  | ",
            "apps/public service axum | cargo run -p public-api @ 3000 | sqlx | postgresql",
        ],
    )]);
}

#[test]
fn applications_in_workspaces_of_node_are_services_with_what_they_are_built_on() {
    const DB: &str = "{\"name\": \"@shop/db\", \"main\": \"index.js\", \"dependencies\": {\"@prisma/client\": \"6\"}}";
    const NEST: &str = "{\"projects\": {\n\"gate\": {\"type\": \"application\", \"root\": \"apps/gate\", \"sourceRoot\": \"apps/gate/src\"},\n\"bills\": {\"type\": \"application\", \"root\": \"apps/bills\", \"sourceRoot\": \"apps/bills/src\"},\n\"kit\": {\"type\": \"library\", \"root\": \"libs/kit\"}}}";
    const APPLICATION: &str = "{\"name\": \"orders\", \"projectType\": \"application\"}";
    check(&[
        (
            &[
                (
                    "package.json",
                    "{\"workspaces\": [\"apps/*\", \"packages/*\"], \"scripts\": {\"dev\": \"turbo dev\"}}",
                ),
                (
                    "apps/api/package.json",
                    "{\"name\": \"@shop/api\", \"scripts\": {\"start\": \"node .\"}, \"dependencies\": {\"fastify\": \"5\", \"@shop/db\": \"workspace:*\"}}",
                ),
                (
                    "apps/web/package.json",
                    "{\"name\": \"web\", \"scripts\": {\"dev\": \"next dev -p 3001\"}, \"dependencies\": {\"next\": \"15\", \"react-dom\": \"19\"}}",
                ),
                ("packages/db/package.json", DB),
                ("packages/db/prisma/schema.prisma", "datasource db {\n  provider = \"postgresql\"\n}\n"),
                (
                    "packages/log/package.json",
                    "{\"name\": \"@shop/log\", \"main\": \"index.js\", \"dependencies\": {\"express\": \"5\"}}",
                ),
                ("packages/log/index.js", "module.exports = (app) => app.use(log);\n"),
            ],
            &[
                "apps/api service fastify | npm start @apps/api ? | prisma | postgresql",
                "apps/web service next | npm run dev @apps/web 3001 |  | ",
            ],
        ),
        (
            &[
                (
                    "package.json",
                    "{\"dependencies\": {\"@nestjs/core\": \"11\"}, \"scripts\": {\"start\": \"nest start\"}}",
                ),
                ("nest-cli.json", NEST),
                ("apps/gate/src/main.ts", "const app = await NestFactory.create(Gate);\nawait app.listen(3000);\n"),
                ("apps/bills/src/main.ts", "const app = await NestFactory.create(Bills);\nawait app.listen(3010);\n"),
                ("libs/kit/src/index.ts", ""),
            ],
            &[
                "apps/gate service nestjs | npx nest start gate @ 3000 |  | ",
                "apps/bills service nestjs | npx nest start bills @ 3010 |  | ",
            ],
        ),
        (
            &[
                ("package.json", "{\"dependencies\": {\"express\": \"5\"}}"),
                ("nx.json", "{}"),
                ("apps/orders/project.json", APPLICATION),
                ("apps/orders/src/main.ts", "app.listen(3333);\n"),
                ("libs/kit/project.json", "{\"name\": \"kit\", \"projectType\": \"library\"}"),
                ("libs/kit/src/index.ts", ""),
            ],
            &["apps/orders service express | npx nx serve orders @ 3333 |  | "],
        ),
    ]);
}

#[test]
fn members_of_python_workspaces_have_what_they_are_built_on() {
    const WHOLE: &str = "[project]\nname = \"shop\"\n[tool.uv.workspace]\nmembers = [\"services/*\", \"packages/*\"]\n[dependency-groups]\ndev = [\"pytest\", \"ruff\"]\n";
    check(&[
        (
            &[
                ("pyproject.toml", WHOLE),
                ("uv.lock", ""),
                (
                    "packages/models/pyproject.toml",
                    "[project]\nname = \"shop-models\"\ndependencies = [\"sqlalchemy\", \"asyncpg\"]\n",
                ),
                ("packages/models/src/models/__init__.py", ""),
                (
                    "services/catalogue/pyproject.toml",
                    "[project]\nname = \"catalogue\"\ndependencies = [\"fastapi\", \"shop-models\"]\n[tool.uv.sources]\nshop-models = { workspace = true }\n",
                ),
                ("services/catalogue/src/catalogue/app.py", "app = FastAPI()\n"),
                ("services/mail/pyproject.toml", "[project]\nname = \"mail\"\ndependencies = [\"flask\"]\n"),
                ("services/mail/mail/__init__.py", "def create_app():\n    return Flask(__name__)\n"),
            ],
            &[
                "services/catalogue service fastapi | uvicorn catalogue.app:app @services/catalogue 8000 | sqlalchemy | postgresql",
                "services/mail service flask | flask --app mail run @services/mail 5000 |  | ",
            ],
        ),
        (
            &[
                (
                    "api/pyproject.toml",
                    "[tool.poetry]\nname = \"api\"\n[tool.poetry.dependencies]\nfastapi = \"*\"\nshared = { path = \"../shared\", develop = true }\n",
                ),
                ("api/api/main.py", "app = FastAPI()\n"),
                (
                    "shared/pyproject.toml",
                    "[tool.poetry]\nname = \"shared\"\n[tool.poetry.dependencies]\npsycopg = \"^3\"\n",
                ),
                ("shared/shared/db.py", ""),
            ],
            &["api service fastapi | uvicorn api.main:app @api 8000 |  | postgresql"],
        ),
        // Django whose program lies below its manifest.
        (
            &[
                ("requirements.txt", "Django==5\npsycopg\n"),
                ("shop/manage.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"),
                ("shop/shop/settings.py", ""),
            ],
            &[". service django | python shop/manage.py runserver --noreload @ 8000 | django-orm | postgresql"],
        ),
    ]);
}

#[test]
fn projects_of_net_and_ruby_are_services_when_they_run() {
    const WEB: &str = "<Project Sdk=\"Microsoft.NET.Sdk.Web\">\n<ItemGroup>\n<ProjectReference Include=\"..\\Data\\Data.csproj\" />\n</ItemGroup>\n</Project>\n";
    const DATA: &str = "<Project Sdk=\"Microsoft.NET.Sdk\">\n<PackageReference Include=\"Microsoft.EntityFrameworkCore.SqlServer\" />\n</Project>\n";
    const TESTS: &str = "<Project Sdk=\"Microsoft.NET.Sdk\">\n<PackageReference Include=\"Microsoft.NET.Test.Sdk\" />\n<PackageReference Include=\"nunit\" />\n</Project>\n";
    let files = leaked(&[
        ("Shop.sln", ""),
        ("src/Web/Web.csproj", WEB),
        ("src/Admin/Admin.csproj", "<Project Sdk=\"Microsoft.NET.Sdk.Web\">\n</Project>\n"),
        ("src/Data/Data.csproj", DATA),
        ("tests/Web.Tests/Web.Tests.csproj", TESTS),
    ]);
    check(&[
        (
            files,
            &[
                "src/Admin service aspnet | dotnet run @src/Admin 5000 |  | ",
                "src/Web service aspnet | dotnet run @src/Web 5000 | ef-core | sqlserver",
            ],
        ),
        (
            &[
                ("Gemfile", "gem \"rails\"\ngem \"pg\"\n"),
                ("config/application.rb", ""),
                ("engines/bills/Gemfile", "gemspec\ngem \"rails\"\n"),
                ("engines/bills/bills.gemspec", ""),
                ("engines/bills/lib/bills/engine.rb", ""),
            ],
            &[". service rails | bin/rails server @ 3000 | active-record | postgresql"],
        ),
    ]);
    let report = detect(files);
    let web = report.services.iter().find(|service| service.folder == "src/Web").unwrap();
    assert_eq!(names(&web.test_runners), "nunit");
    assert_eq!(web.tests.first().map(|test| test.command.as_str()), Some("dotnet test"), "{report}");
    let roles: Vec<(&str, Role)> = report.others().iter().map(|other| (other.folder.as_str(), other.role)).collect();
    assert_eq!(roles, [("", Role::Workspace), ("src/Data", Role::Library)]);
}

#[test]
fn gates_see_the_whole_and_not_its_parts() {
    let report =
        detect(&[("pom.xml", PARENT), ("store/pom.xml", STORE), ("orders/pom.xml", ORDERS), ("stock/pom.xml", STOCK)]);
    assert_eq!(report.running().len(), 2, "{report}");
    for folders in [report.tested_by(&["orders/src/a.java"]), report.touched_by(&["orders/src/a.java"])] {
        assert_eq!(folders.iter().map(|service| service.folder.as_str()).collect::<Vec<_>>(), [""]);
    }
}
