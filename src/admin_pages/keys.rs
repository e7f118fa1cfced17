//! `/admin/keys`: the signing keys, to read.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::access::StaffRequest;
use super::pages::{KeyRow, KeysPage};
use crate::clock::Clock;
use crate::config::Signing;
use crate::db::Db;
use crate::error::AppError;
use crate::i18n::TimeFormat;
use crate::tokens::{self, KeyRecord, KeyState};

/// Shows the keys, the newest first.
pub async fn show(staff: StaffRequest, db: web::Data<Db>, clock: web::Data<Clock>) -> Result<HttpResponse, AppError> {
    let staff = match staff.for_admins() {
        Ok(staff) => staff,
        Err(refusal) => return refusal.respond(),
    };
    let now = clock.now();
    let keys = match staff.account.config.signing {
        Signing::KeyPair(algorithm) => {
            Some(db.read(move |conn| tokens::list_keys(conn, algorithm, now)).await.map_err(AppError::internal)?)
        }
        Signing::Hs256(_) => None,
    };
    let layout = staff.account.layout();
    let words = layout.words;
    let format = TimeFormat::new(words, staff.account.config.time_zone, now);
    let row = |key: KeyRecord| KeyRow {
        state: words
            .get(match key.state {
                KeyState::Next => "admin-key-next",
                KeyState::Signing => "admin-key-signing",
                KeyState::Old => "admin-key-old",
                KeyState::Retired => "admin-key-retired",
            })
            .to_owned(),
        signs_from: format.time(key.signs_from),
        live_tokens: key.usage.live_sessions,
        kid: key.kid,
        algorithm: key.algorithm,
    };
    let keys = keys.map(|keys| keys.into_iter().map(row).collect());
    staff.page(StatusCode::OK, &KeysPage { active_tab: "keys", is_admin: true, keys, layout })
}
