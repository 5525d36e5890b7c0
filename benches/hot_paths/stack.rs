//! Detection on a repository of 50,000 files. Budget: 300 ms.
#![allow(clippy::expect_used, reason = "a bench that cannot go on should stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::Bencher;
use tenon::stack;

/// Services in folders of their own among many sources, as in a large repository.
static TREE: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fifty-thousand");
    if root.join("made").exists() {
        return root;
    }
    let write = |path: String, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    for folder in 0..500 {
        for file in 0..100 {
            let text = "import os\n\n\ndef f(a):\n    return a\n";
            write(format!("services/s{}/app/part{folder}/module{file}.py", folder % 20), text);
        }
    }
    for service in 0..20 {
        write(format!("services/s{service}/requirements.txt"), "fastapi\nsqlalchemy\npytest\npsycopg\n");
        write(format!("services/s{service}/app/main.py"), "from fastapi import FastAPI\napp = FastAPI()\n");
        write(format!("services/s{service}/tests/test_a.py"), "def test_a():\n    pass\n");
    }
    write("package.json".into(), "{\"dependencies\": {\"express\": \"5\"}, \"scripts\": {\"test\": \"jest\"}}");
    write(".github/workflows/ci.yml".into(), "jobs:\n  t:\n    steps:\n      - run: npm test\n");
    write("made".into(), "");
    root
});

#[divan::bench(sample_count = 10)]
fn detect_in_50_000_files(bencher: Bencher) {
    let root = LazyLock::force(&TREE);
    bencher.bench_local(|| stack::detect_folder(root));
}
