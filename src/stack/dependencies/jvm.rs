//! What Maven and Gradle files say: plugins and dependencies as elements and calls, not as words that stand somewhere.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Dependency;
use crate::stack::rules::Place;

/// Files of a build that are read; members of a whole are below it.
const MOST: usize = 50;

pub(super) fn read(place: &Place<'_>) -> Vec<Dependency> {
    let mut found = Vec::new();
    let near = |path: &&&str| path.matches('/').count() <= 2;
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    for file in place.paths.iter().filter(near).filter(|path| name(path) == "pom.xml").take(MOST) {
        let text = place.read(file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for (artifact, dev, at) in pom(&text) {
            let index = text[..at.min(text.len())].matches('\n').count();
            let evidence = place.line(file, index, lines.get(index).unwrap_or(&""));
            found.push(Dependency { name: artifact, dev, evidence });
        }
    }
    let builds =
        |path: &&&str| matches!(name(path).as_str(), "build.gradle" | "build.gradle.kts" | "libs.versions.toml");
    for file in place.paths.iter().filter(near).filter(builds).take(MOST) {
        let text = place.read(file).unwrap_or_default();
        let catalogue = file.ends_with(".toml");
        let mut comment = false;
        for (index, line) in text.lines().enumerate() {
            let code = without_comment(line, &mut comment);
            let read = if catalogue { catalogued(code.trim()) } else { gradle(code.trim()) };
            if let Some((name, dev)) = read {
                found.push(Dependency { name, dev, evidence: place.line(file, index, line) });
            }
        }
    }
    found
}

/// The artifacts a pom needs with the place of each: dependencies, plugins and the parent; not its own name, not what is
/// excluded or commented out.
fn pom(text: &str) -> Vec<(String, bool, usize)> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut found: Vec<(String, bool, usize)> = Vec::new();
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
                if path.iter().any(|part| part == "exclusions") || words.is_empty() {
                    continue;
                }
                match ends.as_slice() {
                    ["artifactId", "dependency" | "plugin" | "parent" | "extension"] => {
                        open = Some(found.len());
                        found.push((words, false, at));
                    }
                    ["scope", "dependency"] if words == "test" => {
                        if let Some((_, dev, _)) = open.and_then(|index| found.get_mut(index)) {
                            *dev = true;
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
    const NEEDS: [&str; 9] = [
        "implementation",
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
    let plugin = ["id ", "id(", "apply plugin:", "plugins { id", "kotlin("].iter().any(|start| line.starts_with(start));
    if plugin {
        let name = quoted?;
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
            let entry = line.split_once("libs.")?.1.trim_end_matches([')', ' ']);
            Some((entry.replace('.', "-"), dev))
        }
    }
}

/// A line of a version catalogue: `spring-web = { module = "group:artifact", … }`, `boot = { id = "org.…", … }`.
fn catalogued(line: &str) -> Option<(String, bool)> {
    let after = |key: &str| {
        let rest = line.split_once(key)?.1.trim_start().strip_prefix('=')?;
        rest.split('"').nth(1).map(str::to_owned)
    };
    let module = after("module").and_then(|module| module.split(':').nth(1).map(str::to_owned));
    let named = module.or_else(|| after("name")).or_else(|| after("id "))?;
    let dev =
        ["junit", "test", "mockito", "assertj"].iter().any(|word| line.split('=').next().unwrap_or("").contains(word));
    Some((named, dev))
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
  <build><plugins><plugin>
      <groupId>org.flywaydb</groupId>
      <artifactId>flyway-maven-plugin</artifactId>
      <dependencies><dependency><artifactId>postgresql</artifactId></dependency></dependencies>
  </plugin></plugins></build>
</project>"#;
        let found: Vec<(String, bool)> = pom(text).into_iter().map(|(name, dev, _)| (name, dev)).collect();
        let expected = [
            ("spring-boot-starter-parent", false),
            ("spring-boot-starter-web", false),
            ("junit-jupiter", true),
            ("flyway-maven-plugin", false),
            ("postgresql", false),
        ];
        assert_eq!(found, expected.map(|(name, dev)| (name.to_owned(), dev)));
        let (name, _, at) = pom(text).remove(1);
        assert_eq!((name.as_str(), text[..at].matches('\n').count() + 1), ("spring-boot-starter-web", 9));
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
        assert_eq!(
            catalogued("boot = { id = \"org.springframework.boot\", version = \"3\" }"),
            Some(("org.springframework.boot".into(), false))
        );
        assert_eq!(
            catalogued("web = { module = \"org.x:spring-web\", version.ref = \"x\" }"),
            Some(("spring-web".into(), false))
        );
        let mut inside = false;
        assert_eq!(without_comment("id 'a' // id 'b'", &mut inside), "id 'a' ");
        assert_eq!(without_comment("/* id 'c'", &mut inside), "");
        assert_eq!(without_comment("id 'd' */ id 'e'", &mut inside), " id 'e'");
        assert_eq!(without_comment("maven { url 'https://x.org' }", &mut inside), "maven { url 'https://x.org' }");
    }
}
