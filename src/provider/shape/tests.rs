//! Whatever a model writes under a shape can be read, and lands where it should: also when the model is noise.

use super::*;

/// Tokens of a model that knows nothing: letters, words, marks, halves of letters.
const TOKENS: [&[u8]; 40] = [
    b"a",
    b"b",
    b"x",
    b" ",
    b"    ",
    b"\t",
    b"\n",
    b"\n\n",
    b"=",
    b"<",
    b">",
    b"`",
    b"```",
    b"=======",
    b"=======\n",
    b"<<<<<<< SEARCH\n",
    b">>>>>>> REPLACE",
    b">>>>>>> REPLACE\n",
    b"SEARCH",
    b"REPLACE\n",
    b"def ",
    b"f(x):\n",
    b"return",
    b"return x\n",
    b"}",
    b"}\n",
    b"{",
    b"//",
    b"#",
    b"\xC3",
    b"\xA9",
    b"\xE2\x82",
    b"\xAC",
    b"\xF0\x9F",
    b"\x98\x80",
    b"\xFF",
    b"\r",
    b"\r\n",
    b"\0",
    b".",
];

/// Lets noise write under a shape; `None` when it ran on.
fn noise(shape: &Shape, random: &mut fastrand::Rng, most: usize) -> Option<(String, Written)> {
    let mut acceptor = Acceptor::new(shape);
    let mut bytes = Vec::new();
    for count in 0.. {
        if acceptor.is_over() || acceptor.may_end() && (count > most || random.u8(..) < 12) {
            break;
        }
        // Half the time a line of the file, as a model that has read it would.
        let mut fitted = false;
        for _ in 0..400 {
            let line = match shape {
                Shape::Blocks { lines } if random.bool() => {
                    random.choice(lines).map(|line| format!("{line}\n").into_bytes())
                }
                _ => None,
            };
            let token = line.unwrap_or_else(|| random.choice(TOKENS).unwrap_or(b"a").to_vec());
            match acceptor.take(&token) {
                Fit::Fits => {
                    bytes.extend(token);
                    fitted = true;
                    break;
                }
                Fit::TooLong => return None,
                Fit::Refused => {}
            }
        }
        if !fitted {
            // Something always fits, as a last resort a single byte.
            let byte = (0..=255_u8).find(|byte| acceptor.take(&[*byte]) == Fit::Fits);
            let before = String::from_utf8_lossy(&bytes).into_owned();
            bytes.push(byte.unwrap_or_else(|| panic!("a dead end after {before:?} under {shape:?}")));
        }
        if count > 3_000 {
            return None;
        }
    }
    let text = String::from_utf8(bytes).expect("only whole letters");
    let written = acceptor.finish().expect("it may end here");
    Some((text, written))
}

fn random_file(random: &mut fastrand::Rng) -> Vec<String> {
    let pieces = [
        "a",
        "  a",
        "\ta = 1",
        "",
        "}",
        "def f(x):",
        "    return x",
        "    return x",
        "é = 'ü'",
        "x == y",
        "= 1",
        "<tag>",
        "# end ",
        "{",
        "=====",
        ">> b",
    ];
    (0..random.usize(1..30)).map(|_| (*random.choice(pieces).unwrap()).to_owned()).collect()
}

#[test]
fn what_noise_writes_as_blocks_always_reads_and_lands() {
    let mut random = fastrand::Rng::with_seed(3);
    let (mut finished, mut ran_on) = (0, 0);
    for _ in 0..4_000 {
        let lines = random_file(&mut random);
        let Some(shape) = Shape::blocks(&lines) else { continue };
        let Some((text, written)) = noise(&shape, &mut random, 60) else {
            ran_on += 1;
            continue;
        };
        finished += 1;
        let Written::Changed { lines: after, blocks } = &written else { panic!("{written:?}") };
        assert_eq!(shape.read(&text), Some(written.clone()), "{text:?}");
        // Made by hand from what was written: each search is at one place only, and exactly that place changes.
        let mut file = lines.clone();
        for (part, block) in format!("\n<<<<<<< SEARCH\n{text}").split("\n<<<<<<< SEARCH\n").skip(1).zip(blocks) {
            let (search, rest) = part.split_once("\n=======\n").unwrap_or_else(|| panic!("{part:?}"));
            let search: Vec<&str> = search.split('\n').collect();
            let places: Vec<usize> = (0..file.len())
                .filter(|at| file.get(*at..at + search.len()).is_some_and(|span| span.iter().eq(search.iter())))
                .collect();
            assert_eq!(places, [block.at], "{part:?} in {file:?}");
            let replace: Vec<String> =
                rest.split('\n').take_while(|line| *line != ">>>>>>> REPLACE").map(str::to_owned).collect();
            file.splice(block.at..block.at + search.len(), replace);
        }
        assert_eq!(&file, after, "{text:?}");
    }
    assert!(finished > 2_500, "{finished} finished, {ran_on} ran on");
}

#[test]
fn what_noise_writes_as_a_file_always_reads() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut finished = 0;
    for _ in 0..2_000 {
        let shape = Shape::File { most_lines: 80 };
        let Some((text, written)) = noise(&shape, &mut random, 80) else { continue };
        finished += 1;
        assert_eq!(shape.read(&text), Some(written.clone()));
        let Written::Lines(lines) = written else { panic!() };
        assert!(lines.iter().all(|line| line != FENCE && !line.contains(['\n', '\r', '\0'])), "{lines:?}");
    }
    assert!(finished > 1_000, "{finished}");
}

#[test]
fn choices_and_paths_are_what_they_must_be() {
    let mut random = fastrand::Rng::with_seed(9);
    let options = vec!["src/a.py".to_owned(), "src/a.pyi".to_owned(), "b".to_owned()];
    for _ in 0..300 {
        let (_, written) = noise(&Shape::OneOf { options: options.clone() }, &mut random, 5).unwrap();
        assert!(matches!(&written, Written::Text(text) if options.contains(text)), "{written:?}");
        let Some((_, written)) = noise(&Shape::Path, &mut random, 5) else { continue };
        let Written::Text(path) = written else { panic!() };
        let path = path.trim_end();
        assert!(
            !path.starts_with(['/', '.', '-']) && !path.contains("..") && !path.contains("//") && path.contains('.'),
            "{path}"
        );
    }
}

#[test]
fn only_lines_of_the_file_can_be_searched_for() {
    let lines: Vec<String> = "def a():\n    return 1\n\ndef b():\n    return 1\n".lines().map(str::to_owned).collect();
    let shape = Shape::blocks(&lines).unwrap();
    let fit = |written: &str, next: &str| {
        let mut acceptor = Acceptor::new(&shape);
        assert_eq!(acceptor.take(written.as_bytes()), Fit::Fits, "{written:?}");
        acceptor.take(next.as_bytes())
    };
    assert_eq!(fit("def b", "ody():\n"), Fit::Refused);
    assert_eq!(fit("def b():\n", "=======\n"), Fit::Fits);
    // Two places: it takes another line to tell them apart.
    assert_eq!(fit("    return 1\n", "=======\n"), Fit::Refused);
    assert_eq!(fit("    return 1\n", "\ndef b():\n=======\n"), Fit::Fits);
    assert_eq!(fit("def b():\n=======\nx\n", ">>>>>>> REPLACE\n<<<<<<< SEARCH\nx\n=======\n"), Fit::Fits);
    assert_eq!(fit("def b():\n=======\n", "```"), Fit::Refused);
    assert_eq!(fit("def b():\n=======\n", "<<<<<<<"), Fit::Refused);
    assert_eq!(fit("def b():\n=======\n", &"y".repeat(500)), Fit::TooLong);
    assert_eq!(fit("def b():\n=======\n", &"    again(1)\n".repeat(9)), Fit::TooLong);
}

#[test]
fn files_that_look_like_marks_get_no_blocks() {
    for text in ["<<<<<<< HEAD", "=======", "  ```sh", ">>>>>>> x", "", "   \n\n", "a\rb"] {
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        assert_eq!(Shape::blocks(&lines), None, "{text:?}");
    }
    assert!(Shape::blocks(&["====".to_owned()]).is_some());
}

#[test]
fn a_file_ends_with_its_fence() {
    let shape = Shape::File { most_lines: 10 };
    assert_eq!(shape.read("a\nb\n```\nThat is all."), Some(Written::Lines(vec!["a".to_owned(), "b".to_owned()])));
    assert_eq!(shape.read("a\nb"), Some(Written::Lines(vec!["a".to_owned(), "b".to_owned()])));
    assert_eq!(shape.read(&"a\nb2\n".repeat(20)), None);
}
