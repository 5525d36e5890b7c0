//! The test server itself: a fake that does not do what it says proves nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Answer, Delivery, ScriptedServer, bodies};

fn ask(server: &ScriptedServer, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    let head = format!("POST /v1/x HTTP/1.1\r\nHost: test\r\nX-Probe: yes\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn answers_come_in_order_and_requests_are_kept() {
    let server = ScriptedServer::start([Answer::typed(429, "text/plain", "slow down"), bodies::chat_text("hi")]);
    let first = String::from_utf8(ask(&server, "{\"a\":1}")).unwrap();
    assert!(first.starts_with("HTTP/1.1 429 ") && first.ends_with("slow down"), "{first}");
    let second = String::from_utf8(ask(&server, "")).unwrap();
    assert!(second.contains("[DONE]"), "{second}");
    let third = String::from_utf8(ask(&server, "")).unwrap();
    assert!(third.starts_with("HTTP/1.1 500 "), "{third}");
    let requests = server.wait_for(3);
    assert_eq!(requests[0].json(), serde_json::json!({"a": 1}));
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/v1/x"));
    assert_eq!(requests[0].header("x-probe"), Some("yes"));
}

#[test]
fn pieces_are_chunks_and_a_cut_has_no_last_chunk() {
    let answer = Answer::typed(200, "text/plain", "abc");
    let server =
        ScriptedServer::start([answer.clone().delivered(Delivery::Pieces(1)), answer.delivered(Delivery::CutAfter(2))]);
    let pieces = String::from_utf8(ask(&server, "")).unwrap();
    assert!(pieces.ends_with("\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"), "{pieces}");
    let cut = String::from_utf8(ask(&server, "")).unwrap();
    assert!(cut.ends_with("\r\n\r\n2\r\nab\r\n"), "{cut}");
}
