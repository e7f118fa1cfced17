//! Strict parsing of the parameters in a form, a JSON object or a query.

use std::fmt;

use actix_multipart::{Field, Multipart};
use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Payload};
use futures_util::{StreamExt as _, stream};
use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use zeroize::Zeroize as _;

use super::body;
use crate::error::AppError;
use crate::scope::Scopes;

/// More parameters than any form has; bounds the quadratic search for repeated ones.
const MAX_PARAMETERS: usize = 64;
const NOT_UTF_8: &str = "A parameter is not valid UTF-8.";

/// Parameters by name: text without U+0000, each name once. Wiped on drop, since one can be a password.
#[derive(Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a request body: a form, also as `multipart/form-data`, or a JSON object of strings.
    ///
    /// # Errors
    /// 415 for another content type, 413 when it is too large, 408 when it is too slow, 400 when it is malformed or a
    /// parameter is repeated.
    pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, AppError> {
        let media_type = media_type(request)?;
        let bytes = body::read(request, payload).await?;
        let parameters = match media_type {
            // The default type of curl and of many HTTP clients, whatever the body is.
            MediaType::Form if bytes.trim_ascii_start().starts_with(b"{") => {
                return Err(AppError::invalid_request(
                    "The body looks like JSON, but its Content-Type is that of a form. Send Content-Type: application/json.",
                ));
            }
            MediaType::Form => Self::from_form(&bytes)?,
            MediaType::Multipart => Self::from_multipart(request, bytes.freeze()).await?,
            MediaType::Json => serde_json::from_slice(&bytes)
                .map_err(|_| AppError::invalid_request("The body must be a JSON object of strings, each key once."))?,
        };
        parameters.check()
    }

    /// Reads a query string; a malformed one is empty.
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        Self::from_form(query.as_bytes()).and_then(Self::check).unwrap_or_default()
    }

    /// Reads `application/x-www-form-urlencoded`. A name or value that is not UTF-8 gets a 400.
    pub fn from_form(bytes: &[u8]) -> Result<Self, AppError> {
        let pairs = bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).take(MAX_PARAMETERS + 1);
        let decoded = pairs.map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            Ok((percent_decoded(&pair[..at])?, percent_decoded(pair.get(at + 1..).unwrap_or_default())?))
        });
        Ok(Self(decoded.collect::<Result<_, AppError>>()?))
    }

    /// Reads the text parts of `multipart/form-data` (RFC 7578) from a body that was read whole.
    async fn from_multipart(request: &HttpRequest, body: Bytes) -> Result<Self, AppError> {
        let mut parts = Multipart::new(request.headers(), stream::iter([Ok(body)]));
        let mut parameters = Self::default();
        while let Some(part) = parts.next().await {
            if parameters.0.len() > MAX_PARAMETERS {
                break;
            }
            let part = part.map_err(|_| AppError::malformed_multipart())?;
            parameters.0.push(read_part(part).await?);
        }
        Ok(parameters)
    }

    fn check(self) -> Result<Self, AppError> {
        if self.0.len() > MAX_PARAMETERS {
            return Err(AppError::invalid_request("Too many parameters."));
        }
        for (at, (name, value)) in self.0.iter().enumerate() {
            if name.contains('\0') || value.contains('\0') {
                return Err(AppError::invalid_request("A parameter contains the character U+0000."));
            }
            // RFC 6749 §3.2: a proxy and this server could each use a different one of two values.
            if self.0[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(AppError::invalid_request("A parameter is repeated."));
            }
        }
        Ok(self)
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own_name, _)| own_name == name).map(|(_, value)| value.as_str())
    }

    /// The `scope` parameter; empty when it is absent or empty (FastAPI's form sends it empty). Malformed or too many
    /// scopes get a 400 `invalid_scope`.
    pub fn scope(&self) -> Result<Scopes, AppError> {
        Scopes::parse(self.get("scope").unwrap_or_default().trim()).ok_or_else(AppError::malformed_scope)
    }

    /// The value of a parameter unless it is empty, which counts as absent (RFC 6749 §3.2).
    #[must_use]
    pub fn get_non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Whether there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Implemented by hand, because a map would silently keep the last of two equal keys.
impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Parameters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
                let mut parameters = Parameters::default();
                while let Some(pair) = map.next_entry()? {
                    if parameters.0.len() > MAX_PARAMETERS {
                        break;
                    }
                    parameters.0.push(pair);
                }
                Ok(parameters)
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// Reads the name and the value of a part.
async fn read_part(mut part: Field) -> Result<(String, String), AppError> {
    let name = part.name().unwrap_or_default().to_owned();
    let is_file = part.content_disposition().is_some_and(|disposition| disposition.get_filename().is_some());
    // A part without a type is text/plain (RFC 7578 §4.4).
    if is_file || part.content_type().is_some_and(|media_type| media_type.type_() != "text") {
        return Err(AppError::invalid_request("A part of the form is a file. Send each parameter as text."));
    }
    let bytes = part.bytes(body::MAX_BYTES).await.map_err(|_| AppError::body_too_large())?;
    let bytes = bytes.map_err(|_| AppError::malformed_multipart())?;
    let value = String::from_utf8(bytes.into()).map_err(|_| AppError::invalid_request(NOT_UTF_8))?;
    Ok((name, value))
}

enum MediaType {
    Form,
    Multipart,
    Json,
}

fn media_type(request: &HttpRequest) -> Result<MediaType, AppError> {
    let Some(value) = request.headers().get(CONTENT_TYPE) else {
        // RFC 9110 §8.3 allows a body without a type. Without a type and a body, report the missing body.
        let is_without_body = request.headers().get("content-length").is_none_or(|length| length == "0")
            && !request.headers().contains_key("transfer-encoding");
        return if is_without_body {
            Err(AppError::invalid_request("The request body is missing."))
        } else {
            Err(AppError::unsupported_media_type())
        };
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Ok(MediaType::Form),
        "multipart/form-data" => Ok(MediaType::Multipart),
        "application/json" => Ok(MediaType::Json),
        _ => Err(AppError::unsupported_media_type()),
    }
}

/// Decodes a form-encoded name or value. One that is not UTF-8 gets a 400.
pub fn percent_decoded(text: &[u8]) -> Result<String, AppError> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(bytes).map_err(|_| AppError::invalid_request(NOT_UTF_8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Option<Parameters> {
        Parameters::from_form(text.as_bytes()).and_then(Parameters::check).ok()
    }

    #[test]
    fn malformed_or_repeated_form_parameters_are_rejected() {
        let parameters = form("a=1&b=x+y%20%C3%A9&empty=&bare").expect("well formed");
        assert_eq!(parameters.get("a"), Some("1"));
        assert_eq!(parameters.get("b"), Some("x y é"));
        assert_eq!((parameters.get("empty"), parameters.get_non_empty("empty")), (Some(""), None));
        assert_eq!(parameters.get("bare"), Some(""));
        for text in ["a=1&a=2", "a=%FF", "a=%00", "%00=a", "a=\u{0}", &"x=1&".repeat(70)] {
            assert!(form(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn json_must_be_an_object_of_strings_without_repeated_keys() {
        let read = |text: &str| {
            serde_json::from_str::<Parameters>(text)
                .map_err(drop)
                .and_then(|parameters| parameters.check().map_err(drop))
        };
        assert_eq!(read(r#"{"a":"1"}"#).expect("well formed").get("a"), Some("1"));
        for text in [
            r#"{"a":1}"#,
            r#"{"a":null}"#,
            r#"{"a":["x"]}"#,
            r#"["a"]"#,
            r#"{"a":"1","a":"2"}"#,
            r#"{"a":"\u0000"}"#,
            r#"{"a":"1"} x"#,
            "",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_output_hides_values() {
        assert_eq!(format!("{:?}", form("password=hunter2").expect("well formed")), r#"["password"]"#);
    }
}
