//! Edits make of the old lines exactly the new ones, and tool output reads back as what was shown.

use super::*;

fn random_lines(random: &mut fastrand::Rng) -> Vec<String> {
    let pieces = ["a", "  a", "\tb", "", "", "}", "return x", "return x", "é", "aa", "aaa", "  "];
    (0..random.usize(0..25)).map(|_| (*random.choice(pieces).unwrap()).to_owned()).collect()
}

fn changed(old: &[String], random: &mut fastrand::Rng) -> Vec<String> {
    let mut new = old.to_vec();
    for _ in 0..random.usize(0..5) {
        let at = random.usize(0..=new.len());
        match random.u8(0..3) {
            0 => new.insert(at, "new é".to_owned()),
            1 if at < new.len() => {
                new.remove(at);
            }
            _ if at < new.len() => new[at] = "return x".to_owned(),
            _ => {}
        }
    }
    new
}

#[test]
fn edits_make_exactly_the_new_lines() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut several = 0;
    for _ in 0..5_000 {
        let old = random_lines(&mut random);
        let new = changed(&old, &mut random);
        match edits(&old, &new) {
            Some(made) => {
                several += usize::from(made.len() > 1);
                assert_eq!(edited(&old, &made).as_deref(), Some(&new[..]), "{old:?} {new:?} {made:?}");
            }
            // Only where a text has no line to hold on to, which is then written whole.
            None => assert!(old == new || old.concat().is_empty() || new.concat().is_empty(), "{old:?} {new:?}"),
        }
    }
    assert!(several > 500, "{several}");
}

#[test]
fn what_read_shows_is_read_back() {
    let shown = "    1\timport a\n    2\t\n    3\tx\ty\n";
    assert_eq!(read(shown), Some(Known { lines: vec!["import a".into(), String::new(), "x\ty".into()], whole: true }));
    let part = format!("{shown}[lines 1-3 of 90; go on with from=4]\n");
    assert_eq!(read(&part).map(|known| known.whole), Some(false));
    let secret = format!("{shown}[secrets are blanked out as [redacted …]; keep these lines out of edits]\n");
    assert_eq!(read(&secret).map(|known| (known.lines.len(), known.whole)), Some((3, true)));
    assert_eq!(read("`a.py` is empty."), Some(Known { lines: vec![], whole: true }));
    assert_eq!(read("`a.py` is a binary file of 3 bytes."), None);
}

#[test]
fn listings_and_hits_are_read() {
    assert_eq!(listed("src/\nsrc/a.py\t120\n[cut at 500 entries]\n"), [("src/a.py".to_owned(), 120)]);
    let found = hits("src/a.py\n    3\tdef a():\n   12\ta()\nb.py\n    1\ta\n[cut after 3 lines]\n");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], ("src/a.py".to_owned(), vec![(3, "def a():".to_owned()), (12, "a()".to_owned())]));
}
