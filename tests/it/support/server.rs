//! A real HTTP/1.1 server on loopback that gives scripted answers and remembers what it was asked.
//!
//! It runs on threads of its own, so that it serves asynchronous tests as well as tests of the whole program.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How the bytes of an answer's body go out.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// With a length, in one piece.
    Whole,
    /// Chunked, this many bytes a chunk, each sent at once.
    Pieces(usize),
    /// Chunked; the connection is closed after this many bytes, without the last chunk.
    CutAfter(usize),
    /// Chunked; after this many bytes nothing more comes, and the connection stays open.
    HangAfter(usize),
    /// Chunked, this many bytes a chunk, with a pause before each.
    Slow(usize, Duration),
}

/// What the server says to one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub delivery: Delivery,
}

impl Answer {
    /// A stream of server-sent events.
    pub fn events(body: impl Into<Vec<u8>>) -> Self {
        Self::typed(200, "text/event-stream", body)
    }

    /// A JSON answer.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::typed(status, "application/json", body.to_string())
    }

    /// Any answer.
    pub fn typed(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), delivery: Delivery::Whole }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Recorded {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

type Script = dyn FnMut(&Recorded) -> Answer + Send;

struct Shared {
    script: Mutex<Box<Script>>,
    requests: Mutex<Vec<Recorded>>,
    arrived: Condvar,
    over: Mutex<bool>,
    ended: Condvar,
}

/// The server. It stops when dropped.
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl ScriptedServer {
    /// Gives these answers in order, then 500.
    pub fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut left: VecDeque<Answer> = answers.into_iter().collect();
        Self::start_with(move |_| {
            left.pop_front().unwrap_or_else(|| {
                Answer::json(500, &serde_json::json!({"error": {"message": "the script of the test server is over"}}))
            })
        })
    }

    /// Asks `script` for each answer.
    pub fn start_with(script: impl FnMut(&Recorded) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            requests: Mutex::default(),
            arrived: Condvar::new(),
            over: Mutex::new(false),
            ended: Condvar::new(),
        });
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if *served.over.lock().unwrap() {
                    break;
                }
                let Ok(stream) = stream else { break };
                let served = Arc::clone(&served);
                std::thread::spawn(move || drop(serve(&stream, &served)));
            }
        });
        Self { address, shared }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits until `count` requests came in and returns them; panics after 20 seconds.
    pub fn wait_for(&self, count: usize) -> Vec<Recorded> {
        let requests = self.shared.requests.lock().unwrap();
        let (requests, late) = self
            .shared
            .arrived
            .wait_timeout_while(requests, Duration::from_secs(20), |requests| requests.len() < count)
            .unwrap();
        assert!(!late.timed_out(), "{} of {count} requests came in", requests.len());
        requests.clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        if let Ok(mut over) = self.shared.over.lock() {
            *over = true;
        }
        self.shared.ended.notify_all();
        // Wakes the thread that accepts, so that the port is given back.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = read_request(stream)?;
    let answer = {
        let mut script = shared.script.lock().unwrap();
        let answer = script(&request);
        shared.requests.lock().unwrap().push(request);
        shared.arrived.notify_all();
        answer
    };
    write_answer(stream, &answer, shared)
}

fn read_request(stream: &TcpStream) -> std::io::Result<Recorded> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    if method.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, v)| v.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Recorded { method, path, headers, body, at: Instant::now() })
}

fn write_answer(mut stream: &TcpStream, answer: &Answer, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let (size, pause, sent) = match answer.delivery {
        Delivery::Whole => {
            head.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len()));
            stream.write_all(head.as_bytes())?;
            return stream.write_all(&answer.body);
        }
        Delivery::Pieces(size) => (size, Duration::ZERO, answer.body.len()),
        Delivery::Slow(size, pause) => (size, pause, answer.body.len()),
        Delivery::CutAfter(sent) | Delivery::HangAfter(sent) => (4_096, Duration::ZERO, sent.min(answer.body.len())),
    };
    head.push_str("transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    for piece in answer.body[..sent].chunks(size.max(1)) {
        std::thread::sleep(pause);
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
        stream.write_all(piece)?;
        stream.write_all(b"\r\n")?;
    }
    match answer.delivery {
        Delivery::CutAfter(_) => stream.shutdown(Shutdown::Both),
        Delivery::HangAfter(_) => {
            let over = shared.over.lock().unwrap();
            drop(shared.ended.wait_timeout_while(over, Duration::from_secs(60), |over| !*over));
            Ok(())
        }
        _ => stream.write_all(b"0\r\n\r\n"),
    }
}
