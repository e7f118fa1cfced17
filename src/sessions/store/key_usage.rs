//! SQL that counts the sessions whose live tokens a signing key has signed.

use diesel::dsl::max;
use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::sessions;

/// The live tokens that a signing key has signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage {
    /// The number of sessions with such tokens, without ended ones.
    pub live_sessions: i64,
    /// When the last of these tokens expires, or a little later.
    pub until: Option<Moment>,
}

/// Returns the usage of a key by tokens that expire after `after`.
pub fn get_key_usage(conn: &mut DbConnection, kid: &str, after: Moment) -> QueryResult<KeyUsage> {
    let live = sessions::table.filter(sessions::ended_at.is_null());
    let signing = live.filter(sessions::signing_kid.eq(kid).and(sessions::access_until.gt(after)));
    let earlier = live.filter(sessions::earlier_kid.eq(kid).and(sessions::earlier_access_until.gt(after)));
    let counts: [i64; 2] = [signing.count().get_result(conn)?, earlier.count().get_result(conn)?];
    let expiries: [Option<Moment>; 2] = [
        signing.select(max(sessions::access_until)).first(conn)?,
        earlier.select(max(sessions::earlier_access_until)).first(conn)?,
    ];
    Ok(KeyUsage { live_sessions: counts.iter().sum(), until: expiries.into_iter().flatten().max() })
}
