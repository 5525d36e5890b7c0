//! What Maven and Gradle files say: plugins and dependencies as elements and calls, not as words that stand somewhere.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Dependency;
use crate::stack::rules::Place;

/// Files of a build that are read; members of a whole are below it.
const MOST: usize = 150;
/// How deep they lie.
const DEEPEST: usize = 5;

/// What the builds in this folder and below it need.
pub(super) fn read(place: &Place<'_>) -> Vec<Dependency> {
    let near = |path: &&&str| path.matches('/').count() <= DEEPEST;
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let built = |path: &&&str| {
        let name = name(path);
        name == "pom.xml" || is_script(&name)
    };
    place.paths.iter().filter(near).filter(built).take(MOST).flat_map(|file| of_file(place, file)).collect()
}

/// Whether a file is a build script of Gradle. Some name it after its project.
pub(in crate::stack) fn is_script(name: &str) -> bool {
    (name.ends_with(".gradle") || name.ends_with(".gradle.kts")) && !name.starts_with("settings.")
}

/// What one file says.
pub(in crate::stack) fn of_file(place: &Place<'_>, file: &str) -> Vec<Dependency> {
    let text = place.read(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    if file.ends_with("pom.xml") {
        let found = pom(&text).into_iter().filter(|one| one.is != Named::Itself).map(|one| {
            let index = text[..one.at.min(text.len())].matches('\n').count();
            let evidence = place.line(file, index, lines.get(index).unwrap_or(&""));
            Dependency { name: one.name, dev: one.dev, own: true, evidence }
        });
        return found.collect();
    }
    let catalogue = if text.contains("libs.") { Catalogue::of(place) } else { Catalogue::default() };
    let mut comment = false;
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = without_comment(line, &mut comment);
        let Some((name, dev)) = gradle(code.trim()) else { continue };
        let names = if line.contains("libs.") { catalogue.resolve(&name) } else { vec![name] };
        let evidence = place.line(file, index, line);
        found.extend(names.into_iter().map(|name| Dependency { name, dev, own: true, evidence: evidence.clone() }));
    }
    found
}

/// What the name of an artifact stands for in a pom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stack) enum Named {
    /// The project the pom is of.
    Itself,
    /// Something it needs.
    Needed,
}

/// An artifact a pom names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::stack) struct Artifact {
    pub name: String,
    pub is: Named,
    /// Only tests need it.
    pub dev: bool,
    /// Where in the text.
    pub at: usize,
}

/// The artifacts a pom names: itself, dependencies, plugins and the parent; not what is excluded or commented out, nor what
/// it says only the version of.
pub(in crate::stack) fn pom(text: &str) -> Vec<Artifact> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut found: Vec<Artifact> = Vec::new();
    let mut open: Option<usize> = None;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                path.push(tag.local_name().as_ref().to_owned());
                if matches!(path.last().map(String::as_str), Some("dependency" | "plugin" | "parent" | "extension")) {
                    open = None;
                }
            }
            Ok(Event::End(_)) => {
                path.pop();
            }
            Ok(Event::Text(words)) => {
                let words = words.trim().to_owned();
                let ends: Vec<&str> = path.iter().rev().take(2).map(String::as_str).collect();
                let aside = ["exclusions", "dependencyManagement", "pluginManagement"];
                if path.iter().any(|part| aside.contains(&part.as_str())) || words.is_empty() {
                    continue;
                }
                match ends.as_slice() {
                    ["artifactId", of @ ("dependency" | "plugin" | "parent" | "extension" | "project")] => {
                        open = Some(found.len());
                        let is = if *of == "project" { Named::Itself } else { Named::Needed };
                        found.push(Artifact { name: words, is, dev: false, at });
                    }
                    ["scope", "dependency"] if words == "test" => {
                        if let Some(artifact) = open.and_then(|index| found.get_mut(index)) {
                            artifact.dev = true;
                        }
                    }
                    _ => {}
                }
            }
            // A file that is broken further down has said something up to there.
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

fn without_comment<'a>(line: &'a str, inside: &mut bool) -> &'a str {
    if *inside {
        return match line.split_once("*/") {
            Some((_, rest)) => {
                *inside = false;
                rest
            }
            None => "",
        };
    }
    let code = match line.split_once("/*") {
        Some((code, rest)) => {
            *inside = !rest.contains("*/");
            code
        }
        None => line,
    };
    let url = code.find("://");
    match code.find("//").filter(|at| url.is_none_or(|url| *at != url + 1)) {
        Some(at) => &code[..at],
        None => code,
    }
}

/// A line of a build script: a plugin or a dependency, with whether it is for tests.
fn gradle(line: &str) -> Option<(String, bool)> {
    // A block may be written in one line with what is in it.
    let line =
        line.strip_prefix("dependencies").and_then(|rest| rest.trim_start().strip_prefix('{')).unwrap_or(line).trim();
    const NEEDS: [&str; 13] = [
        "implementation",
        "compile",
        "testCompile",
        "runtime",
        "integrationTestImplementation",
        "api",
        "runtimeOnly",
        "compileOnly",
        "testImplementation",
        "testRuntimeOnly",
        "annotationProcessor",
        "kapt",
        "developmentOnly",
    ];
    let quoted = line.split(['"', '\'']).nth(1);
    let inline = line.strip_prefix("plugins").and_then(|rest| rest.trim_start().strip_prefix('{')).map(str::trim_start);
    let line = inline.unwrap_or(line);
    if let Some(alias) = line.strip_prefix("alias(libs.plugins.").or_else(|| line.strip_prefix("alias libs.plugins.")) {
        // `alias(libs.plugins.spring.boot)`: what stands behind the name is in the catalogue.
        let entry = alias.split([')', ' ']).next().unwrap_or(alias);
        return Some((format!("plugin:{}", entry.replace('.', "-")), false));
    }
    let starts = ["id ", "id(", "apply plugin:", "apply(plugin", "kotlin("];
    let plugin = starts.iter().any(|start| line.starts_with(start));
    // `org.springframework.boot` in backticks or bare words is the name of a convention of the project's own.
    let bare = line.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    if let Some(name) = bare {
        return Some((name.to_owned(), false));
    }
    if plugin {
        let name = quoted?;
        if line.contains("apply false") {
            return None;
        }
        return Some((
            if line.starts_with("kotlin(") { format!("org.jetbrains.kotlin.{name}") } else { name.to_owned() },
            false,
        ));
    }
    let word = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    if !NEEDS.contains(&word) {
        return None;
    }
    let dev = word.starts_with("test");
    match quoted {
        // `group:artifact:version`; the artifact is what rules name.
        Some(named) => Some((named.split(':').nth(1).unwrap_or(named).to_owned(), dev)),
        // `libs.spring.boot.starter.web` is an entry of the catalogue, with dots for dashes.
        None => {
            let (start, bundle) =
                if line.contains("libs.bundles.") { ("libs.bundles.", "bundle:") } else { ("libs.", "") };
            let entry = line.split_once(start)?.1.split([')', ' ', '{']).next().unwrap_or_default();
            Some((format!("{bundle}{}", entry.replace('.', "-")), dev))
        }
    }
}

/// What a version catalogue of Gradle calls things.
#[derive(Default)]
struct Catalogue(toml::Table);

impl Catalogue {
    /// The one of the place, else that of the repository.
    fn of(place: &Place<'_>) -> Self {
        const PATH: &str = "gradle/libs.versions.toml";
        let text = place.read(PATH).or_else(|| place.read_from_root(PATH));
        Self(text.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    fn get(&self, table: &str, name: &str) -> Option<&toml::Value> {
        let found = self.0.get(table)?.as_table()?.iter();
        found.into_iter().find(|(key, _)| key.replace(['_', '.'], "-") == name).map(|(_, value)| value)
    }

    fn library(&self, name: &str) -> Option<String> {
        let value = self.get("libraries", name)?;
        let artifact = |text: &str| text.split(':').nth(1).map(str::to_owned);
        let module = value.as_str().or_else(|| value.get("module")?.as_str());
        module.and_then(artifact).or_else(|| value.get("name")?.as_str().map(str::to_owned))
    }

    /// What stands behind a name a build script uses; the name itself where the catalogue does not say.
    fn resolve(&self, name: &str) -> Vec<String> {
        if let Some(plugin) = name.strip_prefix("plugin:") {
            let value = self.get("plugins", plugin);
            let id = value.and_then(|value| value.as_str().or_else(|| value.get("id")?.as_str()));
            return vec![id.and_then(|id| id.split(':').next()).unwrap_or(plugin).to_owned()];
        }
        if let Some(bundle) = name.strip_prefix("bundle:") {
            let members = self.get("bundles", bundle).and_then(toml::Value::as_array).into_iter().flatten();
            let names = members.filter_map(toml::Value::as_str).map(|name| name.replace(['_', '.'], "-"));
            return names.map(|name| self.library(&name).unwrap_or(name)).collect();
        }
        vec![self.library(name).unwrap_or_else(|| name.to_owned())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pom_is_read_by_its_elements() {
        let text = r#"<?xml version="1.0"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId></parent>
  <artifactId>gin-shop</artifactId>
  <!-- <dependency><artifactId>spring-boot-starter-jooq</artifactId></dependency> -->
  <dependencies>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-web</artifactId>
      <exclusions><exclusion><artifactId>spring-boot-starter-tomcat</artifactId></exclusion></exclusions>
    </dependency>
    <dependency>
      <artifactId>junit-jupiter</artifactId>
      <scope>test</scope>
    </dependency>
  </dependencies>
  <dependencyManagement><dependencies><dependency><artifactId>mysql-connector-j</artifactId></dependency></dependencies></dependencyManagement>
  <build><plugins><plugin>
      <groupId>org.flywaydb</groupId>
      <artifactId>flyway-maven-plugin</artifactId>
      <dependencies><dependency><artifactId>postgresql</artifactId></dependency></dependencies>
  </plugin></plugins></build>
</project>"#;
        let needed = pom(text).into_iter().filter(|one| one.is == Named::Needed);
        let found: Vec<(String, bool)> = needed.map(|one| (one.name, one.dev)).collect();
        let expected = [
            ("spring-boot-starter-parent", false),
            ("spring-boot-starter-web", false),
            ("junit-jupiter", true),
            ("flyway-maven-plugin", false),
            ("postgresql", false),
        ];
        assert_eq!(found, expected.map(|(name, dev)| (name.to_owned(), dev)));
        let web = pom(text).into_iter().find(|one| one.name == "spring-boot-starter-web").unwrap();
        assert_eq!(text[..web.at].matches('\n').count() + 1, 9);
        assert_eq!(pom(text)[1].name, "gin-shop");
        assert_eq!(
            pom("<project><dependencies><dependency><artifactId>a</artifactId>").len(),
            1,
            "broken further down"
        );
    }

    #[test]
    fn a_build_script_is_read_by_its_calls() {
        for (line, expected) in [
            ("id 'org.springframework.boot' version '3.4.0'", Some(("org.springframework.boot", false))),
            ("id(\"com.diffplug.spotless\") version \"7\"", Some(("com.diffplug.spotless", false))),
            ("apply plugin: 'org.flywaydb.flyway'", Some(("org.flywaydb.flyway", false))),
            (
                "implementation 'org.springframework.boot:spring-boot-starter-web'",
                Some(("spring-boot-starter-web", false)),
            ),
            ("testImplementation(\"org.junit.jupiter:junit-jupiter:5.11\")", Some(("junit-jupiter", true))),
            ("implementation(libs.spring.boot.starter.web)", Some(("spring-boot-starter-web", false))),
            ("implementation project(':core')", Some(("core", false))),
            ("dependencies { implementation(\"a:b:1\") }", Some(("b", false))),
            ("dependencies {", None),
            ("description = 'implementation of x'", None),
            ("println 'id'", None),
        ] {
            assert_eq!(gradle(line), expected.map(|(name, dev)| (name.to_owned(), dev)), "{line}");
        }
        let text = "[libraries]\nspring_web = { module = \"org.x:spring-web\" }\npg = \"org.p:postgresql:42\"\n[bundles]\ndb = [\"pg\"]\n[plugins]\nboot = { id = \"org.springframework.boot\" }\n";
        let catalogue = Catalogue(text.parse().unwrap());
        for (name, expected) in [
            ("spring-web", "spring-web"),
            ("bundle:db", "postgresql"),
            ("plugin:boot", "org.springframework.boot"),
            ("plugin:other", "other"),
            ("unknown", "unknown"),
        ] {
            assert_eq!(catalogue.resolve(name), [expected], "{name}");
        }
        let mut inside = false;
        assert_eq!(without_comment("id 'a' // id 'b'", &mut inside), "id 'a' ");
        assert_eq!(without_comment("/* id 'c'", &mut inside), "");
        assert_eq!(without_comment("id 'd' */ id 'e'", &mut inside), " id 'e'");
        assert_eq!(without_comment("maven { url 'https://x.org' }", &mut inside), "maven { url 'https://x.org' }");
    }
}
