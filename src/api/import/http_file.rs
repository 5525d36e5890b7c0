//! `.http` and `.rest` files, as editors run them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::json;

use super::{Collection, Imported, script};
use crate::api::ApiError;
use crate::api::auth::Profile;
use crate::api::export::EXPECT;
use crate::api::variables::Variables;

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "GRAPHQL"];

pub(super) fn read(path: &str, text: &str) -> Result<Collection, ApiError> {
    let mut collection = Collection { name: path.to_owned(), ..Collection::default() };
    for block in blocks(text) {
        collection.requests.extend(request(&block, &mut collection.variables));
    }
    for request in &mut collection.requests {
        let texts = request.headers.iter_mut().map(|(_, value)| value);
        for text in texts.chain([&mut request.url]).chain(&mut request.body) {
            collection.environment.extend(plainly_named(text));
        }
        unfilled(request);
    }
    keep_what_others_use(text, &mut collection.requests);
    if collection.requests.is_empty() {
        let what = "this is no Postman collection and holds no request: a line such as `GET http://…`".to_owned();
        return Err(ApiError::Document { place: path.to_owned(), what });
    }
    Ok(collection)
}

struct Block<'a> {
    title: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = vec![Block { title: "", lines: Vec::new() }];
    for line in text.lines() {
        match (line.strip_prefix("###"), blocks.last_mut()) {
            (Some(title), _) => blocks.push(Block { title: title.trim(), lines: Vec::new() }),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => {}
        }
    }
    blocks
}

fn request(block: &Block<'_>, variables: &mut Variables) -> Option<Imported> {
    let mut made = Imported { name: block.title.to_owned(), ..Imported::default() };
    let mut lines = block.lines.iter().copied();
    while before(lines.next()?.trim(), &mut made, variables) {}
    // Further lines of the address, then headers, up to an empty line.
    for line in lines.by_ref().map(str::trim).take_while(|line| !line.is_empty()) {
        if line.starts_with(['?', '&']) {
            made.url.push_str(line);
        } else if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with(['#', '/'])) {
            header(name.trim(), value.trim(), &mut made);
        }
    }
    body(lines, &mut made);
    let says = |(name, value): &(String, String), wanted: &str, what: &str| {
        name.eq_ignore_ascii_case(wanted) && value.to_ascii_lowercase().starts_with(what)
    };
    if made.headers.iter().any(|header| says(header, "content-type", "application/x-www-form-urlencoded")) {
        made.body = made.body.map(|body| body.lines().map(str::trim).collect());
    }
    if made.method == "GRAPHQL" || made.headers.iter().any(|header| says(header, "x-request-type", "graphql")) {
        graphql(&mut made);
    }
    if made.name.is_empty() {
        made.name = format!("{} {}", made.method, made.url);
    }
    Some(made)
}

fn header(name: &str, value: &str, made: &mut Imported) {
    if let Some(profile) = by_environment(name, value) {
        made.auth = Some(profile);
        return;
    }
    let pair = value.strip_prefix("Basic ").filter(|_| name.eq_ignore_ascii_case("authorization"));
    let value = match pair.and_then(user_and_password) {
        Some((user, password)) if value.contains("{{") => {
            made.auth = Some(Profile::Basic { user, password: Some(password), password_env: None });
            return;
        }
        Some((user, password)) => format!("Basic {}", BASE64.encode(format!("{user}:{password}"))),
        None => value.to_owned(),
    };
    made.headers.push((name.to_owned(), value));
}

/// Editors take the user and the password as they are, with a colon or a space between them.
fn user_and_password(pair: &str) -> Option<(String, String)> {
    let pair = pair.trim();
    let (user, password) = pair.split_once(':').or_else(|| pair.split_once(' '))?;
    Some((user.trim().to_owned(), password.trim().to_owned()))
}

/// The body, and the script after it.
fn body<'a>(mut lines: impl Iterator<Item = &'a str>, made: &mut Imported) {
    let mut body: Vec<&str> = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(first) = line.strip_prefix("> {%") {
            for line in std::iter::once(first).chain(lines.by_ref()) {
                let (sentence, ended) = line.split_once("%}").map_or((line, false), |(before, _)| (before, true));
                if !sentence.trim().is_empty() && !sentence.trim().starts_with("//") {
                    script::read_line("test", sentence.trim(), made);
                }
                if ended {
                    break;
                }
            }
        } else if line.starts_with('>') && line.contains(".js") {
            made.not_run.push(format!("the script {}", line.trim_start_matches(['>', ' '])));
        } else if let Some(file) = file_of(line).filter(|_| body.iter().all(|line| line.trim().is_empty())) {
            made.body_file = Some(file.to_owned());
        } else if !line.starts_with(">>") && !line.starts_with("<> ") {
            body.push(line);
        }
    }
    let body = body.join("\n").trim().to_owned();
    made.body = (!body.is_empty()).then_some(body);
}

/// The file whose content a line stands for. `<@` fills variables in, which is done here in any case.
pub(in crate::api) fn file_of(line: &str) -> Option<&str> {
    let file = line.strip_prefix("< ").or_else(|| line.strip_prefix("<@ "))?;
    Some(file.trim().trim_start_matches("./"))
}

/// A query is sent as JSON; what follows an empty line are its variables.
fn graphql(made: &mut Imported) {
    "POST".clone_into(&mut made.method);
    let text = made.body.take().unwrap_or_default();
    let (query, variables) = match text.rsplit_once("\n\n").map(|(query, rest)| (query, serde_json::from_str(rest))) {
        Some((query, Ok(serde_json::Value::Object(variables)))) => (query.to_owned(), json!(variables)),
        _ => (text, json!({})),
    };
    if !made.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        made.headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    made.body = Some(json!({"query": query, "variables": variables}).to_string());
}

/// What only the editor could have filled in.
fn unfilled(made: &mut Imported) {
    let texts = [made.url.as_str()].into_iter().chain(made.headers.iter().map(|(_, value)| value.as_str()));
    let all: Vec<String> =
        texts.chain(made.body.as_deref()).flat_map(|text| text.split("{{$").skip(1)).map(str::to_owned).collect();
    for name in all.iter().filter_map(|rest| rest.split_once("}}").map(|(name, _)| name)) {
        if name.contains([' ', '(']) {
            made.not_run.push(format!("the value of {{{{${name}}}}} is not filled in"));
        }
    }
}

/// `{{login.response.body.$.token}}` in one request is kept from the answer of the one that is named `login`.
fn keep_what_others_use(text: &str, requests: &mut [Imported]) {
    for part in text.split("{{").skip(1).filter_map(|part| part.split_once("}}").map(|(name, _)| name.trim())) {
        let body = |path: &str| script::pointer(&format!(".{}", path.trim_start_matches("$.")));
        let Some((owner, place)) = part
            .split_once(".response.body.")
            .map(|(owner, path)| (owner, body(path)))
            .or_else(|| part.split_once(".response.headers.").map(|(owner, name)| (owner, format!("header:{name}"))))
        else {
            continue;
        };
        if let Some(request) = requests.iter_mut().find(|request| request.name == owner) {
            request.save.insert(part.to_owned(), json!(place));
        }
    }
}

/// Takes a line that may stand before the request line: a variable, a comment, a name. False for the request line.
fn before(line: &str, made: &mut Imported, variables: &mut Variables) -> bool {
    if let Some((name, value)) = line.strip_prefix('@').and_then(|line| line.split_once('=')) {
        variables.insert(name.trim().to_owned(), value.trim().to_owned());
    } else if let Some(status) = line.strip_prefix(EXPECT).and_then(|status| status.trim().parse::<u16>().ok()) {
        made.expect.insert("status".to_owned(), json!(status));
    } else if let Some(name) = line.trim_start_matches(['#', '/']).trim().strip_prefix("@name") {
        name.trim_matches(['=', ' ']).clone_into(&mut made.name);
    } else if line.starts_with("< {%") || line.starts_with("<{%") {
        made.not_run.push("a script before the request".to_owned());
    } else if !line.is_empty() && !line.starts_with('#') && !line.starts_with("//") {
        let (method, rest) = line.split_once(char::is_whitespace).unwrap_or(("GET", line));
        let known = METHODS.contains(&method);
        made.method = if known { method.to_owned() } else { "GET".to_owned() };
        let url = if known { rest } else { line };
        url.trim().trim_end_matches("HTTP/1.1").trim_end_matches("HTTP/2").trim().clone_into(&mut made.url);
        return false;
    }
    true
}

/// How editors begin the name of a variable of the environment.
const ENVIRONMENT: [&str; 3] = ["{{$processEnv ", "{{$env.", "{{$dotenv "];

/// Names variables of the environment like all others, and returns them.
fn plainly_named(text: &mut String) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((at, mark)) = ENVIRONMENT.iter().find_map(|mark| Some((text.find(mark)?, mark)))
        && let Some(end) = text[at..].find("}}")
    {
        let name = text[at + mark.len()..at + end].trim_start_matches('%').trim().to_owned();
        text.replace_range(at..at + end, &format!("{{{{{name}"));
        names.push(name);
    }
    names
}

/// `Authorization: Bearer {{$processEnv NAME}}`, `Basic user {{$env.NAME}}` and the like: who asks, by the name of an environment variable.
fn by_environment(name: &str, value: &str) -> Option<Profile> {
    let (before, rest) = ENVIRONMENT.iter().find_map(|mark| value.split_once(mark))?;
    let variable = rest.strip_suffix("}}")?.trim_start_matches('%').trim();
    let whole = name.eq_ignore_ascii_case("authorization");
    let profile = match before.trim().trim_end_matches(':').split_once(' ') {
        None if before.trim() == "Bearer" && whole => json!({"kind": "bearer", "token_env": variable}),
        None if before.trim().is_empty() => {
            json!({"kind": "api_key", "name": name, "in": "header", "key_env": variable})
        }
        Some(("Basic", user)) if whole => json!({"kind": "basic", "user": user.trim(), "password_env": variable}),
        _ => return None,
    };
    serde_json::from_value(profile).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_named_requests_are_kept_for_others() {
        let text = "@token = {{login.response.body.$.access.token}}\n\n# @name login\nPOST http://h/login\nAuthorization: Basic ann:secret\n// a note: x\n\n\
            ###\nGET http://h/me\nAuthorization: Bearer {{token}}\n\n> {%\n  client.assert(response.status === 200);\n%}\n\n\
            ### query\nGRAPHQL http://h/graphql\n\nquery($id: ID!) { item(id: $id) { name } }\n\n{\"id\": 1}\n\n\
            ###\nPOST http://h/form\nContent-Type: application/x-www-form-urlencoded\nX-From: {{login.response.headers.X-A}}\n\na=1\n&b=2\n";
        let collection = read("a.http", text).unwrap();
        let [login, me, query, form] = &collection.requests[..] else { panic!("{collection:?}") };
        assert_eq!(login.save["login.response.body.$.access.token"], "/access/token");
        assert_eq!(login.headers, [("Authorization".to_owned(), "Basic YW5uOnNlY3JldA==".to_owned())]);
        assert_eq!((me.expect["status"].as_u64(), me.body.as_deref()), (Some(200), None));
        assert_eq!(login.save["login.response.headers.X-A"], "header:X-A");
        assert_eq!(form.body.as_deref(), Some("a=1&b=2"));
        assert_eq!(query.method, "POST");
        assert!(query.body.as_deref().unwrap().contains(r#""variables":{"id":1}"#), "{query:?}");
    }

    #[test]
    fn requests_headers_bodies_and_variables_are_read() {
        let text = "@host = http://localhost:3000\n\n### list\nGET {{host}}/items\n  ?limit=3\n  &page=1\nAccept: application/json\n\n\
            ###\n# @name make\nPOST {{host}}/items HTTP/1.1\nContent-Type: application/json\n\n{\n  \"a\": 1\n}\n\n> {% client.test() %}\n\n### plain\nhttp://h/x\n";
        let collection = read("a.http", text).unwrap();
        assert_eq!(collection.variables["host"], "http://localhost:3000");
        let [list, make, plain] = &collection.requests[..] else { panic!("{collection:?}") };
        assert_eq!((list.name.as_str(), list.url.as_str()), ("list", "{{host}}/items?limit=3&page=1"));
        assert_eq!(list.headers, [("Accept".to_owned(), "application/json".to_owned())]);
        assert_eq!((make.name.as_str(), make.method.as_str(), make.url.as_str()), ("make", "POST", "{{host}}/items"));
        assert_eq!(make.body.as_deref(), Some("{\n  \"a\": 1\n}"));
        assert_eq!(make.not_run, ["test script: client.test()"]);
        assert_eq!((plain.method.as_str(), plain.url.as_str()), ("GET", "http://h/x"));
        let keyed = "GET http://h/x\nX-API-Key: {{$processEnv KEY}}\n\n###\nGET http://h/y\nAuthorization: Bearer {{$processEnv TOKEN}}\n";
        let kinds: Vec<_> = read("a.http", keyed).unwrap().requests.into_iter().map(|made| made.auth).collect();
        assert!(matches!(&kinds[..], [Some(Profile::ApiKey { .. }), Some(Profile::Bearer { .. })]), "{kinds:?}");
        for (value, expected) in [
            ("Basic ann {{$processEnv PW}}", json!({"kind": "basic", "user": "ann", "password_env": "PW"})),
            ("Basic ann:{{$env.PW}}", json!({"kind": "basic", "user": "ann", "password_env": "PW"})),
            ("Basic {{u}} {{p}}", json!({"kind": "basic", "user": "{{u}}", "password": "{{p}}"})),
        ] {
            let made = read("a.http", &format!("GET http://h/x\nAuthorization: {value}\n")).unwrap();
            assert_eq!(json!(made.requests[0].auth), expected, "{value}");
        }
        let named = "GET http://h/x?key={{$processEnv KEY}}\n\n{{$env.BODY}} {{OTHER}} {{$dotenv %LATE}}\n";
        let made = read("a.http", named).unwrap();
        assert_eq!(made.requests[0].url, "http://h/x?key={{KEY}}");
        assert_eq!(made.requests[0].body.as_deref(), Some("{{BODY}} {{OTHER}} {{LATE}}"));
        let all = super::super::read("a.http", named).unwrap();
        assert_eq!(all.environment.into_iter().collect::<Vec<_>>(), ["BODY", "KEY", "LATE", "OTHER"]);
        assert!(read("a.http", "nothing: here\n").is_ok() || read("a.http", "").is_err());
    }
}
