//! A browser over plain HTTP: it keeps cookies, follows no redirect, and submits forms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::cookie::CookieStore;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use reqwest::{Client, Method, Url};

use super::{PASSWORD, TestApp};

/// The name of the session cookie on http.
pub const SESSION: &str = "vestibule_session";
/// The name of the token cookie on http.
pub const TOKEN: &str = "vestibule_token";

/// Cookies by name. It keeps `Secure` ones on http too: a test can act as the browser behind an https proxy.
#[derive(Default)]
pub struct Jar(Mutex<BTreeMap<String, String>>);

impl CookieStore for Jar {
    fn set_cookies(&self, headers: &mut dyn Iterator<Item = &HeaderValue>, _: &Url) {
        let mut cookies = self.0.lock().expect("not poisoned");
        for header in headers {
            let text = header.to_str().expect("ASCII");
            let (name, value) = text.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            if text.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn cookies(&self, _: &Url) -> Option<HeaderValue> {
        let cookies = self.0.lock().expect("not poisoned");
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| HeaderValue::from_str(&pairs.join("; ")).expect("ASCII"))
    }
}

/// A browser with a cookie jar. Clones share the jar, as tabs do.
#[derive(Clone)]
pub struct Visitor {
    client: Client,
    jar: Arc<Jar>,
    url: String,
    headers: HeaderMap,
}

impl Visitor {
    /// An English browser without cookies that sends no `Sec-Fetch-Site`.
    pub fn new(app: &TestApp) -> Self {
        Self::with_cookies(app, &[])
    }

    /// A browser with these cookies only.
    pub fn with_cookies(app: &TestApp, cookies: &[(&str, &str)]) -> Self {
        Self::at_url(&app.url, cookies)
    }

    /// As [`Self::with_cookies`], for a server that runs as a process.
    pub fn at_url(url: &str, cookies: &[(&str, &str)]) -> Self {
        let jar = Arc::new(Jar::default());
        for (name, value) in cookies {
            jar.0.lock().expect("not poisoned").insert((*name).to_owned(), (*value).to_owned());
        }
        let client = crate::harness::client_builder()
            .redirect(reqwest::redirect::Policy::none())
            .cookie_provider(Arc::clone(&jar))
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        let visitor = Self { client, jar, url: url.to_owned(), headers: HeaderMap::new() };
        visitor.with("accept", "text/html,application/xhtml+xml,*/*;q=0.8").with("accept-language", "en-GB,en;q=0.9")
    }

    /// The same browser with another server.
    pub fn at(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    /// The same browser with a header on every request.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
        self
    }

    /// The same browser, whose requests state that they come from the server's own pages.
    pub fn same_origin(&self) -> Self {
        self.clone().with("sec-fetch-site", "same-origin")
    }

    /// Another browser with a copy of the cookies, as a thief would have.
    pub fn copy(&self, app: &TestApp) -> Self {
        let cookies = self.jar.0.lock().expect("not poisoned").clone();
        let pairs: Vec<(&str, &str)> = cookies.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Self::with_cookies(app, &pairs)
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar.0.lock().expect("not poisoned").get(name).cloned()
    }

    /// Removes all cookies.
    pub fn forget_cookies(&self) {
        self.jar.0.lock().expect("not poisoned").clear();
    }

    /// Any request, with a body of a media type when there is one.
    pub async fn request(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> Page {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).headers(self.headers.clone());
        if let Some((media_type, bytes)) = body {
            request = request.header("content-type", media_type).body(bytes);
        }
        Page::read(request.send().await.expect("a response")).await
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Page {
        self.request(Method::GET, path, None).await
    }

    /// `POST path` with these fields and nothing more.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.client.post(format!("{}{path}", self.url)).headers(self.headers.clone()).form(fields);
        Page::read(request.send().await.expect("a response")).await
    }

    /// Submits the form of a page with these fields, its CSRF token and the ID of its one-time link.
    pub async fn submit(&self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = page.value_of("csrf").expect("the page has a form");
        let link = page.value_of("link").map(|id| ("link", id));
        self.post(path, &[fields, &[("csrf", csrf)], link.as_slice()].concat()).await
    }

    /// Opens the sign-in page and fills it in.
    pub async fn try_sign_in(&self, username: &str, password: &str) -> Page {
        let page = self.get("/login").await;
        assert_eq!(page.status, 200, "the sign-in page opens");
        self.submit(&page, "/login", &[("username", username), ("password", password)]).await
    }

    /// Signs in to an account that has [`PASSWORD`].
    pub async fn sign_in(&self, username: &str) -> Page {
        let page = self.try_sign_in(username, PASSWORD).await;
        assert_eq!(page.status, 303, "{username} signs in: {}", page.html);
        page
    }

    /// Signs out by the button on the account page.
    pub async fn sign_out(&self) -> Page {
        let page = self.get("/").await;
        self.submit(&page, "/logout", &[]).await
    }

    /// Whether the account page opens.
    pub async fn is_signed_in(&self) -> bool {
        let page = self.get("/").await;
        assert!(page.status == 200 || page.location().starts_with("/login"), "{}: {}", page.status, page.html);
        page.status == 200
    }
}

/// A page.
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub html: String,
}

impl Page {
    async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, html: response.text().await.expect("text") }
    }

    /// A header's text; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The `Location` header; empty when there is none.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The `Set-Cookie` line of this cookie.
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().expect("ASCII"));
        lines.into_iter().find(|line| line.split('=').next() == Some(name))
    }

    /// The escaped value of a field; `None` when the page has no such field or it is empty.
    pub fn value_of(&self, field: &str) -> Option<&str> {
        let (_, rest) = self.html.split_once(&format!("name=\"{field}\""))?;
        let (tag, _) = rest.split_once('>')?;
        let (value, _) = tag.split_once(" value=\"")?.1.split_once('"')?;
        Some(value).filter(|value| !value.is_empty())
    }

    /// The text of the alert; empty when there is none.
    pub fn alert(&self) -> String {
        let Some((_, rest)) = self.html.split_once("role=\"alert\"") else { return String::new() };
        let (_, rest) = rest.split_once('>').expect("a tag");
        let (alert, _) = rest.split_once("</div>").expect("closed");
        let texts = alert.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text.trim());
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(". ")
    }

    /// The page without its CSRF token, which is new each time.
    pub fn html_without_csrf(&self) -> String {
        match self.value_of("csrf") {
            Some(csrf) => self.html.replace(csrf, ""),
            None => self.html.clone(),
        }
    }
}
