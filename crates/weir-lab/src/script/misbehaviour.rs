//! Which steps are a fault, as opposed to how any server reads, answers and closes.

use super::{BackendScript, BackendStep, Connect, Payload};
use crate::response::{self, End, Progress};

impl BackendScript {
    /// Whether anything in it is a fault.
    pub fn misbehaves(&self) -> bool {
        self.connect != Connect::Accept
            || self.connections.scripts().any(|steps| any_strikes(steps))
    }
}

impl BackendStep {
    /// Whether this step is a fault, played after `before`. A whole answer is none, nor is it to
    /// close after one.
    pub(crate) fn strikes(&self, before: Option<&Self>) -> bool {
        match self {
            Self::Head | Self::Request | Self::Read(_) | Self::Loop(_) | Self::Requests(_) => false,
            Self::Send(payload) => !is_whole(payload),
            Self::Hold(_) | Self::Fin | Self::Close => {
                !matches!(before, Some(Self::Send(payload)) if is_whole(payload))
            }
            Self::Dribble { .. } | Self::Sleep(_) | Self::Stall | Self::Reset | Self::Raw(_) => {
                true
            }
            Self::Tls(name) => !name.starts_with("good"),
        }
    }
}

fn any_strikes(steps: &[BackendStep]) -> bool {
    let before = std::iter::once(None).chain(steps.iter().map(Some));
    steps.iter().zip(before).any(|(step, before)| match step {
        BackendStep::Loop(steps) => any_strikes(steps),
        BackendStep::Requests(sequence) => sequence.scripts().any(|steps| any_strikes(steps)),
        step => step.strikes(before),
    })
}

/// Whether the bytes are one whole response, if need be with the connection's end.
fn is_whole(payload: &Payload) -> bool {
    let bytes = payload.to_bytes();
    match response::read(&bytes, false, Some(End::Fin)) {
        Progress::Partial => false,
        Progress::Whole(response, length) => {
            response.status.is_some() && response.complete && length == bytes.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(steps: &str, expected: bool) {
        let script: BackendScript = toml::from_str(&format!("connections.each = {steps}")).unwrap();
        assert_eq!(script.misbehaves(), expected, "{steps}");
    }

    #[test]
    fn whole_answers_are_no_faults() {
        const OK: &str = "{ send = \"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok\" }";
        const SHORT: &str = "{ send = \"HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nok\" }";
        check(&format!("['request', {OK}]"), false);
        check(&format!("['head', {OK}, 'close']"), false);
        check(&format!("[{{ loop = ['request', {OK}] }}]"), false);
        check(&format!("[{{ loop = ['request', {SHORT}] }}]"), true);
        check(
            "['head', { send = \"HTTP/1.0 200 OK\\r\\n\\r\\nok\" }, 'fin']",
            false,
        );
        check("['head', { send = \"hello\" }]", true);
        check("['head', 'close']", true);
        check(&format!("['head', {OK}, 'reset']"), true);
        check(&format!("['head', {{ sleep = '1s' }}, {OK}]"), true);
        check("[{ requests = { in-turn = [['head', 'stall']] } }]", true);
        assert!(BackendScript::refuse().misbehaves());
        assert!(!BackendScript::answers("404 Not Found", "no").misbehaves());
    }
}
