//! The health checks `/healthz` and `/readyz`, which are public and therefore give no reasons.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};

use crate::web::{get, other_methods};

/// An instance that has not read the revoked sessions for this long may accept revoked tokens, and is not ready.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// What this instance knows of its database: the time of the last successful read, and whether it can be written to.
/// Clones share it.
#[derive(Clone)]
pub struct Readiness {
    started: Instant,
    last_success_millis: Arc<AtomicU64>,
    cannot_write: Arc<AtomicBool>,
    is_damaged: Arc<AtomicBool>,
}

impl Readiness {
    /// Starts as ready.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            last_success_millis: Arc::default(),
            cannot_write: Arc::default(),
            is_damaged: Arc::default(),
        }
    }

    /// Records that the database responded.
    pub fn record_success(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_success_millis.store(millis, Ordering::Relaxed);
    }

    /// Records whether the database can be written to.
    pub fn set_writable(&self, is_writable: bool) {
        self.cannot_write.store(!is_writable, Ordering::Relaxed);
    }

    /// Records that the database file is damaged, until the end of the process.
    pub fn set_damaged(&self) {
        self.is_damaged.store(true, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        if self.cannot_write.load(Ordering::Relaxed) || self.is_damaged.load(Ordering::Relaxed) {
            return false;
        }
        let last_success = Duration::from_millis(self.last_success_millis.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last_success) < STALE_AFTER
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

/// Mounts `/healthz` and `/readyz`.
pub fn routes(services: &mut web::ServiceConfig) {
    services
        .service(web::resource("/healthz").route(get().to(healthz)).default_service(other_methods("GET, HEAD")))
        .service(web::resource("/readyz").route(get().to(readyz)).default_service(other_methods("GET, HEAD")));
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("alive\n")
}

async fn readyz(readiness: web::Data<Readiness>) -> HttpResponse {
    let (mut response, body) = if readiness.is_ready() {
        (HttpResponse::Ok(), "ready\n")
    } else {
        (HttpResponse::ServiceUnavailable(), "not ready\n")
    };
    response.content_type("text/plain; charset=utf-8").body(body)
}
