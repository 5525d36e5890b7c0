//! The list of models: the card of a first run, and F3.

use std::path::PathBuf;
use std::time::Duration;

use tenon::domain::{Command, Event};
use tenon::provider::fetch::{Checked, How, Progress, Pulled, Stage};
use tenon::provider::offers::{Offer, Ready};
use tenon::tui::StartInfo;
use tenon::tui::msg::{Effect, Msg};

use super::harness::{Player, start};

pub(super) fn offer(model: &str, state: &str, ready: Ready) -> Offer {
    let details = vec![format!("what {model} means"), "and what it costs".to_owned()];
    Offer { model: model.to_owned(), state: state.to_owned(), ready, details }
}

fn offers() -> Vec<Offer> {
    vec![
        offer("anthropic/big", "key from ANTHROPIC_API_KEY", Ready::Now),
        offer("embedded/small", "1.12 GB to download", Ready::Download(1_117_320_768)),
        offer("openai/other", "needs OPENAI_API_KEY", Ready::Missing),
    ]
}

fn first_run(width: u16, height: u16, models: Vec<Offer>) -> Player {
    let start = StartInfo { model: String::new(), models, ask_model: true, ..start() };
    Player::with(start, width, height).open()
}

fn kept(player: &Player) -> Vec<&str> {
    let kept = player.effects.iter().filter_map(|effect| match effect {
        Effect::KeepModel(model) => Some(model.as_str()),
        _ => None,
    });
    kept.collect()
}

#[test]
fn a_first_run_says_what_was_found_and_enter_takes_the_best() {
    for (width, height) in [(60, 15), (80, 24), (120, 40)] {
        let mut player = first_run(width, height, offers());
        for words in
            ["Nothing is sent anywhere", "› anthropic/big", "key from", "what anthropic/big means", "Enter takes it"]
        {
            player.shows(words);
        }
        player.keys("Down");
        player.shows("what embedded/small means");
        player.shows("Enter downloads it");
        player.keys("Up Enter");
        assert_eq!(player.taken(), [Command::UseModel { model: "anthropic/big".to_owned() }]);
        assert_eq!(kept(&player), ["anthropic/big"]);
        player.hides("Which model?");
    }
}

#[test]
fn servers_join_the_list_and_a_line_the_user_went_to_stays_theirs() {
    let served = |mut offers: Vec<Offer>| {
        offers.insert(0, offer("ollama/qwen", "runs at 127.0.0.1", Ready::Now));
        offers
    };
    let mut player = first_run(100, 30, offers()[1..].to_vec());
    player.shows("› embedded/small");
    player.msg(Msg::Models(served(offers()[1..].to_vec())));
    player.shows("› ollama/qwen");
    let mut player = first_run(100, 30, offers()[1..].to_vec());
    player.keys("Down");
    player.msg(Msg::Models(served(offers()[1..].to_vec())));
    player.shows("› openai/other");
    player.keys("Enter");
    player.shows("not yet: it needs OPENAI_API_KEY");
    assert!(player.taken().is_empty());
}

#[test]
fn esc_leaves_it_for_later_and_f3_brings_the_same_list_back() {
    let mut player = first_run(100, 30, offers());
    player.keys("Esc");
    player.hides("Enter takes it");
    assert!(player.taken().is_empty() && kept(&player).is_empty());
    player.keys("F3");
    player.shows("› anthropic/big");
    player.types("other");
    player.shows("› openai/other");
    player.keys("Esc F3");
    player.types("my/own-model\n");
    assert_eq!(player.taken(), [Command::UseModel { model: "my/own-model".to_owned() }]);
    player.types("/model\n");
    player.shows("Enter takes it");
}

fn far(done: u64) -> Progress {
    Progress {
        stage: Stage::Fetching,
        source: "the model hub".to_owned(),
        done,
        total: Some(1_000_000_000),
        notes: vec!["the mirror: no connection".to_owned()],
    }
}

fn pulled() -> Pulled {
    let path = PathBuf::from("/models/small.gguf");
    Pulled { path, name: "small".to_owned(), how: How::Already, checked: Checked::Pinned }
}

#[test]
fn weights_come_while_the_composer_stays_usable_and_a_message_waits_for_them() {
    for (width, height) in [(60, 15), (100, 30)] {
        let mut player = first_run(width, height, offers());
        player.keys("Down Enter");
        assert!(
            player.effects.iter().any(|effect| matches!(effect, Effect::Fetch(model) if model == "embedded/small"))
        );
        player.msg(Msg::Fetching(far(0)));
        player.waits(Duration::from_secs(3));
        player.msg(Msg::Fetching(far(300_000_000)));
        player.shows("[###-------] 30 %");
        player.types("add a health check\n");
        player.shows("waits for the model");
        assert!(player.taken().is_empty(), "nothing goes to a model that is not there");
        player.msg(Msg::Fetched(Ok(pulled())));
        let say = Command::Say { text: "add a health check".to_owned() };
        assert_eq!(player.taken(), [Command::UseModel { model: "embedded/small".to_owned() }, say]);
        assert_eq!(kept(&player), ["embedded/small"]);
        player.hides("30 %");
    }
}

#[test]
fn a_rate_and_a_rest_are_shown() {
    let mut player = first_run(100, 30, offers());
    player.keys("Down Enter");
    player.msg(Msg::Fetching(far(0)));
    player.waits(Duration::from_secs(4));
    player.msg(Msg::Fetching(far(100_000_000)));
    player.shows("25 MB/s · 36 s left · Esc stops");
    player.shows("the mirror: no connection");
}

#[test]
fn esc_stops_a_download_and_gives_the_message_back() {
    let mut player = first_run(100, 30, offers());
    player.keys("Down Enter");
    player.msg(Msg::Fetching(far(5)));
    player.types("add a health check\n");
    player.keys("Esc");
    assert!(player.effects.iter().any(|effect| matches!(effect, Effect::StopFetching)));
    player.shows("what came is kept");
    player.shows("› add a health check");
    // What the stopped work still says does no harm.
    player.msg(Msg::Fetching(far(9)));
    player.msg(Msg::Fetched(Ok(pulled())));
    assert!(player.taken().is_empty());
}

#[test]
fn a_model_in_use_gets_messages_while_another_one_comes() {
    let mut player = Player::with(StartInfo { models: offers(), ..start() }, 100, 30).open();
    player.event(Event::AgentChosen {
        agent: "a".to_owned(),
        model: "anthropic/big".to_owned(),
        tools: None,
        context_window: None,
    });
    player.keys("F3 Down Enter");
    player.types("hello\n");
    assert_eq!(player.taken(), [Command::Say { text: "hello".to_owned() }]);
}
