//! What housekeeping does with signing keys: the next one is made when it is time, and one that nobody needs is retired.
//! What may not live here: whether it is this instance's turn (`ops::housekeeping`).

use chrono::TimeDelta;

use super::key_pair::{FreshKey, KeyError};
use super::key_rotation::{self, KeyNeed};
use super::keys::{DEFAULT_LEAD, Keys};
use crate::clock::Moment;
use crate::db::Db;

impl Keys {
    /// Makes the next key when the newest is older than `rotation`, retires those that nobody needs, and reads what has changed.
    /// `token_life` is how long a token lives at the most. Safe to run on several instances at once.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn run_maintenance(
        &self,
        db: &Db,
        rotation: Option<TimeDelta>,
        token_life: TimeDelta,
        now: Moment,
    ) -> Result<(), KeyError> {
        let Some((algorithm, seal)) = self.new_keys() else { return Ok(()) };
        // Without a rotation too: an instance configured otherwise may have retired the last key of this algorithm.
        let need = rotation.map_or(KeyNeed::None, |rotation| KeyNeed::OlderThan(now - rotation));
        if db.read(move |conn| key_rotation::is_needed(conn, algorithm, need, now)).await? {
            let fresh = FreshKey::make(algorithm, seal).await?;
            let kid = fresh.kid.clone();
            if db.write(move |conn| key_rotation::add(conn, &fresh, need, DEFAULT_LEAD, now)).await? {
                tracing::info!(
                    kid,
                    algorithm = algorithm.as_str(),
                    "new signing key published; it starts signing in ten minutes"
                );
            }
        }
        if db.read(move |conn| key_rotation::has_dead(conn, algorithm, token_life, now)).await? {
            let retired = db.write(move |conn| key_rotation::retire_dead(conn, algorithm, token_life, now)).await?;
            for kid in retired {
                tracing::info!(kid, "signing key retired: its last token has expired");
            }
        }
        Ok(self.refresh(db).await?)
    }
}
