//! The engine with a model made of letters: no weights, no C++.

use std::sync::atomic::AtomicU64;
use std::sync::mpsc;

use super::super::wire::{End, Prompt, Role, Turn};
use super::*;
use crate::provider::shape::Shape;

const END: i32 = 256;
const START: i32 = 257;
const STOP: i32 = 258;

/// Each byte is a token. It says `script` and then ends; what it is refused it says in its next best way.
struct Letters {
    script: Vec<u8>,
    /// Tokens it has been told, as its memory.
    memory: Vec<i32>,
    /// Where answers begin in its memory.
    logits: Vec<Vec<f32>>,
    reads: usize,
    prompt_reads: usize,
    fails_at: Option<usize>,
}

impl Letters {
    fn new(script: &str) -> Self {
        Self {
            script: script.as_bytes().to_vec(),
            memory: vec![],
            logits: vec![],
            reads: 0,
            prompt_reads: 0,
            fails_at: None,
        }
    }

    /// What it says after these tokens: the script, as far as the answer has followed it.
    fn wants(&self, memory: &[i32]) -> i32 {
        let begun = memory.iter().rposition(|token| *token == START).map_or(0, |at| at + "assistant\n".len() + 1);
        let said: Vec<u8> =
            memory[begun.min(memory.len())..].iter().filter_map(|token| u8::try_from(*token).ok()).collect();
        self.script.get(said.len()).map_or(END, |byte| i32::from(*byte))
    }
}

impl Brain for Letters {
    fn tokens(&self, text: &str, control: bool) -> Vec<i32> {
        match text {
            "<|im_start|>" if control => vec![START],
            "<|im_end|>" if control => vec![STOP],
            _ => text.bytes().map(i32::from).collect(),
        }
    }

    fn piece(&self, token: i32) -> Vec<u8> {
        u8::try_from(token).map(|byte| vec![byte]).unwrap_or_default()
    }

    fn ends(&self, token: i32) -> bool {
        token == END
    }

    fn is_control(&self, token: i32) -> bool {
        token > 255
    }

    fn context(&self) -> usize {
        2_000
    }

    fn template(&self, _turns: &[(&str, &str)]) -> Option<String> {
        None
    }

    fn can_be_cut(&self) -> bool {
        true
    }

    fn keep(&mut self, tokens: usize) -> Result<(), String> {
        self.memory.truncate(tokens);
        Ok(())
    }

    fn read(&mut self, from: usize, tokens: &[i32]) -> Result<(), String> {
        assert_eq!(from, self.memory.len(), "read behind what is known");
        self.reads += 1;
        self.prompt_reads += usize::from(tokens.len() > guess::MOST + 1);
        if self.fails_at == Some(self.reads) {
            return Err("the computation failed".to_owned());
        }
        self.logits.clear();
        for token in tokens {
            self.memory.push(*token);
            let mut scores: Vec<f32> = (0..259).map(|token| -(token as f32) / 100.0).collect();
            scores[STOP as usize] = 5.0;
            let wanted = self.wants(&self.memory);
            scores[wanted as usize] = 10.0;
            self.logits.push(scores);
        }
        Ok(())
    }

    fn logits(&self, behind: usize) -> &[f32] {
        &self.logits[behind]
    }

    fn threads(&mut self, _count: usize) -> bool {
        true
    }

    fn save(&self, path: &Path, tokens: &[i32]) -> Result<(), String> {
        assert!(self.memory.starts_with(tokens));
        std::fs::write(path, serde_json::to_vec(tokens).unwrap()).map_err(|error| error.to_string())
    }

    fn restore(&mut self, path: &Path) -> Option<Vec<i32>> {
        let tokens: Vec<i32> = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        self.memory.clone_from(&tokens);
        Some(tokens)
    }
}

fn prompt(shape: Shape) -> Prompt {
    let turn = |role, text: &str| Turn { role, text: text.to_owned() };
    let turns = vec![turn(Role::System, &"Be exact. ".repeat(8)), turn(Role::User, "Do <|im_end|> it.")];
    Prompt { turns, fixed: 1, opening: String::new(), shape, most: 300, temperature: 0.0 }
}

fn around(states: Option<&Path>) -> Around {
    Around { states: states.map(Path::to_owned), fingerprint: "letters".to_owned() }
}

/// Gives orders one after the other and returns all that was told.
fn told(brain: &mut Letters, around: &Around, orders: Vec<Order>, cancelled: &AtomicU64) -> Vec<Told> {
    let (sender, receiver) = mpsc::channel();
    orders.into_iter().for_each(|order| sender.send(order).unwrap());
    drop(sender);
    let mut out = Vec::new();
    serve(brain, &receiver, cancelled, around, &mut out);
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn write(id: u64, prompt: Prompt) -> Order {
    Order::Write { id, prompt, threads: 1 }
}

fn text(told: &[Told], id: u64) -> String {
    told.iter()
        .filter_map(|told| match told {
            Told::Text { id: of, text } if *of == id => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn end(told: &[Told], id: u64) -> (End, super::super::wire::Timings) {
    told.iter()
        .find_map(|told| match told {
            Told::Done { id: of, end, timings } if *of == id => Some((*end, *timings)),
            _ => None,
        })
        .unwrap_or_else(|| panic!("{told:?}"))
}

#[test]
fn what_fits_is_taken_as_it_comes() {
    let mut brain = Letters::new("Grüße, so be it");
    let told = told(&mut brain, &around(None), vec![write(1, prompt(Shape::Text))], &AtomicU64::new(0));
    assert_eq!(text(&told, 1), "Grüße, so be it");
    let (how, timings) = end(&told, 1);
    assert_eq!((how, timings.corrected_tokens), (End::Finished, 0));
    // Control tokens in the text of a turn are letters like any others.
    assert_eq!(brain.memory.iter().take(timings.prompt_tokens).filter(|token| **token == STOP).count(), 2);
}

#[test]
fn what_does_not_fit_becomes_what_does() {
    let lines: Vec<String> = ["alpha", "beta"].iter().map(|line| (*line).to_owned()).collect();
    let shape = Shape::blocks(&lines).unwrap();
    let mut brain = Letters::new("bXta\n=======\nnew\n>>>>>>> REPLACE");
    let told = told(&mut brain, &around(None), vec![write(1, prompt(shape.clone()))], &AtomicU64::new(0));
    let (how, timings) = end(&told, 1);
    assert_eq!((how, timings.corrected_tokens), (End::Finished, 1));
    assert_eq!(shape.read(&text(&told, 1)).map(|written| matches!(written, crate::provider::shape::Written::Changed { lines, .. } if lines == ["alpha", "new"])), Some(true));
}

#[test]
fn a_second_prompt_reads_only_what_is_new_and_guesses_change_nothing() {
    let script = "one two three four one two three four one two three four";
    let mut brain = Letters::new(script);
    let orders = vec![write(1, prompt(Shape::Text)), write(2, prompt(Shape::Text))];
    let told = told(&mut brain, &around(None), orders, &AtomicU64::new(0));
    assert_eq!(text(&told, 1), script);
    assert_eq!(text(&told, 2), script);
    let (_, first) = end(&told, 1);
    let (_, second) = end(&told, 2);
    assert!(first.guessed_tokens > 10, "{first:?}");
    assert_eq!((first.known_tokens, second.known_tokens), (0, second.prompt_tokens - 1));
}

#[test]
fn a_fixed_beginning_is_kept_on_disk() {
    let states = tempfile::tempdir().unwrap();
    let around = around(Some(states.path()));
    let run = || {
        let mut brain = Letters::new("yes");
        let told = told(&mut brain, &around, vec![write(1, prompt(Shape::Text))], &AtomicU64::new(0));
        (end(&told, 1).1, text(&told, 1))
    };
    let (cold, first) = run();
    let (warm, second) = run();
    assert_eq!((cold.known_tokens, &first, &second), (0, &"yes".to_owned(), &"yes".to_owned()));
    assert!(warm.known_tokens > 80, "{warm:?}");
    // A broken state is no reason to fail.
    for entry in states.path().read_dir().unwrap() {
        std::fs::write(entry.unwrap().path(), "{").unwrap();
    }
    assert_eq!(run().1, "yes");
}

#[test]
fn cancelling_stops_and_the_next_one_is_whole() {
    let mut brain = Letters::new("yes");
    let told = told(
        &mut brain,
        &around(None),
        vec![write(1, prompt(Shape::Text)), write(2, prompt(Shape::Text))],
        &AtomicU64::new(1),
    );
    assert_eq!(end(&told, 1).0, End::Cancelled);
    assert_eq!((end(&told, 2).0, text(&told, 2)), (End::Finished, "yes".to_owned()));
}

#[test]
fn limits_and_failures_are_told() {
    let mut brain = Letters::new(&"again\n".repeat(40));
    let told_circle = told(&mut brain, &around(None), vec![write(1, prompt(Shape::Text))], &AtomicU64::new(0));
    assert_eq!(end(&told_circle, 1).0, End::RanOn);
    let mut brain = Letters::new("abcdefghij");
    let short = Prompt { most: 4, ..prompt(Shape::Text) };
    let told_short = told(&mut brain, &around(None), vec![write(1, short)], &AtomicU64::new(0));
    assert_eq!((end(&told_short, 1).0, text(&told_short, 1)), (End::Limit, "abcd".to_owned()));
    let long = Prompt { most: 1_990, ..prompt(Shape::Text) };
    let told_long = told(&mut brain, &around(None), vec![write(3, long)], &AtomicU64::new(0));
    assert!(matches!(&told_long[..], [Told::Failed { id: Some(3), too_long: true, .. }]), "{told_long:?}");
    brain.fails_at = Some(brain.reads + 2);
    let told_broken = told(&mut brain, &around(None), vec![write(4, prompt(Shape::Text))], &AtomicU64::new(0));
    assert!(matches!(told_broken.last(), Some(Told::Failed { id: Some(4), too_long: false, .. })), "{told_broken:?}");
}
