//! The fuzz target for the `Cookie` header.

use actix_web::cookie::Cookie;
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use vestibule::secret::PlainSecret;
use vestibule::web::cookies::{self, CookieName};
use vestibule::web::request_cookies;
use vestibule::web::session::{self, BrowserSession};

use super::world::{self, World};

/// Sends a `Cookie` header to the application and returns what it read from the cookies.
type SendCookies = Box<dyn Fn(&World, HeaderValue) -> Value>;

/// An application that returns what it reads from its cookies.
struct Site {
    send: SendCookies,
    /// The secret in both cookies.
    secret: PlainSecret,
    /// The value of a session cookie that the application set.
    session: String,
    /// The value of a link cookie that the application set.
    link: String,
}

thread_local! {
    static SITE: Site = world::with(Site::new);
}

/// Takes a `Cookie` header, in which `{S}` is replaced by the value of a valid session cookie and `{L}` by that of a
/// valid link cookie. No other value is accepted, neither value under the other name, and neither under a name that
/// differs in a byte.
pub fn cookies(data: &[u8]) {
    SITE.with(|site| {
        let value = match std::str::from_utf8(data) {
            Ok(text) => HeaderValue::from_str(&text.replace("{S}", &site.session).replace("{L}", &site.link)),
            Err(_) => HeaderValue::from_bytes(data),
        };
        let Ok(value) = value else { return };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let found = world::with(|world| (site.send)(world, value));
        let has_pair = |name: CookieName, value: &str| {
            let pair = world::with(|world| format!("{}={value}", name.text(&world.web_config)));
            text.split(';').any(|part| part.trim_ascii() == pair)
        };
        let is_valid = |secret: &Value| secret.is_null() || secret == site.secret.reveal();
        assert!(is_valid(&found["session"]) && is_valid(&found["link"]), "{text}");
        assert!(
            found["session"].is_null() && found["has_seed"] == false || has_pair(CookieName::Session, &site.session),
            "{text}"
        );
        assert!(found["link"].is_null() || has_pair(CookieName::Link, &site.link), "{text}");
    });
}

impl Site {
    fn new(world: &World) -> Self {
        let secret = PlainSecret::generate();
        let shared_secret = web::Data::new(secret.clone());
        let application = App::new()
            .app_data(world.web_config.clone())
            .app_data(shared_secret)
            .wrap(session::middleware(&world.web_config))
            .wrap(from_fn(request_cookies::middleware))
            .route("/", web::post().to(set_cookies))
            .route("/", web::get().to(read_cookies));
        let service = world.wait(init_service(application));
        let response = world.wait(call_service(&service, TestRequest::post().to_request()));
        let value_of = |name: CookieName| {
            let has_name = |cookie: &Cookie<'_>| cookie.name() == name.text(&world.web_config);
            let cookie = response.response().cookies().find(has_name).expect("the cookie was set");
            // As in the header: `actix-session` percent-encodes its value.
            let text = match name {
                CookieName::Session => cookie.encoded().stripped().to_string(),
                _ => cookie.stripped().to_string(),
            };
            text.split_once('=').expect("a cookie").1.to_owned()
        };
        let (session, link) = (value_of(CookieName::Session), value_of(CookieName::Link));
        let send = move |world: &World, value: HeaderValue| {
            let request = TestRequest::get().insert_header((COOKIE, value)).to_request();
            let response = world.wait(call_service(&service, request));
            serde_json::from_slice(&world.wait(read_body(response))).expect("JSON")
        };
        Self { send: Box::new(send), secret, session, link }
    }
}

async fn set_cookies(
    session: BrowserSession,
    secret: web::Data<PlainSecret>,
    config: web::Data<vestibule::web::WebConfig>,
) -> HttpResponse {
    session.sign_in(&secret, None);
    let mut response = HttpResponse::Ok().finish();
    cookies::set_link(&mut response, &config, secret.reveal());
    response
}

async fn read_cookies(request: HttpRequest, session: BrowserSession) -> HttpResponse {
    let reveal = |secret: Option<PlainSecret>| secret.map(|secret| secret.reveal().to_owned());
    let _ = (cookies::find(&request, CookieName::Token), cookies::find(&request, CookieName::Device));
    HttpResponse::Ok().json(json!({
        "session": reveal(session.secret()),
        "has_seed": session.csrf_seed().is_some(),
        "link": cookies::find_link(&request),
    }))
}
