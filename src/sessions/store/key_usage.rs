//! Which signing keys the sessions' live tokens were signed with. What may not live here: the keys (`tokens`).

use diesel::dsl::max;
use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;

/// How much a signing key is still needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Sessions that hold a live token signed with it. Those that were ended hold none.
    pub live_sessions: i64,
    /// When the last of these tokens dies, or a little later; `None` when there is none.
    pub until: Option<Moment>,
}

/// How much a key is needed by tokens that die after `after`.
///
/// # Errors
/// When a query fails.
pub fn find_key_use(conn: &mut DbConnection, kid: &str, after: Moment) -> QueryResult<KeyUse> {
    let live = sessions::table.filter(sessions::ended_at.is_null());
    let signing = live.filter(sessions::signing_kid.eq(kid).and(sessions::access_until.gt(after)));
    let earlier = live.filter(sessions::earlier_kid.eq(kid).and(sessions::earlier_access_until.gt(after)));
    let counts: [i64; 2] = [signing.count().get_result(conn)?, earlier.count().get_result(conn)?];
    let ends: [Option<Moment>; 2] = [
        signing.select(max(sessions::access_until)).first(conn)?,
        earlier.select(max(sessions::earlier_access_until)).first(conn)?,
    ];
    Ok(KeyUse { live_sessions: counts.iter().sum(), until: ends.into_iter().flatten().max() })
}
