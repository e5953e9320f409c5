//! A weir that was built for serving only.

use crate::site::weir;

#[test]
fn what_is_left_out_says_so() {
    for command in ["lab", "demo"] {
        let output = weir().args([command, "list"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        let expected = format!(
            "weir {command}: this weir was built without the feature \"lab\", which has it\n"
        );
        assert_eq!(said, expected);
    }
}
