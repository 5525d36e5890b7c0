//! Recorded answers of real providers read as the corpus says, however they are cut.

use std::path::PathBuf;

use serde_json::Value;
use tenon::provider::{Chunk, Reading, Wire, read_body};

/// The corpus beside the repository, or where `TENON_CORPUS` says it is.
pub fn corpus() -> Option<PathBuf> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus"));
    let found = std::env::var_os("TENON_CORPUS").map_or(beside, PathBuf::from);
    if found.is_dir() {
        return Some(found);
    }
    eprintln!("SKIPPED: no corpus at {}; set TENON_CORPUS to read it", found.display());
    None
}

fn wire_of(dialect: &str) -> Option<Wire> {
    match dialect {
        "anthropic" => Some(Wire::Anthropic),
        "openai-chat" => Some(Wire::Chat),
        "openai-responses" => Some(Wire::Responses),
        "gemini" => Some(Wire::Gemini),
        "ollama" => Some(Wire::Ollama),
        _ => None,
    }
}

fn read(wire: Wire, body: &[u8], size: usize) -> (Reading, Vec<Chunk>) {
    let (mut reading, chunks) = read_body(wire, body.chunks(size.max(1)));
    // Ids made up on the way differ from reading to reading.
    let made_up = |id: &str| id.starts_with("call_") && id.len() == 21;
    for call in reading.reply.calls.iter_mut().filter(|call| made_up(call.call.as_str())) {
        call.call = "made up".into();
    }
    for thought in &mut reading.reply.thinking {
        thought.item = thought.item.take().filter(|item| !made_up(item));
    }
    (reading, chunks)
}

fn differences(reading: &Reading, expected: &Value) -> Vec<String> {
    let reply = &reading.reply;
    let mut found = Vec::new();
    let mut compare = |what: &str, got: Value, wanted: &Value| {
        if got != *wanted {
            found.push(format!("{what}: {got} instead of {wanted}"));
        }
    };
    compare("text", reply.text.clone().into(), &expected["text"]);
    let reasoning: String = reply.thinking.iter().map(|thought| thought.text.as_str()).collect();
    compare("reasoning", reasoning.into(), &expected["reasoning"]);
    compare("stop", reply.stop_word.clone().into(), &expected["stop_reason"]);
    // Some servers never send `[DONE]`: a reason to stop ends the answer all the same.
    // A blocked prompt is all the answer there will be.
    let ended = expected["complete"] == true
        || expected["prompt_blocked"].is_string()
        || (expected["dialect"] == "openai-chat" && expected["stop_reason"].is_string());
    compare("complete", reply.complete.into(), &ended.into());
    if expected["model"].is_string() {
        compare("model", reply.model.clone().into(), &expected["model"]);
    }
    let refusal = reply.refusal.clone().unwrap_or_default();
    if expected["refusal"] != "" {
        compare("refusal", refusal.into(), &expected["refusal"]);
    }
    let message = reading.error.as_ref().map(|error| error.message.clone());
    compare("error", message.into(), &expected["error"]["message"]);
    if expected["error"].is_null() && !expected["usage"].is_null() {
        let usage = &reply.usage;
        for (key, count) in [
            ("input_tokens", usage.input_tokens),
            ("output_tokens", usage.output_tokens),
            ("cache_read_tokens", usage.cache_read_tokens),
            ("cache_write_tokens", usage.cache_write_tokens),
        ] {
            if !expected["usage"][key].is_null() {
                compare(key, count.into(), &expected["usage"][key]);
            }
        }
    }
    found.extend(call_differences(reading, expected));
    found
}

fn call_differences(reading: &Reading, expected: &Value) -> Option<String> {
    let got: Vec<(String, Value, bool)> = reading
        .reply
        .calls
        .iter()
        // A call that was cut off before its arguments is not executed; the corpus reads it as one without any.
        .map(|call| (call.name.clone(), call.input.clone(), call.invalid.as_ref().is_none_or(String::is_empty)))
        .collect();
    let wanted: Vec<(String, Value, bool)> = expected["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| {
            let valid = call["valid_json"] == true;
            // Arguments that are `null` are no arguments.
            let none = valid && call["arguments"].is_null();
            let arguments = if none { serde_json::json!({}) } else { call["arguments"].clone() };
            (call["name"].as_str().unwrap().to_owned(), arguments, valid)
        })
        .collect();
    (got != wanted).then(|| format!("calls: {got:?} instead of {wanted:?}"))
}

#[test]
fn every_error_body_shows_the_providers_own_words() {
    let Some(corpus) = corpus() else { return };
    let lines = std::fs::read_to_string(corpus.join("sse/http_errors.jsonl")).unwrap();
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let shown = tenon::provider::error_message(case["body"].as_str().unwrap().as_bytes());
        if shown.as_deref() != case["expected_message"].as_str().map(str::trim) {
            wrong.push(format!("{}: {shown:?}", case["id"]));
        }
    }
    assert!(lines.lines().count() > 10);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_framing_case_gives_its_events() {
    let Some(corpus) = corpus() else { return };
    let lines = std::fs::read_to_string(corpus.join("sse/framing.jsonl")).unwrap();
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let latin = |text: &Value| -> Vec<u8> { text.as_str().unwrap().chars().map(|c| c as u8).collect() };
        let pieces: Vec<Vec<u8>> = case["chunks_latin1"].as_array().unwrap().iter().map(latin).collect();
        let whole = pieces.concat();
        let wanted: Vec<(Option<String>, String)> = case["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| (event["event"].as_str().map(str::to_owned), event["data"].as_str().unwrap().to_owned()))
            // An event without data may be dropped, as the WHATWG text says.
            .filter(|(_, data)| !data.is_empty())
            .collect();
        let single: Vec<Vec<u8>> = whole.iter().map(|byte| vec![*byte]).collect();
        for pieces in [pieces, vec![whole], single] {
            let mut reader = tenon::provider::SseReader::default();
            let mut events: Vec<_> = pieces.iter().flat_map(|piece| reader.push(piece)).collect();
            events.extend(reader.finish());
            let got: Vec<_> =
                events.into_iter().map(|e| (e.event, e.data)).filter(|(_, data)| !data.is_empty()).collect();
            if got != wanted {
                wrong.push(format!("{}: {got:?} instead of {wanted:?}", case["id"]));
            }
        }
    }
    assert!(lines.lines().count() > 10);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_transcript_reads_as_expected_in_any_chunking() {
    let Some(corpus) = corpus() else { return };
    let folder = corpus.join("sse");
    let all: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (file, expected) in all.as_object().unwrap() {
        let Some(wire) = wire_of(expected["dialect"].as_str().unwrap()) else { continue };
        if !expected["disputed"].is_null() {
            continue;
        }
        count += 1;
        let body = std::fs::read(folder.join(file)).unwrap();
        let (whole, chunks) = read(wire, &body, body.len());
        wrong.extend(differences(&whole, expected).into_iter().map(|what| format!("{file}: {what}")));
        let told: String = chunks
            .iter()
            .filter_map(|chunk| if let Chunk::Text(text) = chunk { Some(text.as_str()) } else { None })
            .collect();
        if told != whole.reply.text {
            wrong.push(format!("{file}: told {told:?}"));
        }
        for size in [1, 7, 4_096] {
            let pieces = read(wire, &body, size);
            if pieces != (whole.clone(), chunks.clone()) {
                wrong.push(format!("{file}: differs in pieces of {size}"));
            }
        }
    }
    assert!(count > 100, "only {count} transcripts");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
