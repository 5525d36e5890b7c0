//! Benchmarks of the API checks. Budget: an answer of 100 items against its schema 1 ms, one valid body 0.1 ms, all
//! wrong ones of a body 5 ms, a document of 200 operations read 50 ms.

use divan::{Bencher, black_box};
use serde_json::{Value, json};
use tenon::api::generate::{Fill, Generator, wrong};
use tenon::api::spec::diff::diff;
use tenon::api::spec::{Spec, Validators};

fn order() -> Value {
    json!({"type": "object", "required": ["id", "email", "lines"], "additionalProperties": false, "properties": {
        "id": {"type": "integer", "minimum": 1},
        "email": {"type": "string", "format": "email"},
        "note": {"type": ["string", "null"], "maxLength": 200},
        "state": {"enum": ["new", "paid", "sent"]},
        "lines": {"type": "array", "minItems": 1, "maxItems": 20, "items": {"$ref": "#/components/schemas/Line"}}}})
}

fn line() -> Value {
    json!({"type": "object", "required": ["sku", "quantity"], "properties": {
        "sku": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 1000},
        "price": {"type": "number", "minimum": 0}}})
}

/// A document with so many operations.
fn document(operations: usize) -> Value {
    let mut paths = serde_json::Map::new();
    for number in 0..operations {
        let answer = json!({"description": "ok", "content": {"application/json": {"schema":
            {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}}}});
        paths.insert(
            format!("/orders{number}/{{id}}"),
            json!({"get": {"operationId": format!("o{number}"),
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
            "responses": {"200": answer}}}),
        );
    }
    json!({"openapi": "3.1.0", "info": {"title": "orders", "version": "1"}, "paths": paths,
        "components": {"schemas": {"Order": order(), "Line": line()}}})
}

#[divan::bench]
fn validate_an_answer_of_100_items(bencher: Bencher<'_, '_>) {
    let root = document(1);
    let validators = Validators::new(&root);
    let schema = json!({"type": "array", "items": {"$ref": "#/components/schemas/Order"}});
    let item = json!({"id": 7, "email": "a@example.com", "lines": [{"sku": "ABC-1234", "quantity": 2, "price": 9.5}]});
    let answer = Value::Array(vec![item; 100]);
    bencher.bench(|| assert!(validators.fits(&schema, black_box(&answer))));
}

#[divan::bench]
fn generate_a_valid_body(bencher: Bencher<'_, '_>) {
    let root = document(1);
    let validators = Validators::new(&root);
    let schema = json!({"$ref": "#/components/schemas/Order"});
    let mut make = Generator::new(&root, &validators, 1);
    bencher.bench_local(|| black_box(make.valid(&schema, Fill::Some)));
}

#[divan::bench]
fn generate_all_wrong_bodies(bencher: Bencher<'_, '_>) {
    let root = document(1);
    let validators = Validators::new(&root);
    let schema = json!({"$ref": "#/components/schemas/Order"});
    let valid = Generator::new(&root, &validators, 1).valid(&schema, Fill::Full).unwrap_or_default();
    bencher.bench(|| black_box(wrong(&root, &validators, &schema, &valid).len()));
}

#[divan::bench]
fn read_a_document_of_200_operations(bencher: Bencher<'_, '_>) {
    let text = document(200).to_string();
    bencher.bench(|| Spec::read("openapi.json", black_box(&text)).map(|spec| spec.operations().len()));
}

#[divan::bench]
fn compare_documents_of_200_operations(bencher: Bencher<'_, '_>) {
    let read = || Spec::of_value("openapi.json", &document(200)).ok();
    let Some((old, new)) = read().zip(read()) else { return };
    bencher.bench(|| black_box(diff(&old, &new).len()));
}
