//! Periodic maintenance of signing keys: automatic rotation and retirement.

use chrono::TimeDelta;

use super::key_pair::{KeyError, NewKey};
use super::key_rotation::{self, AddKeyIf};
use super::keys::{DEFAULT_LEAD, Keys};
use crate::audit::Cause;
use crate::clock::Moment;
use crate::db::Db;

impl Keys {
    /// Adds the next key if the newest is older than `rotation`, retires keys whose tokens have expired, and loads the
    /// changes. `token_lifetime` is the longest lifetime of an ordinary token. Several instances may run it at once.
    pub async fn run_maintenance(
        &self,
        db: &Db,
        rotation: Option<TimeDelta>,
        token_lifetime: TimeDelta,
        now: Moment,
    ) -> Result<(), KeyError> {
        let Some((algorithm, seal)) = self.new_key_settings() else { return Ok(()) };
        // Without rotation as well, because an instance with other settings may have retired the last key.
        let condition = rotation.map_or(AddKeyIf::NoneExists, |rotation| AddKeyIf::NewestBefore(now - rotation));
        if db.read(move |conn| key_rotation::is_needed(conn, algorithm, condition, now)).await? {
            let new = NewKey::generate(algorithm, seal).await?;
            let kid = new.kid.clone();
            if db
                .write(move |conn| key_rotation::add(conn, &new, condition, DEFAULT_LEAD, &Cause::server(), now))
                .await?
            {
                tracing::info!(
                    kid,
                    algorithm = algorithm.as_str(),
                    "new signing key published; it starts signing in ten minutes"
                );
            }
        }
        if db.read(move |conn| key_rotation::has_expired(conn, algorithm, token_lifetime, now)).await? {
            let step = move |conn: &mut _| key_rotation::retire_expired(conn, algorithm, token_lifetime, now);
            for kid in db.write(step).await? {
                tracing::info!(kid, "signing key retired: its last token has expired");
            }
        }
        Ok(self.refresh(db).await?)
    }
}
