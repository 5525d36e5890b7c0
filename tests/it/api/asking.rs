use std::sync::Arc;

use serde_json::{Value, json};
use tenon::api::action::{self, ApiTest, Context, Http, Outcome};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::desk;
use crate::support::{Answer, MemoryWorkspace, ScriptedServer};

fn context(files: &[(&str, &[u8])]) -> Context {
    let (output, _) = mpsc::channel(64);
    Context {
        desk: desk(),
        workspace: Arc::new(MemoryWorkspace::new(files)),
        output,
        cancel: CancellationToken::new(),
        permitted: false,
        base: None,
    }
}

async fn http(context: &Context, input: Value) -> Outcome {
    action::http(context, serde_json::from_value::<Http>(input).unwrap()).await
}

/// Logs in, guards `/me`, and renews tokens.
fn service() -> ScriptedServer {
    let mut given = 0;
    ScriptedServer::start_with(move |request| match request.path.as_str() {
        "/login" => Answer::json(200, &json!({"token": "a-token-of-the-login-LAST"})),
        "/oauth/token" => {
            given += 1;
            let body = String::from_utf8_lossy(&request.body).into_owned();
            assert!(body.contains("grant_type=client_credentials"), "{body}");
            Answer::json(200, &json!({"access_token": format!("t{given}"), "token_type": "bearer"}))
        }
        "/me" => match request.header("authorization") {
            Some("Bearer a-token-of-the-login-LAST" | "Bearer t2" | "Bearer a-secret-of-the-test-LAST") => {
                Answer::json(200, &json!({"id": 7}))
            }
            _ => Answer::json(401, &json!({"error": "no"})),
        },
        _ => Answer::json(404, &json!({"error": "no"})),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_one_answer_is_used_in_the_next_request_and_kept_nowhere() {
    let (server, mut context) = (service(), context(&[]));
    context.permitted = true;
    let url = |path: &str| format!("{}{path}", server.url());
    let login = http(
        &context,
        json!({"method": "POST", "url": url("/login"), "body": {"user": "a", "password": "hunter2hunter2hunter2"},
        "save": {"token": "/token"}, "expect": {"status": 200}}),
    )
    .await;
    assert!(login.ok, "{}", login.text);
    let me = http(
        &context,
        json!({"url": url("/me"), "auth": {"kind": "bearer", "token": "{{token}}"}, "expect": {"body": {"/id": 7}}}),
    )
    .await;
    assert!(me.ok && me.text.contains("✓ body /id is 7"), "{}", me.text);
    let wrong = http(&context, json!({"url": url("/me"), "expect": {"status": 200}})).await;
    assert!(!wrong.ok && wrong.text.contains("✗ status 200: found 401"), "{}", wrong.text);
    let again = http(&context, json!({"replay": "x2"})).await;
    assert!(again.ok, "{}", again.text);
    let kept = serde_json::to_string(&context.desk.recorder.all()).unwrap();
    assert!(!kept.contains("a-token-of") && !kept.contains("hunter2"), "{kept}");
    assert!(me.value["curl"].as_str().unwrap().contains("Bearer {{token}}"), "{}", me.value["curl"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_resolved_and_an_old_token_is_renewed() {
    let (server, context) = (service(), context(&[]));
    let url = |path: &str| format!("{}{path}", server.url());
    let env = http(
        &context,
        json!({"url": url("/me"), "auth": {"kind": "bearer", "token_env": "API_TOKEN"}, "expect": {"status": 200}}),
    )
    .await;
    assert!(env.ok && env.value["curl"].as_str().unwrap().contains("Bearer $API_TOKEN"), "{}", env.text);
    // The first token is refused, so a second one is asked for.
    let profile = json!({"kind": "client_credentials", "token_url": "/oauth/token", "client_id": "c", "client_secret_env": "API_TOKEN"});
    let renewed = http(&context, json!({"url": url("/me"), "auth": profile, "expect": {"status": 200}})).await;
    assert!(renewed.ok, "{}", renewed.text);
    for (auth, expected) in [
        (json!({"kind": "bearer", "token_env": "NOT_SET"}), "NOT_SET is not set"),
        (json!("nobody"), "there is no profile `nobody`"),
        (json!({"kind": "magic"}), "no valid profile"),
    ] {
        let outcome = http(&context, json!({"url": url("/me"), "auth": auth})).await;
        assert!(!outcome.ok && outcome.text.contains(expected), "{}", outcome.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_is_asked_without_a_permission() {
    let context = context(&[]);
    let outcome = http(&context, json!({"url": "http://192.0.2.1/x"})).await;
    assert!(!outcome.ok && outcome.text.contains("not on this machine"), "{}", outcome.text);
    assert_eq!(
        action::outside(&context.desk, Some("http://192.0.2.1/x"), "GET").unwrap(),
        "send GET to `http://192.0.2.1`, outside this machine"
    );
    assert!(
        action::outside(&context.desk, Some("http://127.0.0.1:5432/"), "POST")
            .unwrap()
            .contains("outside the workspace")
    );
    assert_eq!(action::outside(&context.desk, Some("http://127.0.0.1:5432/"), "GET"), None);
    assert_eq!(action::outside(&context.desk, Some("/items"), "DELETE"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_run_and_what_is_not_run_is_told() {
    let server = service();
    let item = |name: &str, method: &str, path: &str, script: &str| {
        json!({"name": name,
        "request": {"method": method, "url": {"raw": format!("{{{{baseUrl}}}}{path}")}, "header": [],
                    "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}"}]}},
        "event": [{"listen": "test", "script": {"exec": [script]}}]})
    };
    let collection = json!({"info": {"name": "c", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "variable": [{"key": "baseUrl", "value": server.url()}, {"key": "token", "value": "none"}],
        "item": [{"name": "folder", "item": [
            item("login", "POST", "/login", "pm.environment.set(\"token\", pm.response.json().token)"),
            item("me", "GET", "/me", "pm.test(\"ok\", function () { pm.response.to.have.status(200); });"),
            item("odd", "GET", "/me", "postman.setNextRequest(null)")]},
            item("gone", "GET", "/gone", "pm.response.to.have.status(200)")]});
    let text = collection.to_string();
    let context = context(&[("c.json", text.as_bytes())]);
    let input = ApiTest { mode: Some(json!("postman")), file: Some("c.json".to_owned()), ..ApiTest::default() };
    let outcome = action::api_test(&context, input).await;
    assert!(!outcome.ok, "{}", outcome.text);
    for part in [
        "✓ folder / login",
        "✓ folder / me",
        "! folder / odd",
        "not run: test script: postman.setNextRequest(null)",
        "✗ gone",
        "2 passed, 1 failed, 1 passed with scripts that were not run",
        "c.json holds the variable `token`",
    ] {
        assert!(outcome.text.contains(part), "{part}\n{}", outcome.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_of_a_collection_are_sent_as_postman_sends_them() {
    let (sent, seen) = std::sync::mpsc::channel();
    let server = ScriptedServer::start_with(move |request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let media = request.header("content-type").unwrap_or_default().to_owned();
        sent.send((request.path.clone(), media, body)).unwrap();
        Answer::json(200, &json!({}))
    });
    let base = json!(["{{base}}"]);
    let post = |url: Value, body: Value| json!({"name": "x", "request": {"method": "POST", "url": url, "body": body}});
    let collection = json!({"info": {"name": "c", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "variable": [{"key": "base", "value": server.url()}, {"key": "v", "value": "va lue"}],
        "item": [
            post(json!({"raw": "{{base}}/a/:id/:idx?x={{v}}&off=1", "host": base, "path": ["a", ":id", ":idx"],
                "query": [{"key": "x", "value": "{{v}}"}, {"key": "off", "value": "1", "disabled": true}, {"key": "flag", "value": null}],
                "variable": [{"key": "id", "value": "4 2"}, {"key": "idx", "value": "9"}]}),
                json!({"mode": "raw", "raw": "x", "disabled": true})),
            post(json!("{{base}}/urlencoded"), json!({"mode": "urlencoded", "urlencoded": [
                {"key": "a", "value": "1 2&3"}, {"key": "b", "value": "{{v}}"}, {"key": "c", "value": "", "disabled": true}]})),
            post(json!("{{base}}/form"), json!({"mode": "formdata", "formdata": [
                {"key": "f", "type": "file", "src": "payload.txt"}, {"key": "j", "value": "{}", "contentType": "application/json"},
                {"key": "gone", "type": "file", "src": "none.txt"}]})),
            post(json!("{{base}}/file"), json!({"mode": "file", "file": {"src": "payload.txt"}})),
            post(json!("{{base}}/xml"), json!({"mode": "raw", "raw": "<a/>", "options": {"raw": {"language": "xml"}}}))]});
    let text = collection.to_string();
    let context = context(&[("c.json", text.as_bytes()), ("payload.txt", b"of a file\n")]);
    let input = ApiTest {
        mode: Some(json!("postman")),
        url: Some(server.url()),
        file: Some("c.json".to_owned()),
        ..ApiTest::default()
    };
    let outcome = action::api_test(&context, input).await;
    assert!(outcome.ok && outcome.text.contains("not run: the file of the field `gone`"), "{}", outcome.text);
    let mark = "part-of-the-form-7f3a9c";
    let form = format!(
        "--{mark}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"payload.txt\"\r\nContent-Type: text/plain\r\n\r\nof a file\n\r\n\
         --{mark}\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--{mark}--\r\n"
    );
    let expected = [
        ("/a/4%202/9?x=va%20lue&flag", "", ""),
        ("/urlencoded", "application/x-www-form-urlencoded", "a=1%202%263&b=va%20lue"),
        ("/form", &format!("multipart/form-data; boundary={mark}"), &form),
        ("/file", "", "of a file\n"),
        ("/xml", "application/xml", "<a/>"),
    ];
    for (target, media, body) in expected {
        assert_eq!(seen.recv().unwrap(), (target.to_owned(), media.to_owned(), body.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graphql_service_is_asked_field_by_field() {
    let string = || json!({"kind": "SCALAR", "name": "String", "ofType": null});
    let schema = json!({"data": {"__schema": {"queryType": {"name": "Query"}, "mutationType": null, "types": [
        {"kind": "OBJECT", "name": "Query", "fields": [
            {"name": "good", "args": [], "type": string()}, {"name": "bad", "args": [], "type": string()},
            {"name": "node", "args": [], "type": {"kind": "OBJECT", "name": "Node", "ofType": null}}]},
        {"kind": "OBJECT", "name": "Node", "fields": [
            {"name": "id", "args": [], "type": string()}, {"name": "parent", "args": [], "type": {"kind": "OBJECT", "name": "Node", "ofType": null}}]}]}}});
    let server = ScriptedServer::start_with(move |request| {
        let query = request.json()["query"].as_str().unwrap_or_default().to_owned();
        if query.contains("__schema") {
            Answer::json(200, &schema)
        } else if query.contains("bad") {
            Answer::json(200, &json!({"data": null, "errors": [{"message": "ZeroDivisionError"}]}))
        } else if query.contains("noSuchField") || query.ends_with("{ ") {
            Answer::json(400, &json!({"errors": [{"message": "no"}]}))
        } else {
            Answer::json(200, &json!({"data": {"good": "x"}}))
        }
    });
    let context = context(&[]);
    let input = ApiTest { mode: Some(json!("graphql")), url: Some(server.url()), ..ApiTest::default() };
    let outcome = action::api_test(&context, input).await;
    assert!(!outcome.ok && outcome.text.contains("✗ bad  errors  200"), "{}", outcome.text);
    assert!(outcome.text.contains("depth-limit") && !outcome.text.contains("✗ good"), "{}", outcome.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_is_listed_and_written_so_that_it_runs_again() {
    let (server, mut context) = (service(), context(&[]));
    context.permitted = true;
    let nothing = http(&context, json!({"export": {"as": "list"}})).await;
    assert!(!nothing.ok && nothing.text.contains("no exchange is recorded yet"), "{}", nothing.text);
    let auth = json!({"kind": "bearer", "token_env": "API_TOKEN"});
    let asked = http(&context, json!({"url": format!("{}/me", server.url()), "auth": auth})).await;
    assert!(asked.ok, "{}", asked.text);
    for (format, expected) in [
        ("list", "x1  GET http://"),
        ("whole", "[redacted …LAST]\n← 200\n"),
        ("curl", "-H \"authorization: Bearer $API_TOKEN\""),
        ("http", "# @expect 200\nGET http://"),
        ("http", "authorization: Bearer {{$processEnv API_TOKEN}}"),
        ("postman", "\"value\": \"{{API_TOKEN}}\""),
    ] {
        let given = http(&context, json!({"export": {"as": format, "ids": ["last"]}})).await;
        assert!(given.ok && given.text.contains(expected), "{format}: {}", given.text);
        assert!(!given.text.contains("a-secret-of-the-test"), "{format}: {}", given.text);
    }
    let unknown = http(&context, json!({"export": {"as": "curl", "ids": ["x9"]}})).await;
    assert!(unknown.text.contains("no exchange `x9`; the last ones are: x1"), "{}", unknown.text);
    for (file, auth) in [("all.http", Value::Null), ("all.json", auth)] {
        let written = http(&context, json!({"export": {"write": file}})).await;
        assert!(written.ok && written.text.contains(&format!("written to {file}")), "{}", written.text);
        let mut input = json!({"mode": "postman", "file": file});
        if !auth.is_null() {
            input["auth"] = auth;
        }
        let again = action::api_test(&context, serde_json::from_value::<ApiTest>(input).unwrap()).await;
        assert!(again.ok && again.text.contains(" passed, 0 failed, 0 passed with"), "{file}: {}", again.text);
    }
}
