//! `POST /token`: a function per grant. What may not live here: the check itself (`credentials`).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::client_auth;
use crate::clients::{Client, GrantType};
use crate::config::{Config, PasswordGrant};
use crate::credentials::{Attempt, ClientSignIn, Lock, Presented, Refresh, SignIn};
use crate::error::{AppError, ErrorBody};
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::{Origin, SessionKind};
use crate::tokens::IssuedToken;
use crate::users::LookupName;
use crate::users::password::Password;
use crate::web::client_ip::ClientIp;
use crate::web::form::Parameters;
use crate::web::user_agent;

/// The answer to a grant (RFC 6749 §5.1).
#[derive(Serialize, utoipa::ToSchema)]
pub struct TokenResponse {
    /// The JWT.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until it dies.
    expires_in: i64,
    /// What to come with for the next access token, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The scopes granted, with spaces between.
    scope: String,
    /// The JWT once more, for clients of the tutorial that look here.
    token: String,
}

/// What a form or JSON object to `/token` holds.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "documents the parameters; they are read one by one, so that a repeated one is seen")]
pub struct TokenRequest {
    /// `password` (may be left out when `username` is there), `refresh_token` or `client_credentials`.
    #[schema(example = "password")]
    grant_type: Option<String>,
    /// The username, with `password`.
    username: Option<String>,
    /// The password, with `password`.
    #[schema(format = Password)]
    password: Option<String>,
    /// The refresh token, with `refresh_token`.
    refresh_token: Option<String>,
    /// Wished scopes, with spaces between.
    scope: Option<String>,
    /// A registered program's id, unless it comes by HTTP Basic.
    client_id: Option<String>,
    /// A registered program's secret, unless it comes by HTTP Basic.
    #[schema(format = Password)]
    client_secret: Option<String>,
}

impl TokenResponse {
    fn new(issued: IssuedToken, refresh_token: Option<&PlainSecret>, scope: &Scopes) -> Self {
        Self {
            token: issued.token.clone(),
            access_token: issued.token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token: refresh_token.map(|secret| secret.reveal().to_owned()),
            scope: scope.to_string(),
        }
    }
}

/// Exchanges credentials for an access token.
///
/// # Errors
/// The table in design section 5.1.
#[utoipa::path(
    post,
    path = "/token",
    tag = "tokens",
    operation_id = "issue_token",
    summary = "Exchange credentials for an access token",
    description = "A username and password (RFC 6749 §4.3, for one's own programs), a refresh token (§6), or a registered program's own id and secret (§4.4). Takes a form or JSON, each parameter once.",
    request_body(content((TokenRequest = "application/x-www-form-urlencoded"), (TokenRequest = "application/json"))),
    responses(
        (status = 200, description = "The access token", body = TokenResponse),
        (status = 400, description = "invalid_request, invalid_grant, invalid_scope, unauthorized_client or unsupported_grant_type", body = ErrorBody),
        (status = 401, description = "invalid_client", body = ErrorBody),
        (status = 413, description = "The body is over 16 KiB", body = ErrorBody),
        (status = 415, description = "Neither a form nor JSON", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords: wait as long as Retry-After says", body = ErrorBody),
        (status = 503, description = "No capacity: come again as Retry-After says", body = ErrorBody),
    )
)]
pub async fn post_token(
    request: HttpRequest,
    payload: web::Payload,
    lock: web::Data<Lock>,
    config: web::Data<Config>,
    client_ip: ClientIp,
) -> Result<HttpResponse, AppError> {
    let parameters = Parameters::read(&request, payload).await?;
    if parameters.is_empty() {
        return Err(AppError::invalid_request("The request has no parameters."));
    }
    let client = client_auth::authenticate(&request, &parameters, &lock).await?;
    let grant_type = match parameters.get_filled("grant_type") {
        Some(grant_type) => grant_type,
        // FastAPI's form may leave it out.
        None if parameters.get("username").is_some() => "password",
        None => return Err(AppError::invalid_request("The parameter grant_type is missing.")),
    };
    let grant = GrantType::from_name(grant_type).ok_or_else(|| {
        AppError::unsupported_grant_type(
            "This grant_type is not known here. Send password, refresh_token or client_credentials.",
        )
    })?;
    if client.as_ref().is_some_and(|client| !client.may(grant)) {
        return Err(AppError::unauthorized_client());
    }
    let asked = Asked { request: &request, parameters: &parameters, lock: &lock, client_ip, client };
    let response = match grant {
        GrantType::Password => asked.with_password(config.password_grant).await?,
        GrantType::RefreshToken => asked.with_refresh_token().await?,
        GrantType::ClientCredentials => asked.for_itself().await?,
    };
    Ok(HttpResponse::Ok().insert_header(("Pragma", "no-cache")).json(response))
}

/// A request for a token whose program is known.
struct Asked<'a> {
    request: &'a HttpRequest,
    parameters: &'a Parameters,
    lock: &'a Lock,
    client_ip: ClientIp,
    client: Option<Client>,
}

impl Asked<'_> {
    fn get(&self, name: &str, missing: &'static str) -> Result<&str, AppError> {
        self.parameters.get_filled(name).ok_or_else(|| AppError::invalid_request(missing))
    }

    async fn with_password(self, setting: PasswordGrant) -> Result<TokenResponse, AppError> {
        match (setting, &self.client) {
            (PasswordGrant::Off, _) => {
                return Err(AppError::unsupported_grant_type("The password grant is turned off here."));
            }
            (PasswordGrant::Clients, None) => return Err(AppError::client_missing()),
            _ => {}
        }
        let typed_name = self.get("username", "The parameter username is missing.")?;
        let typed_password = self.get("password", "The parameter password is missing.")?;
        let scope = self.parameters.scope()?;
        let (Some(username), Ok(password)) = (LookupName::parse(typed_name), Password::parse(typed_password)) else {
            return Err(AppError::invalid_grant());
        };
        let attempt = Attempt {
            username,
            password,
            kind: SessionKind::Program,
            client: self.client,
            scope,
            client_ip: self.client_ip.0,
            is_remembered: false,
            user_agent: user_agent(self.request),
            language: None,
            device: None,
            previous: None,
        };
        match self.lock.sign_in_whole(attempt).await? {
            SignIn::Done(signed_in) => {
                let refresh_token = signed_in.refresh_token.as_ref();
                Ok(TokenResponse::new(signed_in.token, refresh_token, &signed_in.session.scope))
            }
            SignIn::Refused | SignIn::Disabled => Err(AppError::invalid_grant()),
            SignIn::ClientGone => Err(AppError::invalid_client()),
            SignIn::ScopeRefused => Err(AppError::invalid_scope()),
            SignIn::Throttled(wait) => Err(AppError::too_many_requests(wait)),
            SignIn::Full => Err(AppError::unavailable()),
        }
    }

    async fn with_refresh_token(self) -> Result<TokenResponse, AppError> {
        let token = self.get("refresh_token", "The parameter refresh_token is missing.")?;
        let token = PlainSecret::parse(token).ok_or_else(AppError::invalid_refresh_token)?;
        let scope = self.parameters.scope()?;
        let presented = Presented { token, client: self.client, scope, client_ip: self.client_ip.0 };
        match self.lock.refresh(presented).await? {
            Refresh::Done(refreshed) => {
                Ok(TokenResponse::new(refreshed.token, Some(&refreshed.refresh_token), &refreshed.scope))
            }
            Refresh::Refused => Err(AppError::invalid_refresh_token()),
            Refresh::ScopeRefused => Err(AppError::invalid_scope()),
        }
    }

    async fn for_itself(self) -> Result<TokenResponse, AppError> {
        let scope = self.parameters.scope()?;
        let client = self.client.ok_or_else(AppError::client_missing)?;
        let origin = Origin {
            kind: SessionKind::Client,
            network_address: Some(self.client_ip.0.to_canonical().to_string()),
            user_agent: user_agent(self.request),
        };
        match self.lock.sign_in_client(client, scope, origin).await? {
            ClientSignIn::Done { session, token } => Ok(TokenResponse::new(token, None, &session.scope)),
            ClientSignIn::ScopeRefused => Err(AppError::invalid_scope()),
            ClientSignIn::Gone => Err(AppError::invalid_client()),
        }
    }
}
