//! The page of faults says what the catalogue says.

use std::fs;
use std::path::Path;

#[test]
fn the_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults.md");
    let page = weir_lab::catalogue::page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "run: UPDATE_DOCS=1 cargo test -p weir-lab --test faults_page"
    );
}
