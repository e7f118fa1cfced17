//! Reading the users of a realm export of Keycloak, one at a time: an export may be larger than the memory.

use std::fmt;
use std::io::{self, BufReader};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::columns::Column;
use super::error::FileError;
use super::row::{Row, RowSink, Stopped};
use super::source::{Meter, Source, row_error};
use super::values;

/// The type of a credential that is a password; every other one is a second factor or replaces the password.
const PASSWORD: &str = "password";
/// Roles that Keycloak gives to everybody, for its own purposes.
const OWN_ROLES: [&str; 2] = ["offline_access", "uma_authorization"];
const OWN_ROLE_PREFIX: &str = "default-roles-";

pub(super) fn read(source: Source, drop_second_factor: bool, sink: &mut RowSink<'_>) -> Result<(), FileError> {
    let meter = source.meter();
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::new(source.into_reader()));
    let mut state = State { meter: &meter, sink, drop_second_factor, position: 0, has_users: false, is_stopped: false };
    let result = deserializer.deserialize_map(RealmVisitor(&mut state));
    let (position, has_users, is_stopped) = (state.position, state.has_users, state.is_stopped);
    match result {
        Err(_) if is_stopped => Ok(()),
        Err(error) => Err(match error.io_error_kind() {
            Some(io::ErrorKind::FileTooLarge) => row_error(io::ErrorKind::FileTooLarge.into(), position + 1),
            Some(_) => FileError::Read(error.into()),
            None => FileError::Json(error),
        }),
        Ok(()) if has_users => Ok(()),
        Ok(()) => Err(FileError::NoUsers),
    }
}

struct State<'a, 'b> {
    meter: &'a Meter,
    sink: &'a mut RowSink<'b>,
    drop_second_factor: bool,
    position: u64,
    has_users: bool,
    is_stopped: bool,
}

struct RealmVisitor<'s, 'a, 'b>(&'s mut State<'a, 'b>);

impl<'de> Visitor<'de> for RealmVisitor<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a realm")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        loop {
            self.0.meter.begin_row();
            let Some(key) = map.next_key::<String>()? else { return Ok(()) };
            if key == "users" {
                self.0.has_users = true;
                map.next_value_seed(Users(self.0))?;
            } else {
                self.0.meter.allow_any();
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
}

struct Users<'s, 'a, 'b>(&'s mut State<'a, 'b>);

impl<'de> DeserializeSeed<'de> for Users<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Users<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut users: A) -> Result<(), A::Error> {
        loop {
            self.0.meter.begin_row();
            let Some(user) = users.next_element::<Value>()? else { return Ok(()) };
            self.0.position += 1;
            let row = match KeycloakUser::deserialize(user) {
                Ok(user) => user.into_row(self.0.position, self.0.drop_second_factor),
                // The error would repeat a value, perhaps a secret.
                Err(_) => {
                    Row::broken(self.0.position, "it has no username, or a field of another type than Keycloak writes")
                }
            };
            if let Err(Stopped) = (self.0.sink)(row) {
                self.0.is_stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
    }
}

/// A user of an export.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeycloakUser {
    username: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    enabled: Option<bool>,
    /// In milliseconds since 1970.
    created_timestamp: Option<i64>,
    service_account_client_id: Option<String>,
    #[serde(default)]
    totp: bool,
    #[serde(default)]
    realm_roles: Vec<String>,
    #[serde(default)]
    credentials: Vec<Credential>,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    locale: Vec<String>,
}

/// A credential. The two data fields are JSON in text; releases before 8 have plain fields instead.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    r#type: String,
    secret_data: Option<String>,
    #[serde(rename = "credentialData")]
    parameters: Option<String>,
    hashed_salted_value: Option<String>,
    salt: Option<String>,
    hash_iterations: Option<i64>,
    algorithm: Option<String>,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    hash_iterations: i64,
    algorithm: String,
    #[serde(default)]
    additional_parameters: AdditionalParameters,
}

/// The parameters of Argon2.
#[derive(Default, Deserialize)]
struct AdditionalParameters {
    #[serde(default)]
    r#type: Vec<String>,
    #[serde(default)]
    version: Vec<String>,
    #[serde(default)]
    memory: Vec<String>,
    #[serde(default)]
    parallelism: Vec<String>,
}

impl KeycloakUser {
    fn into_row(self, position: u64, drop_second_factor: bool) -> Row {
        let mut row = Row::new(position);
        row.set(Column::Username, self.username);
        let names = [self.first_name, self.last_name].into_iter().flatten().collect::<Vec<_>>();
        row.set(Column::DisplayName, names.join(" ").trim().to_owned());
        row.set(Column::Email, self.email.unwrap_or_default());
        row.set(Column::EmailVerified, self.email_verified.unwrap_or(false).to_string());
        row.set(Column::State, self.enabled.unwrap_or(true).to_string());
        row.set(Column::Language, self.attributes.locale.into_iter().next().unwrap_or_default());
        row.set(Column::CreatedAt, self.created_timestamp.map(|at| at.to_string()).unwrap_or_default());
        let is_own = |role: &String| OWN_ROLES.contains(&role.as_str()) || role.starts_with(OWN_ROLE_PREFIX);
        let roles: Vec<String> = self.realm_roles.into_iter().filter(|role| !is_own(role)).collect();
        row.set(Column::Roles, values::join_roles(&roles));
        let has_second_factor = self.totp || self.credentials.iter().any(|credential| credential.r#type != PASSWORD);
        let mut passwords = self.credentials.into_iter().filter(|credential| credential.r#type == PASSWORD);
        let hash = passwords.next().map(Credential::into_text).transpose();
        row.problem = match hash {
            _ if self.service_account_client_id.is_some() => {
                Some("it is the account of a client: register the client with \"vestibule clients add\"".to_owned())
            }
            _ if has_second_factor && !drop_second_factor => Some(
                "it has a second factor, which this server does not have: with --drop-second-factor, the password alone signs in"
                    .to_owned(),
            ),
            Err(reason) => Some(format!("{}: {reason}", Column::PasswordHash.name())),
            Ok(text) => {
                row.set(Column::PasswordHash, text.unwrap_or_default());
                None
            }
        };
        row
    }
}

impl Credential {
    /// The hash as text: Argon2 in the PHC string format, PBKDF2 as passlib writes it.
    fn into_text(self) -> Result<String, String> {
        // The error would repeat a value.
        let malformed = |_: serde_json::Error| "the credential is malformed".to_owned();
        let (secret, data) = match (self.secret_data, self.parameters) {
            (Some(secret), Some(data)) => (
                serde_json::from_str::<SecretData>(&secret).map_err(malformed)?,
                serde_json::from_str::<CredentialData>(&data).map_err(malformed)?,
            ),
            _ => {
                let missing = "the credential has no hash";
                let value = self.hashed_salted_value.ok_or(missing)?;
                let hash_iterations = self.hash_iterations.ok_or(missing)?;
                let algorithm = self.algorithm.ok_or(missing)?;
                let additional_parameters = AdditionalParameters::default();
                (
                    SecretData { value, salt: self.salt.ok_or(missing)? },
                    CredentialData { hash_iterations, algorithm, additional_parameters },
                )
            }
        };
        let [salt, value] = [&secret.salt, &secret.value].map(|text| STANDARD.decode(text));
        let (Ok(salt), Ok(mut value)) = (salt, value) else { return Err("the credential is not base64".to_owned()) };
        let CredentialData { hash_iterations: iterations, algorithm, additional_parameters: more } = data;
        let digest = match algorithm.as_str() {
            "argon2" => return argon2_text(&more, iterations, &salt, &value),
            // Keycloak derives 64 bytes in any case. Each block of PBKDF2 stands for itself: the first one is the hash
            // of its length, and a server that verified the others as well would work more than an attacker.
            "pbkdf2-sha512" => ("pbkdf2-sha512", 64),
            "pbkdf2-sha256" => ("pbkdf2-sha256", 32),
            "pbkdf2" => ("pbkdf2", 20),
            _ => return Err("its algorithm is none of argon2, pbkdf2-sha512, pbkdf2-sha256 and pbkdf2".to_owned()),
        };
        let (name, length) = digest;
        if value.len() < length {
            return Err("the hash is too short".to_owned());
        }
        value.truncate(length);
        let [salt, value] = [salt, value].map(|bytes| STANDARD_NO_PAD.encode(bytes).replace('+', "."));
        Ok(format!("${name}${iterations}${salt}${value}"))
    }
}

fn argon2_text(more: &AdditionalParameters, iterations: i64, salt: &[u8], value: &[u8]) -> Result<String, String> {
    let first = |values: &[String]| values.first().cloned().unwrap_or_default();
    let variant = first(&more.r#type);
    let version = match first(&more.version).as_str() {
        "1.3" | "" => 19,
        "1.0" => 16,
        _ => return Err("its version of Argon2 is unknown".to_owned()),
    };
    let [memory, lanes] = [first(&more.memory), first(&more.parallelism)];
    let [salt, value] = [salt, value].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    Ok(format!("$argon2{variant}$v={version}$m={memory},t={iterations},p={lanes}${salt}${value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, drop_second_factor: bool) -> Result<Vec<Row>, FileError> {
        let mut rows = Vec::new();
        let source = Source::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())))?;
        read(source, drop_second_factor, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    fn user(more: &str) -> String {
        format!(
            "{{\"realm\":\"r\",\"clients\":[{{\"id\":1}}],\"users\":[{{\"username\":\"ann\"{more}}}],\"roles\":{{}}}}"
        )
    }

    #[test]
    fn hashes_of_every_algorithm_become_text() {
        let credential = |algorithm: &str, more: &str| {
            let value = STANDARD.encode([0xFB; 64]);
            user(&format!(
                r#","credentials":[{{"type":"password","secretData":"{{\"value\":\"{value}\",\"salt\":\"c2FsdHNhbHQ=\"}}","credentialData":"{{\"hashIterations\":5,\"algorithm\":\"{algorithm}\",\"additionalParameters\":{{{more}}}}}"}}]"#
            ))
        };
        let argon2 = r#"\"hashLength\":[\"64\"],\"memory\":[\"7168\"],\"type\":[\"id\"],\"version\":[\"1.3\"],\"parallelism\":[\"1\"]"#;
        for (algorithm, more, beginning, length) in [
            ("argon2", argon2, "$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHQ$+/v7", 86),
            ("pbkdf2-sha512", "", "$pbkdf2-sha512$5$c2FsdHNhbHQ$./v7", 86),
            ("pbkdf2-sha256", "", "$pbkdf2-sha256$5$c2FsdHNhbHQ$./v7", 43),
            ("pbkdf2", "", "$pbkdf2$5$c2FsdHNhbHQ$./v7", 27),
        ] {
            let rows = rows(&credential(algorithm, more), false).expect("it is read");
            let text = rows[0].get(Column::PasswordHash).expect("a hash");
            assert!(text.starts_with(beginning), "{text}");
            assert_eq!(text.rsplit('$').next().map(str::len), Some(length), "{text}");
        }
        let rows = rows(&credential("bcrypt", ""), false).expect("it is read");
        assert!(rows[0].problem.is_some());
    }

    #[test]
    fn second_factor_service_account_and_malformed_credential_are_problems() {
        for (more, drop_second_factor, is_problem) in [
            ("", false, false),
            (",\"totp\":true", false, true),
            (",\"credentials\":[{\"type\":\"otp\"}]", false, true),
            (",\"credentials\":[{\"type\":\"otp\"}]", true, false),
            (",\"credentials\":[{\"type\":\"webauthn\"}]", false, true),
            (",\"serviceAccountClientId\":\"c\"", true, true),
            (",\"realmRoles\":[\"staff\",\"offline_access\",\"default-roles-r\"]", false, false),
            (",\"credentials\":[{\"type\":\"password\"}]", false, true),
            (",\"enabled\":\"yes\"", false, true),
        ] {
            let rows = rows(&user(more), drop_second_factor).expect("it is read");
            assert_eq!(rows[0].problem.is_some(), is_problem, "{more}: {:?}", rows[0].problem);
        }
    }

    #[test]
    fn file_without_users_or_cut_off_or_with_an_endless_user_is_an_error() {
        assert!(matches!(rows("{\"realm\":\"r\"}", false), Err(FileError::NoUsers)));
        let whole = user("");
        assert!(matches!(rows(&whole[..whole.len() - 3], false), Err(FileError::Json(_))));
        let endless = user(&format!(",\"firstName\":\"{}\"", "a".repeat(200_000)));
        assert!(matches!(rows(&endless, false), Err(FileError::RowTooLong { at: 1 })));
    }
}
