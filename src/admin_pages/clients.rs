//! `/admin/clients`: the registered clients, to read.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::access::StaffRequest;
use super::pages::{ClientRow, ClientsPage};
use crate::clients::{self, Client};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::error::AppError;
use crate::i18n::TimeFormat;

/// The most clients shown.
const MAX_CLIENTS: i64 = 1_000;

/// Shows the clients, in order of their names.
pub async fn show(staff: StaffRequest, db: web::Data<Db>, clock: web::Data<Clock>) -> Result<HttpResponse, AppError> {
    let staff = match staff.for_admins() {
        Ok(staff) => staff,
        Err(refusal) => return refusal.respond(),
    };
    let found = db.read(|conn| -> Result<_, DbError> { Ok(clients::list(conn, MAX_CLIENTS)?) }).await?;
    let layout = staff.account.layout();
    let format = TimeFormat::new(layout.words, staff.account.config.time_zone, clock.now());
    let row = |client: Client| ClientRow {
        grants: client.grants.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(", "),
        scopes: client.scopes.to_string(),
        secret_changed: format.time(client.secret_changed_at),
        name: client.name,
        id: client.id,
    };
    let page =
        ClientsPage { active_tab: "clients", is_admin: true, clients: found.into_iter().map(row).collect(), layout };
    staff.page(StatusCode::OK, &page)
}
