//! Reading answers: as little of each as tells that it is whole. What may not live here: counting.

use anyhow::{Context as _, ensure};

/// The longest answer that is read.
pub const BUFFER: usize = 64 * 1024;

/// What an answer looks like from outside.
#[derive(Default)]
pub struct Shape {
    status_line: Vec<u8>,
    pub status: u16,
    pub head: usize,
    whole: usize,
}

impl Shape {
    /// Whether an answer looks like this one: as long, its head as long, with the same first line. Reading each head anew would cost
    /// as much as sending.
    pub fn fits(&self, answer: &[u8]) -> bool {
        answer.len() == self.whole
            && answer.starts_with(&self.status_line)
            && answer[..self.head].ends_with(b"\r\n\r\n")
    }

    /// Reads an answer's head; `None` when more of the answer is to come.
    pub fn of_whole(answer: &[u8]) -> anyhow::Result<Option<Self>> {
        const LENGTH: &[u8] = b"content-length: ";
        let mut lines = answer.split_inclusive(|byte| *byte == b'\n');
        let status_line = lines.next().unwrap_or_default().to_vec();
        let mut head = status_line.len();
        let mut body = 0;
        for line in lines {
            head += line.len();
            if line == b"\r\n" {
                let status = u16::try_from(status_line.get(9..12).map(number).context("no status")??)?;
                let whole = head + body;
                ensure!(answer.len() <= whole, "more than one answer to one request");
                return Ok((answer.len() == whole).then_some(Self { status_line, status, head, whole }));
            }
            if line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH) {
                body = number(line[LENGTH.len()..].trim_ascii())?;
            }
        }
        Ok(None)
    }
}

fn number(digits: &[u8]) -> anyhow::Result<usize> {
    Ok(std::str::from_utf8(digits)?.parse()?)
}
