//! `/healthz` (alive) and `/readyz` (able to serve). What may not live here: causes; strangers read this.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};

use crate::error::AppError;
use crate::web::get;

/// Older news of ended sessions than this, and tokens are accepted that should not be.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// When this instance last heard from the database. Clones share it.
#[derive(Clone)]
pub struct Readiness {
    started: Instant,
    heard_after_millis: Arc<AtomicU64>,
}

impl Readiness {
    /// Ready from now on.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), heard_after_millis: Arc::default() }
    }

    /// The database has answered.
    pub fn heard(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_after_millis.store(millis, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        let heard = Duration::from_millis(self.heard_after_millis.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(heard) < STALE_AFTER
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

/// Mounts both routes.
pub fn routes(services: &mut web::ServiceConfig) {
    let methods = || web::to(|| async { Err::<String, _>(AppError::method_not_allowed("GET, HEAD")) });
    services
        .service(web::resource("/healthz").route(get().to(healthz)).default_service(methods()))
        .service(web::resource("/readyz").route(get().to(readyz)).default_service(methods()));
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("alive\n")
}

async fn readyz(readiness: web::Data<Readiness>) -> HttpResponse {
    let mut answer = if readiness.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.content_type("text/plain; charset=utf-8").body(if readiness.is_ready() { "ready\n" } else { "not ready\n" })
}
