//! The OpenAPI document and its pages, the key set, security headers and CORS.

use reqwest::Method;
use serde_json::{Value, json};
use vestibule::secret::{base64url, sha256};

use crate::harness::hs256::{self, part};
use crate::harness::{PASSWORD, TestApp, TestResponse};

#[tokio::test]
async fn docs_can_be_disabled() {
    let app = TestApp::start_with(|settings| settings.set("DOCS", "off")).await;
    for path in ["/docs", "/docs/", "/docs/swagger-ui-bundle.js", "/openapi.json"] {
        assert_eq!(TestResponse::to(app.get(path)).await.status, 404, "{path}");
    }
    let metadata = TestResponse::to(app.get("/.well-known/oauth-authorization-server")).await.json();
    assert!(metadata["issuer"].is_string() && metadata.get("service_documentation").is_none(), "{metadata}");
}

#[tokio::test]
async fn openapi_document_is_3_1_and_names_the_token_route() {
    let app = TestApp::start().await;
    let response = TestResponse::to(app.get("/openapi.json")).await;
    assert_eq!((response.status, response.header("content-type")), (200, "application/json"));
    let document = response.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{document}");
    let scheme = &document["components"]["securitySchemes"]["password"];
    assert_eq!(scheme["type"], "oauth2");
    assert_eq!(scheme["flows"], json!({"password": {"tokenUrl": "/token", "scopes": {}}}));
    for (path, method) in [("/token", "post"), ("/me", "get"), ("/.well-known/jwks.json", "get")] {
        assert!(document["paths"][path][method]["responses"]["200"].is_object(), "{path}");
    }
    assert_eq!(document["paths"]["/me"]["get"]["security"], json!([{"password": []}]));
    let content = &document["paths"]["/token"]["post"]["requestBody"]["content"];
    for media_type in ["application/x-www-form-urlencoded", "application/json"] {
        assert!(content[media_type]["schema"].is_object(), "{media_type}");
    }
    for status in ["400", "401", "413", "415", "429", "503"] {
        assert!(document["paths"]["/token"]["post"]["responses"][status].is_object(), "{status}");
    }
    let text = document.to_string();
    for (at, _) in text.match_indices("\"$ref\":\"#/components/schemas/") {
        let name = text[at..].split('"').nth(3).and_then(|path| path.rsplit('/').next()).expect("a name");
        assert!(document["components"]["schemas"][name].is_object(), "{name} is referenced but missing");
    }
    assert!(!text.contains("# Errors"), "comments for developers are not published");
}

#[tokio::test]
async fn documentation_files_are_served_locally() {
    let app = TestApp::start().await;
    let folder = TestResponse::to(app.get("/docs")).await;
    assert_eq!((folder.status, folder.header("location")), (308, "/docs/"));
    let page = TestResponse::to(app.get("/docs/")).await;
    assert_eq!(page.status, 200);
    let html = page.text();
    let links: Vec<&str> = [" src=\"", " href=\""]
        .iter()
        .flat_map(|name| html.match_indices(name).map(|(at, name)| &html[at + name.len()..]))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(links.len() >= 5, "{html}");
    for link in links {
        assert!(!link.contains(':') && !link.starts_with('/'), "{link} is not local");
        let file = TestResponse::to(app.get(&format!("/docs/{}", link.trim_start_matches("./")))).await;
        assert_eq!(file.status, 200, "{link}");
        assert_eq!(file.header("x-content-type-options"), "nosniff", "{link}");
        let policy = file.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{link}: {policy}");
        let kind = match link.rsplit('.').next().expect("an extension") {
            "css" => "text/css",
            "js" => "javascript",
            "png" => "image/png",
            other => panic!("{other}"),
        };
        assert!(file.header("content-type").contains(kind), "{link}: {file:?}", file = file.headers);
        let text = String::from_utf8_lossy(&file.body);
        if kind == "text/css" {
            assert!(!text.contains("url(http") && !text.contains("url(//") && !text.contains("@import"), "{link}");
        }
        if link.contains("initializer") {
            assert!(text.contains("\"/openapi.json\"") && !text.contains("http"), "{text}");
        }
    }
}

/// Requests to every route with several methods, and to unknown paths.
async fn walk(app: &TestApp) -> Vec<(String, TestResponse)> {
    let login = TestResponse::to(app.get("/login")).await.text();
    let assets = login.match_indices(" href=\"/").filter_map(|(at, _)| login[at + 7..].split('"').next());
    let mut paths: Vec<String> = assets.filter(|path| path.contains('.')).map(str::to_owned).collect();
    assert!(!paths.is_empty(), "{login}");
    let known =
        ["/", "/login", "/logout", "/setup", "/token", "/me", "/.well-known/jwks.json", "/openapi.json", "/docs"];
    paths.extend(["/verify/forward-auth", "/verify/auth-request"].map(str::to_owned));
    paths.extend(known.map(str::to_owned));
    paths.extend(["profile", "sessions", "password", "delete"].map(|page| format!("/account/{page}")));
    paths.push("/.well-known/change-password".to_owned());
    paths.extend(["/docs/", "/docs/swagger-ui.css", "/healthz", "/readyz", "/nothing", "/a/../b"].map(str::to_owned));
    let mut responses = Vec::new();
    for path in paths {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::OPTIONS] {
            for accept in ["text/html", "application/json"] {
                let request = app.client.request(method.clone(), format!("{}{path}", app.url)).header("accept", accept);
                responses.push((format!("{method} {path} {accept}"), TestResponse::to(request).await));
            }
        }
    }
    responses
}

#[tokio::test]
async fn every_route_has_security_headers() {
    let app = TestApp::start().await;
    for (what, response) in walk(&app).await {
        assert_ne!(response.status, 500, "{what}");
        let policy = response.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{what}: {policy}");
        assert!(policy.contains("base-uri 'none'; frame-ancestors 'none'"), "{what}: {policy}");
        assert_eq!(response.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(response.header("referrer-policy"), "same-origin", "{what}");
        assert_eq!(response.header("cross-origin-opener-policy"), "same-origin", "{what}");
        let is_key_set = response.status == 200 && what.contains("jwks");
        let resource_policy = if is_key_set { "cross-origin" } else { "same-origin" };
        assert_eq!(response.header("cross-origin-resource-policy"), resource_policy, "{what}");
        assert!(response.header("permissions-policy").contains("camera=()"), "{what}");
        let is_public = response.header("cache-control").starts_with("public, ");
        let may_be_public = is_key_set || what.contains("/docs/") || what.contains(".css") || what.contains(".svg");
        assert!(response.header("cache-control") == "no-store" || (is_public && may_be_public), "{what}: {response:?}");
        assert!(!response.headers.contains_key("strict-transport-security"), "{what}: HSTS has no effect over http");
        assert!(!response.headers.contains_key("server") && !response.headers.contains_key("x-powered-by"), "{what}");
        if !response.body.is_empty() {
            assert!(response.headers.contains_key("content-type"), "{what}");
        }
    }
}

#[tokio::test]
async fn every_route_has_hsts_under_https() {
    let change = |settings: &mut vestibule::config::Settings| {
        settings.set("PUBLIC_URL", "https://login.example");
    };
    let app = TestApp::start_with(change).await;
    for (what, response) in walk(&app).await {
        assert_eq!(response.header("strict-transport-security"), "max-age=31536000", "{what}");
    }
}

const APP: &str = "https://app.example";

async fn start_with_an_allowed_origin() -> TestApp {
    let app =
        TestApp::start_with(|settings| settings.set("ALLOWED_ORIGINS", format!("{APP},https://two.example"))).await;
    app.add_user("alice", &[]).await;
    app
}

#[tokio::test]
async fn allowed_origin_reads_responses_and_errors() {
    let app = start_with_an_allowed_origin().await;
    let token = app.token_of("alice").await;
    let form = |password: &str| app.post("/token").form(&[("username", "alice"), ("password", password)]);
    for (status, request) in [
        (200, form(PASSWORD)),
        (400, form("the wrong password")),
        (400, app.post("/token")),
        (401, form(PASSWORD).basic_auth("client_1", Some("x"))),
        (401, app.post("/token/introspect").form(&[("token", "x")])),
        (405, app.get("/token/revoke")),
        (413, form(&"x".repeat(20_000))),
        (415, app.post("/token").header("content-type", "text/plain").body("x")),
        (405, app.get("/token")),
        (200, app.get("/me").bearer_auth(&token)),
        (401, app.get("/me")),
        (401, app.get("/me").bearer_auth("abc")),
        (405, app.post("/me")),
    ] {
        let response = TestResponse::to(request.header("origin", APP)).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (status, APP), "{response:?}");
        assert!(!response.headers.contains_key("access-control-allow-credentials"), "no cookies: {response:?}");
        let exposed = response.header("access-control-expose-headers");
        assert!(exposed.contains("www-authenticate") && exposed.contains("retry-after"), "{response:?}");
        assert!(response.header("vary").contains("Origin"), "{response:?}");
    }
    for _ in 0..9 {
        TestResponse::to(form("the wrong password").header("origin", APP)).await;
    }
    let throttled = TestResponse::to(form(PASSWORD).header("origin", APP)).await;
    assert_eq!((throttled.status, throttled.header("access-control-allow-origin")), (429, APP));
}

#[tokio::test]
async fn other_origin_reads_nothing() {
    let app = start_with_an_allowed_origin().await;
    for origin in
        ["https://evil.example", "http://app.example", "https://app.example:8443", "null", "https://app.example.evil"]
    {
        for request in [app.get("/me"), app.post("/token").form(&[("username", "alice"), ("password", PASSWORD)])] {
            let response = TestResponse::to(request.header("origin", origin)).await;
            assert!(!response.headers.contains_key("access-control-allow-origin"), "{origin}: {response:?}");
        }
    }
    let none = TestApp::start().await;
    let response = TestResponse::to(none.get("/me").header("origin", APP)).await;
    assert!(
        !response.headers.contains_key("access-control-allow-origin"),
        "no origin is allowed by default: {response:?}"
    );
    for page in ["/login", "/", "/openapi.json", "/healthz"] {
        let response = TestResponse::to(app.get(page).header("origin", APP)).await;
        assert!(!response.headers.contains_key("access-control-allow-origin"), "{page}: {response:?}");
    }
}

#[tokio::test]
async fn preflight_allows_listed_origins_methods_and_headers_only() {
    let app = start_with_an_allowed_origin().await;
    let preflight = |path: &str, origin: &str, method: &str, headers: &str| {
        let request = app.client.request(Method::OPTIONS, format!("{}{path}", app.url)).header("origin", origin);
        TestResponse::to(
            request.header("access-control-request-method", method).header("access-control-request-headers", headers),
        )
    };
    for (path, origin, method) in [("/token", APP, "POST"), ("/me", APP, "GET"), ("/me", "https://two.example", "GET")]
    {
        // The headers of Swagger UI and of a `fetch` with a bearer token.
        let response = preflight(path, origin, method, "authorization,content-type,x-requested-with").await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, origin), "{response:?}");
        assert!(response.header("access-control-allow-methods").contains(method), "{response:?}");
        let headers = response.header("access-control-allow-headers").to_lowercase();
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{response:?}");
    }
    // The browser compares with the lists, and names what is missing.
    for (method, headers) in [("DELETE", "authorization"), ("POST", "x-forwarded-for"), ("POST", "x-other,baggage")] {
        let response = preflight("/token", APP, method, headers).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (200, APP), "{response:?}");
        let allowed =
            |list: &str| response.header(list).to_lowercase().split(", ").map(str::to_owned).collect::<Vec<_>>();
        let lists = [allowed("access-control-allow-methods"), allowed("access-control-allow-headers")];
        assert!(!lists[0].contains(&"delete".to_owned()) && lists[0].contains(&"post".to_owned()), "{lists:?}");
        for (header, is_allowed) in [("x-forwarded-for", false), ("x-other", false), ("baggage", true)] {
            assert_eq!(lists[1].contains(&header.to_owned()), is_allowed, "{header}: {lists:?}");
        }
    }
    let response = preflight("/token", "https://evil.example", "POST", "authorization").await;
    assert_eq!((response.status, &response.json()["error"]), (403, &Value::from("access_denied")), "{response:?}");
    assert!(!response.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{response:?}");
}

#[tokio::test]
async fn key_set_is_empty_with_hs256() {
    let app = hs256::start().await;
    app.add_user("alice", &[]).await;
    let response = TestResponse::to(app.get("/.well-known/jwks.json")).await;
    assert_eq!((response.status, response.json()), (200, json!({"keys": []})));
    assert_eq!(part(&app.token_of("alice").await, 0), hs256::header());
}

#[tokio::test]
async fn key_set_has_the_public_key_under_its_thumbprint() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let response = TestResponse::to(app.get("/.well-known/jwks.json")).await;
    assert_eq!((response.status, response.header("content-type")), (200, "application/json"));
    assert_eq!(response.header("access-control-allow-origin"), "*");
    assert_eq!(response.header("cross-origin-resource-policy"), "cross-origin");
    assert!(response.header("cache-control").starts_with("public, max-age="), "{response:?}");
    let set = response.json();
    let keys = set["keys"].as_array().expect("a list");
    assert_eq!(keys.len(), 1);
    let (x, y) = (keys[0]["x"].as_str().expect("x"), keys[0]["y"].as_str().expect("y"));
    // RFC 7638 §3: the required members in the order of their names, without spaces.
    let required = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let kid = base64url(&sha256(required.as_bytes()));
    let whole = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": "ES256"});
    assert_eq!(keys[0], whole, "no further member: `d` would be the private key");
    let header = part(&app.token_of("alice").await, 0);
    assert_eq!(header, json!({"typ": "JWT", "alg": "ES256", "kid": kid}));
}
