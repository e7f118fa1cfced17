//! The text of a form whose session ended while it was filled in, kept until the user signs in again.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::users::UserId;
use crate::web::cookies;
use crate::web::form::Parameters;

/// The most characters kept of a field; no field of the account pages takes more.
const MAX_CHARACTERS: usize = 256;
/// The longest draft; browsers drop longer cookies.
const MAX_BYTES: usize = 2_500;

/// The text of a form's fields, never a password. It is sealed in a cookie of a few minutes: nothing is stored, and no
/// script is needed.
#[derive(Serialize, Deserialize)]
pub struct Draft {
    path: String,
    /// The user who typed it. Another user who signs in at this browser does not see it.
    owner: UserId,
    fields: BTreeMap<String, String>,
}

impl Draft {
    /// Keeps these fields of a form.
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

    /// Sets the draft cookie, unless the text is too long for one.
    pub fn set_cookie(&self, response: &mut HttpResponse, request: &HttpRequest) -> Result<(), AppError> {
        let text = serde_json::to_string(self).map_err(AppError::internal)?;
        if text.len() > MAX_BYTES {
            return Ok(());
        }
        cookies::set_draft(response, crate::web::config(request), text)
    }
}

/// Finds the draft of this path and this user in the browser's cookie.
pub fn find(request: &HttpRequest, owner: UserId) -> Option<Draft> {
    let draft: Draft = serde_json::from_str(&cookies::find_draft(request)?).ok()?;
    (draft.path == request.path() && draft.owner == owner).then_some(draft)
}
