//! Clients of `/token`.

use serde_json::Value;
use vestibule::clients::{self, Client, GrantType};
use vestibule::scope::Scopes;
use vestibule::secret::PlainSecret;
use vestibule::users;

use super::{PASSWORD, TestApp, TestResponse};

/// The credentials of a client.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    pub id: String,
    pub secret: String,
}

impl RegisteredClient {
    /// The credentials as form parameters.
    pub fn form(&self) -> [(&str, &str); 2] {
        [("client_id", &self.id), ("client_secret", &self.secret)]
    }
}

impl TestApp {
    /// `POST /token` with these parameters.
    pub async fn grant(&self, form: &[(&str, &str)]) -> TestResponse {
        TestResponse::to(self.post("/token").form(form)).await
    }

    /// The response to the password grant of an account that has [`PASSWORD`].
    pub async fn tokens_of(&self, username: &str) -> Value {
        let response = self.grant(&[("username", username), ("password", PASSWORD)]).await;
        assert_eq!(response.status, 200, "{username} signs in");
        response.json()
    }

    /// `POST /token` with a refresh token.
    pub async fn refresh(&self, token: &str) -> TestResponse {
        self.grant(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Registers a client.
    pub async fn add_client(&self, name: &str, grants: &[GrantType], scopes: &str) -> RegisteredClient {
        let secret = PlainSecret::generate();
        let scopes = Scopes::parse(scopes).expect("scopes");
        let client = Client::new(name.to_owned(), &secret, grants.to_vec(), scopes, self.clock.now());
        let id = client.id.clone();
        self.write(move |conn| clients::create(conn, &client)).await;
        RegisteredClient { id, secret: secret.reveal().to_owned() }
    }

    /// Sets the scopes of a role.
    pub async fn allow(&self, role: &'static str, scopes: &str) {
        let scopes = Scopes::parse(scopes).expect("scopes");
        self.write(move |conn| users::set_role_scopes(conn, role, &scopes)).await;
    }
}

/// A string member of a response, such as `access_token`.
pub fn text<'a>(response: &'a Value, name: &str) -> &'a str {
    response[name].as_str().unwrap_or_else(|| panic!("{name} in {response}"))
}
