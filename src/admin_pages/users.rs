//! `/admin/users`: search and page through users.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use url::form_urlencoded::Serializer;

use super::access::{StaffLevel, StaffRequest};
use super::pages::{Choice, UsersPage};
use super::rows::{UserRow, role_text};
use crate::accounts::{Account, AccountService, with_roles};
use crate::db::{DbConnection, DbError};
use crate::error::AppError;
use crate::i18n::{TimeFormat, Translation};
use crate::users::{self, ListedPart, ListedState, UserFilter, UserSort, is_role};
use crate::web::form::Parameters;

/// Users on one page.
const PAGE_SIZE: i64 = 50;
/// The last page that can be opened; beyond it, people search.
const MAX_PAGE: i64 = 20_000;
/// The most roles in the list box.
const MAX_ROLES: usize = 200;
const STATES: [(&str, Option<ListedState>); 4] = [
    ("", None),
    ("active", Some(ListedState::Active)),
    ("disabled", Some(ListedState::Disabled)),
    ("deleted", Some(ListedState::Deleted)),
];

/// What the query asks for.
struct UserQuery {
    search: String,
    state: &'static str,
    role: String,
    page: i64,
}

impl UserQuery {
    fn parse(query: &Parameters) -> Self {
        let state = query.get("state").unwrap_or_default();
        let role = query.get("role").unwrap_or_default();
        Self {
            search: query.get("q").unwrap_or_default().trim().chars().take(256).collect(),
            state: STATES.iter().map(|(name, _)| *name).find(|name| *name == state).unwrap_or_default(),
            role: if is_role(role) { role.to_owned() } else { String::new() },
            page: query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, MAX_PAGE),
        }
    }

    fn filter(&self) -> UserFilter {
        let state = STATES.iter().find(|(name, _)| *name == self.state).and_then(|(_, state)| *state);
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        UserFilter { search: given(&self.search), role: given(&self.role), state, ..UserFilter::default() }
    }

    /// The address of another page of the same list.
    fn address(&self, page: i64) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("q", self.search.as_str()), ("state", self.state), ("role", &self.role)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        let query = query.finish();
        if query.is_empty() { "/admin/users".to_owned() } else { format!("/admin/users?{query}") }
    }
}

/// Shows a page of the list.
pub async fn show(staff: StaffRequest, accounts: web::Data<AccountService>) -> Result<HttpResponse, AppError> {
    let staff = match staff.for_staff() {
        Ok(staff) => staff,
        Err(refusal) => return refusal.respond(),
    };
    let query = UserQuery::parse(&Parameters::from_query(staff.account.request.query_string()));
    let (filter, offset) = (query.filter(), (query.page - 1) * PAGE_SIZE);
    // A search in the order of IDs ends as soon as the page is full; in any other, it would sort all matches.
    let sort = if query.search.is_empty() { UserSort::Username } else { UserSort::Id };
    // One more, which says whether there is another page.
    let part = ListedPart { sort, is_reversed: false, offset, limit: PAGE_SIZE + 1 };
    let (mut found, roles) = accounts.read(move |conn| find(conn, &filter, part)).await?;
    let has_next = i64::try_from(found.len()).is_ok_and(|count| count > PAGE_SIZE);
    found.truncate(usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX));
    let layout = staff.account.layout();
    let words = layout.words;
    let format = TimeFormat::new(words, staff.account.config.time_zone, accounts.clock().now());
    let page = UsersPage {
        active_tab: "users",
        is_admin: staff.level == StaffLevel::Admin,
        states: STATES.iter().map(|(name, _)| state_choice(words, name, query.state)).collect(),
        roles: role_choices(words, roles, &query.role),
        users: found.into_iter().map(|account| UserRow::new(words, account, format)).collect(),
        previous: (query.page > 1).then(|| query.address(query.page - 1)),
        next: (has_next && query.page < MAX_PAGE).then(|| query.address(query.page + 1)),
        can_invite: staff.can_invite(accounts.outbox()),
        notice: staff.account.notice(&layout),
        search: query.search,
        layout,
    };
    staff.page(StatusCode::OK, &page)
}

fn find(
    conn: &mut DbConnection,
    filter: &UserFilter,
    part: ListedPart,
) -> Result<(Vec<Account>, Vec<String>), DbError> {
    let ids = users::list_ids(conn, filter, part)?;
    let found = users::list_by_ids(conn, &ids)?;
    let accounts = with_roles(conn, found)?;
    Ok((accounts, users::list_role_names(conn)?))
}

fn state_choice(words: &Translation, name: &str, chosen: &str) -> Choice {
    let text = words.get(match name {
        "" => "admin-state-any",
        "active" => "admin-state-active",
        "disabled" => "admin-state-disabled",
        _ => "admin-state-deleted",
    });
    Choice { value: name.to_owned(), text: text.to_owned(), is_chosen: name == chosen }
}

/// The roles to choose from, after "any".
fn role_choices(words: &Translation, mut roles: Vec<String>, chosen: &str) -> Vec<Choice> {
    roles.truncate(MAX_ROLES);
    if !chosen.is_empty() && !roles.iter().any(|role| role == chosen) {
        roles.push(chosen.to_owned());
    }
    let any =
        Choice { value: String::new(), text: words.get("admin-role-any").to_owned(), is_chosen: chosen.is_empty() };
    let of_role = |role: String| Choice { text: role_text(words, &role), is_chosen: role == chosen, value: role };
    std::iter::once(any).chain(roles.into_iter().map(of_role)).collect()
}
