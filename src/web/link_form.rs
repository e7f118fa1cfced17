//! The forms behind one-time links, the same for each purpose: a new password, or an account. Only the words, the address and what is
//! done with what was typed differ. What may not live here: how a link is answered (`one_time_link.rs`), and what it lets its holder do.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::background::retry_after;
use super::form_post::{self, FormPost, FormRejection};
use super::new_account::{AccountFieldError, Typed};
use super::new_password::{self, NewPassword};
use super::pages::{Alert, Layout, wait_text};
use super::session::BrowserSession;
use crate::authentication::RequestLimiter;
use crate::error::AppError;
use crate::links::Link;
use crate::users::password::PasswordPolicy;

/// One of the forms.
#[derive(Clone, Copy)]
pub struct LinkForm {
    /// Its words are under `{name}-title`, `{name}-lead` and `{name}-button`.
    pub name: &'static str,
    /// Its address.
    pub path: &'static str,
}

/// For whom it is shown, and what is subject.
#[derive(Clone)]
pub enum LinkFormSubject {
    /// A new password for the account of this name.
    Password(String),
    /// A name and a password, and the address that the account gets, when the link says one.
    Account(Option<String>, Typed),
}

/// A form as it is shown to somebody.
pub struct ShownLinkForm<'a> {
    form: LinkForm,
    request: &'a HttpRequest,
    session: &'a BrowserSession,
    policy: &'a PasswordPolicy,
    link_id: String,
}

impl LinkForm {
    /// For whoever sent this request, and holds the link.
    #[must_use]
    pub fn to<'a>(
        self,
        request: &'a HttpRequest,
        session: &'a BrowserSession,
        policy: &'a PasswordPolicy,
        link: &Link,
    ) -> ShownLinkForm<'a> {
        ShownLinkForm { form: self, request, session, policy, link_id: link.id.clone() }
    }
}

impl ShownLinkForm<'_> {
    /// The form as it is at first.
    ///
    /// # Errors
    /// 500 when it cannot be rendered, which its types rule out.
    pub fn fresh(&self, subject: LinkFormSubject) -> Result<HttpResponse, AppError> {
        self.answer(StatusCode::OK, subject, None, None)
    }

    /// The answer to a post that is not acted on; `None` when it is to be. A browser has one link at a time: another page may have put
    /// another in the place of the one that this form was shown for, and what the person typed is not for that one.
    ///
    /// # Errors
    /// When the database gives no answer.
    pub async fn stop(
        &self,
        subject: &LinkFormSubject,
        post: &FormPost,
        limiter: &RequestLimiter,
    ) -> Result<Option<HttpResponse>, AppError> {
        let is_of_another = post.parameters.get("link") != Some(&self.link_id);
        if let Some(refusal) = post.refusal.or(is_of_another.then_some(FormRejection::Stale)) {
            return self.refused(subject.clone(), refusal).map(Some);
        }
        let Some(wait) = limiter.limit_link_submissions(&self.link_id).await? else { return Ok(None) };
        let words = Layout::new(self.request).words;
        let text =
            words.format("alert-too-many-submissions-text", &[("wait", wait_text(words, wait.as_secs()).into())]);
        let alert = Alert { title: words.get("alert-too-many-requests-title").to_owned(), text };
        let response = self.answer(StatusCode::TOO_MANY_REQUESTS, subject.clone(), Some(alert), None)?;
        Ok(Some(retry_after(response, wait)))
    }

    fn refused(&self, subject: LinkFormSubject, refusal: FormRejection) -> Result<HttpResponse, AppError> {
        let alert = refusal.alert(Layout::new(self.request).words, self.request);
        self.answer(refusal.status(), subject, Some(alert), Some(refusal))
    }

    /// The form again, with what is wrong with what was typed.
    ///
    /// # Errors
    /// 500 when it cannot be rendered, which its types rule out.
    pub fn with_error(&self, subject: LinkFormSubject, fault: &AccountFieldError) -> Result<HttpResponse, AppError> {
        let words = Layout::new(self.request).words;
        let title = match subject {
            LinkFormSubject::Password(_) => words.get("rescue-alert-title"),
            LinkFormSubject::Account(..) => words.get("setup-alert-title"),
        };
        let alert = Alert { title: title.to_owned(), text: fault.text(words) };
        self.answer(StatusCode::UNPROCESSABLE_ENTITY, subject, Some(alert), None)
    }

    fn answer(
        &self,
        status: StatusCode,
        subject: LinkFormSubject,
        alert: Option<Alert>,
        refusal: Option<FormRejection>,
    ) -> Result<HttpResponse, AppError> {
        let layout = Layout::new(self.request);
        let label =
            if matches!(subject, LinkFormSubject::Password(_)) { "field-new-password" } else { "field-password" };
        let page = LinkPage {
            csrf: form_post::csrf_token(self.session, refusal)?,
            link_id: self.link_id.clone(),
            new_password: NewPassword::new(layout.words, label, self.policy),
            form: self.form,
            subject,
            alert,
            layout,
        };
        new_password::html(status, &page)
    }
}

/// What the template prints.
#[derive(Template)]
#[template(path = "link_form.html")]
struct LinkPage {
    layout: Layout,
    csrf: String,
    link_id: String,
    form: LinkForm,
    subject: LinkFormSubject,
    new_password: NewPassword,
    alert: Option<Alert>,
}

impl LinkPage {
    /// The form's own words for a part of the page.
    fn word(&self, part: &str) -> &'static str {
        let key = format!("{}-{part}", self.form.name);
        self.layout.words.find(&key).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::i18n;

    #[test]
    fn each_form_renders_in_every_language() {
        let policy = PasswordPolicy::new(&Settings::default().check().expect("the defaults"));
        let text = || "<b>\"x\"</b>".to_owned();
        let typed = || Typed { username: text(), display_name: text() };
        for words in i18n::languages() {
            for (name, subject) in [
                ("rescue", LinkFormSubject::Password(text())),
                ("reset", LinkFormSubject::Password(text())),
                ("setup", LinkFormSubject::Account(None, typed())),
                ("invite", LinkFormSubject::Account(Some(text()), typed())),
            ] {
                let page = LinkPage {
                    layout: Layout::in_language(words),
                    csrf: text(),
                    link_id: text(),
                    form: LinkForm { name, path: "/path" },
                    subject,
                    new_password: NewPassword::new(words, "field-new-password", &policy),
                    alert: Some(Alert { title: text(), text: text() }),
                };
                let title = page.word("title");
                let html = page.render().expect("renders");
                assert!(!html.contains("<b>") && !html.contains("\"x\""), "escaped: {html}");
                assert!(!title.is_empty() && html.matches(title).count() >= 2, "{name}: {html}");
                assert!(!page.word("lead").is_empty() && !page.word("button").is_empty());
            }
        }
    }
}
