//! The parameters of a Firebase project, which its hashes need.

use super::encoding::{any_base64, to_base64};

/// The password hash parameters of a Firebase project.
#[derive(Clone)]
pub struct FirebaseParameters {
    signer_key: Vec<u8>,
    salt_separator: Vec<u8>,
    rounds: u32,
    memory_cost: u32,
}

impl FirebaseParameters {
    /// Reads the parameters as Firebase's console shows them: lines such as `rounds: 8,` between braces.
    ///
    /// # Errors
    /// The name of the parameter that is missing or malformed.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let value = |name: &'static str| -> Result<String, &'static str> {
            let of_name =
                |line: &str| line.trim().strip_prefix(name)?.trim_start().strip_prefix(':').map(str::to_owned);
            let value = text.lines().find_map(of_name).ok_or(name)?;
            Ok(value.trim().trim_end_matches(',').trim().to_owned())
        };
        let bytes = |name| any_base64(&value(name)?).ok_or(name);
        let number = |name| value(name)?.parse().map_err(|_| name);
        Ok(Self {
            signer_key: bytes("base64_signer_key")?,
            salt_separator: bytes("base64_salt_separator")?,
            rounds: number("rounds")?,
            memory_cost: number("mem_cost")?,
        })
    }

    /// The text in which a hash of the project, `salt:output`, is stored: `memory$rounds$salt$stream`, with the separator as
    /// a part of the salt. The output is the signer key, encrypted with a stream cipher. Of it, the stream is stored, so
    /// that the key is not.
    pub(super) fn stored_text(&self, text: &str) -> Option<String> {
        let (salt, output) = text.split_once(':')?;
        let mut salt = any_base64(salt)?;
        salt.extend(&self.salt_separator);
        let output = any_base64(output).filter(|output| output.len() == self.signer_key.len())?;
        let stream: Vec<u8> = output.iter().zip(&self.signer_key).map(|(left, right)| left ^ right).collect();
        Some(format!("{}${}${}${}", self.memory_cost, self.rounds, to_base64(&salt), to_base64(&stream)))
    }
}
