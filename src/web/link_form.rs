//! The forms behind one-time links, for a new password or a new account.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::background::retry_after;
use super::form_post::{self, FormPost, FormRejection};
use super::new_account::{AccountFieldError, AccountFields};
use super::new_password::NewPassword;
use super::pages::{Alert, Layout, html_with_script, wait_text};
use super::session::BrowserSession;
use crate::authentication::RequestLimiter;
use crate::error::AppError;
use crate::users::password::PasswordPolicy;

/// A form for one purpose.
#[derive(Clone, Copy)]
pub struct LinkForm {
    /// Its messages are `{name}-title`, `{name}-lead` and `{name}-button`.
    pub name: &'static str,
    /// Its path.
    pub path: &'static str,
}

/// What a form is for.
#[derive(Clone)]
pub enum LinkFormSubject {
    /// A new password for the account with this username.
    Password(String),
    /// A new account with the link's email address, if it has one, and the fields as typed.
    Account(Option<String>, AccountFields),
}

/// A form for one request.
pub struct ShownLinkForm<'a> {
    form: LinkForm,
    request: &'a HttpRequest,
    session: &'a BrowserSession,
    policy: &'a PasswordPolicy,
    link_id: String,
}

impl LinkForm {
    /// The form for this request and link.
    #[must_use]
    pub fn for_request<'a>(
        self,
        request: &'a HttpRequest,
        session: &'a BrowserSession,
        policy: &'a PasswordPolicy,
        link_id: &str,
    ) -> ShownLinkForm<'a> {
        ShownLinkForm { form: self, request, session, policy, link_id: link_id.to_owned() }
    }
}

impl ShownLinkForm<'_> {
    /// Shows the form for the first time.
    pub fn fresh(&self, subject: LinkFormSubject) -> Result<HttpResponse, AppError> {
        self.render(StatusCode::OK, subject, None, None)
    }

    /// The response to a rejected or rate-limited post; `None` when its fields may be used. A browser keeps one link at
    /// a time: if another link has replaced the one of this form, the fields must not apply to that link.
    pub async fn find_rejection(
        &self,
        subject: &LinkFormSubject,
        post: &FormPost,
        limiter: &RequestLimiter,
    ) -> Result<Option<HttpResponse>, AppError> {
        let is_other_link = post.parameters.get("link") != Some(&self.link_id);
        if let Some(rejection) = post.rejection.or(is_other_link.then_some(FormRejection::Stale)) {
            return self.rejected(subject.clone(), rejection).map(Some);
        }
        let Some(wait) = limiter.limit_link_submissions(&self.link_id).await? else { return Ok(None) };
        let words = Layout::new(self.request).words;
        let text =
            words.format("alert-too-many-submissions-text", &[("wait", wait_text(words, wait.as_secs()).into())]);
        let alert = Alert { title: words.get("alert-too-many-requests-title").to_owned(), text };
        let response = self.render(StatusCode::TOO_MANY_REQUESTS, subject.clone(), Some(alert), None)?;
        Ok(Some(retry_after(response, wait)))
    }

    fn rejected(&self, subject: LinkFormSubject, rejection: FormRejection) -> Result<HttpResponse, AppError> {
        let alert = rejection.alert(Layout::new(self.request).words, self.request);
        self.render(rejection.status(), subject, Some(alert), Some(rejection))
    }

    /// Shows the form again with the error in a field.
    pub fn with_error(&self, subject: LinkFormSubject, error: &AccountFieldError) -> Result<HttpResponse, AppError> {
        let words = Layout::new(self.request).words;
        let title = match subject {
            LinkFormSubject::Password(_) => words.get("rescue-alert-title"),
            LinkFormSubject::Account(..) => words.get("setup-alert-title"),
        };
        let alert = Alert { title: title.to_owned(), text: error.text(words) };
        self.render(StatusCode::UNPROCESSABLE_ENTITY, subject, Some(alert), None)
    }

    fn render(
        &self,
        status: StatusCode,
        subject: LinkFormSubject,
        alert: Option<Alert>,
        rejection: Option<FormRejection>,
    ) -> Result<HttpResponse, AppError> {
        let layout = Layout::new(self.request);
        let label =
            if matches!(subject, LinkFormSubject::Password(_)) { "field-new-password" } else { "field-password" };
        let page = LinkPage {
            csrf: form_post::csrf_token(self.session, rejection),
            link_id: self.link_id.clone(),
            new_password: NewPassword::new(layout.words, label, self.policy),
            form: self.form,
            subject,
            alert,
            layout,
        };
        html_with_script(status, &page)
    }
}

/// The page with the form.
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
    /// The form's own message for a part of the page.
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
        let typed = || AccountFields { username: text(), display_name: text() };
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
