//! The page about FastAPI's JWT tutorial, followed word for word: the application accepts Vestibule's tokens.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::harness::hs256::{claims, header, part, sign_with, swap_claims};
use crate::harness::tutorial::{Moved, PASSWORD, SECRET_KEY};
use crate::harness::{PASSWORD as NEW_PASSWORD, TestResponse};

const JOHN: &str = r#"{"username":"johndoe","email":"johndoe@example.com","full_name":"John Doe","disabled":false}"#;

/// The request of Swagger UI's Authorize button, with its empty fields, from a page of this origin.
async fn authorize(token_url: &str, origin: &str, username: &str, password: &str) -> TestResponse {
    let fields = [("grant_type", "password"), ("username", username), ("password", password), ("scope", "")];
    let request = Client::new().post(token_url).form(&fields).header("authorization", "Basic Og==");
    TestResponse::to(request.header("x-requested-with", "XMLHttpRequest").header("origin", origin)).await
}

/// The preflight of that request.
async fn preflight(moved: &Moved, origin: &str) -> TestResponse {
    let request =
        Client::new().request(Method::OPTIONS, format!("{}/token", moved.server.url)).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    TestResponse::to(request.header("access-control-request-headers", "authorization,x-requested-with")).await
}

async fn get(url: &str, token: &str) -> TestResponse {
    TestResponse::to(Client::new().get(url).bearer_auth(token)).await
}

fn token_of(response: &TestResponse) -> String {
    response.json()["access_token"].as_str().unwrap_or_else(|| panic!("no token in {response:?}")).to_owned()
}

#[tokio::test]
async fn tutorial_application_with_one_changed_line_accepts_tokens_and_rejects_forged_ones() {
    let moved = Moved::start();
    let application = moved.start_application(3).await;
    let document = TestResponse::to(Client::new().get(format!("{}/openapi.json", application.url))).await.json();
    let flow = &document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"];
    let token_url = flow["tokenUrl"].as_str().expect("a URL");
    // Step 1 lists both origins.
    for origin in [&moved.origin, &moved.localhost_origin] {
        let response = preflight(&moved, origin).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, origin.as_str()));
        let response = authorize(token_url, origin, "johndoe", PASSWORD).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, origin.as_str()));
        let response = get(&format!("{}/users/me/", application.url), &token_of(&response)).await;
        assert_eq!((response.status, response.text()), (200, JOHN.to_owned()));
    }
    let wrong = authorize(token_url, &moved.origin, "johndoe", "wrong").await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (400, &json!("invalid_grant")));

    let token = token_of(&authorize(token_url, &moved.origin, "johndoe", PASSWORD).await);
    let items = get(&format!("{}/users/me/items/", application.url), &token).await;
    assert_eq!((items.status, items.json()), (200, json!([{"item_id": "Foo", "owner": "johndoe"}])));
    let mut later = claims(&token);
    later["exp"] = json!(later["exp"].as_i64().expect("a time") + 1);
    let unsigned = part(&token, 0).to_string().replace("HS256", "none");
    let unsigned = vestibule::secret::base64url(unsigned.as_bytes());
    let none = format!("{unsigned}.{}.", token.split('.').nth(1).expect("claims"));
    let another = sign_with(b"another secret that is longer than thirty-two", &header(), &later.to_string());
    for forged in [swap_claims(&token, &later), none, another, "garbage".to_owned()] {
        let response = get(&format!("{}/users/me/", application.url), &forged).await;
        assert_eq!((response.status, response.json()), (401, json!({"detail": "Could not validate credentials"})));
    }
    // The forged tokens were rejected for their signatures: the right secret makes the same claims valid.
    let signed = sign_with(SECRET_KEY.as_bytes(), &header(), &later.to_string());
    assert_eq!(get(&format!("{}/users/me/", application.url), &signed).await.status, 200);
}

#[tokio::test]
async fn tutorial_application_without_its_own_tokens_accepts_those_of_vestibule() {
    for last_step in [5, 6] {
        let moved = Moved::start();
        let application = moved.start_application(last_step).await;
        let own = TestResponse::to(Client::new().post(format!("{}/token", application.url))).await;
        assert_eq!(own.status, 404, "after step {last_step}");
        let token_url = format!("{}/token", moved.server.url);
        let token = token_of(&authorize(&token_url, &moved.origin, "johndoe", PASSWORD).await);
        let response = get(&format!("{}/users/me/", application.url), &token).await;
        assert_eq!((response.status, response.text()), (200, JOHN.to_owned()), "after step {last_step}");
        // A user added without a hash; the application's dictionary lacks the name.
        moved.add_user("janedoe", NEW_PASSWORD);
        let token = token_of(&authorize(&token_url, &moved.origin, "janedoe", NEW_PASSWORD).await);
        assert_eq!(claims(&token)["sub"], "janedoe");
        assert_eq!(get(&format!("{}/users/me/", application.url), &token).await.status, 401);
    }
}

#[tokio::test]
async fn origin_of_the_application_that_is_not_listed_is_blocked() {
    let moved = Moved::start_with_one_origin();
    let token_url = format!("{}/token", moved.server.url);
    let (listed, other) = (&moved.origin, &moved.localhost_origin);
    let response = preflight(&moved, listed).await;
    assert_eq!((response.status, response.header("access-control-allow-origin")), (200, listed.as_str()));
    let response = preflight(&moved, other).await;
    assert_eq!((response.status, response.json()["error"].clone()), (403, Value::from("access_denied")));
    for (origin, is_allowed) in [(listed, true), (other, false)] {
        let response = authorize(&token_url, origin, "johndoe", PASSWORD).await;
        assert_eq!(response.headers.contains_key("access-control-allow-origin"), is_allowed, "{response:?}");
    }
}
