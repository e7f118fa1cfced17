//! `POST /token`: the token endpoint (RFC 6749 §3.2), with one function for each grant type.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::client_auth;
use super::client_credentials_grant::{self, ClientGrant};
use super::refresh_grant::{self, Refresh, RefreshRequest};
use crate::authentication::{AttemptOrigin, AuthService, PasswordAttempt, SignIn, SignInPurpose};
use crate::clients::{Client, GrantType};
use crate::config::{Config, PasswordGrant};
use crate::db::Db;
use crate::error::{AppError, ErrorBody};
use crate::scope::Scopes;
use crate::sessions::{SessionKind, SessionOrigin, SessionService};
use crate::tokens::{IssuedToken, PlainRefreshToken, TokenService};
use crate::users::LookupName;
use crate::users::password::Password;
use crate::web::client_ip::ClientIp;
use crate::web::form::Parameters;
use crate::web::user_agent;

/// The header in which a registered client names the address of the user, if it is allowed to. Not `X-Forwarded-For`,
/// to which proxies between the client and this server append.
const FORWARDED_FOR: &str = "vestibule-forwarded-for";

/// A successful token response (RFC 6749 §5.1).
#[derive(Serialize, utoipa::ToSchema)]
pub struct TokenResponse {
    /// The access token, a JWT.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// The lifetime of the access token, in seconds.
    expires_in: i64,
    /// The refresh token for the next access token; valid once. Absent with `client_credentials`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The granted scopes, separated by spaces. Absent if there are none: a scope is never empty (RFC 6749 §3.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The access token again, for clients of the FastAPI tutorial that read this field.
    token: String,
}

/// The parameters of `POST /token`, as a form or a JSON object.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "documents the parameters, which are read one by one to detect repeats")]
pub struct TokenRequest {
    /// `password` (the default when `username` is present), `refresh_token` or `client_credentials`.
    #[schema(example = "password")]
    grant_type: Option<String>,
    /// The username, for `password`.
    username: Option<String>,
    /// The password, for `password`.
    #[schema(format = Password)]
    password: Option<String>,
    /// The refresh token, for `refresh_token`.
    refresh_token: Option<String>,
    /// The requested scopes, separated by spaces.
    scope: Option<String>,
    /// The client ID, unless it is sent with HTTP Basic.
    client_id: Option<String>,
    /// The client secret, unless it is sent with HTTP Basic.
    #[schema(format = Password)]
    client_secret: Option<String>,
}

impl TokenResponse {
    fn new(issued: IssuedToken, refresh_token: Option<&PlainRefreshToken>, scope: &Scopes) -> Self {
        Self {
            token: issued.token.clone(),
            access_token: issued.token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token: refresh_token.map(|token| token.reveal().to_string()),
            scope: scope.to_parameter(),
        }
    }
}

/// Exchanges credentials for an access token.
///
/// # Errors
/// The table "Errors" in docs/architecture.md.
#[utoipa::path(
    post,
    path = "/token",
    tag = "tokens",
    operation_id = "issue_token",
    summary = "Exchange credentials for an access token",
    description = "Accepts a username and password (RFC 6749 §4.3, for first-party applications), a refresh token (§6), or a client ID and secret (§4.4). Send a form (URL-encoded or multipart) or JSON, each parameter at most once.",
    params(("Vestibule-Forwarded-For" = Option<String>, Header, description = "The IP address of the person whose password the client sends. Failed attempts then count for that address. Only for a registered client with `--forwards-client-address on`; ignored otherwise.")),
    request_body(content(
        (TokenRequest = "application/x-www-form-urlencoded"),
        (TokenRequest = "multipart/form-data"),
        (TokenRequest = "application/json"),
    )),
    responses(
        (status = 200, description = "The access token", body = TokenResponse),
        (status = 400, description = "invalid_request, invalid_grant, invalid_scope, unauthorized_client or unsupported_grant_type", body = ErrorBody),
        (status = 401, description = "invalid_client", body = ErrorBody),
        (status = 413, description = "The request body exceeds 16 KiB", body = ErrorBody),
        (status = 415, description = "Unsupported media type: neither a form nor JSON", body = ErrorBody),
        (status = 429, description = "Too many attempts; see Retry-After", body = ErrorBody),
        (status = 503, description = "Temporarily unavailable; see Retry-After", body = ErrorBody),
    )
)]
pub async fn post_token(
    request: HttpRequest,
    payload: web::Payload,
    db: web::Data<Db>,
    auth: web::Data<AuthService>,
    sessions: web::Data<SessionService>,
    tokens: web::Data<TokenService>,
    config: web::Data<Config>,
) -> Result<HttpResponse, AppError> {
    let parameters = Parameters::read(&request, payload).await?;
    if parameters.is_empty() {
        return Err(AppError::invalid_request("The request has no parameters."));
    }
    let client = client_auth::authenticate(&request, &parameters, &db).await?;
    let grant_type = match parameters.get_non_empty("grant_type") {
        Some(grant_type) => grant_type,
        // FastAPI's form may omit it.
        None if parameters.get("username").is_some() || is_misnamed(&parameters) => "password",
        None => return Err(AppError::invalid_request("Missing parameter: grant_type.")),
    };
    let grant = GrantType::from_name(grant_type).ok_or_else(|| {
        AppError::unsupported_grant_type("Unsupported grant_type. Send password, refresh_token or client_credentials.")
    })?;
    if client.as_ref().is_some_and(|client| !client.is_allowed(grant)) {
        return Err(AppError::unauthorized_client());
    }
    let context = TokenRequestContext { request: &request, parameters: &parameters, client };
    let response = match grant {
        GrantType::Password => context.password_grant(&auth, config.password_grant).await?,
        GrantType::RefreshToken => context.refresh_token_grant(&db, &sessions, &tokens).await?,
        GrantType::ClientCredentials => context.client_credentials_grant(&sessions, &tokens).await?,
    };
    Ok(HttpResponse::Ok().insert_header(("Pragma", "no-cache")).json(response))
}

/// Whether the username or the password is missing, and a parameter has a name that other login APIs use for it.
fn is_misnamed(parameters: &Parameters) -> bool {
    let other_names = [("username", ["user", "email", "login"]), ("password", ["pass", "passwd", "pwd"])];
    other_names.iter().any(|(name, others)| {
        parameters.get(name).is_none() && others.iter().any(|other| parameters.get(other).is_some())
    })
}

/// A token request whose client, if any, is authenticated.
struct TokenRequestContext<'a> {
    request: &'a HttpRequest,
    parameters: &'a Parameters,
    client: Option<Client>,
}

impl TokenRequestContext<'_> {
    fn require(&self, name: &str, missing: &'static str) -> Result<&str, AppError> {
        self.parameters.get_non_empty(name).ok_or_else(|| AppError::invalid_request(missing))
    }

    /// The address of the user: the one that the client names, if it may, otherwise that of the request.
    fn address_of_user(&self) -> Result<IpAddr, AppError> {
        let own = ClientIp::of(self.request).0;
        let is_believed = self.client.as_ref().is_some_and(|client| client.forwards_client_address);
        let mut named = self.request.headers().get_all(FORWARDED_FOR).filter(|_| is_believed);
        let Some(address) = named.next() else { return Ok(own) };
        let address = address.to_str().ok().and_then(|text| text.trim().parse::<IpAddr>().ok());
        // Counting for the client's own address instead would let one person's failures lock out all others.
        match (address, named.next()) {
            (Some(address), None) => Ok(address.to_canonical()),
            _ => Err(AppError::invalid_request("Vestibule-Forwarded-For must be one IP address.")),
        }
    }

    async fn password_grant(self, auth: &AuthService, setting: PasswordGrant) -> Result<TokenResponse, AppError> {
        match (setting, &self.client) {
            (PasswordGrant::Off, _) => {
                return Err(AppError::unsupported_grant_type("The password grant is disabled on this server."));
            }
            (PasswordGrant::Clients, None) => return Err(AppError::client_missing()),
            _ => {}
        }
        if is_misnamed(self.parameters) {
            return Err(AppError::invalid_request(
                "Missing parameter: username or password. OAuth 2.0 has these names, not user, email, login or pass.",
            ));
        }
        let typed_name = self.require("username", "Missing parameter: username.")?;
        let typed_password = self.require("password", "Missing parameter: password.")?;
        let requested = self.parameters.scope()?;
        let (Some(username), Ok(password)) = (LookupName::parse(typed_name), Password::parse(typed_password)) else {
            return Err(AppError::invalid_grant());
        };
        let origin = AttemptOrigin {
            client_ip: self.address_of_user()?,
            user_agent: user_agent(self.request),
            device: None,
            language: None,
        };
        let purpose = SignInPurpose::PasswordGrant { client: self.client, scope: requested.clone() };
        match auth.sign_in_detached(PasswordAttempt { username, password, origin }, purpose).await? {
            SignIn::Done(signed_in) => {
                let refresh_token = signed_in.refresh_token.as_ref();
                Ok(TokenResponse::new(signed_in.token, refresh_token, &signed_in.session.scope))
            }
            SignIn::Rejected | SignIn::Disabled | SignIn::NewPasswordRequired => Err(AppError::invalid_grant()),
            SignIn::ClientGone => Err(AppError::invalid_client()),
            SignIn::ScopeRejected => Err(AppError::invalid_scope(&requested)),
            SignIn::Throttled(wait) => Err(AppError::too_many_requests(wait)),
            SignIn::Overloaded => Err(AppError::unavailable()),
        }
    }

    async fn refresh_token_grant(
        self,
        db: &Db,
        sessions: &SessionService,
        tokens: &TokenService,
    ) -> Result<TokenResponse, AppError> {
        let token = self.require("refresh_token", "Missing parameter: refresh_token.")?;
        let token = PlainRefreshToken::parse(token).ok_or_else(AppError::invalid_refresh_token)?;
        let requested = self.parameters.scope()?;
        let client_ip = self.address_of_user()?;
        let request = RefreshRequest { token, client: self.client, scope: requested.clone(), client_ip };
        match refresh_grant::refresh(db, sessions, tokens, request).await? {
            Refresh::Done(refreshed) => {
                Ok(TokenResponse::new(refreshed.token, Some(&refreshed.refresh_token), &refreshed.scope))
            }
            Refresh::Rejected => Err(AppError::invalid_refresh_token()),
            Refresh::ScopeRejected => Err(AppError::invalid_scope(&requested)),
        }
    }

    async fn client_credentials_grant(
        self,
        sessions: &SessionService,
        tokens: &TokenService,
    ) -> Result<TokenResponse, AppError> {
        let requested = self.parameters.scope()?;
        let client = self.client.ok_or_else(AppError::client_missing)?;
        let origin = SessionOrigin {
            kind: SessionKind::ClientCredentials,
            network_address: Some(ClientIp::of(self.request).0.to_canonical().to_string()),
            user_agent: user_agent(self.request),
        };
        match client_credentials_grant::issue(sessions, tokens, client, requested.clone(), origin).await? {
            ClientGrant::Done { session, token } => Ok(TokenResponse::new(token, None, &session.scope)),
            ClientGrant::ScopeRejected => Err(AppError::invalid_scope(&requested)),
            ClientGrant::ClientGone => Err(AppError::invalid_client()),
        }
    }
}
