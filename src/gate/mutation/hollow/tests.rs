use super::*;
use crate::domain::{FileMode, FileState, RepoPath};

fn state(text: &str) -> Option<FileState> {
    Some(FileState { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
}

fn found(path: &str, text: &str) -> Vec<(usize, String)> {
    let file = Changed { path: RepoPath::parse(path).unwrap(), before: None, after: state(text) };
    look(&file).into_iter().map(|one| (one.line.unwrap(), one.rule.unwrap())).collect()
}

#[test]
fn hollow_tests_are_found_in_every_language() {
    for (path, text, expected) in [
        (
            "tests/test_a.py",
            "def test_x():\n    run()\n\ndef test_y():\n    assert run() == 1\n",
            vec![(1, "no-assertion")],
        ),
        ("tests/test_a.py", "def test_x():\n    pass\n", vec![(1, "no-assertion")]),
        ("tests/test_a.py", "def test_x():\n    run()\n    # assert run() == 1\n", vec![(1, "no-assertion")]),
        ("tests/test_a.py", "def test_x():\n    assert True\n", vec![(2, "always-true")]),
        ("tests/test_a.py", "def test_x():\n    assert a == a\n", vec![(2, "always-true")]),
        ("tests/test_a.py", "def test_x():\n    assert 1 == 1\n", vec![(2, "always-true")]),
        ("tests/test_a.py", "def test_x():\n    assert (run() == 1, 'no')\n", vec![(2, "always-true")]),
        ("tests/test_a.py", "def test_x():\n    assert len(rows) >= 0\n", vec![(2, "always-true")]),
        (
            "tests/test_a.py",
            "def test_x():\n    try:\n        assert run() == 1\n    except Exception:\n        pass\n",
            vec![(1, "swallowed")],
        ),
        (
            "tests/test_a.py",
            "def test_x():\n    m = Mock(return_value=3)\n    assert m() == 3\n",
            vec![(1, "stand-in-only")],
        ),
        (
            "tests/test_a.py",
            "def test_x():\n    m = MagicMock()\n    m(1)\n    m.assert_called_once_with(1)\n",
            vec![(1, "stand-in-only")],
        ),
        (
            "tests/test_a.py",
            "@pytest.mark.skip(reason='later')\ndef test_x():\n    assert run() == 1\n",
            vec![(2, "switched-off")],
        ),
        (
            "tests/test_a.py",
            "class T(TestCase):\n    def test_x(self):\n        self.assertTrue(True)\n",
            vec![(3, "always-true")],
        ),
        (
            "a.test.js",
            "test('x', () => {\n  run();\n});\ntest('y', () => {\n  expect(1).toBe(2);\n});\n",
            vec![(1, "no-assertion")],
        ),
        ("a.test.js", "it('should add', () => {\n  run();\n});\n", vec![(1, "no-assertion")]),
        ("a.test.ts", "it('x', () => { expect(true).toBe(true) });", vec![(1, "always-true")]),
        ("a.test.ts", "it('x', () => {\n  expect(run());\n});\n", vec![(2, "no-assertion")]),
        ("a.test.ts", "it('x', async () => {\n  expect(run()).resolves.toBe(1);\n});\n", vec![(2, "not-awaited")]),
        ("a.test.js", "it('x', () => {\n  expect(run()).toMatchSnapshot();\n});\n", vec![(1, "snapshot-only")]),
        (
            "a.test.js",
            "it('x', () => {\n  try {\n    expect(run()).toBe(1);\n  } catch (e) {\n    console.log(e);\n  }\n});\n",
            vec![(1, "swallowed")],
        ),
        (
            "a.test.js",
            "it('x', () => {\n  const f = jest.fn().mockReturnValue(3);\n  expect(f()).toBe(3);\n});\n",
            vec![(1, "stand-in-only")],
        ),
        ("a.test.js", "it.skip('x', () => {\n  expect(run()).toBe(1);\n});\n", vec![(1, "switched-off")]),
        ("a.test.js", "it('x', () => {\n  // expect(run()).toBe(1);\n});\n", vec![(1, "no-assertion")]),
        (
            "a_test.go",
            "func TestX(t *testing.T) {\n\trun()\n}\nfunc TestY(t *testing.T) {\n\tt.Fatal(1)\n}\n",
            vec![(1, "no-assertion")],
        ),
        ("a_test.go", "func TestX(t *testing.T) {\n\tt.Log(run())\n}\n", vec![(1, "no-assertion")]),
        ("a_test.go", "func TestX(t *testing.T) {\n\tt.Skip(\"later\")\n\tt.Fatal(1)\n}\n", vec![(1, "switched-off")]),
        ("a_test.go", "func TestX(t *testing.T) {\n\tassert.Equal(t, want, want)\n}\n", vec![(2, "always-true")]),
        ("src/lib.rs", "#[test]\nfn x() {\n    assert!(true);\n}\n", vec![(3, "always-true")]),
        ("src/lib.rs", "#[test]\nfn x() {\n    run();\n}\n\nfn y() {\n    run();\n}\n", vec![(2, "no-assertion")]),
        ("tests/a.rs", "#[test]\n#[ignore]\nfn x() {\n    assert_eq!(run(), 1);\n}\n", vec![(3, "switched-off")]),
        (
            "src/test/java/ATest.java",
            "class ATest {\n    @Test\n    void x() {\n        run();\n    }\n}\n",
            vec![(3, "no-assertion")],
        ),
        (
            "src/test/java/ATest.java",
            "class ATest {\n    @Test\n    void x() {\n        assertTrue(true);\n    }\n}\n",
            vec![(4, "always-true")],
        ),
        (
            "src/test/java/ATest.java",
            "class ATest {\n    @Disabled\n    @Test\n    void x() {\n        assertEquals(1, run());\n    }\n}\n",
            vec![(4, "switched-off")],
        ),
        (
            "src/test/java/ATest.java",
            "class ATest {\n    @Test\n    void x() {\n        try {\n            assertEquals(1, run());\n        } catch (Throwable e) {\n        }\n    }\n}\n",
            vec![(3, "swallowed")],
        ),
    ] {
        let expected: Vec<(usize, String)> = expected.into_iter().map(|(line, rule)| (line, rule.to_owned())).collect();
        assert_eq!(found(path, text), expected, "{text}");
    }
}

#[test]
fn honest_tests_are_left_alone() {
    for (path, text) in [
        ("tests/test_a.py", "def test_x():\n    assert f() == f()\n"),
        ("tests/test_a.py", "def test_x():\n    with pytest.raises(E):\n        f()\n"),
        ("tests/test_a.py", "def test_x(\n    client,\n):\n    assert client.get('/').status_code == 200\n"),
        ("tests/test_a.py", "def test_x():\n    check_total(3)\n"),
        ("tests/test_a.py", "def test_empty_input_does_not_raise():\n    run('')\n"),
        (
            "tests/test_a.py",
            "def test_x():\n    send = Mock()\n    notify(send)\n    send.assert_called_once_with('a')\n",
        ),
        (
            "tests/test_a.py",
            "def test_x(monkeypatch):\n    clock = Mock(return_value=3)\n    monkeypatch.setattr(app, 'clock', clock)\n    assert app.now() == 3\n",
        ),
        ("tests/test_a.py", "def test_x():\n    assert (\n        run(1, 2)\n        == 3\n    )\n"),
        ("tests/test_a.py", "def test_x():\n    assert (run(1, 2))\n"),
        ("tests/test_a.py", "@pytest.mark.skipif(WINDOWS, reason='no')\ndef test_x():\n    assert run() == 1\n"),
        (
            "tests/test_a.py",
            "def test_x():\n    try:\n        run()\n    except ValueError as error:\n        assert 'no' in str(error)\n    else:\n        pytest.fail('x')\n",
        ),
        ("a.test.js", "it('x', () => request(app).get('/').expect(200));"),
        (
            "a.test.js",
            "it('x', (done) => {\n  run((err) => {\n    if (err) return done(err);\n    done();\n  });\n});\n",
        ),
        ("a.test.js", "it('x', async () => {\n  await expect(run()).rejects.toThrow('no');\n});\n"),
        (
            "a.test.js",
            "it('x', () => {\n  try {\n    run();\n    throw new Error('no');\n  } catch (e) {\n    expect(e.code).toBe(1);\n  }\n});\n",
        ),
        ("a.test.js", "it('x', () => {\n  expect(\n    run(),\n  ).toBe(1);\n});\n"),
        (
            "a.test.ts",
            "it('x', () => {\n  const send = vi.fn();\n  notify(send);\n  expect(send).toHaveBeenCalledWith('a');\n});\n",
        ),
        (
            "a_test.go",
            "func TestX(t *testing.T) {\n\tif got := run(); got != 1 {\n\t\tt.Errorf(\"got %d\", got)\n\t}\n}\n",
        ),
        ("a_test.go", "func TestX(t *testing.T) {\n\tassertStatus(t, 200)\n}\n"),
        ("a_test.go", "func TestX(t *testing.T) {\n\ttestutil.Succeeds(t, \"x\")\n}\n"),
        (
            "tests/a.rs",
            "fn same(a: u8, b: u8) {\n    assert_eq!(a, b);\n}\n\nfn outer(a: u8) {\n    same(a, 1);\n}\n\n#[test]\nfn x() {\n    outer(run());\n}\n",
        ),
        ("src/lib.rs", "#[test]\n#[should_panic]\nfn x() {\n    run();\n}\n"),
        ("src/lib.rs", "#[test]\nfn x() -> Result<(), E> {\n    run()?;\n    Ok(())\n}\n"),
        ("src/lib.rs", "fn test_x() {\n    run();\n}\n"),
        (
            "src/test/java/ATest.java",
            "class ATest {\n    @Test\n    void x()\n    {\n        assertThrows(E.class, () -> run());\n    }\n}\n",
        ),
        (
            "src/test/java/ATest.java",
            "class ATest {\n    @Test\n    void x() {\n        run();\n        verify(sender).send(\"a\");\n    }\n}\n",
        ),
        (
            "src/test/java/ATest.java",
            "class ATest {\n    @Test(expected = IOException.class)\n    public void x() {\n        run();\n    }\n}\n",
        ),
        ("app.py", "def test_x():\n    pass\n"),
    ] {
        assert_eq!(found(path, text), Vec::<(usize, String)>::new(), "{text}");
    }
}

#[test]
fn a_test_that_lost_its_assertion_is_hollow_although_no_line_was_added() {
    let before =
        "def test_a():\n    assert run() == 1\n\n\ndef test_x():\n    run()\n    assert run() == 1\n    stop()\n";
    let after = before.replacen("    run()\n    assert run() == 1\n", "    run()\n", 1);
    let file =
        Changed { path: RepoPath::parse("tests/test_a.py").unwrap(), before: state(before), after: state(&after) };
    let rules: Vec<_> = look(&file).into_iter().map(|one| (one.line.unwrap(), one.rule.unwrap())).collect();
    assert_eq!(rules, [(5, "no-assertion".to_owned())]);
}
