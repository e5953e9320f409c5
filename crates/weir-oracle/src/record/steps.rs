//! The records' own notation of scripts: a step is a list of its name and arguments, as in
//! `["send", "HTTP/1.1 200 OK"]` or `["sleep", 0.2]`; times are seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use weir_lab::script::{BackendScript, BackendStep, ClientStep, Connect, Payload, Sequence};
use weir_lab::text::Text;

/// A step that could not be read.
#[derive(Debug, thiserror::Error)]
enum StepError {
    /// Not a list that starts with a name.
    #[error("a step is a list that starts with its name, not {0}")]
    Shape(Value),
    /// No step of this name takes these arguments.
    #[error("no step {name:?} with arguments {args:?}")]
    Unknown { name: String, args: Vec<Value> },
    /// An argument of the right kind that says something impossible.
    #[error("step {name:?}: {reason}")]
    Argument { name: String, reason: String },
}

/// How one listening address behaves, as the records have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    /// `"refuse"` or `"full"`.
    Refusing(Connect),
    /// Steps of each connection.
    Plain(Vec<Vec<Value>>),
    /// The same with options of the listening socket.
    Tuned {
        conns: Vec<Vec<Value>>,
        rcvbuf: Option<usize>,
        mode: Option<u32>,
    },
}

/// The backends of a record.
pub(super) fn backends<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, BackendScript>, D::Error> {
    let written = BTreeMap::<String, Written>::deserialize(deserializer)?;
    let script = |(name, written)| Ok((name, script(written)?));
    let scripts: Result<_, StepError> = written.into_iter().map(script).collect();
    scripts.map_err(serde::de::Error::custom)
}

/// The client's steps of a record.
pub(super) fn client<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ClientStep>, D::Error> {
    let steps = Vec::<Value>::deserialize(deserializer)?;
    let steps: Result<_, StepError> = steps.iter().map(client_step).collect();
    steps.map_err(serde::de::Error::custom)
}

fn script(written: Written) -> Result<BackendScript, StepError> {
    let (conns, rcvbuf, mode) = match written {
        Written::Refusing(connect) => {
            return Ok(BackendScript {
                connect,
                ..BackendScript::default()
            });
        }
        Written::Plain(conns) => (conns, None, None),
        Written::Tuned {
            conns,
            rcvbuf,
            mode,
        } => (conns, rcvbuf, mode),
    };
    let scripts: Result<_, _> = conns.iter().map(|steps| backend_steps(steps)).collect();
    Ok(BackendScript {
        rcvbuf,
        mode,
        ..BackendScript::sequence(Sequence::InTurn(scripts?))
    })
}

fn backend_steps(steps: &[Value]) -> Result<Vec<BackendStep>, StepError> {
    steps.iter().map(backend_step).collect()
}

fn backend_step(step: &Value) -> Result<BackendStep, StepError> {
    let (name, args) = split(step)?;
    Ok(match (name, args) {
        ("head", []) => BackendStep::Head,
        ("req", []) => BackendStep::Request,
        ("read", [n]) => BackendStep::Read(count(name, n)?),
        ("send", [text]) => BackendStep::Send(payload(name, text)?),
        ("send_n", [rep, n]) => BackendStep::Send(repeated(name, rep, n)?),
        ("sleep" | "noread", [time]) => BackendStep::Sleep(seconds(name, time)?),
        ("hold", [time]) => BackendStep::Hold(seconds(name, time)?),
        ("loop", [Value::Array(steps)]) => BackendStep::Loop(backend_steps(steps)?),
        ("fin", []) => BackendStep::Fin,
        ("rst", []) => BackendStep::Reset,
        ("close", []) => BackendStep::Close,
        ("tls", [Value::String(certificate)]) => BackendStep::Tls(certificate.clone()),
        _ => return Err(unknown(name, args)),
    })
}

fn client_step(step: &Value) -> Result<ClientStep, StepError> {
    let (name, args) = split(step)?;
    Ok(match (name, args) {
        ("send", [text]) => ClientStep::Send(payload(name, text)?),
        ("send_n", [rep, n]) => ClientStep::Send(repeated(name, rep, n)?),
        ("send_n", [rep, n, within]) => ClientStep::SendWithin {
            payload: repeated(name, rep, n)?,
            within: seconds(name, within)?,
        },
        ("recv", []) => ClientStep::Receive,
        ("recv", [watch]) => ClientStep::ReceiveThenWatch(seconds(name, watch)?),
        ("recv_some", [n]) => ClientStep::ReceiveSome(count(name, n)?),
        ("sleep", [time]) => ClientStep::Sleep(seconds(name, time)?),
        ("use", [Value::String(connection)]) => ClientStep::Use(connection.clone()),
        ("new", []) => ClientStep::New,
        ("close", []) => ClientStep::Close,
        ("rst", []) => ClientStep::Reset,
        ("rcvbuf", [n]) => ClientStep::ReceiveBuffer(count(name, n)?),
        ("lock_dir", [Value::String(directory)]) => ClientStep::LockDirectory(directory.clone()),
        ("be_stop", [Value::String(backend)]) => ClientStep::StopBackend(backend.clone()),
        ("tls", [] | [_] | [_, _]) => ClientStep::Tls {
            certificate: args.first().and_then(Value::as_str).map(str::to_owned),
            newest: args.get(1).and_then(Value::as_str).map(str::to_owned),
        },
        _ => return Err(unknown(name, args)),
    })
}

/// Splits `["name", args…]`.
fn split(step: &Value) -> Result<(&str, &[Value]), StepError> {
    match step.as_array().map(Vec::as_slice) {
        Some([Value::String(name), args @ ..]) => Ok((name, args)),
        _ => Err(StepError::Shape(step.clone())),
    }
}

fn payload(name: &str, value: &Value) -> Result<Payload, StepError> {
    Payload::deserialize(value).map_err(|fault| argument(name, fault))
}

fn repeated(name: &str, rep: &Value, n: &Value) -> Result<Payload, StepError> {
    let rep = Text::deserialize(rep).map_err(|fault| argument(name, fault))?;
    Ok(Payload::repeated(rep, count(name, n)?))
}

/// Seconds, whole or not; nothing negative or infinite.
fn seconds(name: &str, value: &Value) -> Result<Duration, StepError> {
    let seconds = value.as_f64().unwrap_or(f64::NAN);
    Duration::try_from_secs_f64(seconds).map_err(|fault| argument(name, fault))
}

fn count(name: &str, value: &Value) -> Result<usize, StepError> {
    let count = value.as_u64().and_then(|n| usize::try_from(n).ok());
    count.ok_or_else(|| argument(name, format!("{value} is no count")))
}

fn argument(name: &str, reason: impl ToString) -> StepError {
    StepError::Argument {
        name: name.to_owned(),
        reason: reason.to_string(),
    }
}

fn unknown(name: &str, args: &[Value]) -> StepError {
    StepError::Unknown {
        name: name.to_owned(),
        args: args.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_backend(input: Value, expected: Option<BackendStep>) {
        assert_eq!(backend_step(&input).ok(), expected);
    }

    fn check_client(input: Value, expected: Option<ClientStep>) {
        assert_eq!(client_step(&input).ok(), expected);
    }

    #[test]
    fn steps_of_a_backend() {
        check_backend(json!(["head"]), Some(BackendStep::Head));
        check_backend(json!(["read", 3]), Some(BackendStep::Read(3)));
        let half = Duration::from_millis(500);
        check_backend(json!(["noread", 0.5]), Some(BackendStep::Sleep(half)));
        let reset = BackendStep::Loop(vec![BackendStep::Reset]);
        check_backend(json!(["loop", [["rst"]]]), Some(reset));
        check_backend(json!(["sleep", -1]), None);
        check_backend(json!(["head", 1]), None);
        check_backend(json!(["nap", 1]), None);
        check_backend(json!("head"), None);
    }

    #[test]
    fn steps_of_a_client() {
        check_client(json!(["recv"]), Some(ClientStep::Receive));
        let short = Duration::from_millis(20);
        check_client(
            json!(["recv", 0.02]),
            Some(ClientStep::ReceiveThenWatch(short)),
        );
        check_client(json!(["use", "a"]), Some(ClientStep::Use("a".to_owned())));
        let tls = ClientStep::Tls {
            certificate: None,
            newest: Some("TLSv1_2".to_owned()),
        };
        check_client(json!(["tls", null, "TLSv1_2"]), Some(tls));
        check_client(json!(["recv", "soon"]), None);
        check_client(json!(["fin"]), None);
    }

    #[test]
    fn an_address_refuses_or_plays_scripts() {
        let read = |value| backends(value).unwrap().remove("a").unwrap();
        assert_eq!(read(json!({"a": "full"})), BackendScript::full());
        let tuned = read(json!({"a": {"rcvbuf": 1, "conns": [[["fin"]]]}}));
        let expected = BackendScript {
            rcvbuf: Some(1),
            ..BackendScript::in_turn([vec![BackendStep::Fin]])
        };
        assert_eq!(tuned, expected);
    }
}
