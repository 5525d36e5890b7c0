//! The contract gate on a real FastAPI service: what a change breaks is found, a change that breaks nothing is not.

use tenon::config::{ApiSettings, ContractGateSettings};
use tenon::gate::ContractGate;
use tenon::workspace::Place;

use super::*;
use crate::support::beds;

const FILE: &str = "app/main.py";

async fn proved(folder: &Path, old: &str, new: &str) -> Report {
    let environment: BTreeMap<String, String> =
        [("PATH".to_owned(), std::env::var("PATH").unwrap()), ("HOME".to_owned(), std::env::var("HOME").unwrap())]
            .into();
    let state = tempfile::tempdir().unwrap();
    let mut place = Place::new(folder.canonicalize().unwrap(), state.path().join("state"), &environment);
    place.helper = Some(env!("CARGO_BIN_EXE_tenon").into());
    let base: Arc<dyn Workspace> = tenon::workspace::open(place).await.unwrap().into();
    let path = RepoPath::parse(FILE).unwrap();
    let text = String::from_utf8(base.read(&path).unwrap().bytes).unwrap();
    assert!(text.contains(old), "{old}");
    let changed = FileState { bytes: text.replacen(old, new, 1).into_bytes(), mode: FileMode::Regular };
    let subject: Arc<dyn Workspace> = base.fork(vec![(path, Some(changed))]).await.unwrap().into();
    let (output, mut pieces) = mpsc::channel(64);
    let reading = tokio::spawn(async move { while pieces.recv().await.is_some() {} });
    let context = GateContext::new(proposal(&[FILE]), subject, base, output, CancellationToken::new());
    let gate = ContractGate::new(ContractGateSettings::default(), ApiSettings::default(), BTreeMap::new());
    assert!(gate.concerns(&context).await);
    let report = gate.run(&context).await;
    drop(context);
    reading.await.unwrap();
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_breaks_is_found_and_a_refactoring_is_not() {
    let Some(bed) = beds::repository("fastapi") else { return };
    for (old, new, expected) in [
        ("return {\"status\": \"ok\"}", "status = \"ok\"\n    return {\"status\": status}", None),
        (
            "    item = stock.find(item_id)",
            "    if item_id > 2**63:\n        raise ValueError(item_id)\n    item = stock.find(item_id)",
            Some("server-error"),
        ),
        (
            "raise HTTPException(404, \"no such item\")",
            "return Item(id=0, name=\"x\", quantity=0)",
            Some("missing-404"),
        ),
        ("if value != \"bed\":", "if False:", Some("auth-bypass")),
        ("class Item(NewItem):", "class Item(BaseModel):\n    name: str", Some("contract")),
        ("app = FastAPI(", "raise SystemExit(\"no database\")\napp = FastAPI(", Some("start")),
    ] {
        let report = proved(bed.path(), old, new).await;
        let new_ones: Vec<&str> = report
            .findings
            .iter()
            .filter(|finding| !finding.old && finding.severity == tenon::domain::Severity::Error)
            .filter_map(|finding| finding.rule.as_deref())
            .collect();
        match expected {
            None => assert_eq!((report.status, new_ones), (GateStatus::Pass, vec![]), "{}", report.log),
            Some(rule) => {
                assert_eq!(report.status, GateStatus::Fail, "{new}: {:?} {}", report.reason, report.log);
                assert!(new_ones.contains(&rule), "{rule}: {new_ones:?} {}", report.log);
            }
        }
    }
}
