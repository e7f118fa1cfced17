//! `/admin/events`: recorded events, newest first.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, SecondsFormat, TimeDelta};
use url::form_urlencoded::Serializer;

use super::access::StaffRequest;
use super::pages::{Choice, EventsPage};
use super::rows::event_row;
use crate::accounts::AccountService;
use crate::admin::{NamedEvent, list_events};
use crate::audit::{EventFilter, EventKind};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::error::AppError;
use crate::i18n::{TimeFormat, Translation};
use crate::users::{self, LookupName};
use crate::web::event_rows::DayRows;
use crate::web::form::Parameters;
use crate::web::pages::Alert;

/// Events on one page.
const PAGE_SIZE: i64 = 50;
/// The periods to choose from, by their hours; 0 for all.
const PERIODS: [(&str, i64); 4] = [("day", 24), ("week", 7 * 24), ("month", 30 * 24), ("all", 0)];

/// What the query asks for.
struct EventQuery {
    username: String,
    kind: Option<EventKind>,
    period: (&'static str, i64),
    /// The last event of the page before.
    after: Option<(Moment, String)>,
}

impl EventQuery {
    fn parse(query: &Parameters) -> Self {
        let period = query.get("period").unwrap_or_default();
        let at = query.get("at").and_then(|at| DateTime::parse_from_rfc3339(at).ok()).map(|at| at.naive_utc());
        let id = query.get("after").filter(|id| id.len() <= 64).map(str::to_owned);
        Self {
            username: query.get("user").unwrap_or_default().trim().chars().take(256).collect(),
            kind: query.get("kind").and_then(EventKind::from_name),
            period: PERIODS.into_iter().find(|(name, _)| *name == period).unwrap_or(PERIODS[1]),
            after: at.zip(id),
        }
    }

    /// The address of the page after the event with this time and ID.
    fn address_after(&self, at: Moment, id: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("period", self.period.0);
        if let Some(kind) = self.kind {
            query.append_pair("kind", kind.as_str());
        }
        if !self.username.is_empty() {
            query.append_pair("user", &self.username);
        }
        query.append_pair("at", &at.and_utc().to_rfc3339_opts(SecondsFormat::Micros, true)).append_pair("after", id);
        format!("/admin/events?{}", query.finish())
    }
}

/// Shows a page of events.
pub async fn show(staff: StaffRequest, accounts: web::Data<AccountService>) -> Result<HttpResponse, AppError> {
    let staff = match staff.for_admins() {
        Ok(staff) => staff,
        Err(refusal) => return refusal.respond(),
    };
    let query = EventQuery::parse(&Parameters::from_query(staff.account.request.query_string()));
    let now = accounts.clock().now();
    let name = LookupName::parse(&query.username);
    let is_known_form = query.username.is_empty() || name.is_some();
    let filter = EventFilter {
        kinds: query.kind.into_iter().collect(),
        since: (query.period.1 > 0).then(|| now - TimeDelta::hours(query.period.1)),
        after: query.after.clone(),
        ..EventFilter::default()
    };
    let found =
        if is_known_form { accounts.read(move |conn| find(conn, name.as_ref(), filter.clone())).await? } else { None };
    let layout = staff.account.layout();
    let words = layout.words;
    let alert = found.is_none().then(|| Alert::named(words, "admin-alert-unknown-user"));
    let mut events = found.unwrap_or_default();
    let has_older = i64::try_from(events.len()).is_ok_and(|count| count > PAGE_SIZE);
    events.truncate(usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX));
    let last = events.last().map(|event| (event.listed.event.happened_at, event.listed.id.clone()));
    let format = TimeFormat::new(words, staff.account.config.time_zone, now);
    let page = EventsPage {
        active_tab: "events",
        is_admin: true,
        kinds: kind_choices(words, query.kind),
        periods: period_choices(words, query.period.0),
        days: DayRows::group(events.into_iter().map(|event| event_row(words, event, format))),
        older: last.filter(|_| has_older).map(|(at, id)| query.address_after(at, &id)),
        username: query.username,
        alert,
        layout,
    };
    staff.page(StatusCode::OK, &page)
}

/// Lists events; `None` when no user, and no deleted one, has the name.
fn find(
    conn: &mut DbConnection,
    name: Option<&LookupName>,
    mut filter: EventFilter,
) -> Result<Option<Vec<NamedEvent>>, DbError> {
    if let Some(name) = name {
        let Some(user) = users::find_by_key(conn, name.key())? else { return Ok(None) };
        filter.user_id = Some(user.id.0);
    }
    Ok(Some(list_events(conn, &filter, PAGE_SIZE + 1)?))
}

fn kind_choices(words: &Translation, chosen: Option<EventKind>) -> Vec<Choice> {
    let any =
        Choice { value: String::new(), text: words.get("admin-kind-any").to_owned(), is_chosen: chosen.is_none() };
    let of_kind = |kind: &EventKind| Choice {
        value: kind.as_str().to_owned(),
        text: kind_text(words, *kind),
        is_chosen: Some(*kind) == chosen,
    };
    std::iter::once(any).chain(EventKind::ALL.iter().map(of_kind)).collect()
}

/// The label of a kind in the list box: without a number, and with an ellipsis for a name.
fn kind_text(words: &Translation, kind: EventKind) -> String {
    match words.find(&format!("admin-kind-{}", kind.as_str().replace('_', "-"))) {
        Some(text) => text.to_owned(),
        None => words.format(&kind.label_key(), &[("name", "…".into())]),
    }
}

fn period_choices(words: &Translation, chosen: &str) -> Vec<Choice> {
    let choice = |(name, _): &(&str, i64)| Choice {
        value: (*name).to_owned(),
        text: words.get(&format!("admin-period-{name}")).to_owned(),
        is_chosen: *name == chosen,
    };
    PERIODS.iter().map(choice).collect()
}
