//! What a person had typed when their session ended, kept for them until they have signed in again: sealed in a cookie of a few
//! minutes, so that nothing is stored and no script is needed. What may not live here: passwords, which are never kept.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::users::UserId;
use crate::web::cookies;
use crate::web::form::Parameters;

/// The most characters that are kept of a field; no field of the account takes more.
const MAX_CHARACTERS: usize = 256;
/// A longer draft would make a cookie that browsers drop.
const MAX_BYTES: usize = 2_500;

/// The text of a form's fields.
#[derive(Serialize, Deserialize)]
pub struct Draft {
    path: String,
    /// Shown to nobody else, whoever signs in next at this browser.
    owner: UserId,
    fields: BTreeMap<String, String>,
}

impl Draft {
    /// Takes these fields of a form.
    pub fn new(path: &str, owner: UserId, parameters: &Parameters, fields: &[&str]) -> Self {
        let field = |name: &&str| {
            let text = parameters.get(name)?.chars().take(MAX_CHARACTERS).collect();
            Some(((*name).to_owned(), text))
        };
        Self { path: path.to_owned(), owner, fields: fields.iter().filter_map(field).collect() }
    }

    /// A field's text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Puts it on a response, when it is short enough for a cookie.
    ///
    /// # Errors
    /// Never: its length was looked at.
    pub fn put_on(&self, response: &mut HttpResponse, request: &HttpRequest) -> Result<(), AppError> {
        let text = serde_json::to_string(self).map_err(AppError::internal)?;
        if text.len() > MAX_BYTES {
            return Ok(());
        }
        cookies::set_draft(response, crate::web::config(request), text)
    }
}

/// The draft that a browser brings back to the form that it is from, if it is this person's.
pub fn find(request: &HttpRequest, owner: UserId) -> Option<Draft> {
    let draft: Draft = serde_json::from_str(&cookies::find_draft(request)?).ok()?;
    (draft.path == request.path() && draft.owner == owner).then_some(draft)
}
