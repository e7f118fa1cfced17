//! The baseline for HTTP: an Actix server without middleware that returns the same responses as Vestibule.

use std::path::PathBuf;

use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use clap::Parser;
use serde::{Deserialize, Serialize};

/// A bare Actix server on a free port of 127.0.0.1
#[derive(Parser)]
struct Arguments {
    /// File with the JSON that `/me` returns
    #[arg(long)]
    me: PathBuf,
    /// Path and file: the path returns the file to GET and POST
    #[arg(long, num_args = 2, value_names = ["PATH", "FILE"])]
    bytes: Vec<String>,
}

/// The fields of `oauth::me::Me`, in their order. As there, the JSON is serialized for each request.
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
    let Arguments { me, bytes } = Arguments::parse();
    let me: Me = serde_json::from_slice(&std::fs::read(me).context("--me")?).context("--me")?;
    let me = web::Data::new(me);
    let routes: Vec<(String, Bytes)> = bytes
        .chunks_exact(2)
        .map(|pair| Ok((pair[0].clone(), Bytes::from(std::fs::read(&pair[1]).context("--bytes")?))))
        .collect::<anyhow::Result<_>>()?;
    let server = HttpServer::new(move || {
        let mut app = App::new().app_data(me.clone()).route("/me", web::get().to(show_me));
        for (path, bytes) in routes.clone() {
            let respond = move || HttpResponse::Ok().content_type(media_type(&bytes)).body(bytes.clone());
            let respond_to_post = respond.clone();
            // The body is read, because Actix closes the connection after an unread one.
            app = app
                .route(&path, web::get().to(move || std::future::ready(respond())))
                .route(&path, web::post().to(move |_: Bytes| std::future::ready(respond_to_post())));
        }
        app
    })
    .bind("127.0.0.1:0")?;
    println!("  listening   {}", server.addrs()[0]);
    Ok(server.run().await?)
}

async fn show_me(me: web::Data<Me>) -> HttpResponse {
    HttpResponse::Ok().json(me.get_ref())
}

fn media_type(bytes: &Bytes) -> &'static str {
    if bytes.starts_with(b"<") { "text/html; charset=utf-8" } else { "application/json" }
}
