use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tenon::api::auth::Credentials;
use tenon::api::load::{Rounds, Verdict, compare};
use tenon::api::message::Request;
use tenon::api::record::Recorder;
use tenon::api::test::{Mode, Options, Surroundings, test};
use tenon::api::token;
use tokio_util::sync::CancellationToken;

use super::shop::{Defect, KEY, contract, shop};
use super::{check, client, found};
use crate::support::{Answer, ScriptedServer};

fn bearer(user: &str) -> Credentials {
    let exp = jiff::Timestamp::now().as_second() + 3_600;
    let token = token::sign(&json!({"alg": "HS256"}), &json!({"sub": user, "exp": exp, "aud": "shop"}), KEY);
    Credentials::Header("authorization".to_owned(), format!("Bearer {token}"))
}

fn options() -> Options {
    Options {
        credentials: Some(bearer("one")),
        others: Some(bearer("two")),
        signing_key: Some(String::from_utf8(KEY.to_vec()).unwrap()),
        cases: 60,
        ..Options::default()
    }
}

const ALL: [Mode; 6] = [Mode::Contract, Mode::Negative, Mode::Auth, Mode::Paging, Mode::Caching, Mode::Errors];

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_defect_is_found_and_a_sound_service_gives_no_failure() {
    for (defect, mode, expected) in [
        (Defect::RemovedField, Mode::Contract, "schema"),
        (Defect::UndocumentedStatus, Mode::Contract, "status"),
        (Defect::WrongContentType, Mode::Contract, "content-type"),
        (Defect::Missing404, Mode::Contract, "missing-404"),
        (Defect::Overflow, Mode::Negative, "server-error"),
        (Defect::Trace, Mode::Negative, "leak"),
        (Defect::TakesAnything, Mode::Negative, "accepts-invalid"),
        (Defect::NoAuth, Mode::Auth, "auth-bypass"),
        (Defect::AlgNone, Mode::Auth, "auth-bypass"),
        (Defect::AnySignature, Mode::Auth, "auth-bypass"),
        (Defect::Expired, Mode::Auth, "auth-bypass"),
        (Defect::Foreign, Mode::Auth, "foreign-object"),
        (Defect::Repeats, Mode::Paging, "paging-repeats"),
        (Defect::Unbounded, Mode::Paging, "paging-size"),
        (Defect::NoNotModified, Mode::Caching, "not-modified"),
        (Defect::HtmlErrors, Mode::Errors, "error-body"),
    ] {
        let report = check(&shop(defect), &contract(), &[mode], &options()).await;
        assert!(found(&report).contains(&expected), "{defect:?}: {}", report.lines());
        let sound = check(&shop(Defect::None), &contract(), &[mode], &options()).await;
        assert!(!found(&sound).contains(&expected), "{mode:?}: {}", sound.lines());
        assert!(sound.passed > 0);
    }
    let sound = check(&shop(Defect::None), &contract(), &ALL, &options()).await;
    assert!(sound.ok(), "{}", sound.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_the_smallest_request_told_once() {
    let report = check(&shop(Defect::Overflow), &contract(), &[Mode::Negative], &options()).await;
    let errors: Vec<_> = report.findings.iter().filter(|finding| finding.check == "server-error").collect();
    assert_eq!(errors.len(), 1, "{}", report.lines());
    assert!(errors[0].seen >= 1 && errors[0].curl.contains("/items/9223372036854775808"), "{}", errors[0].curl);
    assert!(errors[0].curl.contains("Bearer [redacted"), "{}", errors[0].curl);
    let report = check(&shop(Defect::TakesAnything), &contract(), &[Mode::Negative], &options()).await;
    let taken = report.findings.iter().find(|finding| finding.check == "accepts-invalid").unwrap();
    assert!(taken.seen > 3 && taken.curl.len() < 400, "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_sends_the_same_requests() {
    let asked = async |seed: u64| {
        let server = shop(Defect::None);
        let options = Options { seed, ..options() };
        check(&server, &contract(), &[Mode::Contract, Mode::Negative], &options).await;
        server.requests().into_iter().map(|request| (request.method, request.path, request.body)).collect::<Vec<_>>()
    };
    let first = asked(7).await;
    assert!(first.len() > 50);
    assert_eq!(first, asked(7).await);
    assert_ne!(first, asked(8).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_is_skipped_and_never_passed() {
    let anonymous = Options { credentials: None, others: None, ..options() };
    let report = check(&shop(Defect::None), &contract(), &[Mode::Contract], &anonymous).await;
    assert!(
        report.skipped.iter().any(|why| why.contains("POST /items: every request was refused; give `auth`")),
        "{}",
        report.lines()
    );
    let nobody = Options { operations: vec!["GET /nowhere".to_owned()], ..options() };
    let report = check(&shop(Defect::None), &contract(), &[Mode::Contract], &nobody).await;
    assert!(
        !report.ok() && report.skipped[0].contains("no operation is called GET /nowhere; there are GET /items"),
        "{}",
        report.lines()
    );
    let gone = ScriptedServer::start_with(|_| Answer::json(200, &json!({})));
    let late = Options { time: Duration::ZERO, ..options() };
    let report = check(&gone, &contract(), &[Mode::Contract], &late).await;
    assert!(!report.ok() && report.requests == 0 && report.skipped.iter().any(|why| why.contains("the time is over")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_noticed() {
    let mut asked = 0;
    let limited = ScriptedServer::start_with(move |_| {
        asked += 1;
        if asked > 30 {
            Answer::json(429, &json!({"error": "slow"})).header("retry-after", "1")
        } else {
            Answer::json(200, &json!([]))
        }
    });
    let report = check(&limited, &contract(), &[Mode::RateLimit], &options()).await;
    assert_eq!(found(&report), Vec::<&str>::new(), "{}", report.lines());
    assert!(report.notes.iter().any(|note| note.contains("429 within")));
    let open = ScriptedServer::start_with(|_| Answer::json(200, &json!([])));
    assert_eq!(found(&check(&open, &contract(), &[Mode::RateLimit], &options()).await), ["no-rate-limit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slower_build_is_told_from_the_same_one() {
    let serve = |pause: u64| {
        ScriptedServer::start_with(move |_| {
            std::thread::sleep(Duration::from_millis(pause));
            Answer::json(200, &json!({}))
        })
    };
    let (base, same, slower) = (serve(5), serve(5), serve(40));
    let rounds = Rounds { count: 8, time: Duration::from_millis(150), concurrency: 1, sparing: false };
    let requests = [Request::new("GET", "/")];
    let cancel = CancellationToken::new();
    let found = compare(&client(&base), &client(&slower), &requests, rounds, &cancel).await;
    assert_eq!(found.verdict, Verdict::Slower, "{found}");
    // How often the same build is taken for another one is measured by hand: a loaded machine is no test.
    let found = compare(&client(&base), &client(&same), &requests, rounds, &cancel).await;
    assert_ne!(found.verdict, Verdict::NotMeasured, "{found}");
    let failing = ScriptedServer::start_with(|_| Answer::json(500, &json!({})));
    let found = compare(&client(&base), &client(&failing), &requests, rounds, &cancel).await;
    assert_eq!(found.verdict, Verdict::NotMeasured, "a service that fails quickly is not fast: {found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_for_every_row_is_counted_where_the_log_shows_them() {
    let queries = Arc::new(AtomicUsize::new(0));
    let serve = |each: usize| {
        let queries = Arc::clone(&queries);
        ScriptedServer::start_with(move |_| {
            queries.fetch_add(1 + each * 6, Ordering::Relaxed);
            let items: Vec<_> = (1..=6).map(|id| json!({"id": id, "name": "x", "quantity": 1})).collect();
            Answer::json(200, &json!(items))
        })
    };
    for (each, expected) in [(1, vec!["n-plus-one"]), (0, vec![])] {
        let server = serve(each);
        let (client, recorder, cancel) = (client(&server), Recorder::default(), CancellationToken::new());
        let counted = || queries.load(Ordering::Relaxed);
        let spec = contract();
        let here = Surroundings {
            client: &client,
            spec: &spec,
            recorder: &recorder,
            queries: Some(&counted),
            tell: &|_| {},
            cancel: &cancel,
        };
        let only = Options { operations: vec!["GET /items".to_owned()], ..options() };
        let report = test(here, &[Mode::Paging], &only).await;
        let mut names = found(&report);
        names.retain(|name| *name == "n-plus-one");
        assert_eq!(names, expected, "{}", report.lines());
    }
}
