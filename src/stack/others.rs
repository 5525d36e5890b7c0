//! Ruby, PHP and C#.

use super::rules::Place;
use super::{Runner, Service, TestCommand};

pub(super) fn detect(place: &Place<'_>) -> Vec<Service> {
    let mut found = Vec::new();
    let ending = |end: &str| place.paths.iter().copied().find(|path| path.ends_with(end) && !path.contains('/'));
    let project = ending(".csproj").or_else(|| ending(".fsproj"));
    let solution = ending(".sln").or_else(|| ending(".slnx"));
    let of = |manifest: &str, language, command: &str, install: &str| {
        let evidence = place.presence(manifest, "its manifest");
        let test = TestCommand {
            command: command.to_owned(),
            runner: Runner::Other,
            evidence: evidence.clone(),
            install: install.to_owned(),
        };
        Service::new(place, language, evidence, if command.is_empty() { Vec::new() } else { vec![test] })
    };
    if place.has("Gemfile") {
        let spec = place.paths.iter().any(|path| path.starts_with("spec/"));
        let rails = place.has("bin/rails");
        let command = match (spec, rails) {
            (true, _) => "bundle exec rspec",
            (_, true) => "bin/rails test",
            _ => "",
        };
        found.push(of("Gemfile", "ruby", command, "bundle install"));
    }
    if place.has("composer.json") {
        let command = if place.has("artisan") {
            "php artisan test"
        } else if place.has("phpunit.xml") || place.has("phpunit.xml.dist") {
            "vendor/bin/phpunit"
        } else {
            ""
        };
        found.push(of("composer.json", "php", command, "composer install"));
    }
    if let Some(solution) = solution.filter(|_| project.is_none()) {
        found.push(of(solution, "csharp", "dotnet test", "dotnet restore"));
    }
    if let Some(project) = project {
        let tests = place.find(project, |line| line.contains("Microsoft.NET.Test.Sdk")).is_some();
        found.push(of(project, "csharp", if tests { "dotnet test" } else { "" }, "dotnet restore"));
    }
    found
}
