//! The contract gate on real services: what a change breaks is found, a change that breaks nothing is not.

use tenon::config::{ApiSettings, ContractGateSettings, PerformanceGateSettings};
use tenon::gate::{ContractGate, PerformanceGate};
use tenon::workspace::Place;

use super::*;
use crate::support::beds;

fn contract_gate() -> Box<dyn Gate> {
    Box::new(ContractGate::new(ContractGateSettings::default(), ApiSettings::default(), BTreeMap::new()))
}

fn performance_gate() -> Box<dyn Gate> {
    Box::new(PerformanceGate::new(PerformanceGateSettings::default(), ApiSettings::default(), BTreeMap::new()))
}

async fn proved(gate: &dyn Gate, folder: &Path, (file, old, new): (&str, &str, &str)) -> Report {
    let mut environment: BTreeMap<String, String> =
        ["PATH", "HOME"].map(|name| (name.to_owned(), std::env::var(name).unwrap())).into();
    // Go without modules finds its sources below `src` of one of these folders.
    let above = folder.parent().and_then(Path::parent).unwrap();
    for (name, value) in [
        ("GO111MODULE", "off".to_owned()),
        ("GOPATH", format!("{}:/usr/share/gocode", above.display())),
        ("GOCACHE", above.join("cache").display().to_string()),
    ] {
        environment.insert(name.to_owned(), value);
    }
    let state = tempfile::tempdir().unwrap();
    let mut place = Place::new(folder.canonicalize().unwrap(), state.path().join("state"), &environment);
    place.helper = Some(env!("CARGO_BIN_EXE_tenon").into());
    let base: Arc<dyn Workspace> = tenon::workspace::open(place).await.unwrap().into();
    let path = RepoPath::parse(file).unwrap();
    let text = String::from_utf8(base.read(&path).unwrap().bytes).unwrap();
    assert!(text.contains(old), "{old}");
    let changed = FileState { bytes: text.replacen(old, new, 1).into_bytes(), mode: FileMode::Regular };
    let subject: Arc<dyn Workspace> = base.fork(vec![(path, Some(changed))]).await.unwrap().into();
    let (output, mut pieces) = mpsc::channel(64);
    let reading = tokio::spawn(async move { while pieces.recv().await.is_some() {} });
    let context = GateContext::new(proposal(&[file]), subject, base, output, CancellationToken::new());
    assert!(gate.concerns(&context).await);
    let report = gate.run(&context).await;
    drop(context);
    reading.await.unwrap();
    report
}

/// Makes changes to a file of a bed one at a time, each with the rule that has to be found; `None`: nothing may be.
async fn seeded(bed: &str, file: &str, changes: &[(&str, &str, Option<&str>)]) {
    judged(contract_gate().as_ref(), bed, file, changes).await;
}

async fn judged(gate: &dyn Gate, bed: &str, file: &str, changes: &[(&str, &str, Option<&str>)]) {
    let Some(folder) = beds::repository(bed) else { return };
    let root = if bed.starts_with("gin") { folder.path().join("src/shop") } else { folder.path().to_owned() };
    for (old, new, expected) in changes {
        let report = proved(gate, &root, (file, old, new)).await;
        let new_ones: Vec<&str> = report
            .findings
            .iter()
            .filter(|finding| !finding.old && finding.severity == tenon::domain::Severity::Error)
            .filter_map(|finding| finding.rule.as_deref())
            .collect();
        match expected {
            // Beside other tests a machine may be too busy to tell, which is no finding.
            None if report.reason.as_deref().is_some_and(|why| why.starts_with("not measurable")) => {
                assert_eq!(new_ones, Vec::<&str>::new(), "{bed}: {}", report.log);
            }
            None => assert_eq!((report.status, new_ones), (GateStatus::Pass, vec![]), "{bed}: {}", report.log),
            Some(rule) => {
                assert_eq!(report.status, GateStatus::Fail, "{bed}: {new}: {:?} {}", report.reason, report.log);
                assert!(new_ones.contains(rule), "{bed}: {rule}: {new_ones:?} {}", report.log);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_of_a_fastapi_service_breaks_is_found_and_a_refactoring_is_not() {
    let changes = [
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
    ];
    seeded("fastapi", "app/main.py", &changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_of_an_express_service_breaks_is_found_and_a_refactoring_is_not() {
    let changes = [
        ("json({ status: 'ok' })", "json({ ...{ status: 'ok' } })", None),
        ("return response.json(item);", "return response.json({ id: item.id, name: item.name });", Some("schema")),
        (
            "if (!item) return refuse(response, 404, 'no such item');",
            "if (!item) return response.json({ id: 0, name: 'x', quantity: 0 });",
            Some("missing-404"),
        ),
        ("if (request.get('x-api-key') !== 'bed') return", "if (false) return", Some("auth-bypass")),
        (
            "if (id === undefined) return",
            "if (Number(request.params.id) > 2 ** 62) throw new Error('too large');\n  if (id === undefined) return",
            Some("server-error"),
        ),
        ("error.status ?? 500, 'the request cannot be read'", "error.status ?? 500, error.stack", Some("leak")),
    ];
    seeded("express_shop", "src/server.js", &changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_of_a_django_service_breaks_is_found_and_a_refactoring_is_not() {
    let changes = [
        ("{\"status\": \"ok\"}", "dict(status=\"ok\")", None),
        ("JsonResponse(found)", "JsonResponse({\"id\": found[\"id\"], \"name\": found[\"name\"]})", Some("schema")),
        (
            "return refuse(404, \"no such item\")",
            "return JsonResponse({\"id\": 0, \"name\": \"x\", \"quantity\": 0})",
            Some("missing-404"),
        ),
        ("if request.headers.get(\"X-API-Key\") != \"bed\":", "if False:", Some("auth-bypass")),
        ("wanted = whole(number, 1, 2**63 - 1)", "wanted = int(number)", Some("server-error")),
        (
            "return refuse(404, \"no such item\")",
            "import traceback\n        return refuse(404, \"\".join(traceback.format_stack()))",
            Some("leak"),
        ),
    ];
    seeded("django_shop", "shop/views.py", &changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_contract_what_base_answers_is_what_is_promised_by_flask() {
    let changes = [
        ("jsonify(list(ITEMS.values()))", "jsonify([ITEMS[number] for number in ITEMS])", None),
        ("return jsonify(item)\n", "return jsonify(id=item[\"id\"], name=item[\"name\"])\n", Some("schema")),
        ("jsonify(status=\"ok\")", "\"ok\"", Some("content-type")),
        ("@items.get(\"/<int:item_id>\")", "@items.get(\"/item/<int:item_id>\")", Some("contract")),
        ("return refuse(404, \"no such item\")", "return jsonify(id=0, name=\"\", quantity=0)", Some("missing-404")),
        ("if request.headers.get(\"X-API-Key\") != \"bed\":", "if False:", Some("auth-loosened")),
        (
            "item = ITEMS.get(item_id)",
            "item_id.to_bytes(8, \"big\")\n    item = ITEMS.get(item_id)",
            Some("server-error"),
        ),
        (
            "return refuse(404, \"no such item\")",
            "import traceback\n        return refuse(404, \"\".join(traceback.format_stack()))",
            Some("leak"),
        ),
        ("list(ITEMS.values())", "list(ITEMS.values()) * 40", Some("unbounded-list")),
    ];
    seeded("flask_shop", "shop.py", &changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_contract_mounted_routers_of_express_are_followed() {
    let changes = [
        ("json(users)", "json([...users])", None),
        ("return response.json(user);", "return response.json({ id: user.id, name: user.name });", Some("schema")),
        ("router.get('/:id',", "router.get('/one/:id',", Some("contract")),
        ("return refuse(response, 404, 'no such user');", "return response.json(users[0]);", Some("missing-404")),
        ("if (request.get('x-api-key') !== 'bed')", "if (false)", Some("auth-loosened")),
    ];
    seeded("express_routers", "src/users.js", &changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_contract_gin_names_its_routes_in_its_log() {
    let changes = [
        ("gin.H{\"status\": \"ok\"}", "map[string]any{\"status\": \"ok\"}", None),
        ("gin.H{\"total\": Total(price, count)}", "gin.H{\"sum\": Total(price, count)}", Some("schema")),
        ("engine.GET(\"/total/:price", "engine.Group(\"/v2\").GET(\"/total/:price", Some("contract")),
    ];
    seeded("gin", "main.go", &changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_in_typescript_is_built_before_it_is_served() {
    let changes = [
        ("return order;", "const found = order;\n    return found;", None),
        ("return order;", "return { id: order.id } as Order;", Some("schema")),
        ("throw new NotFoundException('no such order');", "return { id: 0, total: 0 };", Some("missing-404")),
        ("return order;", "return order.nothing;", Some("start")),
    ];
    seeded("nest", "src/orders.service.ts", &changes).await;
    let large = "if (id > 2 ** 62) throw new Error('too large');\n    return this.orders.find(id);";
    let changes = [("return this.orders.find(id);", large, Some("server-error"))];
    seeded("nest", "src/orders.controller.ts", &changes).await;
    let changes = [
        ("json(items)", "json([...items])", None),
        ("response.json(item)", "response.json({ id: item.id })", Some("schema")),
    ];
    seeded("express_ts", "src/server.ts", &changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_for_every_row_is_told_from_one_for_all_without_a_log_of_the_service() {
    let gate = performance_gate();
    let authors = "@app.get(\"/authors\")\ndef authors() -> list[str]:\n    with Session(engine) as session:\n        \
                   return [book.author.name for book in session.query(Book).limit(20)]\n\n\n@app.get(\"/books/{book_id}\"";
    let changes = [
        ("found = session.query(Book)", "found = session.query(Book).filter(Book.id > 0)", None),
        (".options(selectinload(Book.author))", "", Some("n-plus-one")),
        // An operation that base does not have.
        ("@app.get(\"/books/{book_id}\"", authors, Some("n-plus-one")),
    ];
    judged(gate.as_ref(), "fastapi_library", "main.py", &changes).await;
    let changes = [
        ("found = Book.objects", "found = Book.objects.all()", None),
        ("Book.objects.select_related(\"author\").order_by", "Book.objects.order_by", Some("n-plus-one")),
    ];
    judged(gate.as_ref(), "django_library", "library/views.py", &changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_for_every_row_is_counted_by_the_postgresql_a_service_is_given() {
    if !beds::postgres() {
        return;
    }
    let gate = performance_gate();
    let all = "  const authors = await pool.query('SELECT id, name FROM authors WHERE id = ANY($1)', [books.rows.map((book) => book.author_id)]);\n  \
               const names = new Map(authors.rows.map((author) => [author.id, author.name]));\n";
    let each = "  const names = new Map();\n  for (const { author_id: id } of books.rows) {\n    \
                names.set(id, (await pool.query('SELECT name FROM authors WHERE id = $1', [id])).rows[0].name);\n  }\n";
    judged(gate.as_ref(), "express_library", "server.js", &[(all, each, Some("n-plus-one"))]).await;
    let (joined, rest) = (
        "b.author_id, a.name FROM books b JOIN authors a ON a.id = b.author_id ORDER",
        "b.author_id, '' FROM books b ORDER",
    );
    let filled = "\tfor i := range books {\n\t\tdb.QueryRow(\"SELECT name FROM authors WHERE id = $1\", books[i].author).Scan(&books[i].Author)\n\t}\n\treturn books, rows.Err()";
    let whole = include_str!("../../beds/gin_library/main.go");
    let changed = whole.replace(joined, rest).replace("\treturn books, rows.Err()", filled);
    judged(gate.as_ref(), "gin_library", "main.go", &[(whole, &changed, Some("n-plus-one"))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_much_later_are_told_from_the_same_ones() {
    let late =
        "def list_books(limit: int = Query(20, ge=1, le=50), offset: int = Query(0, ge=0, le=10_000)) -> list[dict]:\n";
    let sleeping = format!("{late}    __import__(\"time\").sleep(0.03)\n");
    let changes = [(late, sleeping.as_str(), Some("slower"))];
    judged(performance_gate().as_ref(), "fastapi_library", "main.py", &changes).await;
}
