use crossterm::event::KeyModifiers;

use super::*;

fn press(composer: &mut Composer, code: KeyCode) -> Outcome {
    let key = KeyEvent::new(code, KeyModifiers::NONE);
    let action = (code == KeyCode::Enter).then_some(Action::Send);
    composer.grabs(&key, action).unwrap_or_else(|| composer.key(&key))
}

fn write(composer: &mut Composer, text: &str) -> Outcome {
    text.chars().map(|c| press(composer, KeyCode::Char(c))).last().unwrap_or(Outcome::Ignored)
}

#[test]
fn files_are_asked_for_once_and_completed() {
    let mut composer = Composer::default();
    assert_eq!(write(&mut composer, "see @"), Outcome::NeedsFiles);
    assert_eq!(write(&mut composer, "rou"), Outcome::Taken);
    composer.set_files(vec!["src/main.py".to_owned(), "src/routes.py".to_owned()]);
    assert_eq!(composer.completion().and_then(Completion::chosen), Some("src/routes.py"));
    press(&mut composer, KeyCode::Tab);
    assert_eq!(composer.area().text(), "see @src/routes.py ");
    assert!(composer.completion().is_none());
}

#[test]
fn commands_complete_until_they_are_whole() {
    let mut composer = Composer::default();
    write(&mut composer, "/mo");
    assert_eq!(press(&mut composer, KeyCode::Enter), Outcome::Taken);
    assert_eq!(composer.area().text(), "/model ");
    composer.set("");
    write(&mut composer, "/quit");
    assert!(composer.grabs(&KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE), Some(Action::Send)).is_none());
    composer.set("");
    write(&mut composer, "/usr/bin");
    assert!(composer.completion().is_none());
}

#[test]
fn up_walks_back_and_down_returns_to_the_draft() {
    let mut composer = Composer::default();
    for message in ["one", "two"] {
        composer.set(message);
        assert_eq!(composer.take().as_deref(), Some(message));
    }
    composer.remember_all(vec!["zero".to_owned()]);
    write(&mut composer, "draft");
    for (code, expected) in [
        (KeyCode::Up, "two"),
        (KeyCode::Up, "one"),
        (KeyCode::Up, "zero"),
        (KeyCode::Up, "zero"),
        (KeyCode::Down, "one"),
        (KeyCode::Down, "two"),
        (KeyCode::Down, "draft"),
    ] {
        press(&mut composer, code);
        assert_eq!(composer.area().text(), expected);
    }
}

#[test]
fn a_long_paste_is_one_word_on_screen_and_whole_when_sent() {
    let mut composer = Composer::default();
    let long = "line\n".repeat(500);
    write(&mut composer, "look: ");
    composer.paste(&long);
    assert_eq!(composer.area().text(), "look: [paste 1: 500 lines, 3 KB]");
    composer.paste("short\nsecond");
    assert_eq!(composer.take(), Some(format!("look: {}short\nsecond", "line\n".repeat(500))));
}

#[test]
fn search_finds_the_newest_first() {
    let mut composer = Composer::default();
    composer.remember_all(vec!["fix the tests".to_owned(), "add tests".to_owned(), "other".to_owned()]);
    composer.begin_search();
    write(&mut composer, "tests");
    assert_eq!(composer.searching(), Some(("tests", Some("add tests"))));
    composer.grabs(&KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL), Some(Action::HistorySearch));
    press(&mut composer, KeyCode::Enter);
    assert_eq!(composer.area().text(), "fix the tests");
}
