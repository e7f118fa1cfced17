//! The cookies that a browser sends back, or that somebody made up. What may not live here: what they let anybody do.

use actix_web::cookie::Cookie;
use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use vestibule::secret::PlainSecret;
use vestibule::web::cookies::{self as ours, CookieName};
use vestibule::web::session::{self, BrowserSession};

use super::world::{self, World};

/// Sends a `Cookie` header to the application; what it found.
type Look = Box<dyn Fn(&World, HeaderValue) -> Value>;

/// An application that tells what it finds in its cookies, and the cookies that it once made.
struct Site {
    look: Look,
    secret: PlainSecret,
    session: String,
    link: String,
}

thread_local! {
    static SITE: Site = world::with(Site::make);
}

/// A `Cookie` header. `{S}` stands for the value of a session cookie that was made here, `{L}` for that of a link cookie: nothing
/// else opens, and neither in the other's place.
pub fn cookies(data: &[u8]) {
    SITE.with(|site| {
        let value = match std::str::from_utf8(data) {
            Ok(text) => HeaderValue::from_str(&text.replace("{S}", &site.session).replace("{L}", &site.link)),
            Err(_) => HeaderValue::from_bytes(data),
        };
        let Ok(value) = value else { return };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let found = world::with(|world| (site.look)(world, value));
        let is_ours = |secret: &Value| secret.is_null() || secret == site.secret.reveal();
        assert!(is_ours(&found["session"]) && is_ours(&found["link"]), "{text}");
        assert!(found["session"].is_null() && found["has_seed"] == false || text.contains(&site.session), "{text}");
        assert!(found["link"].is_null() || text.contains(&site.link), "{text}");
    });
}

impl Site {
    fn make(world: &World) -> Self {
        let secret = PlainSecret::generate();
        let planted = web::Data::new(secret.clone());
        let application = App::new()
            .app_data(world.web_config.clone())
            .app_data(planted)
            .wrap(session::middleware(&world.web_config))
            .route("/", web::post().to(make_cookies))
            .route("/", web::get().to(look_at_cookies));
        let service = world.wait(init_service(application));
        let response = world.wait(call_service(&service, TestRequest::post().to_request()));
        let made = |name: CookieName| {
            let is_it = |cookie: &Cookie<'_>| cookie.name() == name.text(&world.web_config);
            let cookie = response.response().cookies().find(is_it).expect("it was made");
            // As it stands in the header: the value is in percent-encoding there.
            cookie.encoded().stripped().to_string().split_once('=').expect("a cookie").1.to_owned()
        };
        let (session, link) = (made(CookieName::Session), made(CookieName::Link));
        let look = move |world: &World, value: HeaderValue| {
            let request = TestRequest::get().insert_header((COOKIE, value)).to_request();
            let response = world.wait(call_service(&service, request));
            serde_json::from_slice(&world.wait(read_body(response))).expect("JSON")
        };
        Self { look: Box::new(look), secret, session, link }
    }
}

async fn make_cookies(
    session: BrowserSession,
    secret: web::Data<PlainSecret>,
    config: web::Data<vestibule::web::WebConfig>,
) -> HttpResponse {
    session.sign_in(&secret, None);
    let mut response = HttpResponse::Ok().finish();
    ours::set_link(&mut response, &config, &secret);
    response
}

async fn look_at_cookies(request: HttpRequest, session: BrowserSession) -> HttpResponse {
    let reveal = |secret: Option<PlainSecret>| secret.map(|secret| secret.reveal().to_owned());
    let _ = (ours::find(&request, CookieName::Token), ours::find(&request, CookieName::Device));
    HttpResponse::Ok().json(json!({
        "session": reveal(session.secret()),
        "has_seed": session.csrf_seed().is_some(),
        "link": reveal(ours::find_link(&request)),
    }))
}
