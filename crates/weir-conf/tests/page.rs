//! The page of directives says what the table says.

use std::fs;
use std::path::Path;

#[test]
fn the_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/directives.md");
    let page = weir_conf::directives_page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "run: UPDATE_DOCS=1 cargo test -p weir-conf --test page"
    );
}

#[test]
fn names_are_unique_where_they_may_stand() {
    let entries = weir_conf::entries();
    for (index, entry) in entries.iter().enumerate() {
        for other in entries[index + 1..]
            .iter()
            .filter(|other| other.name == entry.name)
        {
            let shared = entry
                .contexts
                .names()
                .into_iter()
                .find(|c| other.contexts.names().contains(c));
            assert_eq!(shared, None, "{} is in the table twice", entry.name);
        }
    }
}
