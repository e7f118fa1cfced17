//! Incremental parsing of HTTP responses, limited to what tells that a response is complete.

use anyhow::{Context as _, ensure};

/// The longest response that is read.
pub const BUFFER_BYTES: usize = 64 * 1024;

/// Status and lengths of a response.
#[derive(Default)]
pub struct ResponseShape {
    status_line: Vec<u8>,
    pub status: u16,
    pub head_bytes: usize,
    total_bytes: usize,
}

impl ResponseShape {
    /// Whether a response has this shape: the same status line and the same lengths. Parsing each head would cost as
    /// much as sending.
    pub fn matches(&self, response: &[u8]) -> bool {
        response.len() == self.total_bytes
            && response.starts_with(&self.status_line)
            && response[..self.head_bytes].ends_with(b"\r\n\r\n")
    }

    /// Parses the head of a response; `None` if the response is incomplete.
    pub fn parse(response: &[u8]) -> anyhow::Result<Option<Self>> {
        const LENGTH: &[u8] = b"content-length: ";
        let mut lines = response.split_inclusive(|byte| *byte == b'\n');
        let status_line = lines.next().unwrap_or_default().to_vec();
        let mut head_bytes = status_line.len();
        let mut body_bytes = 0;
        for line in lines {
            head_bytes += line.len();
            if line == b"\r\n" {
                let status = u16::try_from(status_line.get(9..12).map(number).context("no status")??)?;
                let total_bytes = head_bytes + body_bytes;
                ensure!(response.len() <= total_bytes, "more than one response to one request");
                let is_complete = response.len() == total_bytes;
                return Ok(is_complete.then_some(Self { status_line, status, head_bytes, total_bytes }));
            }
            if line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH) {
                body_bytes = number(line[LENGTH.len()..].trim_ascii())?;
            }
        }
        Ok(None)
    }
}

fn number(digits: &[u8]) -> anyhow::Result<usize> {
    Ok(std::str::from_utf8(digits)?.parse()?)
}
