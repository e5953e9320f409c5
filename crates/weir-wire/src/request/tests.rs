mod lines;
mod records;
mod splits;

use super::*;

/// Parses `input` as a client's first bytes; the parser is left where it stopped.
fn parse(
    input: &[u8],
    limits: &HeadLimits,
) -> (RequestHead, RequestParser, Result<Progress, RequestFault>) {
    let (mut head, mut parser) = (RequestHead::new(), RequestParser::new());
    loop {
        match parser.parse(input, &mut head, limits) {
            Ok(Progress::RequestLine | Progress::Host) => {}
            end => return (head, parser, end),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
