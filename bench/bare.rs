//! What Vestibule is measured against: an Actix server of as many workers and the same build, without middleware, whose `/me` gives
//! the same JSON, serialised at each request as `oauth::me` does, and whose `/login` gives the same bytes.
//! What may not live here: anything that Vestibule does beside answering.

use std::path::PathBuf;

use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use clap::Parser;
use serde::{Deserialize, Serialize};

/// A bare Actix server on a free port of 127.0.0.1
#[derive(Parser)]
struct Arguments {
    /// What `/me` answers: a file of JSON
    #[arg(long)]
    me: PathBuf,
    /// What `/login` answers: a file of HTML
    #[arg(long)]
    page: PathBuf,
}

/// The fields of `oauth::me::Me`, in their order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Me {
    id: i64,
    username: String,
    sub: String,
    roles: Vec<String>,
    scope: String,
    sid: String,
    exp: i64,
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { me, page } = Arguments::parse();
    let me: Me = serde_json::from_slice(&std::fs::read(me).context("--me")?).context("--me")?;
    let data = (web::Data::new(me), web::Data::new(Bytes::from(std::fs::read(page).context("--page")?)));
    let server = HttpServer::new(move || {
        let (me, page) = data.clone();
        App::new()
            .app_data(me)
            .app_data(page)
            .route("/me", web::get().to(show_me))
            .route("/login", web::get().to(show_page))
    })
    .bind("127.0.0.1:0")?;
    println!("  listening   {}", server.addrs()[0]);
    Ok(server.run().await?)
}

async fn show_me(me: web::Data<Me>) -> HttpResponse {
    HttpResponse::Ok().json(me.get_ref())
}

async fn show_page(page: web::Data<Bytes>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.get_ref().clone())
}
